"""Write to the log: one idempotent producer, acknowledgements routed back, no flush per batch.

Bytewax's own Kafka sink flushes after each batch, which holds the worker for a round trip, and never
learns of a failed delivery. Here the outbox in the state makes waiting needless: what was not acknowledged
is sent again after a restart.
"""

import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from flows.kafka.client import PROBE_S, Connection, Watch, explain, purged
from flows.records import Parcel
from flows.worker import Failure
from schemas.errors import MarketOfOneError, TransportError

LOG = logging.getLogger(__name__)
PARTITIONER = "murmur2_random"
"""Java's default, so that any client that keys by customer hits the same partition."""
ANY = -1
"""The partition that the partitioner chooses, to librdkafka."""
SERVE_S_MAX = 0.1
"""From 0.2 s on the client cuts a wait into several, and goes on with them after a fatal error (see `_serve`)."""


@dataclass(slots=True, frozen=True)
class Push:
    """How the sink writes.

    ``in_flight_max`` is how many parcels may wait for an acknowledgement before reading stops.
    ``deliver_s_max`` is how long a parcel may wait before the worker gives up.
    ``first`` are the topics that somebody waits for: while a parcel for one is on its way, those for others are held
    back, but no longer than ``hold_s``.
    """

    in_flight_max: int = 20_000
    first: frozenset[str] = frozenset()
    hold_s: float = 0.02
    linger_ms: float = 0.0
    deliver_s_max: float = 120.0
    close_s_max: float = 3.0


class LogWriter:
    """The producer of a worker. Used from one thread; acknowledgements arrive inside `poll`.

    Each topic-partition is a request of its own to the client, in no particular order, and a broker takes the requests
    of a connection one after another. So what somebody waits for goes out alone, and the rest when it is there.
    """

    def __init__(
        self,
        connection: Connection,
        push: Push | None = None,
        *,
        more: Mapping[str, str | int] | None = None,
        twice: bool = False,
    ) -> None:
        """Open the producer; the brokers are reached when the first parcel is sent.

        ``more`` are settings of librdkafka that win over ours. With ``twice`` a parcel of which nobody knows whether
        it arrived is written again; without, it is a failure, and who begins again looks at the log first.
        """
        self._connection = connection
        self._seal = connection.seal
        self._push = push or Push()
        self._twice = twice
        self._again: list[Parcel] = []
        self._held: deque[tuple[Parcel, Parcel]] = deque()  # and as sealed: keys change
        self._held_at = 0.0
        self._first_in_flight = 0
        self._watch = Watch(code="transport.sink", outage_s_max=self._push.deliver_s_max)
        self._failure: MarketOfOneError | None = None
        self._producer = Producer(
            {
                **connection.base(self._watch.heard),
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": self._push.linger_ms,
                "partitioner": PARTITIONER,
                "compression.type": "lz4",
                "delivery.timeout.ms": round(self._push.deliver_s_max * 1000),
                "queue.buffering.max.messages": 2 * self._push.in_flight_max,
                "queue.buffering.max.kbytes": 262_144,
                "message.max.bytes": 2_000_000,
                **(more or {}),
            }
        )
        self.in_flight = 0

    def prepare(self, parcels: Iterable[Parcel]) -> None:
        """Make the keys that parcels will be sealed with; one at a time each would wait for the disk."""
        if self._seal is not None:
            self._seal.prepare(parcels)

    def send(self, parcel: Parcel) -> None:
        """Hand a parcel to the producer, sealed if its topic is.

        Raises:
            StateError: The key ring can't be used.
            TransportError: An earlier parcel was given up, or the queue stayed full for too long.
        """
        sent = parcel if self._seal is None else self._seal.closed(parcel)
        first = parcel.topic in self._push.first
        if not first and (self._held or self._first_in_flight):
            if not self._held:
                self._held_at = time.monotonic()
            self._held.append((parcel, sent))
        else:
            self._produce(parcel, sent, patience_s=self._push.deliver_s_max)
            self._first_in_flight += first
        self.in_flight += 1

    def poll(self, timeout_s: float = 0.0) -> None:
        """Let acknowledgements in, waiting at most ``timeout_s`` for the first, and send what was held back for long.

        Raises:
            MarketOfOneError: A parcel was given up, or the brokers refuse us or stay away.
        """
        self._hear(timeout_s)
        if self._held and (
            not self._first_in_flight or time.monotonic() >= self._held_at + self._push.hold_s
        ):
            self._release(patience_s=self._push.deliver_s_max)

    def room(self, timeout_s: float) -> bool:
        """Whether more may be read; if not, wait at most ``timeout_s`` for acknowledgements."""
        if self.in_flight < self._push.in_flight_max:
            return True
        self.poll(timeout_s)
        return self.in_flight < self._push.in_flight_max

    def close(self) -> int:
        """Wait a bounded time for what is in flight, and let go of the rest.

        Never raises: Bytewax calls it while unwinding, where a second error would abort the process.

        Returns:
            How many parcels were not acknowledged. They lie in the outbox, or are read again.
        """
        try:
            self._drain(self._push.close_s_max)
            left = self.in_flight
            if left:
                LOG.warning("closed with parcels in flight", extra={"in_flight": left})
                self._producer.purge()
                self._serve(0.0)
        except (KafkaException, MarketOfOneError) as failed:
            LOG.warning("flush failed", extra={"error": str(failed)})
            return self.in_flight
        return left

    def _release(self, *, patience_s: float) -> None:
        """Send what was held back. What can't be sent stays held, and so in the outbox."""
        while self._held:
            self._produce(*self._held[0], patience_s=patience_s)
            self._held.popleft()

    def _produce(self, parcel: Parcel, sent: Parcel, *, patience_s: float) -> None:
        """To the client. Raises MarketOfOneError: its queue stayed full for so long, or it refuses."""
        give_up_at: float | None = None
        while True:
            try:
                self._producer.produce(
                    self._connection.topic(parcel.topic),
                    value=sent.value,
                    key=sent.key,
                    partition=ANY if sent.partition is None else sent.partition,
                    headers=list(sent.headers),
                    on_delivery=partial(self._acknowledged, parcel),
                )
            except BufferError:
                give_up_at = give_up_at or time.monotonic() + patience_s
                if time.monotonic() > give_up_at:
                    raise TransportError(
                        "transport.sink",
                        "the producer's queue stayed full",
                        hint="check that the brokers accept writes",
                    ) from None
                self._hear(SERVE_S_MAX)
            except KafkaException as failed:
                self._hear()  # says which, if it is a fatal error
                raise self._explained(failed.args[0], role=parcel.topic) from None
            else:
                return

    def _hear(self, timeout_s: float = 0.0) -> None:
        try:
            self._serve(timeout_s)
        except KafkaException as fatal:
            raise self._explained(fatal.args[0], role="brokers") from None
        if self._failure is not None:
            raise self._failure
        while self._again:
            self.send(self._again.pop())
        self._watch.check(lambda: self._producer.list_topics(timeout=PROBE_S))

    def _drain(self, timeout_s: float) -> None:
        """Let acknowledgements in until none is missing, or for so long.

        Raises:
            KafkaException: A fatal error.
            MarketOfOneError: What was held back can't be sent.
        """
        self._release(patience_s=timeout_s)
        give_up_at = time.monotonic() + timeout_s
        while self.in_flight and time.monotonic() < give_up_at:
            self._serve(SERVE_S_MAX)

    def _serve(self, timeout_s: float) -> None:
        """Let acknowledgements in once. Raises KafkaException: a fatal error.

        The client raises a fatal error from within, where it does not reach its ``error_cb``. A short `poll` stops
        there; a longer one, and `flush`, go on with acknowledgements while the error is pending, and what Python runs
        then ends in a SystemError.
        """
        self._producer.poll(min(timeout_s, SERVE_S_MAX))

    def _explained(self, error: KafkaError, *, role: str) -> MarketOfOneError:
        """What an error of the producer means; ``role``: the topic, or the part of us, that it happened to."""
        return explain(error, role=role, code="transport.sink")

    def _acknowledged(self, parcel: Parcel, error: KafkaError | None, message: Message) -> None:
        self.in_flight -= 1
        self._first_in_flight -= parcel.topic in self._push.first
        if error is not None and purged(error):
            return
        if error is not None:
            self._failure = self._failure or self._explained(error, role=parcel.topic)
            return
        self._watch.up()
        partition, offset = message.partition(), message.offset()
        if partition is not None and offset is not None:
            parcel.delivered(parcel.topic, partition, offset)
        else:
            self._unplaced(parcel)

    def _unplaced(self, parcel: Parcel) -> None:
        """What the producer takes for written though no broker said where: it may not be on the log.

        A broker that knows nothing of a producer takes whatever sequence comes first. If that overtook an earlier one
        while the broker restarted, the earlier one is refused, and librdkafka takes the refusal for a copy's.
        """
        LOG.warning("acknowledged without an offset", extra={"role": parcel.topic})
        if self._twice:
            self._again.append(parcel)
            return
        self._failure = self._failure or TransportError(
            "transport.sink",
            f"{parcel.topic}: an acknowledgement says nothing of where the record lies",
            hint="start the worker again: it looks at the ends of its outputs and writes what is missing",
        )


class LogSink(DynamicSink[Parcel]):
    """The last step of a graph: parcels to the worker's one writer."""

    def __init__(self, writer: LogWriter, *, failure: Failure) -> None:
        """Write with ``writer``, which outlives the run; ``failure`` hears of errors."""
        self._writer = writer
        self._failure = failure

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "LogSinkPart":
        """The part of the run's one worker."""
        del step_id, worker_index, worker_count
        return LogSinkPart(self._writer, self._failure)


class LogSinkPart(StatelessSinkPartition[Parcel]):
    """Hands parcels on and lets acknowledgements in."""

    def __init__(self, writer: LogWriter, failure: Failure) -> None:
        """Write with ``writer``."""
        self._writer = writer
        self._write = failure.guard(self._write_all)

    def write_batch(self, items: list[Parcel]) -> None:
        """Send the parcels; returns without waiting for the brokers."""
        self._write(items)

    def _write_all(self, items: list[Parcel]) -> None:
        self._writer.prepare(items)
        for parcel in items:
            self._writer.send(parcel)
        self._writer.poll()
