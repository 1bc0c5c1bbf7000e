"""When a calendar month is told, and what it is called."""

from typing import Final

from operators.features.months import first_day, month_of
from schemas.base import DAY_MS, HOUR_MS

TOLD_DAY: Final = 2
TOLD_HOUR_UTC: Final = 8
"""A month is told on the morning of its successor's second day: what was paid last is booked by then."""
NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


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


__all__ = ["first_day", "month_of", "name_of", "told_ms"]
