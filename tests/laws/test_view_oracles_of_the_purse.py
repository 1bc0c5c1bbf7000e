"""What a purse holds out for and what pay brings equal naive oracles over the movements themselves."""

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features import VIEWS
from schemas.base import DAY_MS
from schemas.events import EventBase
from tests.accounts import START_DAY, happened, moved
from tests.laws.test_feature_views import memories_of, read
from tests.laws.test_view_oracles import flows_of, incomes, payments, told
from tests.oracles import MONTH_DAYS, close, ledger, monthly

BUDGET = next(view for view in VIEWS if view.name == "budget")


def share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


@settings(max_examples=80, deadline=None)
@given(payments, incomes, st.integers(0, 10), st.sampled_from([0, 1]))
def test_how_long_it_lasts_and_what_is_fixed(
    spent: list[tuple[int, int, dict[str, str]]],
    got: list[tuple[int, int]],
    wait_days: int,
    second: int,
) -> None:
    """Balances over what a month costs, and a month's income less what is promised."""
    events = told(spent, got)
    if second:
        events.append(moved(events[-1].at_ms / DAY_MS - START_DAY, -5_000, account="a-2", method="transfer"))  # fmt: skip
    flows = flows_of(events)
    first, today = flows[0].day, flows[-1].day + wait_days
    values = read(BUDGET, memories_of(events), now_ms=today * DAY_MS)
    balance, by_day = ledger(flows, today=today)
    lows = [low for day, low in by_day.items() if day > today - 30]

    def month(*names: str) -> float:
        """Money out a month; of some categories, or of all but savings."""
        chosen = [
            (f.day, -f.amount_minor / 100)
            for f in flows
            if f.amount_minor < 0 and (f.category in names if names else f.category != "savings")
        ]
        return monthly(chosen, today=today, first=first)

    earned = [(f.day, f.amount_minor / 100) for f in flows if f.amount_minor > 0]
    income, spending, fixed = monthly(earned, today=today, first=first), month(), month("debt", "housing")  # fmt: skip
    runway = 3_650.0 if spending <= 0 else min(3_650.0, balance / spending * MONTH_DAYS)
    oracle = {
        "runway_days": max(0.0, runway) if balance > 0 else 0.0,
        "reserve_months": min(10.0, max(0.0, min(lows) / spending)) if spending > 0 else 0.0,
        "thin_30d": sum(low < 0.1 * spending for low in lows),
        "fixed_month_eur": fixed,
        "fixed_share": share(fixed, income),
        "free_month_eur": income - fixed,
        "left_month_eur": income - spending,
        "living_month_eur": max(0.0, spending - fixed),
        "overdrawn_count": second + (balance + 50.0 * second < -1e-9),
        "pending_eur": 0.0,
        "pending_count": 0,
        "pay_month_eur": 0.0,
        "pay_gap_days": 0.0,
        "pay_wobble": 0.0,
        "pay_share": 0.0,
        "pay_known_days": 0.0,
    }
    on_the_edge = any(abs(low - 0.1 * spending) < 0.01 for low in lows)
    for name, value in oracle.items():
        if name != "thin_30d" or not on_the_edge:
            close(values[f"budget.{name}"], float(value), name=name, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(-40_000, 40_000)), max_size=6, unique_by=lambda row: row[1]),
    st.sets(st.integers(0, 5)),
)  # fmt: skip
def test_what_is_on_its_way(held: list[tuple[int, int]], booked: set[int]) -> None:
    """Authorised movements count for a week, and no longer once they are booked."""
    events: list[EventBase] = [moved(0, 100_000, method="transfer")]
    held.sort()
    events += [
        happened("transaction.pending", day, event_id=f"p-{amount}", transaction_id=f"h-{amount}",
                 account="a-1", amount_minor=amount, currency="EUR", method="card")
        for day, amount in held if amount
    ]  # fmt: skip
    done = [row for index, row in enumerate(held) if row[1] and index in booked]
    events += [
        moved(9, amount, transaction_id=f"h-{amount}", method="transfer") for _, amount in done
    ]
    values = read(BUDGET, memories_of(events), now_ms=events[-1].at_ms)
    today = events[-1].at_ms // DAY_MS - START_DAY
    waiting = [
        amount for day, amount in held if amount and (day, amount) not in done and day >= today - 7
    ]
    assert values["budget.pending_count"] == len(waiting)
    close(values["budget.pending_eur"], sum(waiting) / 100, name="pending")
    close(
        values["budget.available_eur"],
        1_000 + sum(amount for _, amount in done) / 100 + sum(waiting) / 100,
        name="available",
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(150_000, 200_000), min_size=3, max_size=9),
    st.sampled_from([7, 14, 28]),
    st.integers(0, 20),
    st.integers(0, 60_000),
)
def test_pay(amounts: list[int], gap: int, wait_days: int, beside: int) -> None:
    """Pay in a steady rhythm: what it brings a month, how steady it is, its share of what comes in."""
    events = [
        moved(gap * index, amount, index=index, method="transfer", counterparty="firm-1")
        for index, amount in enumerate(amounts)
    ]
    last = gap * (len(amounts) - 1)
    if beside:
        events.append(moved(last, beside, index=99, method="transfer", counterparty="friend-1"))
    today = START_DAY + last + wait_days
    values = read(BUDGET, memories_of(events), now_ms=today * DAY_MS)
    usual, apart = (amounts[0] + amounts[1]) / 2, abs(amounts[1] - amounts[0]) / 2
    for amount in amounts[2:]:
        apart += 0.3 * (abs(amount - usual) - apart)
        usual += 0.3 * (amount - usual)
    income = monthly(
        [(START_DAY + gap * i, a / 100) for i, a in enumerate(amounts)]
        + [(START_DAY + last, beside / 100)],
        today=today,
        first=START_DAY,
    )
    oracle = {
        "pay_eur": usual / 100,
        "pay_month_eur": usual / 100 * MONTH_DAYS / gap,
        "pay_gap_days": gap,
        "pay_change_ratio": amounts[-1] / usual,
        "pay_wobble": apart / usual,
        "pay_share": share(usual / 100 * MONTH_DAYS / gap, income),
        "pay_known_days": last + wait_days,
        "payers_count": 1,
    }
    for name, value in oracle.items():
        close(values[f"budget.{name}"], float(value), name=name, rel=1e-3)
