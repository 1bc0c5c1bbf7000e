"""A flow that follows one topic from its beginning: what `learn` and `measure` share.

    read → follow → write

Its state is the log: at each start the topic is read whole, and nothing is published before that is done.
How far back it remembers is the topic's retention.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from flows import outputs
from flows.kafka.client import Connection
from flows.kafka.sink import LogSink, LogWriter, Push
from flows.kafka.source import LogSource, Pace
from flows.records import Batch, Parcel, Record, Spot
from flows.worker import Failure, Stop, run
from schemas.errors import InputError

LOG = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True)
class Publication:
    """One record to publish; ``kind`` is its CloudEvents type, ``record_id`` its id; no value takes it away."""

    topic: str
    key: str
    kind: str
    record_id: str
    value: bytes | None


class Follower(Protocol):
    """What follows a topic."""

    name: str

    def take(self, value: bytes | None, *, spot: Spot, offset: int) -> InputError | None:
        """Take one record; returns why it can't be used, if it can't."""
        ...

    def publish(self, now_ms: int) -> Iterable[Publication]:
        """What is due to be published now."""
        ...


class FollowFlow:
    """One process that follows one topic with all its partitions."""

    def __init__(
        self,
        connection: Connection,
        *,
        follower: Follower,
        role: str,
        partitions: int,
        stop: Stop,
        group: str | None = None,
        pace: Pace | None = None,
        push: Push | None = None,
    ) -> None:
        """Prepare to read; everything before the ends that are met first is history.

        Args:
            connection: The brokers.
            follower: Who takes the records.
            role: The topic.
            partitions: How many it has.
            stop: Asked when the flow should end.
            group: Consumer group that positions are reported to, for lag tools only.
            pace: How to read.
            push: How to write.

        Raises:
            TransportError: The brokers can't be reached, or refuse us.
        """
        self._follower = follower
        self._stop = stop
        self._failure = Failure()
        self._writer = LogWriter(connection, push)
        spots: list[Spot] = [(role, partition) for partition in range(partitions)]
        self._live = False
        self._source = LogSource(
            connection,
            positions=dict.fromkeys(spots),
            loop=self,
            group=group or f"market-of-one-{follower.name}",
            failure=self._failure,
            pace=pace or Pace(tick_s=0.1, tell_end=True),
        )
        self._positions: dict[Spot, int] = {}
        self._report_at = 0.0

    def run(self) -> None:
        """Follow until asked to stop.

        Raises:
            MarketOfOneError: What can't be gone on from.
        """
        try:
            LOG.info("following", extra={"flow": self._follower.name})
            run(self.graph(), failure=self._failure)
            if self._live or self._source.caught_up:
                for parcel in self._due():
                    self._writer.send(parcel)
        finally:
            self._writer.close()

    def graph(self) -> Dataflow:
        """The three steps. Their ids are also the labels of Bytewax's metrics."""
        flow = Dataflow(self._follower.name)
        batches = op.input("read", flow, self._source)
        parcels = op.flat_map_batch("follow", batches, self._failure.guard(self.follow))
        op.output("write", parcels, LogSink(self._writer, failure=self._failure))
        return flow

    def follow(self, batches: list[Batch]) -> list[Parcel]:
        """Take what came, then publish what is due."""
        for batch in batches:
            for record in batch.records:
                self._take(record)
        if self._behind(quiet=not any(batch.records for batch in batches)):
            return []
        return self._due()

    def turn(self) -> None:
        """Between reads: acknowledgements, and how far we are, for lag tools."""
        self._writer.poll()
        now = time.monotonic()
        if now >= self._report_at:
            self._report_at = now + 1.0
            self._source.report(self._positions)

    def room(self, timeout_s: float) -> bool:
        """Whether the writer keeps up."""
        return self._writer.room(timeout_s)

    def rest(self) -> bool:
        """Nothing waits here."""
        return False

    def stopping(self) -> bool:
        """Whether a signal came."""
        return self._stop.asked

    def now_ms(self, shard: int) -> int | None:
        """The wall clock, once a tick."""
        return _wall_ms() if shard == 0 else None

    def _due(self) -> list[Parcel]:
        source = f"/market-of-one/{self._follower.name}".encode()
        return [
            Parcel(
                said.topic,
                said.key.encode(),
                said.value,
                outputs.headers(record_id=said.record_id.encode(), source=source, kind=said.kind),
                lambda *_: None,
            )
            for said in self._follower.publish(_wall_ms())
        ]

    def _take(self, record: Record) -> None:
        spot = (record.topic, record.partition)
        self._positions[spot] = record.offset + 1
        if record.dark:
            return
        error = self._follower.take(record.value, spot=spot, offset=record.offset)
        if error is not None:
            extra = {"position": record.place, "code": error.code}
            LOG.warning("record left out", extra=extra)

    def _behind(self, *, quiet: bool) -> bool:
        """Whether history is still being read; a model of half of it must not be published."""
        if not self._live:
            self._live = quiet and self._source.caught_up
        return not self._live


def place(positions: Mapping[Spot, int]) -> str:
    """Next offsets by partition, as ``0:12,1:7``.

    Example:
        >>> place({("lessons", 1): 7, ("lessons", 0): 12})
        '0:12,1:7'
    """
    return ",".join(f"{partition}:{at}" for (_, partition), at in sorted(positions.items()))


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
