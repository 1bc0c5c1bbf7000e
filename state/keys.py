"""Where things lie in a shard: keys whose byte order is the order that they are read in.

    c|<customer>                              the record of one customer
    p|o|<topic>|<partition>                   the next offset to read of a topic-partition
    p|s|<topic>|<partition>                   the highest source position seen
    p|a|<topic>|<partition>                   offsets from the next one on whose effect is there already
    o|<sequence>                              one undelivered output
    t|<due_ms>|<customer>NUL<name>            one timer (no value)
    x|<key of a record>                       whoever was erased, until no byte of them is left
    m|<name>                                  facts about the shard itself

Numbers are big-endian and unsigned, 8 bytes (partitions 4), so that bytes sort as numbers do. No part
holds a ``|`` or NUL of its own: Kafka forbids them in topics, `schemas.base` in customers and timer names.
NUL sorts before all that a customer's id may hold, so timers of one instant lie by customer, then name. Where the state
is sealed, a customer is a keyed hash: see `state.sealed`.
"""

from collections.abc import Iterable
from itertools import pairwise
from struct import Struct
from typing import Final

CUSTOMERS = b"c|"
PLACES = b"p|"
POSITIONS = b"p|o|"
SOURCE_POSITIONS = b"p|s|"
AHEAD = b"p|a|"
OUTBOX = b"o|"
TIMERS = b"t|"
ERASED = b"x|"
META = b"m|"

_WORD: Final = Struct(">Q")
_HALF: Final = Struct(">I")
_OFFSET_AND_INDEX: Final = Struct(">QI")
_NUMBER_END: Final = 2 + _WORD.size


def customer_key(customer: str) -> bytes:
    """Where a customer's record lies."""
    return CUSTOMERS + customer.encode()


def position_key(topic: str, partition: int) -> bytes:
    """Where the next offset of a topic-partition lies."""
    return POSITIONS + topic.encode() + b"|" + _HALF.pack(partition)


def source_position_key(topic: str, partition: int) -> bytes:
    """Where the highest position of a source topic-partition lies."""
    return SOURCE_POSITIONS + topic.encode() + b"|" + _HALF.pack(partition)


def ahead_key(topic: str, partition: int) -> bytes:
    """Where the offsets lie that were taken ahead of a topic-partition's next one."""
    return AHEAD + topic.encode() + b"|" + _HALF.pack(partition)


def topic_partition(key: bytes) -> tuple[str, int]:
    """The topic and partition of a position's key, of any sort.

    Example:
        >>> topic_partition(position_key("customer-events", 7))
        ('customer-events', 7)
    """
    return key[len(POSITIONS) : -5].decode(), _HALF.unpack(key[-4:])[0]


def outbox_key(sequence: int) -> bytes:
    """Where an undelivered output lies."""
    return OUTBOX + _WORD.pack(sequence)


def outbox_sequence(key: bytes) -> int:
    """The sequence in an output's key."""
    return int.from_bytes(key[len(OUTBOX) : _NUMBER_END], "big")


def timer_key(due_ms: int, customer: str, name: str) -> bytes:
    """Where a timer lies: earliest first.

    Example:
        >>> timer_key(255, "c-1", "z") < timer_key(256, "a-1", "a")
        True
    """
    return TIMERS + _WORD.pack(due_ms) + b"|" + customer.encode() + b"\0" + name.encode()


def timers_from(due_ms: int) -> bytes:
    """A key that no timer due at this instant or later lies before."""
    return TIMERS + _WORD.pack(due_ms)


def timer_due(key: bytes) -> int:
    """The instant (ms) in a timer's key.

    Example:
        >>> timer_due(timer_key(255, "c-1", "salary"))
        255
    """
    return int.from_bytes(key[len(TIMERS) : _NUMBER_END], "big")


def timer_of(key: bytes) -> tuple[int, str, str]:
    """The instant (ms), customer and name in a timer's key.

    Example:
        >>> timer_of(timer_key(255, "c-1", "salary"))
        (255, 'c-1', 'salary')
    """
    customer, name = key[_NUMBER_END + 1 :].decode().split("\0", 1)
    return timer_due(key), customer, name


def erased_key(customer_key: bytes) -> bytes:
    """Where it is noted that the customer of a record was erased."""
    return ERASED + customer_key


def erased_of(key: bytes) -> bytes:
    """The record's key in the note of an erasure."""
    return key[len(ERASED) :]


def meta_key(name: str) -> bytes:
    """Where a fact about the shard lies."""
    return META + name.encode()


def pack_offset(offset: int) -> bytes:
    """An offset (or a sequence) as a value."""
    return _WORD.pack(offset)


def unpack_offset(value: bytes) -> int:
    """The offset (or sequence) in a value."""
    return int(_WORD.unpack(value)[0])


def pack_offsets(offsets: Iterable[int]) -> bytes:
    """Offsets as a value, in ascending order.

    Example:
        >>> unpack_offsets(pack_offsets({300, 7}))
        (7, 300)
    """
    return b"".join(map(_WORD.pack, sorted(offsets)))


def unpack_offsets(value: bytes) -> tuple[int, ...]:
    """The offsets in a value; ValueError or struct.error for what `pack_offsets` did not write."""
    offsets = tuple(offset for (offset,) in _WORD.iter_unpack(value))
    if not offsets or any(a >= b for a, b in pairwise(offsets)):
        message = "offsets that ascend are expected"
        raise ValueError(message)
    return offsets


def pack_source_position(offset: int, index: int) -> bytes:
    """An offset and the index within its message, as a value."""
    return _OFFSET_AND_INDEX.pack(offset, index)


def unpack_source_position(value: bytes) -> tuple[int, int]:
    """The offset and index in a value."""
    offset, index = _OFFSET_AND_INDEX.unpack(value)
    return offset, index
