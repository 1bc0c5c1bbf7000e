"""What a shard holds: an answer's commit leaves it alone, and nothing of it is lost or taken twice."""

from collections.abc import Mapping, Sequence
from zlib import crc32

import pytest

from flows import outputs
from flows.records import Record, Spot
from flows.shard import HELD_MAX, PIECE, Shard
from schemas import topics
from state.memory import MemoryStore
from state.outbox import OutboxEntry
from tests.chains import MINUTE_MS, business, decode
from tests.streams import START_MS, small_world

LOG: Spot = (topics.CUSTOMER_EVENTS, 0)
MADE: Spot = (topics.INSIGHTS, 0)
WORLD = small_world()


def shard_on(store: MemoryStore, *, sent: Mapping[str, int] | None = None) -> Shard:
    return Shard(store, decode=decode, decide=business, shards=1, sent=sent)


def log(*acts: str) -> list[Record]:
    """«a fold» is a record of customer a; each came from another offset of a source."""
    return [
        Record(*LOG, n, name.encode(), act.encode(), (("source", b"messages:0:%d:0" % (n + 50)),), 0)
        for n, (name, act) in enumerate(one.split() for one in acts)
    ]  # fmt: skip


def ids(entries: Sequence[OutboxEntry]) -> list[str]:
    return [dict(entry.headers)[outputs.ID].decode() for entry in entries]


def held(shard: Shard, records: Sequence[Record]) -> list[OutboxEntry]:
    return shard.process(records, world=WORLD, hold=True)


def test_an_answer_is_committed_without_what_others_wait_for() -> None:
    """Its customer's record and its outputs; the position stays where others wait."""
    store = MemoryStore(0)
    shard = shard_on(store)
    records = log("a fold", "b fold", "c fold", "b fold", "b answer")
    assert held(shard, records[:4]) == []
    (entry,) = held(shard, records[4:])
    assert store.outbox() == [entry]
    assert store.customer("b") is not None
    assert (store.customer("a"), store.customer("c")) == (None, None)
    assert (store.positions(), store.source_positions()) == ({}, {})
    assert store.ahead() == {LOG: frozenset({1, 3, 4})}
    shard.settle(1)
    assert (store.customer("a") is None, store.customer("c") is None) == (False, True)
    assert (store.positions(), store.ahead()) == ({LOG: 2}, {LOG: frozenset({3, 4})})
    assert store.source_positions() == {("messages", 0): (51, 0)}
    shard.settle(1)
    assert (store.positions(), store.ahead()) == ({LOG: 5}, {})
    assert store.source_positions() == {("messages", 0): (54, 0)}
    assert not shard.holds


def test_what_lies_ahead_is_passed_over_after_a_crash() -> None:
    """Others' records are taken again, the answer is not, and in the end all is as if nothing had been."""
    records = log("a fold", "b fold", "c timer", "b answer", "a answer", "c fold", "b fold")
    whole, store = MemoryStore(0), MemoryStore(0)
    said = ids(shard_on(whole).process(records, world=WORLD))
    first = held(shard_on(store), records[:4])
    again = shard_on(store.reopened())
    assert again.recover() == first
    rest = held(again, records)
    assert again.tally.skipped == 2
    again.settle()
    assert sorted(ids(first) + ids(rest)) == sorted(said)
    assert isinstance(again.store, MemoryStore)
    for name in ("a", "b", "c"):
        assert again.store.customer(name) == whole.customer(name)
    assert again.store.positions() == whole.positions()
    assert again.store.source_positions() == whole.source_positions()
    assert again.store.ahead() == {}


@pytest.mark.parametrize("act", ["bad", "erase"])
def test_what_concerns_more_than_one_customer_is_committed_with_everything(act: str) -> None:
    """A refusal, an erasure."""
    store = MemoryStore(0)
    shard = shard_on(store)
    assert held(shard, log("a fold", "b fold", f"e {act}"))
    assert (store.positions(), store.ahead(), shard.holds) == ({LOG: 3}, {}, 0)
    assert store.customer("a") is not None


def test_what_the_log_holds_already_is_not_passed_before_it_is_accounted_for() -> None:
    """An output of an earlier run is known again by a record that is held; another's answer doesn't forget it."""
    records = log("a answer", "b fold", "c answer")
    (entry, _) = shard_on(MemoryStore(0)).process(records, world=WORLD)
    store = MemoryStore(0)
    shard = shard_on(store, sent={ids([entry])[0]: crc32(entry.value or b"")})
    shard.mark({MADE: 1})
    assert held(shard, records[:2]) == []
    assert not shard.sent
    assert len(held(shard, records[2:])) == 1
    assert store.positions() == {LOG: 3, MADE: 1}
    assert store.customer("a") is not None


def test_not_more_is_held_than_may_be_read_again() -> None:
    """Without a moment's rest the oldest are committed, though others are answered in between."""
    store = MemoryStore(0)
    shard = shard_on(store)
    names = [f"n{number}" for number in range(2 * HELD_MAX)]
    for record in log(
        *(f"{name} {'answer' if n % 20 == 7 else 'fold'}" for n, name in enumerate(names))
    ):
        held(shard, [record])
        assert record.offset + 1 - store.positions().get(LOG, 0) <= HELD_MAX
    assert shard.holds > 1
    for _ in range(shard.holds):
        shard.settle(PIECE)
    assert (store.positions(), store.ahead(), shard.holds) == ({LOG: len(names)}, {}, 0)


def test_a_tick_sees_the_timers_of_what_is_held() -> None:
    """Set since the last commit, or moved; and a piece of the rest is committed, for under load no rest comes."""
    store = MemoryStore(0)
    shard = shard_on(store)
    names = [f"n{number}" for number in range(2 * PIECE)]
    held(shard, log(*(f"{name} fold" for name in names), "a timer"))
    assert shard.tick(START_MS, world=WORLD) == []
    assert store.positions() == {LOG: PIECE}
    (entry,) = shard.tick(START_MS + (len(names) + 7) * MINUTE_MS, world=WORLD)
    assert entry.key == b"a"
    assert store.positions() == {LOG: len(names) + 1}
    assert store.next_due_ms() is None


def test_a_proper_close_leaves_nothing_ahead() -> None:
    """All that is held is committed, and an older release may go on from there."""
    store = MemoryStore(0)
    shard = shard_on(store)
    held(shard, log("a fold", "b answer"))
    assert store.ahead()
    shard.close()
    assert (store.positions(), store.ahead()) == ({LOG: 2}, {})
