"""When a payment that comes every month, or every so many days, comes next.

Days are counted since 1970-01-01 (a Thursday).
"""

from calendar import monthrange
from datetime import date
from functools import lru_cache
from typing import Final

_EPOCH: Final = date(1970, 1, 1).toordinal()
MONTHLY_GAP_DAYS = (27.0, 32.5)
_SATURDAY: Final = 5


@lru_cache(maxsize=4096)
def day_of_month(day: int) -> int:
    """1..31.

    Example:
        >>> day_of_month(0), day_of_month(30), day_of_month(31)
        (1, 31, 1)
    """
    return date.fromordinal(_EPOCH + day).day


def month_end(day: int) -> bool:
    """Whether the day is the last of its month."""
    return day_of_month(day + 1) == 1


@lru_cache(maxsize=8192)
def in_month(day: int, months: int, nominal: int) -> int:
    """The day of month ``nominal`` (clipped to the month's length), some months after the month of ``day``.

    Example:
        >>> in_month(0, 1, 31)  # 31 January 1970, one month on: 28 February
        58
    """
    there = date.fromordinal(_EPOCH + day)
    index = there.year * 12 + there.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(nominal, monthrange(year, month)[1])).toordinal() - _EPOCH


def rolled(day: int, shift: int) -> int:
    """A weekend day moved to the Friday before (shift < 0) or the Monday after (shift > 0).

    Example:
        >>> rolled(2, -1), rolled(2, 1), rolled(2, 0), rolled(4, 1)  # 2 is a Saturday
        (1, 4, 2, 4)
    """
    weekday = (day + 3) % 7
    if shift == 0 or weekday < _SATURDAY:
        return day
    return day + 7 - weekday if shift > 0 else day + 4 - weekday


def next_due(last: int, gap_days: float, *, nominal: int = 0, shift: int = 0) -> int:
    """The next day due after ``last``.

    Args:
        last: The day of the last payment.
        gap_days: The usual gap.
        nominal: Day of the month of a monthly payment; 0 lets the gap alone decide.
        shift: Which way the payer moves payments that fall on a weekend.
    """
    if nominal and MONTHLY_GAP_DAYS[0] <= gap_days <= MONTHLY_GAP_DAYS[1]:
        # A payment moved by a weekend may lie in the month before or after its own.
        return next(
            due
            for months in (0, 1, 2)
            if (due := rolled(in_month(last, months, nominal), shift)) > last + 15
        )
    return last + max(1, round(gap_days))
