"""Views of pay and of regular payments say what was promised: known days, known amounts, known changes."""

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features import VIEWS
from schemas.base import DAY_MS
from tests.accounts import START, START_DAY, household, monthly
from tests.laws.test_feature_views import memories_of, read

VIEW = {view.name: view for view in VIEWS}


def close(value: float, oracle: float, *, name: str, rel: float = 1e-4) -> None:
    assert math.isclose(value, oracle, rel_tol=rel, abs_tol=0.01), (name, value, oracle)


def test_pay_of_a_plain_household() -> None:
    """Pay on the 25th: on 20 July it is five days off, and what there is has to last so long."""
    events = [event for event in household(7) if event.at_ms // DAY_MS - START_DAY <= 200]
    now_ms = (START_DAY + 200) * DAY_MS
    values = read(VIEW["budget"], memories_of(events), now_ms=now_ms)
    assert (START + timedelta(days=200)).day == 20
    assert values["budget.days_to_pay"] == 5
    assert values["budget.pay_eur"] == 2_500
    assert values["budget.payers_count"] == 1
    assert values["budget.pay_change_ratio"] == 1
    assert values["budget.pay_late_days"] == 0
    close(values["budget.a_day_to_pay_eur"], values["budget.available_eur"] / 5, name="a day")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1_000, 50_000), st.integers(2, 26)), min_size=1, max_size=6
    ),
    st.integers(0, 25),
)  # fmt: skip
def test_commitments(bills: list[tuple[int, int]], wait_days: int) -> None:
    """Monthly bills of eight months: counted, summed, and due on their day of the month."""
    events = []
    for index, (amount, day) in enumerate(bills):
        events += monthly(
            -amount, day_of_month=day, months=range(1, 9), method="direct_debit",
            counterparty=f"utility-{index}", transaction_id=f"t-{index}",
        )  # fmt: skip
    events.sort(key=lambda event: event.at_ms)
    today = events[-1].at_ms // DAY_MS + min(wait_days, 27 - max(day for _, day in bills))
    values = read(VIEW["commitments"], memories_of(events), now_ms=today * DAY_MS)
    assert values["commitments.out_count"] == len(bills)
    assert values["commitments.monthly_count"] == len(bills)
    assert values["commitments.utilities_count"] == len(bills)
    total = sum(amount for amount, _ in bills) / 100
    close(values["commitments.utilities_month_eur"], total, name="month", rel=0.03)
    at = datetime.fromtimestamp(today * 86_400, UTC)
    due = {
        index: (datetime(at.year, at.month % 12 + 1, day, tzinfo=UTC) - at).days
        for index, (_, day) in enumerate(bills)
    }
    assert abs(values["commitments.days_to_next"] - min(due.values())) <= 3
    within = sum(bills[index][0] for index, days in due.items() if days < 27) / 100
    beyond = sum(bills[index][0] for index, days in due.items() if days < 33) / 100
    assert within * 0.99 <= values["commitments.due_30d_eur"] <= beyond * 1.01
    assert values["commitments.ended_count"] == values["commitments.dearer_count_90d"] == 0
    close(
        values["commitments.largest_share"],
        max(a for a, _ in bills) / 100 / total,
        name="largest",
        rel=0.03,
    )


def test_prices_and_twins_among_commitments() -> None:
    """A fixed payment that rose is told, with what it comes to a year; two alike may be one paid twice."""
    fixed = {"method": "card", "mcc": "4899"}
    events = [
        *monthly(-1_000, day_of_month=5, months=range(1, 8), merchant="Film Club", **fixed),
        *monthly(-1_200, day_of_month=5, months=range(8, 9), merchant="Film Club", **fixed),
        *monthly(-900, day_of_month=9, months=range(1, 9), merchant="Song Club", **fixed),
        *monthly(-900, day_of_month=9, months=range(1, 9), merchant="Tune Club", **fixed),
    ]
    events.sort(key=lambda event: event.at_ms)
    values = read(VIEW["commitments"], memories_of(events), now_ms=events[-1].at_ms)
    assert values["commitments.dearer_count_90d"] == 1
    close(values["commitments.rise_max"], 0.2, name="rise")
    close(values["commitments.dearer_year_eur"], 24.0, name="a year", rel=0.03)
    assert values["commitments.subscription_twins"] == 2
