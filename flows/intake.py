"""How records are read: `flows.decode` with its limits, its zones and the right clock."""

import time
from collections.abc import Sequence

from flows.decode import decode_all
from flows.records import Record
from flows.settings import Limits
from flows.work import Decode
from flows.zones import Zones
from schemas import topics
from schemas.errors import InputError
from schemas.events import EventBase


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
