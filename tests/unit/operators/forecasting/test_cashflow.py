import numpy as np
import pytest

from operators.forecasting import due
from operators.forecasting.cashflow import CashFlow, outlook
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
    made = outlook(memories["cash"], memories["recurring"], now_ms=at(today), days=30)
    assert made is not None
    balance = memories["cash"]["accounts"]["a-1"][1]
    assert np.all(made.lows[:, 0] < balance - 70_000)


def test_the_chance_grows_with_threshold_and_horizon() -> None:
    """A higher threshold or a longer look never lessens the chance."""
    events = household(6)
    memories = folded(events)
    now_ms = events[-1].at_ms
    made = outlook(memories["cash"], memories["recurring"], now_ms=now_ms, days=90)
    assert made is not None
    grid = [
        [made.shortfall(threshold, days) for days in (30, 60, 90)]
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
    before = outlook(memories["cash"], memories["recurring"], now_ms=now_ms, days=7)
    day = now_ms // DAY_MS
    held = {**memories["cash"], "pending": {"t-9": [-50_000, day]}}
    after = outlook(held, memories["recurring"], now_ms=now_ms, days=7)
    assert before is not None
    assert after is not None
    assert np.array_equal(after.lows, before.lows - 50_000)
