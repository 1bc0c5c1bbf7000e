"""A worker that is killed between any two commits: RocksDB on the disk, the real business, others held or passed over."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path

import pytest

from flows import outputs
from flows.intake import shard_decode
from flows.kafka.lanes import Lanes
from flows.records import Record
from flows.settings import Limits
from flows.shard import Shard
from flows.zones import Zones
from operators.decide import decide
from state.codec import encode
from state.directory import open_directory, open_shards
from state.identity import Identity
from state.outbox import OutboxEntry
from state.rocks import RocksStore
from state.sealed import Vault
from state.store import ShardBatch
from tests.streams import log_of, morning, small_world

WORLD = small_world()
NAMES = ("c-1", "c-2", "c-3", "c-4")
PIECE = 3
WINDOW = 12
"""Records that are read before any is taken."""
SOURCES = {b"c-1": 0, b"c-2": 0, b"c-3": 1}
"""The partition that ingest read a customer's events from; c-4 is written directly."""
Said = dict[str, tuple[str, bytes | None, bytes | None]]


class KilledError(Exception):
    """The worker is no more."""


def store_in(path: Path, *, sealed: bool) -> RocksStore:
    vault = Vault(path / "keys", masters=[bytes(32)]) if sealed else None
    home = open_directory(path / "state", identity=Identity("", 1, "a"), owner="w", vault=vault)
    return open_shards(home, [0])[0]


def shard_on(store: RocksStore) -> Shard:
    return Shard(store, decode=shard_decode(Limits(), Zones(())), decide=decide, shards=1)


def lives() -> list[Record]:
    """Mornings that go on side by side, each a step behind the one before."""
    steps = zip_longest(*([b""] * n + morning(name) for n, name in enumerate(NAMES)), fillvalue=b"")
    return [
        replace(record, headers=tuple(source_of(record)))
        for record in log_of([one for one in chain.from_iterable(steps) if one])
    ]


def source_of(record: Record) -> Iterator[tuple[str, bytes]]:
    if record.key in SOURCES:
        yield "source", b"transactions:%d:%d:0" % (SOURCES[record.key], record.offset)


def one_by_one(shard: Shard, records: list[Record]) -> Iterator[OutboxEntry]:
    """A worker that has all the time in the world."""
    for record in records:
        yield from shard.process([record], world=WORLD)


def run(shard: Shard, records: list[Record]) -> Iterator[OutboxEntry]:
    """All of a log that is not behind the position; who opens the app passes others, a piece settled now and then."""
    yield from shard.recover()
    lanes = Lanes(piece_max=PIECE, pressing=lambda record: b"app.opened" in (record.value or b""))
    for at in range(0, len(records), WINDOW):
        for record in records[at : at + WINDOW]:
            lanes.add(record)
        while len(lanes) > (WINDOW // 2 if at + WINDOW < len(records) else 0):
            batch = lanes.next()
            assert batch is not None
            yield from shard.process(batch.records, world=WORLD, hold=True, floors=batch.floors)
            if len(lanes) % PIECE == 0:
                shard.settle(1)
    shard.settle()


def told(entry: OutboxEntry) -> tuple[str, tuple[str, bytes | None, bytes | None]]:
    return dict(entry.headers)[outputs.ID].decode(), (entry.topic, entry.key, entry.value)


def state(store: RocksStore) -> dict[str, object]:
    found = {name: store.customer(name) for name in NAMES}
    return {
        "records": {name: None if one is None else encode(one) for name, one in found.items()},
        "timers": sorted(store.due(1 << 60, 999)),
        "places": (store.positions(), store.source_positions(), store.ahead()),
    }


def killed_after(store: RocksStore, commits: int) -> None:
    """Let a store take so many commits and no more."""
    left, commit = iter(range(commits)), store.commit

    def counted(batch: ShardBatch) -> None:
        if next(left, None) is None:
            raise KilledError
        commit(batch)

    store.commit = counted  # type: ignore[method-assign]


@pytest.mark.parametrize("sealed", [False, True])
def test_whatever_commit_was_the_last_the_end_is_the_same(tmp_path: Path, *, sealed: bool) -> None:
    """Records, timers, places and outputs are those of a worker that lived, and some deaths left marks ahead."""
    records = lives()
    store = store_in(tmp_path / "whole", sealed=sealed)
    said: Said = dict(map(told, one_by_one(shard_on(store), records)))
    expected, marked, ended = state(store), 0, False
    store.close()
    for commits in range(1, 99):
        place = tmp_path / f"killed-{commits}"
        store = store_in(place / "first", sealed=sealed)
        killed_after(store, commits)
        found: Said = {}
        try:
            for entry in run(shard_on(store), records):
                name, value = told(entry)
                found[name] = value
            ended = True
        except KilledError:
            pass
        shutil.copytree(place / "first", place / "next", ignore=shutil.ignore_patterns("LOCK"))
        store.close()
        store = store_in(place / "next", sealed=sealed)
        marked += bool(store.ahead())
        again = dict(map(told, run(shard_on(store), records)))
        assert all(found[name] == value for name, value in again.items() if name in found)
        assert found | again == said
        assert state(store) == expected
        store.close()
        if ended:
            break
        shutil.rmtree(place)
    assert ended
    assert marked > 3
