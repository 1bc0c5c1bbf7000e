"""Laws of every feature group: pure, bounded, finite, MessagePack-able, forgetful, and tolerant of order."""

import copy
import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import msgpack

from operators.contracts import EVERY_PURPOSE, FeatureGroup
from operators.features import CONTEXT, FEATURES, SPECS, UNKNOWN
from schemas.base import DAY_MS, Source
from schemas.events import KINDS, EventBase, MessageRead
from tests.strategies import CUSTOMER, event, lives

IDS = [group.slot.name for group in FEATURES]
RECOGNISED = ("recurring.", "cash.income", "cash.days_since_income", "cash.debt_service_share")
"""Features of what was recognised, an income or a rhythm: a late first sight is recognised later."""
ORDER_TOLERANCE = 0.02
"""Of the feature's scale and value: how far reading may depend on the order of two events."""
CONTEXT_MAX = 20
MEMORY_BYTES_MAX = 8_192
BODIES: dict[Source, st.SearchStrategy[dict[str, Any]]] = {
    Source.TRANSACTIONS: st.fixed_dictionaries(
        {
            "kind": st.just("transaction.booked"),
            "transaction_id": st.just(""),
            "account": st.sampled_from(["a-1", "a-2"]),
            "amount_minor": st.sampled_from([-250_000, -4_000, -4_000, -1_299, 900, 240_000]),
            "currency": st.just("EUR"),
            "method": st.sampled_from(["card", "transfer", "fee", "cash", "direct_debit"]),
            "mcc": st.sampled_from(["5411", "3005", "6513", None]),
            "country": st.sampled_from(["GB", "FR", None]),
            "counterparty": st.sampled_from(["employer-1", "landlord-1", "shop-1", None]),
        }
    ),
    Source.APP: st.sampled_from(
        [
            {"kind": "app.opened"},
            {"kind": "app.searched", "topic": "travel"},
            {"kind": "app.feature_used", "feature": "savings_pots"},
            {"kind": "app.error_shown", "screen": "home", "code": "e-1"},
            {"kind": "app.flow_abandoned", "flow": "loan"},
        ]
    ),
    Source.OPEN_BANKING: st.builds(
        lambda account, kind, balance: {
            "kind": "openbanking.balance",
            "account": account,
            "institution": "bank-b",
            "account_type": kind,
            "balance_minor": balance,
            "currency": "EUR",
        },
        st.sampled_from(["x-1", "x-2"]),
        st.sampled_from(["current", "savings", "loan"]),
        st.integers(-500_000, 500_000),
    ),
    Source.LOCATION: st.sampled_from(
        [
            {"kind": "location.zone_entered", "zone": "airport:LHR", "zone_kind": "airport"},
            {"kind": "location.zone_entered", "zone": "branch:7", "zone_kind": "branch"},
        ]
    ),
    Source.LIFE_EVENTS: st.sampled_from(
        [
            {"kind": "life.declared", "event": "moving"},
            {"kind": "life.declared", "event": "baby"},
            {"kind": "life.answered", "event": "moving", "confirmed": False},
        ]
    ),
    Source.MESSAGES: st.builds(
        lambda intent, sentiment: {
            "kind": "message.read",
            "channel": "chat",
            "intent": intent,
            "intent_probability": 0.9,
            "sentiment": sentiment,
        },
        st.sampled_from(["money_trouble", "save_money", None]),
        st.floats(-1, 1),
    ),
    Source.PROFILE: st.sampled_from(
        [
            {"kind": "profile.updated", "birth_year": 1988},
            {"kind": "profile.updated", "household_size": 3},
            {"kind": "product.opened", "product": "mortgage"},
            {"kind": "product.opened", "product": "travel_card"},
            {"kind": "product.closed", "product": "pension"},
        ]
    ),
}
"""Events by source, without their time."""
PAYMENT: dict[str, Any] = {
    "kind": "transaction.booked",
    "transaction_id": "",
    "account": "a-1",
    "currency": "EUR",
    "method": "card",
}
every_group = pytest.mark.parametrize("group", FEATURES, ids=IDS)


def made(body: dict[str, Any], *, minutes: float, index: int) -> EventBase:
    """An event of any kind, those included that no wire carries."""
    if body["kind"] != "message.read":
        return event(body, minutes=minutes, index=index)
    at = event({"kind": "app.opened"}, minutes=minutes).at
    return MessageRead(event_id=f"e-{index}", customer=CUSTOMER, at=at, **body)


def fold(group: FeatureGroup, events: Sequence[EventBase]) -> object:
    memory = group.slot.zero()
    newest_ms = 0
    for one in events:
        newest_ms = max(newest_ms, one.at_ms)
        if one.kind in group.kinds:
            memory = group.update(memory, one, now_ms=newest_ms)
    return memory


def test_names_are_unique_and_carry_their_slot() -> None:
    """A feature is named by its slot, and no two share a name, in any group."""
    names = [spec.name for spec in SPECS]
    assert len(set(names)) == len(names) >= 40
    slots = [group.slot.name for group in FEATURES]
    assert len(set(slots)) == len(slots)
    for group in FEATURES:
        assert all(spec.name.startswith(f"{group.slot.name}.") for spec in group.specs)
        assert all(spec.source is group.slot.source for spec in group.specs)
        assert all(KINDS[k].source is group.slot.source for k in group.kinds if k in KINDS)


def test_the_context_is_small_and_scaled() -> None:
    """What the bandit sees is at most twenty features, each with a scale and words."""
    assert 0 < len(CONTEXT) <= CONTEXT_MAX
    assert tuple(spec for spec in SPECS if spec.context) == CONTEXT
    assert all(spec.scale > 0 and spec.words and spec.description and spec.unit for spec in SPECS)


def test_every_feature_declares_what_it_is() -> None:
    """A feature has a sentence, a unit, an owner and purposes, and its name tells no other window."""
    for spec in SPECS:
        assert spec.description.endswith("."), spec.name
        assert spec.unit, spec.name
        assert spec.owner, spec.name
        assert spec.purposes, spec.name
        assert spec.window_days is None or spec.window_days > 0, spec.name
        told = re.search(r"_(\d+)d(?:_|$)", spec.name)
        assert told is None or int(told[1]) == spec.window_days, spec.name


def test_what_the_bandit_sees_may_serve_every_purpose() -> None:
    """A context is masked by source alone, so no feature in it may be barred from a purpose."""
    assert all(spec.purposes == EVERY_PURPOSE for spec in CONTEXT)


@every_group
def test_a_zero_memory_is_readable(group: FeatureGroup) -> None:
    """Before any event every feature has a finite value, the same at every instant."""
    known = UNKNOWN[group.slot.name]
    assert list(known) == [spec.name for spec in group.specs]
    for now_ms in (0, 1, 20_000 * DAY_MS, 20_555 * DAY_MS + 12_345_678):
        values = group.read(group.slot.zero(), now_ms=now_ms)
        assert values == tuple(known.values())
        assert all(math.isfinite(value) for value in values)


@every_group
@settings(max_examples=60, deadline=None)
@given(events=lives(control=False))
def test_folding_is_pure_and_memory_survives_its_codec(
    group: FeatureGroup, events: list[EventBase]
) -> None:
    """A memory is never changed in place, survives MessagePack, and reads the same after it."""
    memory = group.slot.zero()
    for one in events:
        if one.kind not in group.kinds:
            continue
        before = copy.deepcopy(memory)
        after = group.update(memory, one, now_ms=one.at_ms)
        assert memory == before
        assert group.update(memory, one, now_ms=one.at_ms) == after
        again = msgpack.decode(msgpack.encode(after))
        assert again == after
        values = group.read(after, now_ms=one.at_ms)
        assert values == group.read(again, now_ms=one.at_ms)
        assert after == again
        assert all(math.isfinite(value) for value in values)
        memory = after
    assert len(msgpack.encode(memory)) <= MEMORY_BYTES_MAX


@every_group
@settings(max_examples=60, deadline=None)
@given(data=st.data(), apart_days=st.integers(1, 40), wait_days=st.sampled_from([0, 1, 9]))
def test_order_hardly_matters_for_events_of_two_days(
    group: FeatureGroup, data: st.DataObject, apart_days: int, wait_days: int
) -> None:
    """Two events of different days may come in either order: a late one is put right."""
    bodies = BODIES[group.slot.source]
    first = made(data.draw(bodies), minutes=0, index=0)
    second = made(data.draw(bodies), minutes=apart_days * 1_440, index=1)
    now_ms = second.at_ms + wait_days * DAY_MS
    straight = group.read(fold(group, [first, second]), now_ms=now_ms)
    swapped = group.read(fold(group, [second, first]), now_ms=now_ms)
    for spec, one, other in zip(group.specs, straight, swapped, strict=True):
        if spec.name.startswith(RECOGNISED):
            continue
        bound = ORDER_TOLERANCE * (spec.scale + abs(one))
        assert abs(one - other) <= bound, (spec.name, one, other)


@every_group
@settings(max_examples=40, deadline=None)
@given(events=lives(control=False))
def test_counts_and_sums_over_a_window_never_grow_while_nothing_happens(
    group: FeatureGroup, events: list[EventBase]
) -> None:
    """With time alone, what is counted over a window only fades."""
    memory = fold(group, events)
    last_ms = events[-1].at_ms
    windowed = [
        index
        for index, spec in enumerate(group.specs)
        if spec.name.endswith(("_7d", "_30d", "_90d", "_365d", "_90d_eur"))
        and not spec.name.startswith("cash.")
    ]
    reads = [group.read(memory, now_ms=last_ms + day * DAY_MS) for day in (0, 1, 7, 40, 400)]
    for index in windowed:
        values = [values[index] for values in reads]
        assert all(b <= a + 1e-9 for a, b in pairwise(values))


@settings(max_examples=100, deadline=None)
@given(
    moves=st.lists(
        st.tuples(st.integers(0, 60), st.integers(-90_000, 90_000)), min_size=1, max_size=30
    )
)
def test_money_equals_a_plain_sum_in_any_order_of_arrival(moves: list[tuple[int, int]]) -> None:
    """The balance is the sum of all movements and the net of 30 days that of the last 30, however late."""
    events = [
        made({**PAYMENT, "amount_minor": amount}, minutes=day * 1_440, index=index)
        for index, (day, amount) in enumerate(moves)
    ]
    now_ms = max(one.at_ms for one in events)
    values = _values("cash", events, now_ms=now_ms)
    since = now_ms // DAY_MS - 30
    recent = [a for one, (_, a) in zip(events, moves, strict=True) if one.at_ms // DAY_MS > since]
    assert math.isclose(values["cash.balance_eur"], sum(a for _, a in moves) / 100, abs_tol=1e-6)
    assert math.isclose(values["cash.net_30d_eur"], sum(recent) / 100, abs_tol=0.02)


@settings(max_examples=100, deadline=None)
@given(minutes=st.lists(st.integers(0, 60 * 1_440), min_size=1, max_size=30))
def test_opens_equal_a_plain_sum_in_any_order_of_arrival(minutes: list[int]) -> None:
    """Each open of the app counts exp(-age / 30 d), and the newest tells how long ago it was."""
    events = [
        made({"kind": "app.opened"}, minutes=at, index=index) for index, at in enumerate(minutes)
    ]
    now_ms = max(one.at_ms for one in events) + DAY_MS
    values = _values("app", events, now_ms=now_ms)
    plain = sum(math.exp(-(now_ms - one.at_ms) / (30 * DAY_MS)) for one in events)
    assert math.isclose(values["app.opens_30d"], plain, rel_tol=1e-5)
    assert values["app.days_since_open"] == 1.0


def _values(slot: str, events: Sequence[EventBase], *, now_ms: int) -> dict[str, float]:
    group = next(group for group in FEATURES if group.slot.name == slot)
    read = group.read(fold(group, events), now_ms=now_ms)
    return {spec.name: value for spec, value in zip(group.specs, read, strict=True)}


@every_group
def test_events_of_other_kinds_are_left_alone(group: FeatureGroup) -> None:
    """A group only ever asks for kinds that exist."""
    assert group.kinds <= set(KINDS) | {"message.read"}
