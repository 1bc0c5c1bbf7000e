import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.forecasting import alone, due
from operators.forecasting.cashflow import CashFlow, Outlook, outlook
from schemas.base import DAY_MS
from schemas.customer import Memory
from schemas.rules import Rules
from tests.accounts import START_DAY, folded, household, monthly, moved


def spender(opening_minor: int, days: int = 120) -> dict[str, Memory]:
    """An account that loses 30 a day, and states its balance."""
    return folded(
        [
            moved(
                day,
                -3_000,
                method="card",
                merchant="Shop",
                balance_minor=opening_minor - 3_000 * day,
            )
            for day in range(days)
        ]
    )


def at(day: int) -> int:
    return (START_DAY + day) * DAY_MS + DAY_MS - 1


def looked(
    memories: dict[str, Memory], now_ms: int, *, days: int, threshold_minor: int = 0
) -> Outlook:
    """What is seen ahead, where there is enough to see."""
    made = outlook(
        memories["cash"],
        memories["recurring"],
        now_ms=now_ms,
        days=days,
        threshold_minor=threshold_minor,
    )
    assert made is not None
    return made


def test_it_abstains_with_little_history() -> None:
    """Under four weeks nothing is said."""
    assert CashFlow().forecast(spender(500_000, 20), now_ms=at(19), rules=Rules()) is None
    assert CashFlow().forecast({}, now_ms=at(19), rules=Rules()) is None


def test_a_certain_drain_is_dated() -> None:
    """Thirty a day and 450 left: short in about fifteen days."""
    left = 450 * 100
    memories = spender(left + 3_000 * 119)
    forecast = CashFlow().forecast(memories, now_ms=at(119), rules=Rules())
    assert forecast is not None
    assert forecast.shortfall is not None
    assert forecast.shortfall > 0.95
    assert forecast.date_range is not None
    assert forecast.date_range[0] - (START_DAY + 119) == pytest.approx(16, abs=1)
    assert forecast.low_minor == left - 30 * 3_000


def test_plenty_is_safe() -> None:
    """With years of spending in the account the chance is that of the rule of succession."""
    memories = spender(100_000_000)
    forecast = CashFlow().forecast(memories, now_ms=at(119), rules=Rules())
    assert forecast is not None
    assert forecast.shortfall is not None
    assert forecast.shortfall < 0.02
    assert forecast.date_range is None
    assert not due(memories, now_ms=at(119), rules=Rules())


def test_regular_payments_come_on_their_dates() -> None:
    """The rent that is due tomorrow breaks the balance tomorrow, not on average."""
    events = [
        *monthly(100_000, day_of_month=28, months=range(1, 6), counterparty="employer-1"),
        *monthly(-90_000, day_of_month=1, months=range(1, 6), counterparty="landlord-1"),
    ]
    memories = folded(sorted(events, key=lambda event: event.at_ms))
    today = 150  # 31 May: the rent comes on 1 June
    balance = memories["cash"]["accounts"]["a-1"][1]
    made = looked(memories, at(today), days=30, threshold_minor=balance - 70_000)
    assert len(made.walks.firsts) == len(made.walks.lows)
    assert set(made.walks.firsts) == {0}
    assert made.dates() == (made.today + 1, made.today + 1)


def test_the_chance_grows_with_threshold_and_horizon() -> None:
    """A higher threshold or a longer look never lessens the chance."""
    events = household(6)
    memories = folded(events)
    now_ms = events[-1].at_ms
    grid = [
        [
            looked(memories, now_ms, days=days, threshold_minor=threshold).shortfall()
            for days in (30, 60, 90)
        ]
        for threshold in range(0, 900_000, 90_000)
    ]
    assert all(row == sorted(row) for row in grid)
    assert all(list(column) == sorted(column) for column in zip(*grid, strict=True))


def test_an_account_below_the_threshold_is_short_now() -> None:
    """Below is certain, and dated today."""
    memories = spender(3_000 * 119 - 100)
    forecast = CashFlow().forecast(memories, now_ms=at(119), rules=Rules())
    assert forecast is not None
    assert forecast.shortfall == 1.0
    assert forecast.date_range == (START_DAY + 119, START_DAY + 119)


def test_what_is_authorised_counts_ahead() -> None:
    """A pending payment isn't in the balance, and is in the outlook."""
    events = household(4)
    memories = folded(events)
    now_ms = events[-1].at_ms
    before = looked(memories, now_ms, days=7)
    day = now_ms // DAY_MS
    held = {**memories["cash"], "pending": {"t-9": [-50_000, day]}}
    after = looked({**memories, "cash": held}, now_ms, days=7)
    assert after.walks.lows == pytest.approx([low - 50_000 for low in before.walks.lows])


@given(
    past=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80),
    regular=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=90),
    ahead=st.floats(-1e6, 1e6),
    threshold=st.floats(-1e6, 1e6),
)
def test_scenarios_are_sums_of_the_past_and_what_is_due(
    past: list[float], regular: list[float], ahead: float, threshold: float
) -> None:
    """Beside running sums of arrays: the lowest day, the first below, every third day."""
    days = np.arange(len(regular))
    starts = np.arange(0, len(past), alone.STRIDE_DAYS)
    steps = np.array(past)[(starts[:, None] + days) % len(past)]
    steps[:, 0] += ahead
    paths = np.cumsum(steps + np.array(regular), axis=1)
    below = paths < threshold
    made = alone.walk(past, regular, ahead=ahead, threshold=threshold)
    assert made.lows == paths.min(axis=1).tolist()
    assert made.firsts == below.argmax(axis=1)[below.any(axis=1)].tolist()
    assert made.pictured == paths[:, :: alone.PICTURED_DAYS].T.tolist()
