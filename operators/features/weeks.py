"""Sums by week over a quarter: fourteen bins, newest first, that late movements still find.

A window of 91 days holds whole pay cycles (13 weekly, 3 monthly), so that a mean over it doesn't swing
with the day of the month as a decayed sum would.
"""

from collections.abc import Sequence
from typing import Final

WEEKS: Final = 14
"""The week that is filling, twelve whole ones, and one that is leaving the window."""
WINDOW_DAYS: Final = 91


def shifted(bins: Sequence[float], weeks: int) -> list[float]:
    """The bins after some weeks have passed.

    Example:
        >>> shifted([5, 4, 3], 1)
        [0, 5, 4]
    """
    if weeks <= 0:
        return list(bins)
    kept = max(0, len(bins) - weeks)
    return [0] * (len(bins) - kept) + list(bins[:kept])


def put(bins: Sequence[float], age_weeks: int, amount: int | float) -> list[float]:
    """The bins with an amount added so many weeks back; what is older than all bins is dropped."""
    added: list[int | float] = [*bins]
    if 0 <= age_weeks < len(added):
        added[age_weeks] += amount
    return added


def monthly(bins: Sequence[float], *, today: int, history_days: float) -> float:
    """The mean per month (30.4375 days) of the last 91 days; at least a month of history is assumed.

    Args:
        bins: The sums by week, newest (that of ``today``) first.
        today: Days since 1970: the oldest week counts for the share of it that is within the window.
        history_days: How long anything is known.

    Example:
        >>> round(monthly([100] * 14, today=20_005, history_days=400), 2)
        434.82
    """
    days = min(float(WINDOW_DAYS), max(30.4375, history_days))
    filling = (today % 7 + 1) / 7
    return (sum(bins[:-1]) + bins[-1] * (1 - filling)) * 30.4375 / days
