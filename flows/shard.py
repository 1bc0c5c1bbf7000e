"""The shell around `decide` for one shard: decide on a batch, commit it, hand its outputs on.

One commit holds changed customers, the positions and the outputs, so that after a crash either all of it
happened or nothing. What says nothing may wait for a moment's rest, and an answer's commit holds its own
customer alone: whoever waits for the answer does not wait for others' records (`flows.trail`). It is Kafka-free:
the live flow, the test driver and the simulation call the same code.
"""

from collections.abc import Collection, Mapping, Sequence

from flows import outputs
from flows.clock import CLOCK, strides
from flows.records import Record, Spot
from flows.work import Decide, Decode, Standing, Work
from operators.contracts import World
from state.outbox import OutboxEntry
from state.store import ShardStore

HELD_MAX = 256
"""Records that may wait for their commit, and so how many may lie ahead of the position beside those that passed others."""
PIECE = 6
"""Customers that are committed together at rest: about a millisecond, so that an event that comes meanwhile hardly waits."""
OVERFLOW = 16
"""Customers that are committed together when too much is held: no rest comes, and what counts is cost."""
DUE_MAX = 128
"""Timers that one tick wakes; the rest wait for the next tick, so that events are not held up.

At a month's end all customers are due at once: each is decoded, decided on and written in one batch.
"""


class Shard(Standing):
    """One shard: decides on what its log holds, and keeps what follows from it."""

    def __init__(
        self,
        store: ShardStore,
        *,
        decode: Decode,
        decide: Decide,
        shards: int,
        sent: Mapping[str, int] | None = None,
        ends: Mapping[Spot, int] | None = None,
        event_clock: bool = False,
    ) -> None:
        """Take over a store; see `flows.work.Standing`. ``event_clock``: see `flows.clock`."""
        super().__init__(store, decode=decode, decide=decide, shards=shards, sent=sent, ends=ends)
        self.unsynced = False
        self._event_clock = event_clock
        self._held: Work | None = None
        self._delivered: list[int] = []
        self._reached: dict[Spot, int] = {}

    def recover(self) -> list[OutboxEntry]:
        """The outputs of an earlier run that the log does not hold, to be sent again with the same bytes."""
        again = []
        for entry in self.store.outbox():
            record_id = dict(entry.headers).get(outputs.ID, b"").decode()
            if self.sent.take(record_id) is not None:
                self._delivered.append(entry.sequence)
            else:
                self.pending[entry.sequence] = entry.key
                again.append(entry)
        self.settle()
        return again

    def process(
        self,
        records: Sequence[Record],
        *,
        world: World,
        hold: bool = False,
        floors: Mapping[Spot, int] | None = None,
    ) -> list[OutboxEntry]:
        """Decide on a batch of records in order, and commit it.

        With ``hold`` customers of whom nothing is said may wait, at most `HELD_MAX` records or until
        `settle`: most events only fold, and one commit then writes many of them. Until it is
        committed, what is held is in memory alone, and a crash reads it from the log again.

        ``floors`` is the lowest offset of each topic-partition that no batch has held yet, where some were passed
        over: none of the customers in the batch, and none of the sources, may have a record among those.

        Returns:
            What to send. Each entry is acknowledged by `acknowledge`, or sent again after a restart.

        Raises:
            StateError: The store failed. Nothing of the batch is kept.
            ValueError: Records were passed over, and timers go by the order of the log.
            Exception: A bug in `decide`, logged with its place on the log. Nothing of the batch is kept.
        """
        if not self._event_clock:
            return self._take(records, world, hold=hold, floors=floors)
        if floors is not None:
            message = "with the events' own clock no record may pass another"
            raise ValueError(message)
        entries: list[OutboxEntry] = []
        for look, piece in strides(records, self.positions):
            while look and (self.store.next_due_ms() or self.newest_ms + 1) <= self.newest_ms:
                entries += self._wake(self.newest_ms, world)
            entries += self._take(piece, world)
        return entries

    def tick(self, now_ms: int, *, world: World) -> list[OutboxEntry]:
        """Wake the customers whose timers are due, at most `DUE_MAX`, and commit what is acknowledged."""
        if self._held is not None:
            # What is held may move a timer; and under load no rest comes in which it would be committed.
            held, self._held = self._held, None
            self._commit(held, only={*held.due(now_ms), *held.trail.oldest(PIECE)})
        next_due_ms = self.store.next_due_ms()
        if next_due_ms is None or next_due_ms > now_ms:
            self.sent.passed(self.positions, idle=True)
            if self._held is None:
                self.settle()
            return []
        return self._wake(now_ms, world)

    def acknowledge(self, sequence: int, topic: str, partition: int, offset: int) -> None:
        """An output lies on the log; forgotten with the next commit."""
        if self.pending.pop(sequence, None) is not None:
            self._delivered.append(sequence)
        self._reached[topic, partition] = offset + 1

    @property
    def holds(self) -> int:
        """How many pieces wait for `settle`."""
        if self._held is None:
            return 0
        return max(1, -(-len(self._held.batch.customers) // PIECE))

    def settle(self, most: int | None = None) -> None:
        """Commit what is held, and acknowledgements; ``most``: only so many customers, who wait longest."""
        work, self._held = self._held, None
        if work is not None:
            self._commit(work, only=None if most is None else work.trail.oldest(most))
        elif self._delivered or (self._reached and not self.sent):
            self._commit(Work(self))

    def mark(self, ends: Mapping[Spot, int]) -> None:
        """Note how far the output topics were read at start; the next start reads on from there.

        Committed no sooner than nothing of what was found can come out again.
        """
        self._reached.update(ends)

    def sync(self) -> None:
        """Make what was committed survive the death of the machine."""
        self.store.sync()
        self.unsynced = False

    def close(self) -> None:
        """Commit what was acknowledged last, and give the store up."""
        self.settle()
        self.sync()
        self.store.close()

    def _take(
        self,
        records: Sequence[Record],
        world: World,
        *,
        hold: bool = False,
        floors: Mapping[Spot, int] | None = None,
    ) -> list[OutboxEntry]:
        work, self._held = self._held or Work(self), None
        for record in records:
            work.take(record, world)
        if floors is not None:
            work.trail.left(floors)
        if not hold:
            return self._commit(work)
        made: list[OutboxEntry] = []
        if work.made:
            made = self._commit(work, only=work.answered)
        else:
            self._held = work
        while self._held is not None and len(self._held.trail) >= HELD_MAX:
            self.settle(OVERFLOW)
        return made

    def _wake(self, now_ms: int, world: World) -> list[OutboxEntry]:
        work, self._held = self._held or Work(self), None
        timers = self.store.due(now_ms, DUE_MAX)
        for timer in timers:
            work.wake(timer, world)
        return self._commit(work, only={timer.customer for timer in timers})

    def _commit(self, work: Work, *, only: Collection[str] | None = None) -> list[OutboxEntry]:
        """Commit a work, or some customers of it and what was made; the rest is held on.

        While outputs of an earlier run may come out again, and after what concerns more than one customer, it is
        everything: only then nothing that is committed hangs on what is not.
        """
        parted = only is not None and not (work.whole or self.sent or self._event_clock)
        batch = work.part(only or ()) if parted else work.all()
        if self._event_clock and self.newest_ms > self.positions.get((CLOCK, self.number), 0):
            batch.positions[CLOCK, self.number] = self.newest_ms
        batch.outbox = [entry for entry in work.made.values() if entry.sequence not in work.dropped]
        batch.delivered = [*self._delivered, *(s for s in work.dropped if s not in work.made)]
        if not self.sent:
            batch.positions.update(self._reached)
            self._reached = {}
        if not batch.empty:
            self.store.commit(batch)
            self.unsynced = True
        self.positions.update(batch.positions)
        self.source_positions.update(batch.source_positions)
        self.ahead = {s: at for s, at in (self.ahead | batch.ahead).items() if at}
        self._delivered = []
        for sequence in work.dropped:
            self.pending.pop(sequence, None)
        for entry in batch.outbox:
            self.pending[entry.sequence] = entry.key
        if parted and work.trail:
            work.made, work.answered, self._held = {}, set(), work
        return batch.outbox
