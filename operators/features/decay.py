"""Sums that forget: each addend halves once per half-life, whatever the order of arrival.

A decayed sum is kept as of the newest instant that it has seen. A late addend is aged to that instant
before it is added, so the order of events doesn't matter (up to rounding).
Source: Cormode, Shkapenyuk, Srivastava and Xu 2009, «Forward decay».
"""

from collections.abc import Sequence
from math import ldexp, sqrt
from typing import Final

from schemas.base import DAY_MS

HALF_LIFE_90D = 90 * 0.6931471805599453 * DAY_MS
"""Half-life (ms) at which the decayed sum of a steady flow equals the sum of its last 90 days."""
HALF_LIFE_30D = HALF_LIFE_90D / 3
_STEPS: Final = 1024
_GONE_HALVINGS: Final = 64
_FADED: Final = 1e-9


def _powers() -> tuple[float, ...]:
    # Square roots and products are exactly rounded everywhere; pow() isn't, and replays must agree.
    roots = [0.5]
    for _ in range(10):
        roots.append(sqrt(roots[-1]))
    table = []
    for step in range(_STEPS + 1):
        power = 1.0
        for bit in range(11):
            if step >> bit & 1:
                power *= roots[10 - bit]
        table.append(power)
    return tuple(table)


_TABLE: Final = _powers()


def halved(age_ms: float, half_life_ms: float) -> float:
    """2 ** (−age / half-life) to 1 part in 10^7, the same bits on every machine; 1 for no age.

    Example:
        >>> halved(0, 10), halved(10, 10), halved(20, 10)
        (1.0, 0.5, 0.25)
        >>> abs(halved(5, 10) - 0.5**0.5) < 1e-7
        True
    """
    if age_ms <= 0:
        return 1.0
    halvings = age_ms / half_life_ms
    if halvings >= _GONE_HALVINGS:
        return 0.0
    whole = int(halvings)
    fine = (halvings - whole) * _STEPS
    step = int(fine)
    low = _TABLE[step]
    return ldexp(low + (_TABLE[step + 1] - low) * (fine - step), -whole)


def aged(sums: Sequence[float], factor: float) -> list[float]:
    """The sums after ageing by a factor of `halved`; what has faded away is zero."""
    if factor == 1.0:
        return list(sums)
    return [value * factor if value > _FADED or value < -_FADED else 0.0 for value in sums]
