"""What is coming is said when it is likely, seldom, and not on history that tells nothing."""

from dataclasses import replace

import numpy as np

from operators.contracts import Moment
from operators.forecasting import events as ahead
from operators.forecasting.changes import Changes
from operators.insights.ahead import LIKELY, LOOK_DAYS, REST_DAYS, ChangesAhead
from schemas.base import DAY_MS
from schemas.customer import Memory
from schemas.events import EventBase
from schemas.models import ForecastSnapshot, LogitHead
from schemas.rules import Rules
from schemas.signals import Forecast, Signal
from tests.accounts import START_DAY, folded, household, moved


def head(features: int, logit: float) -> LogitHead:
    """A head that says the same of everybody, as one of very many months."""
    weights = np.zeros(1 + features * 5)
    weights[0] = logit
    return LogitHead(np.zeros(features), np.ones(features), weights, None, months=10**6, rows=1)


def learnt(*, large: float = -3.0, fall: float = -3.0, rise: float = -3.0) -> ForecastSnapshot:
    """Heads with these logits."""
    heads = {
        "large:30": head(ahead.LARGE, large),
        "fall:90": head(ahead.INCOME, fall),
        "rise:90": head(ahead.INCOME, rise),
    }
    return ForecastSnapshot(1, "d", heads, {}, {})


def foretold(events: list[EventBase], *, snapshot: ForecastSnapshot | None) -> Forecast | None:
    """The forecast at the last of some events."""
    return Changes().forecast(
        folded(events), now_ms=events[-1].at_ms, rules=Rules(), learnt=snapshot
    )


def test_it_says_what_the_heads_say() -> None:
    """Each chance is its head's; what is large is half as much again as the largest of a quarter."""
    made = foretold(household(6), snapshot=learnt(large=0.0, fall=1.0, rise=-1.0))
    assert made is not None
    assert made.large == 0.5
    assert made.fall is not None
    assert made.rise is not None
    assert made.large is not None
    assert made.fall > made.large > made.rise
    assert made.large_minor is not None
    assert abs(made.large_minor - 1.5 * 100_000) < 100


def test_it_abstains_without_heads_and_on_history_that_tells_nothing() -> None:
    """No heads, a new account, a dormant one, one in two currencies, heads that see other features: None."""
    snapshot = learnt()
    assert foretold(household(6), snapshot=None) is None
    assert foretold(household(6), snapshot=ForecastSnapshot(1, "d", {}, {}, {})) is None
    assert foretold(household(2), snapshot=snapshot) is None
    mixed = [*household(6), *(moved(183, -500, index=n, currency="USD") for n in range(5))]
    assert foretold(mixed, snapshot=snapshot) is None
    memories, now_ms = folded(household(6)), (START_DAY + 260) * DAY_MS
    assert Changes().forecast(memories, now_ms=now_ms, rules=Rules(), learnt=snapshot) is None
    other = replace(snapshot, heads={"large:30": head(7, 0.0)})
    assert foretold(household(6), snapshot=other) is None


def said(days: list[int], *, snapshot: ForecastSnapshot) -> list[tuple[int, Signal]]:
    """What is said at movements on some days."""
    memory: Memory = {}
    found = []
    memories = folded(household(6))
    for day in days:
        event = moved(day, -1_000)
        memories = folded([event], memories)
        made = Changes().forecast(memories, now_ms=event.at_ms, rules=Rules(), learnt=snapshot)
        moment = Moment(
            event=event,
            now_ms=event.at_ms,
            memories=memories,
            features={},
            forecasts={"changes": made},
        )
        memory, signals = ChangesAhead().sense(memory, moment)
        found += [(day, signal) for signal in signals]
    return found


def test_what_is_likely_is_said_once_in_a_while() -> None:
    """A likely expense is said with its size, and again only after the rest; what is unlikely never."""
    days = list(range(182, 182 + REST_DAYS + 2 * LOOK_DAYS))
    found = said(days, snapshot=learnt(large=1.5))
    assert [signal.name for _, signal in found] == ["expense.ahead", "expense.ahead"]
    assert found[1][0] - found[0][0] >= REST_DAYS
    assert "1,500 EUR" in found[0][1].words
    assert found[0][1].strength >= LIKELY
    assert found[0][1].evidence["horizon_days"] == 30
    assert said(days, snapshot=learnt()) == []


def test_income_is_said_in_both_directions() -> None:
    """Lower and higher, each in words of its own."""
    names = [s.name for _, s in said([182], snapshot=learnt(fall=2.0, rise=2.0))]
    assert names == ["income.fall_ahead", "income.rise_ahead"]
