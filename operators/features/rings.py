"""One number a day for the last days, as text: a ring of float32 in base64, indexed by day modulo its size.

Float32 holds whole minor units exactly to 16.7 million and to 1 part in 10^7 beyond. An empty text is a
ring of zeros. Rings are values: every function returns a new one.
"""

from binascii import a2b_base64, b2a_base64
from struct import Struct

import numpy as np
from numpy.typing import NDArray

DAYS = 192
"""Days of flows that are remembered: six months, and room for events that come late."""
_CELL = Struct("<f")
_FORWARD_MAX = 3.0e38
PATCHED_MAX = 3
"""Days that are written one by one; beyond, the whole ring is unpacked once."""
_PLACES: tuple[tuple[int, int, int], ...] = tuple(
    (at // 3 * 4, at % 3, (at + 3) // 3 * 4 + 4) for at in range(0, 4 * DAYS, 4)
)
"""Of each cell: where its letters begin, how many bytes in, where they end. Four letters are three bytes."""


def add(ring: str, day: int, amount: float, *, newest: int, size: int = DAYS) -> str:
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
    if ring and day - newest <= PATCHED_MAX:
        for skipped in range(newest + 1, day + 1):
            ring = put(ring, skipped, 0.0, size=size)
        total = cell(ring, day, size=size) + amount
        return put(ring, day, max(-_FORWARD_MAX, min(_FORWARD_MAX, total)), size=size)
    cells = bytearray(a2b_base64(ring)) if ring else bytearray(4 * size)
    for skipped in range(max(newest + 1, day - size + 1), day + 1):
        at = skipped % size * 4
        cells[at : at + 4] = b"\0\0\0\0"
    at = day % size * 4
    total = _CELL.unpack_from(cells, at)[0] + amount
    _CELL.pack_into(cells, at, max(-_FORWARD_MAX, min(_FORWARD_MAX, total)))
    return b2a_base64(cells, newline=False).decode()


def cell(ring: str, day: int, *, size: int = DAYS) -> float:
    """The number of a day that a ring holds, without unpacking the others.

    Example:
        >>> cell(add("", 7, -250.0, newest=7), 7)
        -250.0
    """
    start, skip, end = _PLACES[day % size]
    held: float = _CELL.unpack_from(a2b_base64(ring[start:end]), skip)[0]
    return held


def put(ring: str, day: int, value: float, *, size: int = DAYS) -> str:
    """The ring with the number of a day replaced: only the eight letters that tell it are written anew.

    Example:
        >>> cell(put(add("", 7, -250.0, newest=7), 7, 4.5), 7)
        4.5
    """
    start, skip, end = _PLACES[day % size]
    cells = bytearray(a2b_base64(ring[start:end]))
    _CELL.pack_into(cells, skip, value)
    return ring[:start] + b2a_base64(cells, newline=False).decode() + ring[end:]


def window(
    ring: str, *, newest: int, until: int, days: int, size: int = DAYS
) -> NDArray[np.float64]:
    """The last days up to ``until`` (inclusive), oldest first, shape (days,); zero where nothing is known.

    Example:
        >>> ring = add("", 7, -250.0, newest=7)
        >>> window(ring, newest=7, until=8, days=3)
        array([   0., -250.,    0.])
    """
    values = np.zeros(days)
    known = min(until, newest)
    first = max(until - days + 1, newest - size + 1)
    if ring and first <= known:
        cells = np.frombuffer(a2b_base64(ring), "<f4")
        at = np.arange(first, known + 1) % size
        start = first - (until - days + 1)
        values[start : start + known - first + 1] = cells[at]
    return values


def total(ring: str, *, newest: int, until: int, days: int, size: int = DAYS) -> float:
    """The sum over the last days up to ``until``, without an array: what the hot path needs.

    Example:
        >>> total(add("", 7, -250.0, newest=7), newest=7, until=8, days=3)
        -250.0
    """
    first, known = max(until - days + 1, newest - size + 1), min(until, newest)
    if not ring or first > known:
        return 0.0
    cells = a2b_base64(ring)
    low, high = first % size * 4, known % size * 4 + 4
    taken = cells[low:high] if low < high else cells[low : size * 4] + cells[:high]
    return float(sum(Struct(f"<{len(taken) // 4}f").unpack(taken)))
