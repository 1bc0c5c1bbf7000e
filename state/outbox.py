"""One undelivered output to bytes and back: what a shard keeps until the broker has acknowledged it."""

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct, error

from schemas.errors import StateError
from state.codec import RESTORE_HINT, seal, unseal

VERSION = 1

_LENGTH = Struct(">i")
_COUNT = Struct(">H")
NAME_MAX = 32
"""Characters of a header's name that is packed once; ours are shorter."""
_ABSENT = -1
"""The length that stands for None: a Kafka record without a key or value is not one with an empty one."""

Headers = tuple[tuple[str, bytes], ...]


@dataclass(slots=True, frozen=True)
class OutboxEntry:
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
    length = _LENGTH.pack
    parts = [_name(entry.topic), _chunk(entry.key), _chunk(entry.value)]
    parts.append(_COUNT.pack(len(entry.headers)))
    for name, value in entry.headers:
        # Names of a dead letter are the sender's, of any length: those are not kept.
        named = _name(name) if len(name) <= NAME_MAX else _chunk(name.encode())
        parts += (named, length(len(value)), value)
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


@lru_cache(maxsize=256)
def _name(text: str) -> bytes:
    """The chunk of a topic's or a header's name: there are few of them."""
    return _chunk(text.encode())


def _chunk(data: bytes | None) -> bytes:
    return _LENGTH.pack(_ABSENT) if data is None else _LENGTH.pack(len(data)) + data


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
