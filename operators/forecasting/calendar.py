"""Calendar arithmetic on arrays of days since 1970: months, days of the month, weekends."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int64]

_MONTHS = 12 * 181
_FIRST = np.arange(_MONTHS).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
"""The first day of each month since January 1970; beyond 2149, where a book's days end."""
_LENGTH = np.diff(_FIRST)
_MONTH = np.repeat(np.arange(_MONTHS - 1), _LENGTH)
_SATURDAY = 5


def month_of(day: Days) -> Days:
    """Months since January 1970."""
    return _MONTH[day]


def day_of_month(day: Days) -> Days:
    """1..31.

    Example:
        >>> day_of_month(np.array([0, 30, 31]))
        array([ 1, 31,  1])
    """
    return day - _FIRST[_MONTH[day]] + 1


def dated(month: Days, nominal: Days, shift: Days) -> Days:
    """The day ``nominal`` of a month, or its last, moved off a weekend in the direction of ``shift``.

    Example:
        >>> dated(np.array([1, 1]), np.array([31, 28]), np.array([0, -1]))  # 28 Feb 1970 is a Saturday
        array([58, 57])
    """
    day = _FIRST[month] + np.minimum(nominal, _LENGTH[month]) - 1
    weekday = (day + 3) % 7
    moved = np.where(shift > 0, day + 7 - weekday, day + 4 - weekday)
    return np.where((shift == 0) | (weekday < _SATURDAY), day, moved)


def month_number(day: int) -> int:
    """`month_of` one day."""
    made: int = _MONTH.item(day)
    return made


@lru_cache(maxsize=4096)
def day_in(month: int, nominal: int, shift: int) -> int:
    """`dated` of one payment.

    Example:
        >>> day_in(1, 31, 0), day_in(1, 28, -1)
        (58, 57)
    """
    day: int = _FIRST.item(month) + min(nominal, _LENGTH.item(month)) - 1
    weekday = (day + 3) % 7
    if shift == 0 or weekday < _SATURDAY:
        return day
    return day + 7 - weekday if shift > 0 else day + 4 - weekday
