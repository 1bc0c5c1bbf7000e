"""One number a day for the last days: a ring of float32, packed, indexed by day modulo its size.

Float32 holds whole minor units exactly to 16.7 million and to 1 part in 10^7 beyond. No bytes are a
ring of zeros. Rings are values: every function returns a new one.
"""

from binascii import a2b_base64
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

DAYS: Final = 32
"""Days that are remembered: a month, and the day that is under way."""
_CELL: Final = Struct("<f")
_WIDTH: Final = _CELL.size
_ZERO: Final = bytes(_WIDTH)
_FORWARD_MAX: Final = 3.0e38


def packed(ring: bytes | str, *, newest: int, size: int = DAYS) -> bytes:
    """A ring as it is kept today; earlier releases kept text (base64), and longer rings.

    Example:
        >>> ring = add(b"", 200, 4.5, newest=200, size=192)
        >>> cell(packed(ring, newest=200), 200)
        4.5
    """
    kept = a2b_base64(ring) if isinstance(ring, str) else ring
    known = len(kept) // _WIDTH
    if known <= size:
        return kept
    cells = bytearray(_WIDTH * size)
    for day in range(newest - size + 1, newest + 1):
        _CELL.pack_into(cells, day % size * _WIDTH, cell(kept, day, size=known))
    return bytes(cells)


def add(ring: bytes, day: int, amount: float, *, newest: int, size: int = DAYS) -> bytes:
    """The ring with an amount added to a day.

    Args:
        ring: The ring whose newest day is ``newest``.
        day: The day to add to; days up to it become zero when it is newer, too old ones are ignored.
        amount: What to add.
        newest: The newest day that the ring holds.
        size: How many days the ring holds.
    """
    if day <= newest - size:
        return ring
    cells = bytearray(ring or _WIDTH * size)
    for skipped in range(max(newest + 1, day - size + 1), day + 1):
        at = skipped % size * _WIDTH
        cells[at : at + _WIDTH] = _ZERO
    at = day % size * _WIDTH
    total = _CELL.unpack_from(cells, at)[0] + amount
    _CELL.pack_into(cells, at, max(-_FORWARD_MAX, min(_FORWARD_MAX, total)))
    return bytes(cells)


def cell(ring: bytes, day: int, *, size: int = DAYS) -> float:
    """The number of a day that a ring holds.

    Example:
        >>> cell(add(b"", 7, -250.0, newest=7), 7)
        -250.0
    """
    held: float = _CELL.unpack_from(ring, day % size * _WIDTH)[0]
    return held


def put(ring: bytes, day: int, value: float, *, size: int = DAYS) -> bytes:
    """The ring with the number of a day replaced.

    Example:
        >>> cell(put(add(b"", 7, -250.0, newest=7), 7, 4.5), 7)
        4.5
    """
    cells = bytearray(ring)
    _CELL.pack_into(cells, day % size * _WIDTH, value)
    return bytes(cells)


def window(
    ring: bytes, *, newest: int, until: int, days: int, size: int = DAYS
) -> NDArray[np.float64]:
    """The last days up to ``until`` (inclusive), oldest first, shape (days,); zero where nothing is known.

    Example:
        >>> ring = add(b"", 7, -250.0, newest=7)
        >>> window(ring, newest=7, until=8, days=3)
        array([   0., -250.,    0.])
    """
    values = np.zeros(days)
    known = min(until, newest)
    first = max(until - days + 1, newest - size + 1)
    if ring and first <= known:
        cells = np.frombuffer(ring, "<f4")
        at = np.arange(first, known + 1) % size
        start = first - (until - days + 1)
        values[start : start + known - first + 1] = cells[at]
    return values


def total(ring: bytes, *, newest: int, until: int, days: int, size: int = DAYS) -> float:
    """The sum over the last days up to ``until``, without an array: what the hot path needs.

    Example:
        >>> total(add(b"", 7, -250.0, newest=7), newest=7, until=8, days=3)
        -250.0
    """
    first, known = max(until - days + 1, newest - size + 1), min(until, newest)
    if not ring or first > known:
        return 0.0
    low, high = first % size * _WIDTH, known % size * _WIDTH + _WIDTH
    taken = ring[low:high] if low < high else ring[low : size * _WIDTH] + ring[:high]
    return float(sum(Struct(f"<{len(taken) // _WIDTH}f").unpack(taken)))
