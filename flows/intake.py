"""How records are read: `flows.decode` with its limits, its zones and the right clock."""

import time
from collections.abc import Mapping, Sequence

from flows.adapters.recognise import Reader
from flows.adapters.shapes import Foreign, Found, Message, Noted, Result
from flows.decode import admitted, decode_all
from flows.identity import Identities, placed
from flows.records import Record
from flows.settings import Limits
from flows.work import Decode
from flows.zones import Zones
from schemas import topics
from schemas.errors import InputError
from schemas.events import EventBase

OPEN_BANKING = "open-banking"
"""Accounts on this topic are at other banks."""


def ingest_decode(limits: Limits, zones: Zones) -> Decode:
    """How `ingest` reads a source record: against the wall clock, positions turned into zones."""

    def read(record: Record) -> Sequence[EventBase | InputError]:
        return decode_all(
            record.topic,
            record.value,
            key=record.key,
            limits=limits,
            zones=zones,
            now_ms=time.time_ns() // 1_000_000,
        )

    return read


class Intake:
    """How a worker of `ingest` reads any source: the topic's format, the customer by links, then the same checks.

    A topic without a reader is native JSON.
    """

    def __init__(
        self,
        readers: Mapping[str, Reader],
        *,
        identities: Identities,
        limits: Limits,
        zones: Zones,
    ) -> None:
        """Put the parts together; nothing is read yet."""
        self._readers = readers
        self._identities = identities
        self._limits = limits
        self._zones = zones

    def __call__(self, record: Record) -> list[tuple[int, EventBase | InputError]]:
        """The events of a record, each with its index, the same at every reading.

        Raises:
            TransportError: The schema registry can't be reached.
        """
        reader = self._readers.get(record.topic)
        value, limit = record.value, self._limits.max_message_bytes
        now_ms = time.time_ns() // 1_000_000
        if value is not None and len(value) > limit:
            detail = f"{len(value)} bytes, at most {limit} are read"
            return [(0, InputError("input.too-large", detail))]
        if reader is None:
            events = decode_all(
                record.topic, value, key=record.key,
                limits=self._limits, zones=self._zones, now_ms=now_ms,
            )  # fmt: skip
            return placed([[self._named(event)] for event in events])
        external = record.topic == OPEN_BANKING
        results = reader(Message(value, dict(record.headers), external=external))
        return placed(
            [
                self._events(result, record, index=index, now_ms=now_ms)
                for index, result in enumerate(results)
            ]
        )

    def _events(
        self, result: Result, record: Record, *, index: int, now_ms: int
    ) -> list[EventBase | InputError]:
        if isinstance(result, Noted):
            return []
        if isinstance(result, Foreign):
            return [result.error]
        if isinstance(result, InputError):
            return [result]
        if isinstance(result, Found):
            place = (record.topic, record.partition, record.offset, index)
            resolved, key = self._identities.resolve(result, place=place), None
        else:
            resolved, key = [result], record.key
        return [
            self._named(
                event
                if isinstance(event, InputError)
                else admitted(
                    event, topic=record.topic, key=key,
                    limits=self._limits, zones=self._zones, now_ms=now_ms,
                )
            )
            for event in resolved
        ]  # fmt: skip

    def _named(self, event: EventBase | InputError) -> EventBase | InputError:
        return event if isinstance(event, InputError) else self._identities.named(event)


def shard_decode(limits: Limits, zones: Zones) -> Decode:
    """How a shard reads its log: without a clock, so that a replay reads the same.

    What passed `ingest` was held against the wall clock there; a direct topic is held against the
    timestamp that each record has on the log.
    """

    def read(record: Record) -> Sequence[EventBase | InputError]:
        direct = record.topic != topics.CUSTOMER_EVENTS and record.timestamp_ms > 0
        return decode_all(
            record.topic,
            record.value,
            key=record.key,
            limits=limits,
            zones=zones,
            now_ms=record.timestamp_ms if direct else None,
        )

    return read
