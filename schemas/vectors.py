"""What models see as bytes: vectors that lie on a grid take two bytes a value."""

from collections.abc import Sequence
from functools import cache
from struct import Struct, error

GRID = 1024
"""Steps of the grid a unit."""
_WIDE = b"\1"
"""Begins a vector that is off the grid, so its length is odd; float64 behind it."""


def pack_vector(vector: Sequence[float]) -> bytes:
    """A vector as bytes that `unpack_vector` makes the very same of.

    Example:
        >>> len(pack_vector((1.0, -0.25))), len(pack_vector((1.0, 0.1))), pack_vector(())
        (4, 17, b'')
    """
    steps = [value * GRID for value in vector]
    try:
        whole = [*map(int, steps)]
        if whole == steps:
            return _steps(len(whole)).pack(*whole)
    except (ValueError, OverflowError, error):
        pass  # not a number, not finite, or far out
    return _WIDE + _floats(len(vector)).pack(*vector)


def unpack_vector(packed: bytes) -> tuple[float, ...]:
    """The vector in bytes.

    Raises:
        struct.error: There is none in them.

    Example:
        >>> unpack_vector(pack_vector((1.0, -0.25))), unpack_vector(pack_vector((0.1,)))
        ((1.0, -0.25), (0.1,))
    """
    if len(packed) % 2:
        return tuple(_floats(len(packed) // 8).unpack(packed[1:]))
    return tuple([step / GRID for step in _steps(len(packed) // 2).unpack(packed)])


@cache
def _steps(count: int) -> Struct:
    return Struct(f"<{count}h")


@cache
def _floats(count: int) -> Struct:
    return Struct(f"<{count}d")
