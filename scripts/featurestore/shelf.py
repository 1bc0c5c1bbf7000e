"""A shard's state as plain records in memory: nothing is encoded, sent or kept."""

from bisect import bisect_left, insort

from schemas.customer import Customer
from state.outbox import OutboxEntry
from state.store import ShardBatch, TopicPartition
from state.timers import Timer, changed_timers


class Shelf:
    """A `state.store.ShardStore` for working things out again; what it is told to send is dropped."""

    def __init__(self, shard: int) -> None:
        """Begin empty."""
        self.shard = shard
        self.next_sequence = 0
        self._customers: dict[str, Customer] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._source_positions: dict[TopicPartition, tuple[int, int]] = {}
        self._timers: list[Timer] = []

    def customer(self, customer: str) -> Customer | None:
        """The record of a customer."""
        return self._customers.get(customer)

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to read, per topic-partition."""
        return dict(self._positions)

    def source_positions(self) -> dict[TopicPartition, tuple[int, int]]:
        """The highest (offset, index) seen, per source topic-partition."""
        return dict(self._source_positions)

    def outbox(self) -> list[OutboxEntry]:
        """Nothing is kept to be sent."""
        return []

    def due(self, now_ms: int, limit: int) -> list[Timer]:
        """At most ``limit`` timers that are due, earliest first."""
        return self._timers[: min(bisect_left(self._timers, Timer(now_ms + 1, "", "")), limit)]

    def next_due_ms(self) -> int | None:
        """When the earliest timer is due."""
        return self._timers[0].due_ms if self._timers else None

    def ahead(self) -> dict[TopicPartition, frozenset[int]]:
        """Nothing is held here, so nothing is taken ahead."""
        return {}

    def commit(self, batch: ShardBatch) -> None:
        """Take the customers, timers and positions over."""
        for customer, record in batch.customers.items():
            gone, new = changed_timers(self._customers.get(customer), record)
            for timer in gone:
                del self._timers[bisect_left(self._timers, timer)]
            for timer in new:
                insort(self._timers, timer)
            if record is None:
                self._customers.pop(customer, None)
            else:
                self._customers[customer] = record
        self._positions.update(batch.positions)
        self._source_positions.update(batch.source_positions)

    def sync(self) -> None:
        """There is no disk."""

    @property
    def erasing(self) -> bool:
        """There is no disk."""
        return False

    def scrub(self) -> None:
        """There is no disk."""

    def close(self) -> None:
        """There is nothing to give up."""
