"""Calendar months as numbers, so that memories can count them."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

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


@lru_cache(maxsize=1024)
def first_day(month: int) -> int:
    """The day (since 1970) that a month begins with.

    Example:
        >>> first_day(1), first_day(12)
        (31, 365)
    """
    return (datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC) - _EPOCH).days
