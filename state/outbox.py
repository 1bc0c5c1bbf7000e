"""One undelivered output to bytes and back: what a shard keeps until the broker has acknowledged it."""

from struct import Struct, error
from typing import Final, NamedTuple

from schemas.errors import StateError
from state.codec import RESTORE_HINT, seal, unseal

VERSION = 1

_LENGTH = Struct(">i")
_COUNT = Struct(">H")
NAME_MAX: Final = 32
"""Characters of a name that is packed once; ours are shorter."""
NAMES_MAX: Final = 256
"""Names that are packed once: there are few of them, but for those of a dead letter, which are the sender's."""
_SHORT: Final = [_LENGTH.pack(length) for length in range(256)]
"""Lengths of most headers."""
_ABSENT = -1
"""The length that stands for None: a Kafka record without a key or value is not one with an empty one."""

Headers = tuple[tuple[str, bytes], ...]


class OutboxEntry(NamedTuple):
    """A record to be written to Kafka, the same bytes each time it is tried.

    ``sequence`` orders the shard's outputs; `ShardStore.next_sequence` is the first that is free.
    """

    sequence: int
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def encode_entry(entry: OutboxEntry) -> bytes:
    """The bytes of an entry without its sequence, which is in its key."""
    parts = [_name(entry.topic), _chunk(entry.key), _chunk(entry.value)]
    parts.append(_COUNT.pack(len(entry.headers)))
    for name, value in entry.headers:
        parts.append(_name(name))
        parts.append(_length(len(value)))
        parts.append(value)
    return seal(b"".join(parts), version=VERSION)


def decode_entry(sequence: int, data: bytes) -> OutboxEntry:
    """The entry in these bytes.

    Raises:
        StateError: ``state.corrupt`` or ``state.version-too-new``. Disposition: halt.

    Example:
        >>> entry = OutboxEntry(3, "offers", b"c-1", None, (("ce_type", b"offer.issued"),))
        >>> decode_entry(3, encode_entry(entry)) == entry
        True
    """
    _version, body = unseal(data, newest=VERSION, what="outbox entry")
    reader = _Reader(body)
    try:
        topic = reader.text()
        key, value = reader.chunk(), reader.chunk()
        headers = tuple((reader.text(), reader.chunk() or b"") for _ in range(reader.count()))
    except (error, UnicodeDecodeError) as cause:
        raise StateError(
            "state.corrupt", "outbox entry has another layout", hint=RESTORE_HINT
        ) from cause
    return OutboxEntry(sequence, topic, key, value, headers)


_PACKED: Final[dict[str, bytes]] = {}


def _name(text: str) -> bytes:
    """The chunk of a topic's or a header's name."""
    packed = _PACKED.get(text)
    if packed is None:
        packed = _chunk(text.encode())
        if len(text) <= NAME_MAX and len(_PACKED) < NAMES_MAX:
            _PACKED[text] = packed
    return packed


def _chunk(data: bytes | None) -> bytes:
    return _LENGTH.pack(_ABSENT) if data is None else _length(len(data)) + data


def _length(length: int) -> bytes:
    return _SHORT[length] if length < len(_SHORT) else _LENGTH.pack(length)


class _Reader:
    """A cursor over the chunks of an entry."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def chunk(self) -> bytes | None:
        (length,) = _LENGTH.unpack_from(self._body, self._at)
        start = self._at + _LENGTH.size
        self._at = start + max(length, 0)
        return None if length == _ABSENT else self._body[start : self._at]

    def text(self) -> str:
        return (self.chunk() or b"").decode()

    def count(self) -> int:
        (count,) = _COUNT.unpack_from(self._body, self._at)
        self._at += _COUNT.size
        return int(count)
