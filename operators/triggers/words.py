"""Plain words for amounts, days and payees."""

from datetime import date

from operators.features.money import unit_of

_SMALL, _LARGE = 100, 10_000
_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def about(amount_minor: float, currency: str) -> str:
    """An amount as people say it: to the unit under a hundred, then to ten, then to a hundred.

    Example:
        >>> about(-123_456, "EUR"), about(2_499, "GBP"), about(1_299, "EUR"), about(29_870, "JPY")
        ('1,230 EUR', '25 GBP', '13 EUR', '29,900 JPY')
    """
    major = abs(amount_minor) / unit_of(currency)
    step = 1 if major < _SMALL else 10 if major < _LARGE else 100
    return f"{round(major / step) * step:,} {currency}"


def exactly(amount_minor: float, currency: str) -> str:
    """An amount to the minor unit, for small differences.

    Example:
        >>> exactly(-1_299, "EUR"), exactly(980, "JPY")
        ('12.99 EUR', '980 JPY')
    """
    unit = unit_of(currency)
    return f"{abs(amount_minor) / unit:,.{len(str(unit)) - 1}f} {currency}"


def on_day(day: int) -> str:
    """A day since 1970 as a date without the year.

    Example:
        >>> on_day(31)
        '1 February'
    """
    found = date.fromordinal(_EPOCH + day)
    return f"{found.day} {_MONTHS[found.month - 1]}"


def to_payee(key: str) -> str:
    """« to Netflix» where the key of a stream names a merchant; nothing for an anonymous counterparty.

    Example:
        >>> to_payee("-m:netflix com"), to_payee("-c:landlord-1")
        (' to Netflix Com', '')
    """
    return f" to {key[3:].title()}" if key[1:3] == "m:" else ""
