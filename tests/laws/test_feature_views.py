"""Laws of every view: it reads what it declares and nothing else, keeps nothing, stays in its unit, bears any order."""

import copy
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import msgpack

from operators.contracts import FeatureView
from operators.features import FEATURES, SPECS, VIEWS
from operators.features.money import flow_of
from operators.features.views.lens import RATIO_MAX
from operators.insights.months import folded as month_folded
from operators.sense import Features
from operators.slots import SLOTS
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import EventBase, TransactionBooked
from tests.accounts import folded, happened, household, monthly, moved
from tests.laws.test_features import BODIES, made
from tests.laws.test_triggers import Watched
from tests.oracles import asked
from tests.strategies import lives

every_view = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
RECOGNISED = (
    "commitments.",
    "overlap.",
    "budget.pay",
    "budget.days_to_pay",
    "budget.a_day_to_pay",
)
"""Features of what was recognised, a pay or a rhythm: it is taken for what it was at first sight, which may come late."""
ORDER_TOLERANCE = 0.02
FEATURES_MIN = 250


def memories_of(events: Sequence[EventBase]) -> dict[str, Memory]:
    """What the groups and the months remember of events, in the order of their arrival."""
    memories: dict[str, Memory] = {}
    newest_ms = 0
    for event in events:
        newest_ms = max(newest_ms, event.at_ms)
        for group in FEATURES:
            if event.kind in group.kinds:
                before = memories.get(group.slot.name)
                before = group.slot.zero() if before is None else before
                memories[group.slot.name] = group.update(before, event, now_ms=newest_ms)
        if isinstance(event, TransactionBooked):
            months = memories.get("spending_months", {})
            memories["spending_months"] = month_folded(months, flow_of(event))
    return memories


def read(view: FeatureView, memories: dict[str, Memory], *, now_ms: int) -> dict[str, float]:
    """Every feature of a view."""
    seen = view.look(memories, now_ms=now_ms)
    return asked({spec.name: view.read(seen, spec.name) for spec in view.specs})


def full_life() -> dict[str, Memory]:
    """Memories of every source, a year old."""
    events = [
        *household(6),
        *monthly(-1_299, day_of_month=8, months=range(1, 7), method="card", merchant="Film Club"),
        moved(70, -9_900, mcc="3005", method="card", country="FR"),
        happened("app.opened", 171),
        happened("app.feature_used", 172, feature="travel_mode"),
        happened("openbanking.balance", 173, account="x", institution="b", account_type="savings",
                 balance_minor=700_000, currency="EUR"),
        happened("location.zone_entered", 174, zone="airport:LHR", zone_kind="airport"),
        happened("life.declared", 175, event="moving"),
        happened("profile.updated", 176, birth_year=1990, household_size=3),
        happened("product.opened", 176, product="mortgage"),
    ]  # fmt: skip
    memories = memories_of(sorted(events, key=lambda event: event.at_ms))
    memories["text"] = {"at_ms": 20_000 * DAY_MS, "sums": [3.0, -2.0, 2.0, 0.9]}
    return memories


def test_there_are_enough_and_each_declares_itself() -> None:
    """The catalogue is large; a view's features carry its name, and no view is called like a memory."""
    assert len(SPECS) >= FEATURES_MIN
    names = [view.name for view in VIEWS]
    assert len(set(names)) == len(names)
    assert set(names).isdisjoint(SLOTS)
    for view in VIEWS:
        assert view.slots
        assert all(spec.name.startswith(f"{view.name}.") for spec in view.specs)
        assert not any(spec.context for spec in view.specs)


@every_view
def test_lineage_is_what_is_read(view: FeatureView) -> None:
    """The memories that a look touches are those declared, and so are the sources of its features."""
    touched: set[str] = set()
    seen = view.look(Watched("", full_life(), touched), now_ms=20_300 * DAY_MS)
    assert seen is not None
    assert touched == set(view.slots)
    assert set(view.slots) <= set(SLOTS)
    for spec in view.specs:
        assert spec.sources == {SLOTS[name].source for name in view.slots}, spec.name


@every_view
@settings(max_examples=25, deadline=None)
@given(events=lives(control=False))
def test_nothing_undeclared_is_read_in_any_life(view: FeatureView, events: list[EventBase]) -> None:
    """Whatever happened, only declared memories are looked at, by the view and through the lookup by name."""
    memories, now_ms = memories_of(events), events[-1].at_ms
    touched: set[str] = set()
    view.look(Watched("", memories, touched), now_ms=now_ms)
    assert touched <= set(view.slots)
    through: set[str] = set()
    failed: list[str] = []
    features = Features(Watched("", memories, through), now_ms=now_ms, failed=failed)
    assert features[view.specs[0].name] == read(view, memories, now_ms=now_ms)[view.specs[0].name]
    assert through <= set(view.slots)
    assert not failed
    assert set(features.looked_at) == {view.specs[0].name}


@every_view
@settings(max_examples=40, deadline=None)
@given(events=lives(control=False), wait_days=st.sampled_from([0, 1, 40, 500]))
def test_values_are_finite_and_of_their_unit(
    view: FeatureView, events: list[EventBase], wait_days: int
) -> None:
    """In any life, and long after, a share is a share and a count no less than nothing; memories stay as they are."""
    memories = memories_of(events)
    before = copy.deepcopy(memories)
    now_ms = events[-1].at_ms + wait_days * DAY_MS
    values = read(view, memories, now_ms=now_ms)
    assert memories == before
    assert values == read(view, msgpack.decode(msgpack.encode(memories)), now_ms=now_ms)
    for spec in view.specs:
        value = values[spec.name]
        assert math.isfinite(value), spec.name
        unit = spec.unit.split(",")[0]
        if unit in ("0..1", "0 or 1"):
            assert 0 <= value <= 1 + 1e-9, (spec.name, value)
            assert unit == "0..1" or value in (0, 1), (spec.name, value)
        elif unit == "ratio":
            assert 0 <= value <= RATIO_MAX, (spec.name, value)
        elif unit in ("count", "days", "years", "months", "points"):
            assert value >= 0, (spec.name, value)


@every_view
def test_before_anything_each_feature_says_what_it_says_of_nothing(view: FeatureView) -> None:
    """No memory, and the empty memories of the groups, are read without a failure."""
    empty: dict[str, Any] = {name: SLOTS[name].zero() for name in view.slots}
    for memories in ({}, empty):
        for now_ms in (0, 20_000 * DAY_MS):
            assert all(math.isfinite(v) for v in read(view, memories, now_ms=now_ms).values())


@every_view
@pytest.mark.parametrize("source", sorted(BODIES))
@settings(max_examples=25, deadline=None)
@given(data=st.data(), apart_days=st.integers(1, 40), wait_days=st.sampled_from([0, 1, 9]))
def test_order_hardly_matters_for_events_of_two_days(
    view: FeatureView, source: Source, data: st.DataObject, apart_days: int, wait_days: int
) -> None:
    """Two events of different days may come in either order: a late one is put right."""
    if source not in {SLOTS[name].source for name in view.slots}:
        return
    first = made(data.draw(BODIES[source]), minutes=0, index=0)
    second = made(data.draw(BODIES[source]), minutes=apart_days * 1_440, index=1)
    now_ms = second.at_ms + wait_days * DAY_MS
    straight = read(view, memories_of([first, second]), now_ms=now_ms)
    swapped = read(view, memories_of([second, first]), now_ms=now_ms)
    for name, one in straight.items():
        if not name.startswith(RECOGNISED):
            assert abs(one - swapped[name]) <= ORDER_TOLERANCE * (1 + abs(one)), name


def test_the_event_that_triggers_is_included() -> None:
    """A feature asked for after a movement counts that movement, in every view of money."""
    before = folded(household(3))
    event = moved(95, -12_345, method="card", mcc="5812", merchant="Corner Café")
    after = folded([event], before)
    for name in ("categories.dining_90d_eur", "rhythm.out_7d_eur"):
        values = [Features(m, now_ms=event.at_ms, failed=[])[name] for m in (before, after)]
        assert math.isclose(values[1] - values[0], 123.45, rel_tol=1e-2), name


def test_a_view_that_fails_is_named_once_and_read_as_nothing() -> None:
    """A failure says less: the values of no memory, and the view's name among what failed."""
    failed: list[str] = []
    features = Features({"spend": {"broken": True}}, now_ms=DAY_MS, failed=failed)
    assert features["categories.total_90d_eur"] == 0
    assert features["categories.largest_ratio"] == 1
    assert failed == ["feature:categories"]
