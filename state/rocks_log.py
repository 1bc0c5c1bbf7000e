"""The framing of RocksDB's logs and manifests, to say where one of them is damaged.

RocksDB takes a record that can't be whole for the torn end of a log and reads on without a word; whoever checks
a disk wants to know. A file is blocks of 32 KiB of records, each `checksum (4 bytes) | length (2) | type (1) |
payload`, little-endian; the checksum is a masked CRC-32C of type and payload
(https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format).
"""

from collections.abc import Iterator
from struct import Struct

BLOCK_BYTES = 32_768
_HEADER = Struct("<IHB")
_PADDING = 0
_PARTS = {1: (True, True), 2: (True, False), 3: (False, False), 4: (False, True)}
"""Type → whether a record begins in this part, and whether it ends in it."""
_RECYCLED, _RECYCLED_BYTES = 4, 4
"""Types 5 to 8 are 1 to 4 with the number of the log behind the header, under the checksum."""
_STATEMENTS_FROM = 9
"""Types from here on say something of the log itself, whole in one part."""
_STUMBLED_OVER = frozenset({5, 6, 7, 8, 11})
_MASK_DELTA = 0xA282EAD8
_POLYNOMIAL = 0x82F63B78


def log_flaw(content: bytes) -> str | None:
    """Where the content of a log or a manifest is not what was written, in words; None where it is whole.

    Example:
        >>> record = _framed(b"an edit")
        >>> log_flaw(record), log_flaw(record[:-1])
        (None, 'breaks off in the middle of a record')
        >>> log_flaw(record[:-1] + b"?")
        'fails the checksum of the record at byte 0'
    """
    inside = False
    try:
        for at, kind in _parts(content):
            begins, ends = _PARTS.get(kind, (not inside, not inside))
            if begins == inside:
                return f"holds a record out of place at byte {at}"
            inside = not ends
    except EOFError:
        inside = True
    except ValueError as flaw:
        return str(flaw)
    return "breaks off in the middle of a record" if inside else None


def stumbling_block(content: bytes) -> int | None:
    """Where a log holds a record of a recycled log; ours never are, and RocksDB 9 reads on there for ever.

    Only headers are looked at, up to the first that leads nowhere, which RocksDB finds by itself.

    Example:
        >>> stumbling_block(_framed(b"an edit"))
        >>> stumbling_block(_framed(b"an edit") + bytes([1, 2, 3, 4, 1, 0, 5, 0]))
        14
    """
    at = 0
    while at + _HEADER.size <= len(content):
        if BLOCK_BYTES - at % BLOCK_BYTES < _HEADER.size:
            at += BLOCK_BYTES - at % BLOCK_BYTES
            continue
        _, length, kind = _HEADER.unpack_from(content, at)
        if kind in _STUMBLED_OVER:
            return at
        at += _HEADER.size + length
    return None


def _parts(content: bytes) -> Iterator[tuple[int, int]]:
    """The parts of records: where each begins, and its type.

    Raises:
        EOFError: The content ends inside a part.
        ValueError: Says where it is damaged.
    """
    at = 0
    while at < len(content):
        left = BLOCK_BYTES - at % BLOCK_BYTES
        if left < _HEADER.size:
            if any(content[at : at + left]):
                raise ValueError(f"holds other bytes than padding at byte {at}")
            at += left
            continue
        if len(content) - at < _HEADER.size:
            raise EOFError
        checksum, length, kind = _HEADER.unpack_from(content, at)
        if kind == _PADDING and not any(content[at:]):
            return
        end = at + _HEADER.size + length
        if _RECYCLED < kind < _STATEMENTS_FROM:
            end += _RECYCLED_BYTES
            kind -= _RECYCLED
        if end > len(content):
            raise EOFError
        if _masked(_crc32c(content[at + _HEADER.size - 1 : end])) != checksum:
            raise ValueError(f"fails the checksum of the record at byte {at}")
        yield at, kind
        at = end


def _framed(payload: bytes) -> bytes:
    """One whole record."""
    return _HEADER.pack(_masked(_crc32c(b"\1" + payload)), len(payload), 1) + payload


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(map(_entry, range(256)))
