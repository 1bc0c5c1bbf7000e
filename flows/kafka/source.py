"""Read the log: one consumer for all partitions of a worker, batches by shard, ticks.

Bytewax's own Kafka source makes a client per partition and waits a millisecond for each in turn; this one
asks one client, so an idle partition costs nothing. Why assigned and never subscribed: the state says where
to read on, and a group's idea of it would be a second truth.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from bytewax.inputs import DynamicSource, StatelessSourcePartition
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from flows.kafka.client import PROBE_S, Connection, Watch, at_end, explain, passing
from flows.kafka.lanes import Lanes, Pressing
from flows.kafka.report import Report
from flows.kafka.ticks import Rota
from flows.records import Batch, Headers, Record, Spot
from flows.worker import Failure

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""When a source that is past due was due: Bytewax asks again at once, whatever the wall clock does."""
AHEAD_MAX = 16_384
"""Records that wait when no more are read, if some may pass others: some 20 megabytes."""
EAGER_TURNS = 4
"""Turns without waiting after data, so that what was read drains through the graph first."""


@dataclass(slots=True, frozen=True)
class Pace:
    """How the source reads.

    ``idle_s`` is how long it waits when nothing comes; longer costs less CPU, and no latency.
    ``batch_max`` bounds what one turn reads, ``piece_max`` what is handed on of one shard at a time.
    ``pressing`` says what goes first among what was read (`flows.kafka.lanes`), None: nothing.
    ``tick_s`` is the period of a shard's ticks, None for none.
    ``until_end`` ends the run once every partition was read to its end; ``tell_end`` only takes note of it.
    """

    batch_max: int = 512
    piece_max: int | None = None
    pressing: Pressing | None = None
    idle_s: float = 0.01
    tick_s: float | None = 1.0
    until_end: bool = False
    tell_end: bool = False
    fetch_wait_ms: int = 50
    queue_kbytes: int = 32_768
    outage_s_max: float = 60.0


class Loop(Protocol):
    """What the flow does around the reading, all on the one thread of the worker."""

    def turn(self) -> None:
        """Once each time round: acknowledgements, control topics, syncing. Must not block for long."""
        ...

    def room(self, timeout_s: float) -> bool:
        """Whether more may be read; waits at most ``timeout_s`` for acknowledgements if not."""
        ...

    def rest(self) -> bool:
        """Nothing is there to read: do a little of what can wait; whether more of it is left."""
        ...

    def stopping(self) -> bool:
        """Whether the run should end."""
        ...

    def now_ms(self, shard: int) -> int | None:
        """The time that a tick of this shard carries, None for no tick."""
        ...


class LogSource(DynamicSource[Batch]):
    """The partitions of a worker, each read on from a given position."""

    def __init__(
        self,
        connection: Connection,
        *,
        positions: Mapping[Spot, int | None],
        loop: Loop,
        failure: Failure,
        group: str,
        pace: Pace | None = None,
    ) -> None:
        """Describe the reading; nothing is opened before `build`.

        Args:
            connection: The brokers.
            positions: (role, partition) → next offset; None is the beginning of the log.
            loop: What to do around the reading.
            failure: Hears of errors before Bytewax wraps them.
            group: Consumer group that positions are reported to, for lag tools only.
            pace: How to read.
        """
        self._connection = connection
        self._positions = dict(positions)
        self._loop = loop
        self._failure = failure
        self._group = group
        self._pace = pace or Pace()
        self.reader: LogReader | None = None

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "LogReader":
        """Open the consumer; a run has one worker."""
        del step_id, worker_index
        if worker_count != 1:
            message = f"a run has one worker, not {worker_count}: start more processes instead"
            raise ValueError(message)
        self.reader = self._failure.guard(LogReader)(
            self._connection,
            positions=self._positions,
            loop=self._loop,
            failure=self._failure,
            group=self._group,
            pace=self._pace,
        )
        return self.reader

    @property
    def caught_up(self) -> bool:
        """Whether every partition was read to its end once; only known if the pace asks for it."""
        return self.reader is not None and self.reader.caught_up

    def report(self, positions: Mapping[Spot, int]) -> None:
        """Tell the consumer group how far the state has come; never waits, and may be lost."""
        if self.reader is not None:
            self.reader.report(positions)

    @property
    def reported(self) -> Mapping[Spot, int]:
        """The positions that the group is known to have, of those that were reported."""
        return {} if self.reader is None else self.reader.reported


class LogReader(StatelessSourcePartition[Batch]):
    """The running source."""

    def __init__(
        self,
        connection: Connection,
        *,
        positions: Mapping[Spot, int | None],
        loop: Loop,
        failure: Failure,
        group: str,
        pace: Pace,
    ) -> None:
        """Open one consumer at the given positions."""
        self._next = failure.guard(self._turn)
        self._connection = connection
        self._loop = loop
        self._pace = pace
        self._watch = Watch(code="transport.source", outage_s_max=pace.outage_s_max)
        self._report = Report(connection)
        self._consumer = consumer(
            connection,
            group=group,
            heard=self._watch.heard,
            pace=pace,
            tell_end=pace.until_end or pace.tell_end,
            reported=self._report.heard,
        )
        self._open = {(connection.topic(role), partition) for role, partition in positions}
        self._consumer.assign(
            [
                TopicPartition(
                    connection.topic(role), partition, OFFSET_BEGINNING if at is None else at
                )
                for (role, partition), at in positions.items()
            ]
        )
        self._roles = {connection.topic(role): role for role, _ in positions}
        self._eager_turns = 0
        self._rota = None
        if pace.tick_s is not None:
            shards = {partition for _, partition in positions}
            self._rota = Rota(shards, period_s=pace.tick_s, now_s=time.monotonic())
        self._lanes = Lanes(piece_max=pace.piece_max, pressing=pace.pressing)
        # What presses can pass only what was read: then reading goes on while something waits.
        self._ahead_max = AHEAD_MAX if pace.pressing else 1

    def next_batch(self) -> list[Batch]:
        """What came for one shard, or its tick: one at a time, so that its outputs need not wait for others'."""
        return self._next()

    def _turn(self) -> list[Batch]:
        loop = self._loop
        loop.turn()
        if loop.stopping() or self._ended():
            raise StopIteration
        if not loop.room(self._pace.idle_s):
            return []
        self._read()
        batch = self._lanes.next()
        return [] if batch is None else [batch]

    def _read(self) -> None:
        """Queue what came, by shard, and the ticks whose time has come."""
        if len(self._lanes) < self._ahead_max:
            self._queue(self._consume())
        if self._rota is not None:
            for shard in self._rota.due(time.monotonic()):
                now_ms = self._loop.now_ms(shard)
                if now_ms is not None:
                    self._lanes.tick(shard, now_ms)

    @property
    def caught_up(self) -> bool:
        """Whether every partition was read to its end once, and nothing of it waits to be handed on."""
        return not self._open and not self._lanes

    def next_awake(self) -> datetime:
        """At once: waiting is done inside `next_batch`, where data ends it early."""
        return LONG_AGO

    def close(self) -> None:
        """Leave without waiting for the group, of which this was never a member."""
        self._consumer.close()

    def report(self, positions: Mapping[Spot, int]) -> None:
        """Commit positions to the group, asynchronously."""
        self._report.send(self._consumer, positions)

    @property
    def reported(self) -> Mapping[Spot, int]:
        """The positions that the group is known to have."""
        return self._report.taken

    def _consume(self) -> list[Message]:
        """Read without waiting; when idle, wait for the first record and take what stands behind it."""
        messages = self._consumer.consume(self._pace.batch_max, 0)
        if not messages and not self._lanes:
            if self._loop.rest():
                return messages
            if self._eager_turns:
                self._eager_turns -= 1
                return messages
            messages = self._consumer.consume(1, self._pace.idle_s)
            if not messages:
                self._watch.check(lambda: self._consumer.list_topics(timeout=PROBE_S))
                return messages
            messages += self._consumer.consume(self._pace.batch_max, 0)
        self._eager_turns = EAGER_TURNS
        return messages

    def _queue(self, messages: Sequence[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is not None:
                self._failed(message, error)
                continue
            self._watch.up()
            self._lanes.add(self._connection.opened(to_record(message, self._roles)))

    def _failed(self, message: Message, error: KafkaError) -> None:
        """Stop at what won't heal; librdkafka retries the rest, and `Watch` bounds how long."""
        if at_end(error):
            self._open.discard((message.topic() or "", message.partition() or 0))
        elif not passing(error):
            role = f"{self._roles.get(message.topic() or '', 'log')}:{message.partition()}"
            raise explain(error, role=role, code="transport.source")

    def _ended(self) -> bool:
        return self._pace.until_end and not self._open and not self._eager_turns and not self._lanes


def to_record(message: Message, roles: Mapping[str, str]) -> Record:
    """A message without error as a record; ``roles`` maps the topic's name to its role."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        error = "a message without a place"
        raise ValueError(error)
    return Record(
        roles[topic],
        partition,
        offset,
        message.key(),
        message.value(),
        to_headers(message),
        message.timestamp()[1],
    )


def to_headers(message: Message) -> Headers:
    """The headers as bytes; a header without a value has an empty one."""
    headers = message.headers()
    if not headers:
        return ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return tuple(
        (name, value.encode() if isinstance(value, str) else value or b"") for name, value in pairs
    )


def consumer(
    connection: Connection,
    *,
    group: str,
    heard: Callable[[KafkaError], None],
    pace: Pace,
    lost: str = "error",
    tell_end: bool = False,
    reported: Callable[[KafkaError | None, list[TopicPartition]], None] | None = None,
) -> Consumer:
    """A consumer that is tuned for latency and has no say over positions.

    ``lost`` is what it does when the log no longer holds a position: an error, aloud, or ``earliest``.
    ``tell_end`` makes it say when a partition was read to its end (see `flows.kafka.client.at_end`).
    ``reported`` hears what became of positions that were reported to the group.
    """
    return Consumer(
        {
            **connection.base(heard),
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": lost,
            "enable.partition.eof": tell_end,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": pace.fetch_wait_ms,
            "fetch.min.bytes": 1,
            "fetch.error.backoff.ms": 20,
            "queued.max.messages.kbytes": pace.queue_kbytes,
            "check.crcs": True,
            **({} if reported is None else {"on_commit": reported}),
        }
    )
