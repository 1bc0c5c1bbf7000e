"""The flow that brings every source onto the customers' log: translate, find zones, key by customer.

    read → translate → write

At least once is enough: each record carries the source position it came from, source order is kept, and
the shard that reads it skips what it has seen. Its own positions lie in a consumer group, committed once
everything before them was acknowledged.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from confluent_kafka import TopicPartition

from flows import outputs
from flows.dead_letters import KEYLESS, REFUSED, letter, refusal
from flows.decode import encode
from flows.identity import Identities, event_of, forgotten, source_of
from flows.kafka.client import REACH_S, Connection, Watch, patiently
from flows.kafka.discard import Discard
from flows.kafka.sink import LogSink, LogWriter, Push
from flows.kafka.source import LogSource, Pace, consumer
from flows.metrics import Metrics
from flows.progress import Progress
from flows.records import PLACE, Batch, Delivered, Draft, Headers, Parcel, Record, Spot
from flows.work import Decode
from flows.worker import Failure, Stop, run
from schemas import topics
from schemas.errors import InputError
from schemas.events import ErasureRequested, EventBase
from state.links import Released

LOG = logging.getLogger(__name__)
SOURCE = b"/market-of-one/ingest"
ACTS: Spot = (topics.IDENTITIES, 0)
"""Where acts on identities are, in one order."""


@dataclass(slots=True, frozen=True)
class IngestOptions:
    """How the flow runs; ``report_s`` is the period of committing positions.

    ``discard_s``: how often the sources are emptied of what is done; None: never.
    """

    inputs: tuple[str, ...] = topics.SOURCES_IN
    group: str = "market-of-one-ingest"
    report_s: float = 1.0
    discard_s: float | None = None
    pace: Pace = field(default_factory=lambda: Pace(tick_s=None))
    push: Push = field(default_factory=Push)


def translate(record: Record, *, decode: Decode) -> list[Draft]:
    """What a source record becomes.

    Args:
        record: From a source topic.
        decode: Record → native events, positions already turned into zones.

    Returns:
        For each event, in order, a record for the customers' log: the event, or its dead letter to be.
    """
    return drafts_of(record, enumerate(decode(record)))


def drafts_of(record: Record, events: Iterable[tuple[int, EventBase | InputError]]) -> list[Draft]:
    """The records for events out of one record, each with its index in it."""
    return [
        _refused(record, event, index)
        if isinstance(event, InputError)
        else _drafted(event, f"{record.place}:{index}".encode())
        for index, event in events
    ]


def _drafted(event: EventBase, place: bytes) -> Draft:
    return Draft(
        topics.CUSTOMER_EVENTS, event.customer.encode(), encode(event), _headers(event, place)
    )


def _refused(record: Record, error: InputError, index: int) -> Draft:
    """A dead letter to be: it takes the way over the log, so that the shard sends it once."""
    value, headers = letter(record, error, stage="ingest")
    place = f"{record.place}:{index}".encode()
    return Draft(
        topics.CUSTOMER_EVENTS,
        place if record.key is None else record.key,
        value,
        (
            (REFUSED, KEYLESS if record.key is None else b""),
            (PLACE, place),
            *(pair for pair in headers if pair[0] not in {REFUSED, PLACE}),
        ),
    )


def _headers(event: EventBase, place: bytes) -> Headers:
    kind: str = getattr(event, "kind", "")
    return (
        (PLACE, place),
        *outputs.headers(record_id=event.event_id.encode(), source=SOURCE, kind=kind),
    )


class IngestFlow:
    """One worker of the flow. Everything runs on its one thread."""

    def __init__(
        self,
        connection: Connection,
        *,
        spots: Sequence[Spot],
        intake: Callable[[Record], Iterable[tuple[int, EventBase | InputError]]],
        options: IngestOptions,
        stop: Stop,
        metrics: Metrics,
        identities: Identities | None = None,
    ) -> None:
        """Look up where the group stands.

        Args:
            connection: The brokers.
            spots: The partitions of the sources that this worker reads.
            intake: Record → its events, each with its index.
            options: How to run.
            stop: Asks for the end.
            metrics: What is counted.
            identities: Whose account is whose; None when all sources name customers. Closed at the end.

        Raises:
            TransportError: The brokers can't be reached, or refuse us.
        """
        self._intake = intake
        self._identities = identities
        self._options = options
        self._stop = stop
        self._metrics = metrics
        self._failure = Failure()
        self._progress = Progress()
        self._writer = LogWriter(connection, options.push)
        positions = dict(committed(connection, group=options.group, spots=spots))
        self._begun = identities is None
        if identities is not None:
            identities.forget({spot: at for spot, at in positions.items() if at is not None})
            # Every worker reads all acts, so the position is the worker's own and not the group's.
            positions[ACTS] = identities.position
        self._source = LogSource(
            connection,
            positions=positions,
            loop=self,
            failure=self._failure,
            group=options.group,
            pace=options.pace,
        )
        self._report_at = time.monotonic() + options.report_s
        self._discard = None if options.discard_s is None else Discard(connection)
        self._discard_at = 0.0
        self._reported: dict[Spot, int] = {}

    def run(self) -> None:
        """Translate until asked to stop.

        Raises:
            MarketOfOneError: What can't be gone on from.
        """
        try:
            LOG.info("ingesting", extra={"topics": len(self._options.inputs)})
            run(self.graph(), failure=self._failure)
        finally:
            self._writer.close()
            if self._identities is not None:
                self._identities.close()
            LOG.info("ingest is closed")

    def graph(self) -> Dataflow:
        """The three steps."""
        flow = Dataflow("ingest")
        batches = op.input("read", flow, self._source)
        parcels = op.flat_map_batch("translate", batches, self._failure.guard(self._translate))
        op.output("write", parcels, LogSink(self._writer, failure=self._failure))
        return flow

    def turn(self) -> None:
        """Acknowledgements, and the group's positions on a timer."""
        self._writer.poll()
        if time.monotonic() >= self._report_at:
            self._report_at = time.monotonic() + self._options.report_s
            self._metrics.in_flight(self._writer.in_flight)
            self._report()
        self._empty()

    def room(self, timeout_s: float) -> bool:
        """Whether the writer keeps up."""
        return self._writer.room(timeout_s)

    def rest(self) -> bool:
        """Nothing waits here."""
        return False

    def stopping(self) -> bool:
        """Whether a signal came; the last acknowledgements are waited for and reported first."""
        if self._stop.asked:
            self._writer.close()
            self._report()
        return self._stop.asked

    def now_ms(self, shard: int) -> int | None:
        """This flow has no timers."""
        del shard
        return None

    def _report(self) -> None:
        positions = self._progress.positions()
        changed = {
            s: at for s, at in positions.items() if s != ACTS and self._reported.get(s) != at
        }
        if changed and self._identities is not None:
            self._identities.sync()
        self._source.report(changed)
        self._reported.update(changed)

    def _empty(self) -> None:
        """What the group is known to be done with is read by nobody here again."""
        if self._discard is not None and time.monotonic() >= self._discard_at:
            self._discard_at = time.monotonic() + (self._options.discard_s or 0.0)
            self._discard.send({s: at for s, at in self._source.reported.items() if s != ACTS})

    def _translate(self, batches: list[Batch]) -> Iterable[Parcel]:
        parcels: list[Parcel] = []
        if self._identities is not None and not self._begun:
            self._begun = True
            parcels += [self._released(one) for one in self._identities.undelivered()]
        for batch in batches:
            for record in batch.records:
                parcels += self._parcels(record)
        self._metrics.translated(len(parcels))
        return parcels

    def _parcels(self, record: Record) -> list[Parcel]:
        if record.topic == topics.IDENTITIES and self._identities is not None:
            return self._acted(record, self._identities)
        events = list(self._intake(record))
        drafts = drafts_of(record, events)
        if self._identities is not None:
            drafts += [_forgotten(e) for _, e in events if isinstance(e, ErasureRequested)]
        spot = (record.topic, record.partition)
        done = self._progress.opened(spot, record.offset, parts=len(drafts))
        for draft in drafts:
            if draft.headers and draft.headers[0][0] == REFUSED:
                self._metrics.refused(refusal(draft.headers))
        return [
            Parcel(draft.topic, draft.key, draft.value, draft.headers, _told(done))
            for draft in drafts
        ]

    def _acted(self, record: Record, identities: Identities) -> list[Parcel]:
        """What an act releases, or its refusal: every worker says it, and the shard sends it once."""
        outcome = identities.act(record)
        if not isinstance(outcome, InputError):
            return [self._released(one) for one in outcome]
        LOG.warning("act refused", extra={"position": record.place, "code": outcome.code})
        self._metrics.refused(outcome.code)
        draft = _refused(record, outcome, 0)
        return [Parcel(draft.topic, draft.key, draft.value, draft.headers, _heard)]

    def _released(self, one: Released) -> Parcel:
        event = event_of(one)
        draft = _drafted(event, source_of(one))
        return Parcel(
            draft.topic, draft.key, draft.value, draft.headers, partial(self._arrived, one)
        )

    def _arrived(self, one: Released, *_: object) -> None:
        if self._identities is not None:
            self._identities.delivered(one)


def _forgotten(event: ErasureRequested) -> Draft:
    act = forgotten(event)
    heads = outputs.headers(record_id=act.event_id.encode(), source=SOURCE, kind=act.kind)
    return Draft(topics.IDENTITIES, event.customer.encode(), act.model_dump_json().encode(), heads)


def _heard(_topic: str, _partition: int, _offset: int) -> None:
    """Nobody waits for the news of a refusal."""


def _told(done: "partial[None]") -> Delivered:
    return lambda _topic, _partition, _offset: done()


def committed(
    connection: Connection, *, group: str, spots: Sequence[Spot]
) -> Mapping[Spot, int | None]:
    """Where a group stands, None for a partition that it never read.

    Raises:
        TransportError: No answer within `REACH_S`.
    """
    watch = Watch(code="transport.source")
    reader = consumer(connection, group=group, heard=watch.heard, pace=Pace())
    wanted = [TopicPartition(connection.topic(role), p) for role, p in spots]
    try:
        places = patiently(
            lambda: reader.committed(wanted, timeout=REACH_S), role=group, watch=watch
        )
    finally:
        reader.close()
    return {
        (connection.role(place.topic), place.partition): place.offset if place.offset >= 0 else None
        for place in places
    }
