"""What lies in a shard, added up row by row, and what of it does not fit together.

Rows come in the order of their keys, as `state.rocks_engine.scan` gives them.
"""

from collections import Counter
from collections.abc import Iterator
from struct import error

from schemas.errors import StateError
from state import keys
from state.changes import SEQUENCE_KEY
from state.codec import decode
from state.outbox import OutboxEntry
from state.rows import Rows
from state.store import TopicPartition
from state.timers import Timer

NO_KIND = "is of no kind that a release wrote"


class Contents:
    """The rows of a shard, as far as they were taken."""

    def __init__(self, rows: Rows) -> None:
        """Nothing was taken yet; ``rows`` is how the shard is written."""
        self._rows = rows
        self.customers = 0
        self.record_bytes = 0
        self.record_bytes_max = 0
        self.versions: Counter[int] = Counter()
        """Version of the codec → how many records."""
        self.positions: dict[TopicPartition, int] = {}
        self.source_positions: dict[TopicPartition, tuple[int, int]] = {}
        self.ahead: dict[TopicPartition, tuple[int, ...]] = {}
        """Offsets from the position on whose records were taken."""
        self.outbox: list[OutboxEntry] = []
        self.timers = 0
        self.first_due_ms: int | None = None
        self.erasing = 0
        """Customers who were erased and whose bytes are not all off the disk."""
        self.dark = 0
        """Rows of customers whose keys were destroyed."""
        self._sequences: list[bytes] = []
        self._next_sequence = 0
        self._wanted: dict[bytes, bytes] = {}

    def take(self, key: bytes, value: bytes) -> str | None:
        """Take one row; what is wrong with it in words, None when nothing is."""
        try:
            return self._take(key, value)
        except StateError as flaw:
            return flaw.detail
        except (ValueError, error):
            return "has a key or a value that no release wrote"

    def open_ends(self) -> Iterator[tuple[bytes, str]]:
        """Once every row was taken: keys of what does not fit together, and what it is in words."""
        for timer, record in self._wanted.items():
            yield timer, f"is missing, though {readable(record)} waits for it"
        for (topic, partition), (first, *_) in self.ahead.items():
            position = self.positions.get((topic, partition), 0)
            if first < position:
                key = keys.ahead_key(topic, partition)
                yield key, f"says that {first} was taken ahead of the position, {position}"
        for sequence in self._sequences:
            if keys.outbox_sequence(sequence) >= self._next_sequence:
                yield sequence, f"lies beyond the next sequence, {self._next_sequence}"

    def _take(self, key: bytes, value: bytes) -> str | None:
        if key.startswith(keys.CUSTOMERS):
            return self._take_record(key, value)
        if key.startswith(keys.TIMERS):
            return self._take_timer(key, value)
        if key.startswith(keys.OUTBOX):
            entry = self._rows.entry_of(key, value)
            self._sequences.append(key)
            if entry is None:
                self.dark += 1
            else:
                self.outbox.append(entry)
        elif key.startswith(keys.PLACES):
            return self._take_place(key, value)
        elif key.startswith(keys.ERASED):
            self.erasing += 1
        elif key == SEQUENCE_KEY:
            self._next_sequence = keys.unpack_offset(value)
        elif not key.startswith(keys.META):
            return NO_KIND
        return None

    def _take_place(self, key: bytes, value: bytes) -> str | None:
        if key.startswith(keys.POSITIONS):
            self.positions[keys.topic_partition(key)] = keys.unpack_offset(value)
        elif key.startswith(keys.AHEAD):
            self.ahead[keys.topic_partition(key)] = keys.unpack_offsets(value)
        elif key.startswith(keys.SOURCE_POSITIONS):
            place = keys.topic_partition(key)
            self.source_positions[place] = keys.unpack_source_position(value)
        else:
            return NO_KIND
        return None

    def _take_record(self, key: bytes, value: bytes) -> str | None:
        encoded = self._rows.encoded(key, value)
        if encoded is None:
            self.dark += 1
            return None
        record = decode(encoded)
        self.customers += 1
        self.record_bytes += len(value)
        self.record_bytes_max = max(self.record_bytes_max, len(value))
        self.versions[encoded[0]] += 1
        if self._rows.customer_key(record.customer) != key:
            return f"holds the record of another customer, {record.customer}"
        for name, due_ms in record.timers.items():
            self._wanted[self._rows.timer_key(Timer(due_ms, record.customer, name))] = key
        return None

    def _take_timer(self, key: bytes, value: bytes) -> str | None:
        timer = self._rows.timer_of(key, value)
        if timer is None:
            self.dark += 1
            return None
        self.timers += 1
        if self.first_due_ms is None:
            self.first_due_ms = timer.due_ms
        if self._wanted.pop(key, None) is None:
            return f"wakes {timer.customer} for {timer.name!r}, for which no record waits"
        return None


def readable(key: bytes) -> str:
    """A key for people: its kind, and what follows as text or hexadecimal.

    Example:
        >>> readable(keys.customer_key("c-1")), readable(keys.outbox_key(7))
        ('c|c-1', 'o|7')
        >>> readable(keys.position_key("customer-events", 3))
        'p|o|customer-events|3'
        >>> readable(keys.timer_key(9, "c-1", "salary"))
        't|9|c-1|salary'
    """
    if key.startswith(keys.OUTBOX) and len(key) == len(keys.outbox_key(0)):
        return f"o|{keys.outbox_sequence(key)}"
    if key.startswith(keys.TIMERS) and len(key) > len(keys.timers_from(0)):
        return f"t|{keys.timer_due(key)}|{_text(key[len(keys.timers_from(0)) + 1 :])}"
    if key.startswith((keys.POSITIONS, keys.SOURCE_POSITIONS, keys.AHEAD)) and key[-5:-4] == b"|":
        topic, partition = keys.topic_partition(key)
        return f"{key[:4].decode()}{topic}|{partition}"
    return f"{key[:2].decode(errors='replace')}{_text(key[2:])}"


def _text(part: bytes) -> str:
    try:
        text = part.decode().replace("\0", "|")
    except UnicodeDecodeError:
        return part.hex()
    return text if text.isprintable() else part.hex()
