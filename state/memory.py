"""The in-memory twin of a shard's store: for tests and simulation, and the oracle of the real one.

Simple on purpose. It keeps encoded bytes, so that sharing an object by accident can't pass unseen, and
it proves on each commit that a record comes back equal from its bytes.
"""

from bisect import bisect_left, insort

from schemas.customer import Customer
from state.codec import decode, encode
from state.outbox import OutboxEntry, decode_entry, encode_entry
from state.places import Places
from state.store import ShardBatch, TopicPartition
from state.timers import Timer, changed_timers


class MemoryStore:
    """A shard in dictionaries. What `reopened` returns has the same content, as after a restart."""

    def __init__(self, shard: int) -> None:
        self._shard = shard
        self._next_sequence = 0
        self._customers: dict[str, bytes] = {}
        self._places = Places()
        self._outbox: dict[int, bytes] = {}
        self._timers: list[Timer] = []

    @property
    def shard(self) -> int:
        """Its number."""
        return self._shard

    @property
    def next_sequence(self) -> int:
        """The first outbox sequence that was never used."""
        return self._next_sequence

    def customer(self, customer: str) -> Customer | None:
        """The record of a customer, decoded anew."""
        data = self._customers.get(customer)
        return None if data is None else decode(data)

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to read, per topic-partition."""
        return dict(self._places.positions)

    def source_positions(self) -> dict[TopicPartition, tuple[int, int]]:
        """The highest (offset, index) seen, per source topic-partition."""
        return dict(self._places.sources)

    def ahead(self) -> dict[TopicPartition, frozenset[int]]:
        """Offsets from the next one on whose effect is here."""
        return dict(self._places.ahead)

    def outbox(self) -> list[OutboxEntry]:
        """The undelivered outputs, by sequence."""
        return [decode_entry(sequence, data) for sequence, data in sorted(self._outbox.items())]

    def due(self, now_ms: int, limit: int) -> list[Timer]:
        """At most ``limit`` timers that are due, earliest first."""
        end = bisect_left(self._timers, Timer(now_ms + 1, "", ""))
        return self._timers[: min(end, limit)]

    def next_due_ms(self) -> int | None:
        """When the earliest timer is due."""
        return self._timers[0].due_ms if self._timers else None

    def commit(self, batch: ShardBatch) -> None:
        """Take the whole batch over.

        Raises:
            ValueError: A record does not come back equal from its bytes: a memory holds NaN, a tuple
                or keys that are not strings (a bug, so not a `StateError`).
        """
        encoded = {
            customer: None if record is None else _proven(record)
            for customer, record in batch.customers.items()
        }
        for customer, data in encoded.items():
            gone, new = changed_timers(self.customer(customer), batch.customers[customer])
            for timer in gone:
                del self._timers[bisect_left(self._timers, timer)]
            for timer in new:
                insort(self._timers, timer)
            if data is None:
                self._customers.pop(customer, None)
            else:
                self._customers[customer] = data
        self._places.note(batch)
        for entry in batch.outbox:
            self._outbox[entry.sequence] = encode_entry(entry)
            self._next_sequence = max(self._next_sequence, entry.sequence + 1)
        for sequence in batch.delivered:
            self._outbox.pop(sequence, None)

    def sync(self) -> None:
        """Nothing to do: there is no disk."""

    @property
    def erasing(self) -> bool:
        """Never: what is deleted is gone."""
        return False

    def scrub(self) -> None:
        """Nothing to do: there is no disk."""

    def close(self) -> None:
        """Nothing to give up."""

    def reopened(self) -> "MemoryStore":
        """Another store with what was committed here, as a restart finds it."""
        other = MemoryStore(self._shard)
        other._next_sequence = self._next_sequence
        other._customers = dict(self._customers)
        other._places = self._places.copy()
        other._outbox = dict(self._outbox)
        other._timers = list(self._timers)
        return other


def _proven(record: Customer) -> bytes:
    data = encode(record)
    if decode(data) != record:
        message = f"the record of {record.customer!r} does not come back equal from its bytes"
        raise ValueError(message)
    return data
