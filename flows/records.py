"""What travels between the log and the shell: records read, batches of them, parcels to write.

Topics are named by their role (`schemas.topics`); the prefix of a deployment is added and taken off at the
Kafka client, so nothing in between knows it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Headers = tuple[tuple[str, bytes], ...]
Spot = tuple[str, int]
"""A topic's role and a partition."""
Origin = tuple[Spot, tuple[int, int]]
"""Where a record came from before `ingest`: topic and partition, offset and index."""
PLACE = "source"
"""Header of a record on the customers' log: where it came from, as ``topic:partition:offset:index``."""
Delivered = Callable[[str, int, int], None]
"""Called once with the topic's role, partition and offset where a parcel came to lie."""


@dataclass(slots=True, frozen=True)
class Record:
    """One record of a log, as it was read. ``timestamp_ms`` is the log's, not the event's.

    ``dark``: it was sealed with a key that an erasure destroyed, so nothing but its place is known (`flows.kafka.seal`).
    ``parting``: of an erasure, the turn of the customer's keys that ends with it.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    dark: bool = False
    parting: int | None = None

    @property
    def place(self) -> str:
        """Where it lies, as ``topic:partition:offset``.

        Example:
            >>> Record("messages", 3, 17, None, None, (), 0).place
            'messages:3:17'
        """
        return f"{self.topic}:{self.partition}:{self.offset}"


@dataclass(slots=True, frozen=True)
class Batch:
    """Records of one shard, and the time, if it is time for a tick (ms since 1970 UTC).

    ``floors``: the lowest offset of each of its topic-partitions that no batch has held yet, where some were passed
    over. None: its records go on in log order.
    """

    shard: int
    records: tuple[Record, ...]
    tick_ms: int | None = None
    floors: Mapping[Spot, int] | None = None


@dataclass(slots=True, frozen=True)
class Parcel:
    """One record to write, and whom to tell once the log has acknowledged it; ``partition`` None is by its key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    delivered: Delivered
    partition: int | None = None


@dataclass(slots=True, frozen=True)
class Draft:
    """A record to write, before anybody minds where it comes to lie."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


def source_position(head: Headers) -> Origin | None:
    """Where a record came from before `ingest`, None for one that was written directly.

    Example:
        >>> source_position((("source", b"messages:3:17:0"),))
        (('messages', 3), (17, 0))
    """
    for name, value in head:
        if name == PLACE:
            parts = value.decode(errors="replace").rsplit(":", 3)
            if len(parts) == 4 and all(part.isdecimal() for part in parts[1:]):  # noqa: PLR2004 - the header's four parts
                return (parts[0], int(parts[1])), (int(parts[2]), int(parts[3]))
    return None
