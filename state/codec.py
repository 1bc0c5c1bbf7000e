"""One customer record to bytes and back, exactly: a version byte, a checksum, a positional body.

Layout of a value: ``version (1 byte) | CRC-32 of version and body (4 bytes, big-endian) | body``.
The body is MessagePack without field names (version 1 was JSON), squeezed by `state.squeeze` since version 5: fields
in the order of `state.layout`, which is frozen for a version. A change of shape is a new version and one line in
`UPCASTERS`; old bytes are then read for ever.

What does not come back equal is refused by the in-memory twin (`state.memory`) in every test and simulation:
NaN (unequal to itself), tuples and sets inside a slot's memory (they would come back as lists). Bytes are
kept as they are, so that a plug-in may pack its memory.
"""

from collections.abc import Mapping
from struct import Struct
from typing import Any
from zlib import crc32

import orjson
from msgspec import DecodeError
from msgspec.msgpack import Decoder, Encoder

from schemas.customer import Customer
from schemas.errors import StateError
from state.layout import decode_body, encode_body
from state.squeeze import expand, squeeze
from state.upcasts import UPCASTERS, Upcaster

VERSION = 5
JSON_VERSION = 1
"""Its body is JSON."""
SQUEEZED_FROM = 5
"""The first version whose body is squeezed."""

RESTORE_HINT = (
    "stop the worker; scripts/state verify names what is damaged; move the shard's directory away, put its backup "
    "back (scripts/state restore) if there is one, and start again: the log is read anew from the position that is found"
)
_HEADER = Struct(">BI")
_PACK = Encoder().encode
_UNPACK = Decoder().decode


def encode(customer: Customer) -> bytes:
    """The bytes of a record, of the newest version.

    Raises:
        TypeError: A memory holds what MessagePack can't say (a bug of the plug-in, so not a `StateError`).

    Example:
        >>> decode(encode(Customer("c-1", since_ms=5))) == Customer("c-1", since_ms=5)
        True
    """
    return seal(squeeze(body_of(customer)), version=VERSION)


def body_of(customer: Customer) -> bytes:
    """The body of a record before it is squeezed."""
    return _PACK(encode_body(customer))


def decode(data: bytes) -> Customer:
    """The record in these bytes, whatever version wrote them.

    Raises:
        StateError: ``state.corrupt`` when a byte is not what was written, ``state.version-too-new``
            when a later release wrote it. Disposition: halt.
    """
    version, body = unseal(data, newest=VERSION, what="customer record")
    try:
        plain = expand(body) if version >= SQUEEZED_FROM else body
        fields = orjson.loads(plain) if version == JSON_VERSION else _UNPACK(plain)
        if version != VERSION:
            fields = upcast(fields, version=version, newest=VERSION, upcasters=UPCASTERS)
        return decode_body(fields)
    except (orjson.JSONDecodeError, DecodeError, TypeError, ValueError) as error:
        raise _corrupt(f"customer record of version {version} has another layout") from error


def legible(data: bytes) -> bytes:
    """A record's bytes unsqueezed, and its text, for who looks for words in them; what is no record as it is.

    Example:
        >>> b"c-123" in legible(encode(Customer("c-123"))), legible(b"c-123")
        (True, b'c-123')
    """
    try:
        version, body = unseal(data, newest=VERSION, what="row")
        plain = expand(body) if version >= SQUEEZED_FROM else body
        return b"\n".join((data[: _HEADER.size], plain, repr(decode(data)).encode()))
    except (StateError, ValueError):
        return data


def upcast(
    body: list[Any], *, version: int, newest: int, upcasters: Mapping[int, Upcaster]
) -> list[Any]:
    """The body as the newest version writes it, one step of `upcasters` at a time.

    Raises:
        StateError: ``state.corrupt`` when no upcaster leads on from a version.

    Example:
        >>> upcast(["c-1"], version=1, newest=2, upcasters={1: lambda body: [*body, 0]})
        ['c-1', 0]
    """
    for step in range(version, newest):
        if step not in upcasters:
            raise _corrupt(f"no upcaster leads on from version {step}")
        body = upcasters[step](body)
    return body


def seal(body: bytes, *, version: int) -> bytes:
    """The version byte and the checksum before a body."""
    return _HEADER.pack(version, crc32(body, version)) + body


def unseal(data: bytes, *, newest: int, what: str) -> tuple[int, bytes]:
    """The version and the body of sealed bytes; ``what`` names them in the error.

    Raises:
        StateError: ``state.corrupt`` or ``state.version-too-new``.

    Example:
        >>> unseal(seal(b"[]", version=1), newest=1, what="note")
        (1, b'[]')
    """
    if len(data) < _HEADER.size:
        raise _corrupt(f"{what} of {len(data)} bytes is too short")
    version, checksum = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if crc32(body, version) != checksum:
        raise _corrupt(f"{what} fails its checksum")
    if version > newest:
        raise StateError(
            "state.version-too-new",
            f"{what} has version {version}, this release reads up to {newest}",
            hint="start the release that wrote it, or a newer one",
        )
    if version == 0:
        raise _corrupt(f"{what} has version 0, which no release wrote")
    return version, body


def _corrupt(detail: str) -> StateError:
    return StateError("state.corrupt", detail, hint=RESTORE_HINT)
