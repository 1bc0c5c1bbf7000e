"""Calendar months as numbers, so that memories can count them."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from schemas.base import DAY_MS, HOUR_MS

TOLD_DAY = 2
TOLD_HOUR_UTC = 8
"""A month is told on the morning of its successor's second day: what was paid last is booked by then."""
NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def month_of(day: int) -> int:
    """The number of the month that a day (since 1970) falls in.

    Example:
        >>> month_of(0), month_of(31), month_of(365)
        (0, 1, 12)
    """
    at = _EPOCH + timedelta(days=day)
    return (at.year - 1970) * 12 + at.month - 1


def first_day(month: int) -> int:
    """The day (since 1970) that a month begins with.

    Example:
        >>> first_day(1), first_day(12)
        (31, 365)
    """
    return (datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC) - _EPOCH).days


def told_ms(month: int) -> int:
    """When a month is told, ms since 1970.

    Example:
        >>> told_ms(0) == (31 + 1) * 86_400_000 + 8 * 3_600_000
        True
    """
    return (first_day(month + 1) + TOLD_DAY - 1) * DAY_MS + TOLD_HOUR_UTC * HOUR_MS


def name_of(month: int) -> str:
    """What a month is called.

    Example:
        >>> name_of(0), name_of(23)
        ('January', 'December')
    """
    return NAMES[month % 12]
