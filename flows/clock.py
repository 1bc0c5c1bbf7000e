"""The events' own clock: when timers are looked at in a replay, so that a log always gives the same.

In service ticks come by the wall clock. A replay of an old log has none: there the newest event time of a
shard is the time, and it is looked at where the log says, whenever an offset begins a new stride. So what
follows from a log depends on the log alone: not on batches, pauses, restarts or the machine's clock.
"""

from collections.abc import Iterator, Mapping, Sequence

from flows.records import Record, Spot
from schemas.topics import CUSTOMER_EVENTS

CLOCK = "clock"
"""Stands for a topic where a timer was the cause, and where a shard's newest event time is kept."""
STRIDE = 32
"""Offsets of the customers' log between two looks at the timers."""


def strides(
    records: Sequence[Record], positions: Mapping[Spot, int]
) -> Iterator[tuple[bool, Sequence[Record]]]:
    """Cut records where a new stride begins.

    Args:
        records: Of one shard, in order.
        positions: The next offset to read, by topic and partition.

    Yields:
        Whether timers are due for a look first, and the records up to the next cut.
    """
    reached = dict(positions)
    start, look = 0, False
    for index, record in enumerate(records):
        spot = (record.topic, record.partition)
        at = reached.get(spot, 0)
        if record.offset < at:
            continue
        reached[spot] = record.offset + 1
        if record.topic == CUSTOMER_EVENTS and record.offset // STRIDE > (at - 1) // STRIDE:
            if index > start:
                yield look, records[start:index]
            start, look = index, True
    if start < len(records):
        yield look, records[start:]
