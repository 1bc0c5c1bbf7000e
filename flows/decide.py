"""The flow that decides: customers' log → shell around `operators.decide` → output topics.

    read → decide → write

Each process owns whole shards by its ordinal, reads only their partitions and writes only their stores,
so that nothing is exchanged between processes and the Kafka log is the one distributor. The graph has
three steps; the stages of a decision are inside `operators.decide`.

Order: an answer is one write (record, timers, outputs, what was taken) through RocksDB's write-ahead log; then its
outputs are produced, offers first; an acknowledged one leaves the outbox with its shard's next commit. Each `sync_s`
every shard that changed is synced, and then the positions it had before that are told to the group. Nothing waits for
a sync: what a machine takes with it was not told to the group and is read again, and outputs that lie on their topics
are not sent again.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from flows.backup import BackupRun
from flows.kafka import tail
from flows.kafka.client import Connection
from flows.kafka.control import ControlReader
from flows.kafka.member import Member
from flows.kafka.sink import LogSink, LogWriter, Push
from flows.kafka.source import LogSource, Pace
from flows.metrics import Metrics
from flows.records import Batch, Parcel, Spot
from flows.refusals import Refusals
from flows.shard import PIECE, Shard
from flows.work import Decide, Decode
from flows.worker import Failure, Stop, run
from flows.world import WorldKeeper
from schemas import topics
from state.outbox import OutboxEntry
from state.store import ShardStore

LOG = logging.getLogger(__name__)
CONTROL_EVERY_S = 0.1
PIECE_MAX = 8
"""Records of one shard that are decided on before what follows from them is sent, under a backlog."""
SETTLE_EVERY_S = 0.05
"""How often what is held is committed when there is a moment's rest; under load, with each shard's tick."""

OFFERS_FIRST = Push(first=frozenset({topics.OFFERS}))
"""Somebody waits for an offer, and nobody for what is told of it."""


@dataclass(slots=True, frozen=True)
class DecideOptions:
    """How the flow runs.

    ``inputs`` are the topics read: the customers' log, and topics that are cut like it and keyed by
    customer. ``event_clock``: the log moves the timers, see `flows.clock`.
    ``sync_s`` is how much of the newest state may be lost, and made again from the log, when the machine dies.
    ``scrub_s``: bytes of an erased customer are off the disk after so long.
    """

    shards: int
    inputs: tuple[str, ...] = (topics.CUSTOMER_EVENTS,)
    group: str = "market-of-one-decide"
    event_clock: bool = False
    sync_s: float = 1.0
    scrub_s: float = 60.0
    pace: Pace = field(default_factory=Pace)
    push: Push = OFFERS_FIRST


def owned(*, shards: int, ordinal: int, workers: int) -> tuple[int, ...]:
    """The shards of one worker.

    Example:
        >>> owned(shards=8, ordinal=1, workers=3)
        (1, 4, 7)
    """
    return tuple(range(ordinal, shards, workers))


class DecideFlow:
    """One worker. Everything but the wait for the disk runs on its one thread, so nothing here is locked."""

    def __init__(
        self,
        connection: Connection,
        *,
        stores: Mapping[int, ShardStore],
        counts: Mapping[str, int],
        keeper: WorldKeeper,
        decode: Decode,
        decide: Decide,
        options: DecideOptions,
        stop: Stop,
        metrics: Metrics,
        member: Member | None = None,
        writer: LogWriter | None = None,
        backups: BackupRun | None = None,
    ) -> None:
        """Read the ends of the outputs and the control topics; what was not delivered is sent by `run`.

        With ``member``, the group that deals out the shards is kept told, and ``writer`` must be its fenced one.

        Raises:
            TransportError: The brokers can't be reached, or refuse us.
        """
        self._options = options
        self._member, self._backups = member, backups
        self._released = False
        self._stop = stop
        self._metrics = metrics
        self._keeper = keeper
        self._failure = Failure()
        wanted = [(role, number) for number in stores for role in options.inputs]
        positions = {spot: stores[spot[1]].positions().get(spot) for spot in wanted}
        log_ends = tail.check_positions(connection, positions)
        reached = _reached(stores, shards=options.shards, counts=counts)
        sent, ends = tail.read(connection, reached=reached, settled=member is not None)
        self._shards = {
            number: Shard(
                store,
                decode=decode,
                decide=decide,
                shards=options.shards,
                sent=sent[number],
                ends={spot: end for spot, end in log_ends.items() if spot[1] == number},
                event_clock=options.event_clock,
            )
            for number, store in stores.items()
        }
        for number, shard in self._shards.items():
            shard.mark({spot: ends[spot] for spot in reached[number]})
        self._writer = writer or LogWriter(connection, options.push)
        refused = Refusals(self._shards.get(0), send=self._writer.send).hear
        self._control = ControlReader(connection, counts=counts, keeper=keeper, refused=refused)
        self._source = LogSource(
            connection,
            positions=positions,
            loop=self,
            failure=self._failure,
            group=options.group,
            pace=options.pace,
        )
        self._control_at = self._settle_at = 0.0
        self._holding: list[Shard] = []
        now = time.monotonic()
        self._sync_at, self._scrub_at = now + options.sync_s, now + options.scrub_s
        self._unsynced: list[tuple[Shard, dict[Spot, int] | None]] = []
        # What was opened is safe, and the group may have missed the last report of a worker that died.
        self._synced: dict[Spot, int] = {s: at for s, at in positions.items() if at is not None}
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sync")
        self._syncing: Future[dict[Spot, int]] | None = None

    def run(self) -> None:
        """Decide until asked to stop; the state is closed whatever ends it.

        Raises:
            MarketOfOneError: What can't be gone on from.
            Exception: A bug in `decide`; logged with its place on the log.
        """
        try:
            self._control.read_whole()
            for shard in self._shards.values():
                for parcel in self._parcels(shard, shard.recover()):
                    self._writer.send(parcel)
            if self._backups is not None:
                self._backups.start()
            LOG.info("deciding", extra={"shards": len(self._shards)})
            run(self.graph(), failure=self._failure)
        finally:
            self._close()

    def graph(self) -> Dataflow:
        """The three steps. Their ids are also the labels of Bytewax's metrics."""
        flow = Dataflow("decide")
        batches = op.input("read", flow, self._source)
        parcels = op.flat_map_batch("decide", batches, self._failure.guard(self.decide_batches))
        op.output("write", parcels, LogSink(self._writer, failure=self._failure))
        return flow

    def decide_batches(self, batches: list[Batch]) -> Iterable[Parcel]:
        """Decide and commit each batch; what comes back is safe in the outbox already."""
        parcels: list[Parcel] = []
        for batch in () if self._released else batches:
            shard = self._shards[batch.shard]
            if batch.records:
                made = shard.process(
                    batch.records, world=self._keeper.world, hold=True, floors=batch.floors
                )
                parcels += self._parcels(shard, made)
                self._metrics.read(batch.records, now_ms=_wall_ms())
            if batch.tick_ms is not None:
                parcels += self._parcels(shard, shard.tick(batch.tick_ms, world=self._keeper.world))
            self._metrics.collect(shard.tally)
        return parcels

    def turn(self) -> None:
        """Between reads: acknowledgements, control topics, one shard's sync."""
        self._writer.poll()
        now = time.monotonic()
        if now >= self._control_at:
            self._control_at = now + CONTROL_EVERY_S
            self._control.poll()
            self._metrics.in_flight(self._writer.in_flight)
            if self._member is not None:
                self._member.poll()
        if not self._released:
            self._sync(now)

    def rest(self) -> bool:
        """Nothing is there to read: commit a piece of what one shard holds; whether there is more.

        Not at each pause: a commit of some events costs little more than a commit of one.
        """
        if not self._holding:
            now = time.monotonic()
            if now < self._settle_at:
                return False
            self._settle_at = now + SETTLE_EVERY_S
            self._holding = [s for s in self._shards.values() for _ in range(s.holds)]
        if self._holding:
            self._holding.pop().settle(PIECE)
        return bool(self._holding)

    def room(self, timeout_s: float) -> bool:
        """Whether the writer keeps up."""
        return self._writer.room(timeout_s)

    def stopping(self) -> bool:
        """Whether a signal came, or the shards are no longer ours."""
        return self._stop.asked or self._released

    def release(self) -> None:
        """Flush, close the state, and end soon; what is not delivered by now stays in the outbox."""
        self._close()

    def now_ms(self, shard: int) -> int | None:
        """The wall clock; none of a shard that has the events' own, whose timers the log moves."""
        del shard
        return 0 if self._options.event_clock else _wall_ms()

    def _sync(self, now: float) -> None:
        """Make the state safe shard by shard, and then tell the group how far it is.

        On a thread of its own: a sync waits for the disk, and the events of the moment must not.
        """
        if self._syncing is not None:
            if self._syncing.done():
                self._synced.update(self._syncing.result())
                self._syncing = None
        elif self._unsynced:
            self._syncing = self._disk.submit(self._sync_one, *self._unsynced.pop())
        elif now >= self._sync_at:
            (self._source if self._member is None else self._member).report(self._synced)
            self._synced = {}
            self._sync_at = now + self._options.sync_s
            self._unsynced = [
                (
                    shard,
                    {s: at for s, at in shard.positions.items() if s[0] in self._options.inputs},
                )
                for shard in self._shards.values()
                if shard.unsynced
            ]
            for shard, _ in self._unsynced:
                shard.unsynced = False
            if now >= self._scrub_at:
                self._scrub_at = now + self._options.scrub_s
                erasing = [shard for shard in self._shards.values() if shard.store.erasing]
                # Taken from the end: what is to be safe does not wait for what is slow.
                self._unsynced = [*((shard, None) for shard in erasing), *self._unsynced]

    @staticmethod
    def _sync_one(shard: Shard, positions: dict[Spot, int] | None) -> dict[Spot, int]:
        """Everything committed before these positions were read is safe when this returns; without them: scrub."""
        if positions is not None:
            shard.store.sync()
            return positions
        shard.store.scrub()
        if not shard.store.erasing:
            LOG.info("erased customers are off the disk", extra={"shard": shard.number})
        return {}

    def _parcels(self, shard: Shard, entries: Iterable[OutboxEntry]) -> list[Parcel]:
        """What to send, first what somebody waits for: the writer holds back what comes behind it."""
        first = self._options.push.first
        return [
            Parcel(
                entry.topic,
                entry.key,
                entry.value,
                entry.headers,
                partial(shard.acknowledge, entry.sequence),
            )
            for entry in sorted(entries, key=lambda entry: entry.topic not in first)
        ]

    def _close(self) -> None:
        if self._released:
            return
        self._released = True
        self._writer.close()
        self._control.close()
        self._disk.shutdown(wait=True)
        if self._backups is not None:
            self._backups.stop()
        for shard in self._shards.values():
            try:
                shard.close()
            except Exception:
                LOG.exception("a shard did not close", extra={"shard": shard.number})
        LOG.info("state is closed", extra={"shards": len(self._shards)})


def _reached(
    stores: Mapping[int, ShardStore], *, shards: int, counts: Mapping[str, int]
) -> dict[int, dict[Spot, int | None]]:
    """Up to where the outputs of each shard are accounted for."""
    reached: dict[int, dict[Spot, int | None]] = {}
    for number, store in stores.items():
        positions = store.positions()
        reached[number] = {
            spot: positions.get(spot)
            for spot in tail.spots_of(number, shards=shards, counts=counts)
        }
    return reached


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
