"""What a shard keeps, as a protocol, and the one write that changes it.

A shard is a partition of ``customer-events``: its customers, how far its log was read, outputs not yet
delivered, and timers. `ShardStore.commit` writes all of that at once or not at all, so after any
crash the store is what it was after some whole batch. `state.memory` and `state.rocks` keep the protocol;
a law (`tests/laws/test_store.py`) holds them equal.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

from schemas.customer import Customer
from state.outbox import OutboxEntry
from state.timers import Timer

TopicPartition = tuple[str, int]
DEFAULT_CACHED_CUSTOMERS = 20_000
DEFAULT_CACHED_BYTES = 64 << 20


@dataclass(slots=True)
class ShardBatch:
    """Everything that one batch of events changed.

    ``customers`` maps an id to the new record, or to None when it is gone; timers follow from
    ``Customer.timers``. ``erased`` names who was erased, though they may have come back since: nothing that
    was written of them before may stay; ``parted``, up to which of their keys topics go dark with it, where it is not
    all. ``positions`` is topic-partition → next offset to read. ``source_positions`` is
    source topic-partition → highest (offset, index within the message) seen. ``outbox`` holds new outputs,
    ``delivered`` the sequences of outputs that the broker has acknowledged. ``ahead`` is topic-partition → all
    offsets from its position on whose effect is in the store with this batch; without any, none are left.
    """

    customers: dict[str, Customer | None] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    source_positions: dict[TopicPartition, tuple[int, int]] = field(default_factory=dict)
    outbox: list[OutboxEntry] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)
    erased: set[str] = field(default_factory=set)
    parted: dict[str, int] = field(default_factory=dict)
    ahead: dict[TopicPartition, frozenset[int]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (
            self.customers
            or self.positions
            or self.source_positions
            or self.outbox
            or self.delivered
            or self.ahead
        )


class ShardStore(Protocol):
    """The state of one shard. One thread uses it."""

    @property
    def shard(self) -> int:
        """Its number: the partition of ``customer-events`` that it belongs to."""
        ...

    @property
    def next_sequence(self) -> int:
        """The first outbox sequence that was never used; later ones are free too."""
        ...

    def customer(self, customer: str) -> Customer | None:
        """The record of a customer, shared with the store: copy it before changing anything.

        Raises:
            StateError: ``state.corrupt`` or ``state.version-too-new``. Disposition: halt.
        """
        ...

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to read, per topic-partition that the shard reads."""
        ...

    def source_positions(self) -> dict[TopicPartition, tuple[int, int]]:
        """The highest (offset, index) seen, per source topic-partition."""
        ...

    def ahead(self) -> dict[TopicPartition, frozenset[int]]:
        """Offsets from the next one on whose effect is in the store: they must not be taken again."""
        ...

    def outbox(self) -> list[OutboxEntry]:
        """The outputs not yet known to be delivered, by sequence."""
        ...

    def due(self, now_ms: int, limit: int) -> list[Timer]:
        """At most ``limit`` timers with ``due_ms <= now_ms``, earliest first. They stay until a commit."""
        ...

    def next_due_ms(self) -> int | None:
        """When the earliest timer is due, None without one. Cheap: asked at each idle moment."""
        ...

    def commit(self, batch: ShardBatch) -> None:
        """Write the whole batch or nothing. Survives the death of the process, not yet that of the OS.

        Raises:
            StateError: ``state.unwritable``: nothing of the batch is kept. Disposition: halt.
        """
        ...

    def sync(self) -> None:
        """Make every commit so far survive the death of the OS too.

        Raises:
            StateError: ``state.unwritable``. Disposition: halt.
        """
        ...

    @property
    def erasing(self) -> bool:
        """Whether bytes of who was erased are still on the disk; `scrub` takes them away."""
        ...

    def scrub(self) -> None:
        """Take what is left of erased customers off the disk, once what was said to them is delivered.

        Slow; may run beside commits, on another thread.

        Raises:
            StateError: ``state.unwritable``. Disposition: halt.
        """
        ...

    def close(self) -> None:
        """Give the shard up. Never raises for what is already on disk; calling it again does nothing."""
        ...


class CustomerCache:
    """The customers used last, decoded, bounded by their number and size; one for all shards of a worker.

    A hot read costs no decode. Records in it are shared, so nobody changes them.

    Example:
        >>> cache = CustomerCache(bytes_max=5000)
        >>> cache.put(7, "c-1", Customer("c-1"), size=3000)
        >>> cache.put(7, "c-2", Customer("c-2"), size=3000)
        >>> cache.get(7, "c-1") is None, len(cache), cache.bytes
        (True, 1, 3000)
    """

    def __init__(
        self,
        *,
        capacity: int = DEFAULT_CACHED_CUSTOMERS,
        bytes_max: int = DEFAULT_CACHED_BYTES,
    ) -> None:
        """Hold at most so many, whose encoded records are together at most so long."""
        self._capacity = max(0, capacity)
        self._bytes_max = bytes_max
        self._records: OrderedDict[tuple[int, str], tuple[Customer, int]] = OrderedDict()
        self.bytes = 0
        """The length of the encoded records; decoded they take about fifteen times as much."""

    def __len__(self) -> int:
        return len(self._records)

    def get(self, shard: int, customer: str) -> Customer | None:
        """The record when it is held, and it becomes the newest."""
        key = (shard, customer)
        held = self._records.get(key)
        if held is None:
            return None
        self._records.move_to_end(key)
        return held[0]

    def put(self, shard: int, customer: str, record: Customer, *, size: int) -> None:
        """Hold a record; those not used for longest go when there is too much."""
        key = (shard, customer)
        held = self._records.pop(key, None)
        self._records[key] = (record, size)
        self.bytes += size if held is None else size - held[1]
        while self._records and (
            self.bytes > self._bytes_max or len(self._records) > self._capacity
        ):
            self.bytes -= self._records.popitem(last=False)[1][1]

    def drop(self, shard: int, customer: str) -> None:
        """Forget one record."""
        held = self._records.pop((shard, customer), None)
        if held is not None:
            self.bytes -= held[1]

    def drop_shard(self, shard: int) -> None:
        """Forget every record of a shard that is given up."""
        for number, customer in [key for key in self._records if key[0] == shard]:
            self.drop(number, customer)
