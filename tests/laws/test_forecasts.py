"""Laws of every forecaster: pure, bounded, monotone in the threshold, silent without its memories."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.contracts import Forecaster
from operators.features import FEATURES
from operators.forecasting import FORECASTERS, dates, due
from operators.forecasting.cashflow import DATED_FROM, HISTORY_DAYS_MIN, CashFlow
from operators.forecasting.describe import NAMES, THRESHOLD
from operators.forecasting.learner import HORIZONS, prior_of
from schemas.base import DAY_MS, Source
from schemas.events import EventBase
from schemas.models import ForecastSnapshot, LogitHead
from schemas.rules import Rules
from tests.accounts import folded, household, moved

LEARNT = ForecastSnapshot(
    version=1,
    digest="",
    heads={
        **{
            f"shortfall:{days}": LogitHead(
                centre=np.zeros(len(NAMES)),
                scale=np.ones(len(NAMES)),
                weights=prior_of(f"shortfall:{days}"),
                cross=THRESHOLD,
                months=12,
                rows=0,
            )
            for days in HORIZONS
        },
        "date:30": dates.UNLEARNT,
    },
    bands={},
    record={},
)
"""Heads as they are before anything is learnt, for all horizons that are taught."""
SOURCE_OF_SLOT = {group.slot.name: group.slot.source for group in FEATURES}
every_forecaster = pytest.mark.parametrize("forecaster", FORECASTERS, ids=lambda f: f.name)


@st.composite
def histories(draw: st.DrawFn) -> list[EventBase]:
    """A household of some months, with random movements strewn in."""
    events = household(draw(st.integers(1, 8)))
    odd = draw(
        st.lists(st.tuples(st.integers(0, 240), st.integers(-400_000, 400_000)), max_size=12)
    )
    events += [moved(day, amount, index=n) for n, (day, amount) in enumerate(odd)]
    return sorted(events, key=lambda event: event.at_ms)


def test_names_are_unique() -> None:
    """A forecast is looked up by its forecaster's name."""
    assert len({f.name for f in FORECASTERS}) == len(FORECASTERS)
    assert all(set(f.needs) <= set(SOURCE_OF_SLOT) for f in FORECASTERS)


@every_forecaster
@settings(max_examples=40, deadline=None)
@given(events=histories(), wait_days=st.integers(0, 60), horizon=st.integers(7, 90))
def test_a_forecast_is_pure_and_bounded(
    forecaster: Forecaster, events: list[EventBase], wait_days: int, horizon: int
) -> None:
    """The same memories give the same forecast, within bounds, and aren't touched."""
    memories = folded(events)
    before = copy.deepcopy(memories)
    now_ms = events[-1].at_ms + wait_days * DAY_MS
    rules = Rules(shortfall_horizon_days=horizon)
    made = forecaster.forecast(memories, now_ms=now_ms, rules=rules)
    assert memories == before
    assert made == forecaster.forecast(memories, now_ms=now_ms, rules=rules)
    if made is None:
        return
    assert made.name == forecaster.name
    assert made.horizon_days == horizon
    assert made.shortfall is None or 0 <= made.shortfall <= 1
    assert set(made.sources) == {SOURCE_OF_SLOT[name] for name in forecaster.needs}
    if made.date_range is not None:
        early, late = made.date_range
        assert now_ms // DAY_MS <= early <= late <= now_ms // DAY_MS + horizon
    assert all(r.next_day >= now_ms // DAY_MS and 0 <= r.alive <= 1 for r in made.recurring)


@settings(max_examples=40, deadline=None)
@given(
    events=histories(), wait_days=st.integers(0, 60), threshold=st.integers(-(10**6), 10**6),
    horizon=st.sampled_from((7, 30, 60, 90)),
)  # fmt: skip
def test_a_learnt_day_lies_within_the_horizon(
    events: list[EventBase], wait_days: int, threshold: int, horizon: int
) -> None:
    """With heads too: tomorrow or later and within the horizon, given from one chance in five, today if it is below."""
    memories, now_ms = folded(events), events[-1].at_ms + wait_days * DAY_MS
    rules = Rules(shortfall_horizon_days=horizon, shortfall_threshold_minor=threshold)
    made = CashFlow().forecast(memories, now_ms=now_ms, rules=rules, learnt=LEARNT)
    assert made == CashFlow().forecast(memories, now_ms=now_ms, rules=rules, learnt=LEARNT)
    if made is None or made.shortfall is None or made.date_range is None:
        return
    assert made.shortfall >= DATED_FROM
    early, late = made.date_range
    below_already = early == late == now_ms // DAY_MS
    assert below_already or now_ms // DAY_MS < early <= late <= now_ms // DAY_MS + horizon


@every_forecaster
@settings(max_examples=25, deadline=None)
@given(
    events=histories(), thresholds=st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=5)
)
def test_a_higher_threshold_is_never_safer(
    forecaster: Forecaster, events: list[EventBase], thresholds: list[int]
) -> None:
    """P(balance < threshold) grows with the threshold."""
    memories, now_ms = folded(events), events[-1].at_ms
    chances = []
    for threshold in sorted(thresholds):
        rules = Rules(shortfall_threshold_minor=threshold)
        made = forecaster.forecast(memories, now_ms=now_ms, rules=rules)
        if made is not None and made.shortfall is not None:
            chances.append(made.shortfall)
    assert chances == sorted(chances)


@every_forecaster
def test_it_abstains_without_a_memory_it_needs(forecaster: Forecaster) -> None:
    """Withdrawn consent erases a memory: the forecast is silent, not wrong."""
    events = household(6)
    memories = folded(events)
    for name in forecaster.needs:
        without = {slot: memory for slot, memory in memories.items() if slot != name}
        assert forecaster.forecast(without, now_ms=events[-1].at_ms, rules=Rules()) is None


@settings(max_examples=40, deadline=None)
@given(events=histories(), wait_days=st.integers(0, 20))
def test_what_the_guard_skips_is_no_warning(events: list[EventBase], wait_days: int) -> None:
    """Where `due` says no, the full forecast abstains or lies under the warning."""
    memories = folded(events)
    now_ms = events[-1].at_ms + wait_days * DAY_MS
    rules = Rules()
    if due(memories, now_ms=now_ms, rules=rules):
        return
    made = CashFlow().forecast(memories, now_ms=now_ms, rules=rules)
    assert made is None or (made.shortfall or 0.0) < rules.shortfall_warn


def test_the_sources_are_those_of_the_memories() -> None:
    """A forecast from transactions says so."""
    events = household(6)
    made = CashFlow().forecast(folded(events), now_ms=events[-1].at_ms, rules=Rules())
    assert made is not None
    assert made.sources == (Source.TRANSACTIONS,)
    assert HISTORY_DAYS_MIN == 28
