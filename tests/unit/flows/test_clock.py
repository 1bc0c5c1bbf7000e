"""The events' own clock: what follows from a log hangs on the log alone."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import outputs
from flows.clock import CLOCK, STRIDE, strides
from flows.intake import shard_decode
from flows.records import Record
from flows.settings import Limits
from flows.shard import Shard
from flows.zones import Zones
from operators.decide import decide
from schemas import topics
from schemas.base import DAY_MS
from state.memory import MemoryStore
from state.outbox import OutboxEntry
from tests.streams import START_MS, body, log_of, small_world

WORLD = small_world()


def shell(store: MemoryStore) -> Shard:
    decode = shard_decode(Limits(), Zones(()))
    return Shard(store, decode=decode, decide=decide, shards=1, event_clock=True)


def lives() -> list[Record]:
    """Grants that end, far later events of others, a late event, a withdrawal: all that a timer may meet."""
    grant = {
        "kind": "consent.granted",
        "record_id": "r-1",
        "purpose": "financial_wellbeing",
        "sources": ["transactions", "app"],
    }
    withdrawal = {**grant, "kind": "consent.withdrawn"}
    bodies = [
        body(c, 0, {**grant, "valid_until": "2025-03-04T08:00:00+00:00"}, minutes=0)
        for c in ("c-1", "c-2", "c-3")
    ]
    bodies += [
        body("c-4", n, {"kind": "app.opened"}, minutes=200 * n) for n in range(1, 2 * STRIDE)
    ]
    bodies.append(body("c-1", 1, {"kind": "app.opened"}, minutes=10))
    bodies.append(body("c-2", 1, withdrawal, minutes=20_000))
    return log_of([*bodies, *(body("c-4", n, {"kind": "app.opened"}, minutes=20_000 + n) for n in range(200, 240))])  # fmt: skip


RECORDS = lives()


def told(entries: list[OutboxEntry]) -> list[tuple[str, bytes | None, str]]:
    return [(e.topic, e.value, dict(e.headers)[outputs.ID].decode()) for e in entries]


def test_timers_are_looked_at_once_a_stride() -> None:
    """A look comes before the first record of a stride, wherever the reading begins."""
    pieces = list(strides(RECORDS, {}))
    assert [(look, piece[0].offset) for look, piece in pieces] == [
        (True, 0),
        (True, STRIDE),
        (True, 2 * STRIDE),
        (True, 3 * STRIDE),
    ]
    again = list(strides(RECORDS, {(topics.CUSTOMER_EVENTS, 0): STRIDE + 1}))
    assert [look for look, _ in again] == [False, True, True]
    assert sum(len(piece) for _, piece in again) == len(RECORDS)


def test_a_timer_fires_though_its_customer_is_silent() -> None:
    """Others' events move the shard's time on."""
    store = MemoryStore(0)
    shard = shell(store)
    shard.process(RECORDS, world=WORLD)
    assert shard.tally.ticks >= 3
    assert store.positions()[CLOCK, 0] == START_MS + 20_239 * 60_000
    assert (store.next_due_ms() or START_MS + 99 * DAY_MS) > START_MS + 10 * DAY_MS


@settings(deadline=None, max_examples=20)
@given(cuts=st.sets(st.integers(1, len(RECORDS) - 1), max_size=8))
def test_batches_and_restarts_change_nothing(cuts: set[int]) -> None:
    """However a log is cut, and though the worker starts anew at each cut, all comes out the same."""
    whole, parts = MemoryStore(0), MemoryStore(0)
    expected = shell(whole).process(RECORDS, world=WORLD)
    made: list[OutboxEntry] = []
    for start, end in pairwise([0, *sorted(cuts), len(RECORDS)]):
        shard = shell(parts)
        made += shard.process(RECORDS[start:end], world=WORLD)
    assert told(made) == told(expected)
    assert parts.positions() == whole.positions()
    for customer in ("c-1", "c-2", "c-3", "c-4"):
        assert parts.customer(customer) == whole.customer(customer)


def test_no_record_may_pass_another() -> None:
    """Or the timers would hang on how the log was read."""
    shard = shell(MemoryStore(0))
    with pytest.raises(ValueError, match="no record may pass"):
        shard.process(RECORDS[1:], world=WORLD, floors={(topics.CUSTOMER_EVENTS, 0): 0})
    assert shard.store.positions() == {}
