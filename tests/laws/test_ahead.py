"""Law of the shard's commits: whatever is held, committed in pieces, killed or lost, the end is the same.

A log of two topics is taken once record by record, each committed at once, and once in batches of which much is
held and some passed over, with acknowledgements, ticks, settling in pieces, kills and a machine's death at any commit
between. Records, timers, positions and outputs are the same in the end, each output on its topic once.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from zlib import crc32

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flows import outputs
from flows.kafka.lanes import FAIR_EVERY, Lanes
from flows.records import Record, Spot
from flows.shard import HELD_MAX, Shard
from schemas import topics
from state.codec import encode
from state.memory import MemoryStore
from state.outbox import OutboxEntry
from tests.chains import MINUTE_MS, PARTED, business, decode
from tests.streams import START_MS, small_world

LOG: Spot = (topics.CUSTOMER_EVENTS, 0)
DIRECT: Spot = ("transactions", 0)
ALL = 1 << 60
NAMES = {LOG: ("a", "b", "c", "d", "e"), DIRECT: ("x", "y")}
"""Who is on which topic: between topics a restart keeps no order, and here all must be kept."""
ACTS = ("fold",) * 8 + ("answer", "answer", "timer", "twice", "still", "bad", "erase")
PRESS = (b"answer", b"erase")
WORLD = small_world()


@dataclass
class Topics:
    """Where outputs come to lie: topic → (id, key, value), in order."""

    lie: dict[str, list[tuple[str, bytes | None, bytes | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def append(self, entry: OutboxEntry) -> int:
        lies = self.lie[entry.topic]
        lies.append((dict(entry.headers)[outputs.ID].decode(), entry.key, entry.value))
        return len(lies) - 1

    def after(self, positions: dict[Spot, int]) -> dict[str, int]:
        """What lies beyond what is accounted for: id → CRC-32."""
        return {
            record_id: crc32(value or b"")
            for topic, lies in self.lie.items()
            for record_id, _, value in lies[positions.get((topic, 0), 0) :]
        }

    def ends(self) -> dict[Spot, int]:
        return {(topic, 0): len(lies) for topic, lies in self.lie.items()}


def shard_on(store: MemoryStore, lie: Topics, ends: dict[Spot, int]) -> Shard:
    """A worker that begins: it reads the ends of the outputs."""
    shard = Shard(
        store,
        decode=decode,
        decide=business,
        shards=1,
        sent=lie.after(store.positions()),
        ends=ends,
    )
    shard.mark(lie.ends())
    return shard


def state(store: MemoryStore) -> dict[str, object]:
    records = {n: store.customer(n) for names in NAMES.values() for n in names}
    return {
        "records": {n: record and encode(record) for n, record in records.items()},
        "timers": store.due(ALL, 999),
        "positions": {s: at for s, at in store.positions().items() if s in NAMES},
        "sources": store.source_positions(),
        "ahead": store.ahead(),
        "outbox": store.outbox(),
    }


class Lives(RuleBasedStateMachine):
    """One shard, its log and its outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[Spot, list[Record]] = {LOG: [], DIRECT: []}
        self.order: list[Spot] = []
        self.topics = Topics()
        self.begin(MemoryStore(0))

    def begin(self, store: MemoryStore) -> None:
        """A worker starts: it sends what is left to be sent, and reads from the positions on."""
        self.store, self.lives = store, [store.reopened()]
        commit = store.commit

        def remembered(batch: object) -> None:
            commit(batch)  # type: ignore[arg-type]
            self.lives.append(store.reopened())

        store.commit = remembered  # type: ignore[method-assign]
        self.shard = shard_on(store, self.topics, {s: len(log) for s, log in self.logs.items()})
        self.flying = list(self.shard.recover())
        self.next = {s: store.positions().get(s, 0) for s in self.logs}
        self.unread = {s: {r.offset for r in log[self.next[s] :]} for s, log in self.logs.items()}
        self.lanes = Lanes(piece_max=4, pressing=lambda record: record.value in PRESS)

    @rule(spot=st.sampled_from([LOG, LOG, DIRECT]), count=st.integers(1, 16))
    def read(self, spot: Spot, count: int) -> None:
        at = self.next[spot]
        for record in self.logs[spot][at : at + count]:
            self.lanes.add(record)
            self.next[spot] += 1

    def handed(self, *, hold: bool) -> bool:
        """Whatever the lanes hand on next is taken; False if nothing waits."""
        batch = self.lanes.next()
        if batch is None:
            return False
        for record in batch.records:
            self.unread[record.topic, record.partition].remove(record.offset)
        self.flying += self.shard.process(
            batch.records, world=WORLD, hold=hold, floors=batch.floors
        )
        return True

    def untaken(self) -> dict[Spot, int]:
        """The lowest offset of each topic that was not taken in this life, or its end."""
        return {s: min(self.unread[s], default=len(log)) for s, log in self.logs.items()}

    @initialize(
        acts=st.lists(
            st.tuples(st.sampled_from(ACTS), st.integers(0, 4), st.booleans(), st.booleans()),
            min_size=5,
            max_size=60,
        )
    )
    def write(self, acts: list[tuple[str, int, bool, bool]]) -> None:
        """What happens; some records were translated twice by ingest, and lie there again."""
        self.more(acts)

    @rule(
        acts=st.lists(
            st.tuples(st.sampled_from(ACTS), st.integers(0, 4), st.booleans(), st.booleans()),
            max_size=12,
        )
    )
    def more(self, acts: list[tuple[str, int, bool, bool]]) -> None:
        for act, who, direct, again in acts:
            spot = DIRECT if direct else LOG
            log, name = self.logs[spot], NAMES[spot][who % len(NAMES[spot])]
            head: tuple[tuple[str, bytes], ...] = ()
            if spot == LOG:
                source = len(log) - (3 if again and len(log) > 3 else 0)
                head = (("source", b"messages:%d:%d:0" % (who % 3, source)),)
            self.unread[spot].add(len(log))
            log.append(Record(*spot, len(log), name.encode(), act.encode(), head, START_MS))

    @rule(pieces=st.integers(1, 2 * FAIR_EVERY))
    def take(self, pieces: int) -> None:
        """Some of what was read, in the way of the worker."""
        for _ in range(pieces):
            self.handed(hold=True)

    @rule()
    def take_at_once(self) -> None:
        self.handed(hold=False)

    @rule(most=st.none() | st.integers(1, 3))
    def settle(self, most: int | None) -> None:
        self.shard.settle(most)

    @rule()
    def tick(self) -> None:
        """The clock shows the time of what was read last; it never does before all older records are read."""
        self.flying += self.shard.tick(self.now_ms(), world=WORLD)

    def now_ms(self) -> int:
        return START_MS + (min(self.untaken().values()) - 1) * MINUTE_MS

    @rule(count=st.integers(1, 9))
    def deliver(self, count: int) -> None:
        """The broker acknowledges."""
        for entry in self.flying[:count]:
            self.shard.acknowledge(entry.sequence, entry.topic, 0, self.topics.append(entry))
        del self.flying[:count]

    @rule(landed=st.integers(0, 6), lost=st.sampled_from([0, 0, 0, 1, 2, 5]))
    def die(self, landed: int, lost: int) -> None:
        """Killed, and some commits lost with the machine; of what flew some arrived, and nobody knows."""
        for entry in self.flying[:landed]:
            self.topics.append(entry)
        self.begin(self.lives[max(0, len(self.lives) - 1 - lost)].reopened())

    @rule()
    def close(self) -> None:
        """Closed properly: nothing is ahead but what was not read again yet."""
        self.shard.close()
        ahead, untaken = self.store.ahead(), self.untaken()
        assert all(min(offsets) >= untaken[spot] for spot, offsets in ahead.items())
        positions = self.store.positions()
        assert all(positions.get(spot, 0) == at for spot, at in untaken.items())
        self.deliver(len(self.flying))
        self.begin(self.store.reopened())

    @invariant()
    def bounded(self) -> None:
        """The position is never beyond what waits or was passed over, and not much before it."""
        positions = self.store.positions()
        assert all(positions.get(spot, 0) <= at for spot, at in self.untaken().items())
        for spot, offsets in self.store.ahead().items():
            assert len(offsets) <= HELD_MAX
            assert min(offsets) >= positions.get(spot, 0)

    def teardown(self) -> None:
        """What it came to is what record by record would have."""
        for spot in self.logs:
            self.read(spot, len(self.logs[spot]))
        while self.handed(hold=True):
            pass
        end_ms = START_MS + 999 * MINUTE_MS
        self.finish(self.shard, self.flying, self.topics, end_ms)
        told, truth = Topics(), MemoryStore(0)
        shard = shard_on(truth, told, {})
        flying: list[OutboxEntry] = []
        for record in [one for log in self.logs.values() for one in log]:
            for entry in shard.process([record], world=WORLD):
                shard.acknowledge(entry.sequence, entry.topic, 0, told.append(entry))
        self.finish(shard, flying, told, end_ms)
        assert state(self.store) == state(truth)
        assert self.shard.tally.diverged == 0
        for topic in {*told.lie, *self.topics.lie}:
            found = [one for one in self.topics.lie[topic] if one[1] != PARTED.encode()]
            assert sorted(found) == sorted(o for o in told.lie[topic] if o[1] != PARTED.encode())
            parted = [one for one in self.topics.lie[topic] if one[1] == PARTED.encode()]
            assert len(parted) == len(set(parted))
            assert set(parted) <= set(told.lie[topic])

    @staticmethod
    def finish(shard: Shard, flying: list[OutboxEntry], lie: Topics, end_ms: int) -> None:
        shard.settle()
        while (due_ms := shard.store.next_due_ms()) is not None and due_ms <= end_ms:
            flying += shard.tick(end_ms, world=WORLD)
        for entry in flying:
            shard.acknowledge(entry.sequence, entry.topic, 0, lie.append(entry))
        shard.settle()


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
