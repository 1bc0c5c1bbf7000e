"""What the log already holds of a worker's outputs, read once at start.

An output whose acknowledgement was not written down before the worker died may lie on the log or not. The
state knows up to where each output topic held this shard's acknowledged outputs; everything after is read.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from zlib import crc32

from confluent_kafka import IsolationLevel, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from flows import outputs
from flows.kafka.client import (
    PROBE_S,
    REACH_S,
    RETRY_S,
    Connection,
    Deadline,
    Watch,
    at_end,
    explain,
    out_of_range,
    passing,
    patiently,
)
from flows.kafka.source import Pace, consumer, to_record
from flows.records import Spot
from schemas import topics

LOG = logging.getLogger(__name__)
STALL_S = 30.0
HELD_S = 2.0
Reached = Mapping[int, Mapping[Spot, int | None]]


def spots_of(shard: int, *, shards: int, counts: Mapping[str, int]) -> list[Spot]:
    """Where a shard's outputs lie: on its own number where the topic is cut as the log is.

    Example:
        >>> spots_of(3, shards=8, counts={"offers": 8})
        [('offers', 3)]
    """
    spots: list[Spot] = []
    for role in topics.OUTPUTS:
        if role in counts:
            own = [shard] if counts[role] == shards else range(counts[role])
            spots += [(role, partition) for partition in own]
    return spots


def read(
    connection: Connection, *, reached: Reached, settled: bool = False
) -> tuple[dict[int, dict[str, int]], dict[Spot, int]]:
    """Read the ends of the output topics.

    Args:
        connection: The brokers.
        reached: Shard → where its outputs may lie → offset from which they are not accounted for, None
            for the beginning.
        settled: Wait first until no transaction of an earlier owner is open, and might yet be committed.

    Returns:
        Shard → id → CRC-32 of the value, of what was found; and the ends that were reached.

    Raises:
        TransportError: The brokers can't be reached, or nothing came for `STALL_S`.
    """
    found: dict[int, dict[str, int]] = {shard: {} for shard in reached}
    starts: dict[Spot, int] = {}
    for offsets in reached.values():
        for spot, at in offsets.items():
            starts[spot] = min(starts.get(spot, at or 0), at or 0)
    if settled:
        _settle(connection, starts)
    watch = Watch(code="transport.source")
    reader = consumer(
        connection,
        group="market-of-one-tail",
        heard=watch.heard,
        pace=Pace(),
        lost="earliest",
        tell_end=True,
    )
    ends: dict[Spot, int] = {}
    try:
        reader.assign([TopicPartition(connection.topic(r), p, at) for (r, p), at in starts.items()])
        deadline = Deadline(STALL_S, what="outputs")
        while len(ends) < len(starts):
            messages = reader.consume(2000, 0.05)
            for message in messages:
                _take(message, connection, reached=reached, found=found, ends=ends)
            if messages:
                deadline.moved()
            watch.check(lambda: reader.list_topics(timeout=PROBE_S))
            deadline.check()
    finally:
        reader.close()
    LOG.info("read the ends of the outputs", extra={"found": sum(map(len, found.values()))})
    return found, ends


def _settle(connection: Connection, spots: Iterable[Spot]) -> None:
    """Wait until every record that is there now is committed, or will never be.

    Raises:
        TransportError: A transaction stayed open for longer than `STALL_S`.
    """
    spots = list(spots)
    ends = offsets_at(connection, spots, OffsetSpec.latest())
    deadline = Deadline(STALL_S, what="transactions of an earlier owner")
    while True:
        stable = offsets_at(connection, spots, OffsetSpec.latest(), committed=True)
        if all(stable[spot] >= end for spot, end in ends.items()):
            return
        deadline.check()
        time.sleep(RETRY_S)


def offsets_at(
    connection: Connection, spots: Iterable[Spot], at: OffsetSpec, *, committed: bool = False
) -> dict[Spot, int]:
    """The earliest or latest offsets of many partitions, with one request a broker.

    ``committed`` asks how far readers of committed records may read. The embedded broker's answer to «latest» is
    too low, by up to a batch: what must not stop short reads until it is told of the end (`flows.kafka.client.at_end`),
    as `read`, the control topics and `flows.follow` do; `check_positions` looks for what seems to lie beyond.

    Raises:
        TransportError: No answer within `REACH_S`.
    """
    wanted = {TopicPartition(connection.topic(role), p): at for role, p in spots}
    if not wanted:
        return {}
    watch = Watch(code="transport.source")
    admin = AdminClient(connection.base(watch.heard))
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED

    def ask() -> dict[Spot, int]:
        answers = admin.list_offsets(wanted, isolation_level=level, request_timeout=REACH_S)
        return {
            (connection.role(spot.topic), spot.partition): future.result(REACH_S).offset
            for spot, future in answers.items()
        }

    return patiently(ask, role="offsets", watch=watch)


def check_positions(
    connection: Connection, positions: Mapping[Spot, int | None]
) -> dict[Spot, int]:
    """Check that the log still holds what the state wants to read next.

    The brokers say so too when it is fetched, and then it is an error as well; this says it before
    anything is decided, of all partitions at once, and knows a log that was made anew and is shorter.

    Returns:
        Where the log ends now, of all partitions.

    Raises:
        StateError: ``state.position-out-of-range``. Disposition: halt.
        TransportError: The brokers can't be reached.
    """
    known = {spot: at for spot, at in positions.items() if at is not None}
    lows = offsets_at(connection, known, OffsetSpec.earliest())
    ends = offsets_at(connection, positions, OffsetSpec.latest())
    beyond = {spot: at for spot, at in known.items() if at > ends[spot]}
    lost = {spot for spot, at in known.items() if at < lows[spot]}
    lost |= beyond.keys() - _held(connection, beyond)
    if lost:
        raise out_of_range(
            "; ".join(
                f"{role}:{partition} holds {lows[role, partition]} to {ends[role, partition]}, "
                f"not {known[role, partition]}"
                for role, partition in sorted(lost)
            )
        )
    return ends


def _held(connection: Connection, beyond: Mapping[Spot, int]) -> set[Spot]:
    """Of positions that seem to lie beyond the end, those whose last record is there all the same.

    The embedded broker's idea of the end is that of the last batch's first record.
    """
    held: set[Spot] = set()
    if not beyond:
        return held
    watch = Watch(code="transport.source")
    reader = consumer(connection, group="market-of-one-tail", heard=watch.heard, pace=Pace())
    try:
        reader.assign(
            [TopicPartition(connection.topic(r), p, at - 1) for (r, p), at in beyond.items()]
        )
        give_up_at = time.monotonic() + HELD_S
        while len(held) < len(beyond) and time.monotonic() < give_up_at:
            for message in reader.consume(100, 0.05):
                if message.error() is None:
                    held.add((connection.role(message.topic() or ""), message.partition() or 0))
    finally:
        reader.close()
    return held


def _take(
    message: Message,
    connection: Connection,
    *,
    reached: Reached,
    found: dict[int, dict[str, int]],
    ends: dict[Spot, int],
) -> None:
    """Note what one message tells: an output that is there, or the end of a partition."""
    spot = (connection.role(message.topic() or ""), message.partition() or 0)
    error = message.error()
    if error is not None:
        if at_end(error):
            ends.setdefault(spot, message.offset() or 0)
        elif not passing(error):
            raise explain(error, role="outputs", code="transport.source")
        return
    record = connection.opened(to_record(message, {message.topic() or "": spot[0]}))
    head = dict(record.headers)
    source = head.get(outputs.SOURCE, b"")
    for shard, offsets in reached.items():
        if spot in offsets and source == outputs.source_of(shard):
            if (message.offset() or 0) >= (offsets[spot] or 0):
                found[shard][head[outputs.ID].decode()] = crc32(record.value or b"")
            return
