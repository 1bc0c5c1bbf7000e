"""What travels between the log and the shell: records read, batches of them, parcels to write.

Topics are named by their role (`schemas.topics`); the prefix of a deployment is added and taken off at the
Kafka client, so nothing in between knows it.
"""

from collections.abc import Callable
from dataclasses import dataclass

Headers = tuple[tuple[str, bytes], ...]
Spot = tuple[str, int]
"""A topic's role and a partition."""
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
    """Records of one shard in log order, and the time, if it is time for a tick (ms since 1970 UTC)."""

    shard: int
    records: tuple[Record, ...]
    tick_ms: int | None = None


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
