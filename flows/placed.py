"""Whether an event may stand where it does: under its customer's key, on its customer's partition, of a kind that comes from outside."""

from flows.partition import partition_of
from flows.records import Record
from schemas import topics
from schemas.errors import InputError
from schemas.events import ClockTicked, EventBase, MessageRead, PositionReported

INTERNAL: frozenset[type[EventBase]] = frozenset({ClockTicked, MessageRead, PositionReported})
"""Kinds that may not arrive on the customers' log: made inside, or turned into zones by `ingest`."""


def misplaced(record: Record, event: EventBase, *, shards: int) -> InputError | None:
    """Why an event may not stand where it does, None where it may."""
    key = event.customer.encode()
    if record.key != key:
        return InputError(
            "input.wrong-customer",
            "the record's key is not its customer",
            hint="key records by customer, so that one customer's events are on one partition",
        )
    if record.topic != topics.CUSTOMER_EVENTS and record.partition != partition_of(
        key, partitions=shards
    ):
        return InputError(
            "input.wrong-customer",
            "the record is on another partition than its customer's log",
            hint="write it with the partitioner murmur2_random, or let it pass ingest",
        )
    if type(event) in INTERNAL:
        return InputError(
            "input.unknown-kind",
            f"{type(event).__name__} may not arrive from outside",
            hint="send positions to the topic locations",
        )
    return None
