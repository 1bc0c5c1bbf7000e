"""How a shard's records, timers and outputs become rows, and rows become them again.

`PlainRows` writes them as they are; `state.sealed` writes them so that nothing of a customer can be read
without the customer's key. Positions and facts about the shard are no customer's, and are the same in both.
"""

from collections.abc import Mapping
from typing import Protocol

from schemas.customer import Customer
from state import keys
from state.codec import decode, encode
from state.outbox import OutboxEntry, decode_entry, encode_entry
from state.store import ShardBatch
from state.timers import Timer

Row = tuple[bytes, bytes]
"""A key and its value."""


class Rows(Protocol):
    """One shard's way of writing. Keys follow from ids alone, so that a row is found and deleted without reading it."""

    @property
    def mark(self) -> bytes:
        """What the shard keeps to know that it is opened as it was written; empty when rows are plain."""
        ...

    def prepare(self, batch: ShardBatch) -> None:
        """Called before the rows of a batch are asked for.

        Raises:
            StateError: The keys that it needs can't be had. Disposition: halt.
        """
        ...

    def customer_key(self, customer: str) -> bytes:
        """Where a customer's record lies."""
        ...

    def customer_of(self, key: bytes, value: bytes) -> str | None:
        """Whose record lies in a row; None when its key was destroyed. Raises as `record_of`."""
        ...

    def record(self, record: Customer) -> bytes:
        """The value of a record's row."""
        ...

    def record_of(self, customer: str, value: bytes) -> Customer | None:
        """The record in a row; None when its key was destroyed.

        Raises:
            StateError: ``state.corrupt`` or ``state.version-too-new``. Disposition: halt.
        """
        ...

    def encoded(self, key: bytes, value: bytes) -> bytes | None:
        """The codec's bytes in a record's row; None when its key was destroyed. Raises as `record_of`."""
        ...

    def timer_key(self, timer: Timer) -> bytes:
        """Where a timer lies."""
        ...

    def timer(self, timer: Timer) -> Row:
        """The row of a timer."""
        ...

    def timer_of(self, key: bytes, value: bytes) -> Timer | None:
        """The timer in a row; None when its customer's key was destroyed. Raises as `record_of`."""
        ...

    def entry(self, entry: OutboxEntry) -> Row:
        """The row of an undelivered output."""
        ...

    def entry_of(self, key: bytes, value: bytes) -> OutboxEntry | None:
        """The output in a row; None when its customer's key was destroyed. Raises as `record_of`."""
        ...

    def destroy(self, tombs: Mapping[bytes, bytes | None]) -> None:
        """Make what was ever written of customers before now unreadable, backups too.

        Safe on the disk when it returns, and called again after a crash.

        Args:
            tombs: The `customer_key` of each → the record's row as it is now, None when there is none.
        """
        ...

    def close(self) -> None:
        """Give up what was opened for it."""
        ...


class PlainRows:
    """Rows as they are."""

    mark = b""

    def prepare(self, batch: ShardBatch) -> None:
        """Nothing is needed."""

    def customer_key(self, customer: str) -> bytes:
        """By the customer's id."""
        return keys.customer_key(customer)

    def customer_of(self, key: bytes, value: bytes) -> str | None:
        """By the customer's id."""
        del value
        return key[len(keys.CUSTOMERS) :].decode()

    def record(self, record: Customer) -> bytes:
        """The codec's bytes."""
        return encode(record)

    def record_of(self, customer: str, value: bytes) -> Customer | None:
        """The codec's record."""
        del customer
        return decode(value)

    def encoded(self, key: bytes, value: bytes) -> bytes | None:
        """The row as it is."""
        del key
        return value

    def timer_key(self, timer: Timer) -> bytes:
        """By instant, customer and name."""
        return keys.timer_key(timer.due_ms, timer.customer, timer.name)

    def timer(self, timer: Timer) -> Row:
        """All in the key."""
        return self.timer_key(timer), b""

    def timer_of(self, key: bytes, value: bytes) -> Timer | None:
        """All in the key."""
        del value
        return Timer(*keys.timer_of(key))

    def entry(self, entry: OutboxEntry) -> Row:
        """By sequence."""
        return keys.outbox_key(entry.sequence), encode_entry(entry)

    def entry_of(self, key: bytes, value: bytes) -> OutboxEntry | None:
        """By sequence."""
        return decode_entry(keys.outbox_sequence(key), value)

    def destroy(self, tombs: Mapping[bytes, bytes | None]) -> None:
        """There is no key: what was deleted is gone once its files are, see `RocksStore.scrub`."""

    def close(self) -> None:
        """Nothing was opened."""
