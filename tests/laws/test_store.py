"""Law of the stores: the one in RocksDB and its twin in memory answer alike, whatever happens; crashes too."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from schemas.customer import Customer
from schemas.errors import StateError
from state.identity import Identity
from state.memory import MemoryStore
from state.outbox import OutboxEntry
from state.rocks import RocksStore
from state.rocks_engine import RocksEngine, RocksOptions
from state.rows import PlainRows, Rows
from state.sealed import Vault
from state.store import CustomerCache, ShardBatch, ShardStore
from state.timers import Timer
from tests.records import MAX_MS, customers

SHARD = 7
ALL = 100
NAMES = ("a", "a.b", "a-b", "b", "c:1")
IDS = st.sampled_from(NAMES)
PARTITIONS = st.tuples(st.sampled_from(["customer-events", "feedback"]), st.integers(0, 63))
OFFSETS = st.integers(0, 2**63 - 1)
PAYLOADS = st.none() | st.binary(max_size=8)
HEADERS = st.lists(st.tuples(st.text("abc_", max_size=4), st.binary(max_size=4)), max_size=2)
OPTIONS = RocksOptions(block_cache_bytes=1 << 20, write_buffers_bytes=1 << 20)


class TwoStores(RuleBasedStateMachine):
    """The same operations on both; a tiny cache, so that hot and cold reads mix."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = RocksEngine(OPTIONS)
        self.memory = MemoryStore(SHARD)
        self.unsynced = [self.memory.reopened()]
        self.shard, self.lives = Path(self.folder.name) / "shard", 0
        self.rocks = self.open_rocks()

    def open_rocks(self) -> RocksStore:
        return RocksStore(
            self.shard,
            shard=SHARD,
            engine=self.engine,
            cache=CustomerCache(capacity=2),
            identity=Identity("", 64, "seed"),
            rows=self.rows(),
        )

    def rows(self) -> Rows:
        """How the shard is written."""
        return PlainRows()

    def in_order(self, timers: list[Timer]) -> list[Timer]:
        """Timers as the law compares them."""
        return timers

    @rule(
        written=st.lists(customers(IDS), max_size=3),
        erased=st.lists(IDS, max_size=1),
        positions=st.dictionaries(PARTITIONS, OFFSETS, max_size=2),
        source_positions=st.dictionaries(
            PARTITIONS, st.tuples(OFFSETS, st.integers(0, 2**32 - 1)), max_size=2
        ),
        ahead=st.dictionaries(PARTITIONS, st.frozensets(OFFSETS, max_size=3), max_size=2),
        outputs=st.lists(st.tuples(PAYLOADS, PAYLOADS, HEADERS), max_size=3),
        delivered=st.integers(0, 4),
        back=st.booleans(),
    )
    def commit(
        self,
        *,
        written: list[Customer],
        erased: list[str],
        positions: dict[tuple[str, int], int],
        source_positions: dict[tuple[str, int], tuple[int, int]],
        ahead: dict[tuple[str, int], frozenset[int]],
        outputs: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]],
        delivered: int,
        back: bool,
    ) -> None:
        """One batch of everything; with ``back`` who is erased in it may come back in it."""
        records: dict[str, Customer | None] = dict.fromkeys(erased)
        if back:
            records |= {one.customer: one for one in written}
        else:
            records = {one.customer: one for one in written} | records
        first = self.memory.next_sequence
        batch = ShardBatch(
            customers=records,
            erased=set(erased),
            positions=positions,
            source_positions=source_positions,
            ahead=ahead,
            outbox=[
                OutboxEntry(first + index, "offers", key, value, tuple(headers))
                for index, (key, value, headers) in enumerate(outputs)
            ],
            delivered=[entry.sequence for entry in self.memory.outbox()[:delivered]],
        )
        self.write(batch)

    def write(self, batch: ShardBatch) -> None:
        """The same commit to both."""
        self.memory.commit(batch)
        self.rocks.commit(batch)
        self.unsynced.append(self.memory.reopened())

    @rule(now_ms=st.integers(0, MAX_MS), limit=st.integers(1, 3))
    def fire(self, now_ms: int, limit: int) -> None:
        """Due timers come alike, and are cleared as a worker clears them."""
        due = self.memory.due(now_ms, ALL)
        assert self.in_order(self.rocks.due(now_ms, ALL)) == due
        assert [t.due_ms for t in self.rocks.due(now_ms, limit)] == [t.due_ms for t in due[:limit]]
        for timer in due[:limit]:
            record = self.memory.customer(timer.customer)
            assert record is not None
            del record.timers[timer.name]
            self.write(ShardBatch(customers={timer.customer: record}))

    @rule()
    def reopen(self) -> None:
        """A restart keeps everything."""
        self.rocks.close()
        self.rocks = self.open_rocks()
        self.memory = self.memory.reopened()
        self.unsynced = [self.memory.reopened()]

    @rule(torn=st.integers(0, 2000))
    def crash(self, torn: int) -> None:
        """Killed without closing, and the tail of the write-ahead log lost: what was synced is all there.

        What opens is the shard as it was after some commit since the last sync, whole; a tail that is torn
        deeper than that is refused.
        """
        self.lives += 1
        killed, whole = self.rocks, self.shard
        survivor = Path(self.folder.name) / f"life-{self.lives}" / whole.name
        shutil.copytree(whole, survivor, ignore=shutil.ignore_patterns("LOCK"))
        killed.close()
        log = max(survivor.glob("*.log"))
        content = log.read_bytes()
        log.write_bytes(content[: max(0, len(content) - torn)])
        self.shard = survivor
        try:
            self.rocks = self.open_rocks()
        except StateError:
            # Nothing was touched: with the tail back it opens as if nothing had been.
            log.write_bytes(content)
            self.rocks = self.open_rocks()
            torn = 0
        now = self.told(self.rocks)
        possible = [self.memory] if not torn else [self.memory, *reversed(self.unsynced)]
        self.memory = next(one for one in possible if self.told(one) == now).reopened()
        self.unsynced = [self.memory.reopened()]

    @rule()
    def scrub(self) -> None:
        """A scrub changes nothing that can be read."""
        self.rocks.scrub()
        assert not self.rocks.erasing or self.memory.outbox()

    @rule()
    def sync(self) -> None:
        """A sync changes nothing that can be read."""
        self.rocks.sync()
        self.unsynced = [self.memory.reopened()]

    @invariant()
    def alike(self) -> None:
        """Every answer is the same."""
        assert self.told(self.rocks) == self.told(self.memory)

    def told(self, store: ShardStore) -> dict[str, object]:
        """Every answer of a store."""
        return {
            "customers": [store.customer(name) for name in (*NAMES, "absent")],
            "positions": store.positions(),
            "source positions": store.source_positions(),
            "ahead": store.ahead(),
            "outbox": store.outbox(),
            "next sequence": store.next_sequence,
            "next due": store.next_due_ms(),
            "due": self.in_order(store.due(MAX_MS, ALL)),
        }

    def teardown(self) -> None:
        """Give the directory up."""
        self.rocks.close()
        self.folder.cleanup()


class SealedStore(TwoStores):
    """The one in RocksDB is sealed; timers of one instant then lie in an order of their own."""

    def rows(self) -> Rows:
        return Vault(Path(self.folder.name) / "keys", masters=[bytes(32)], cached=2).rows(SHARD)

    def in_order(self, timers: list[Timer]) -> list[Timer]:
        assert [t.due_ms for t in timers] == sorted(t.due_ms for t in timers)
        return sorted(timers)


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(max_examples=12, stateful_step_count=10, deadline=None)
TestSealedStore = SealedStore.TestCase
TestSealedStore.settings = settings(max_examples=12, stateful_step_count=10, deadline=None)
