"""Sums that fade, several windows on one clock: O(1) to add to, in any order.

An amount counts exp(−age / window), so at a steady rate the sum is what a plain window of that length
would hold. Nothing but the sums is kept: no list of what happened when.
"""

from collections.abc import Sequence

from operators.features.decay import HALF_LIFE_30D, HALF_LIFE_90D, halved

HALF_LIFE_7D = HALF_LIFE_30D * 7 / 30
HALF_LIVES: dict[int, float] = {7: HALF_LIFE_7D, 30: HALF_LIFE_30D, 90: HALF_LIFE_90D}
"""Half-life (ms) by window (days)."""


def add(
    anchor_ms: int,
    sums: Sequence[float],
    *,
    at_ms: int,
    amounts: Sequence[float],
    windows_days: Sequence[int],
) -> tuple[int, list[float]]:
    """Add amounts at an instant, which may lie before the anchor (a late event).

    Args:
        anchor_ms: The instant that ``sums`` are stated for; 0 if nothing was added yet.
        sums: The faded sums, one a window.
        at_ms: When the amounts happened.
        amounts: What to add, aligned with ``sums``.
        windows_days: The windows, aligned with ``sums``; keys of `HALF_LIVES`.

    Returns:
        The new anchor, which never goes back, and the new sums. Equal, up to rounding, in any order.

    Example:
        >>> day_ms = 86_400_000
        >>> add(0, [0.0], at_ms=30 * day_ms, amounts=[1.0], windows_days=[30])
        (2592000000, [1.0])
        >>> anchor_ms, sums = add(30 * day_ms, [1.0], at_ms=0, amounts=[1.0], windows_days=[30])
        >>> round(sums[0], 4)
        1.3679

    Source: Cohen and Strauss 2003, Maintaining time-decaying stream aggregates, section 3.
    """
    if at_ms >= anchor_ms:
        kept = fade(anchor_ms, sums, now_ms=at_ms, windows_days=windows_days)
        return at_ms, [s + a for s, a in zip(kept, amounts, strict=True)]
    late = fade(at_ms, amounts, now_ms=anchor_ms, windows_days=windows_days)
    return anchor_ms, [s + a for s, a in zip(sums, late, strict=True)]


def fade(
    anchor_ms: int, sums: Sequence[float], *, now_ms: int, windows_days: Sequence[int]
) -> list[float]:
    """The sums at a later instant; at an earlier one they are as at the anchor: they never grow.

    Example:
        >>> [round(s, 4) for s in fade(0, [1.0, 1.0], now_ms=604_800_000, windows_days=[7, 30])]
        [0.3679, 0.7919]
    """
    if now_ms <= anchor_ms:
        return list(sums)
    age_ms = now_ms - anchor_ms
    factors = {days: halved(age_ms, HALF_LIVES[days]) for days in set(windows_days)}
    return [s * factors[days] for s, days in zip(sums, windows_days, strict=True)]
