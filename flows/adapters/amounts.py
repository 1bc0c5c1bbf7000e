"""Amounts and instants out of other people's formats: exact, or refused.

Amounts are decimals until the last step. What does not fit whole minor units is not lost: the event says the
nearest minor unit and, beside it, the exact amount as text.
"""

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache

from iso4217 import Currency

from flows.adapters.shapes import Refused, refuse
from schemas.errors import InputError

EXPONENTS: dict[str, int] = {
    currency.code: currency.exponent for currency in Currency if currency.exponent is not None
}
"""Decimals of the minor unit by ISO 4217 code. What has none (gold, XXX) can carry no amount."""
DIGITS_MAX = 18
_AMOUNT = re.compile(r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$")
_DAY = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:Z|[+-]\d{2}:\d{2})?$")
_ZONED = re.compile(r"(?:Z|z|[+-]\d{2}:?\d{2})$")
_MICRO = re.compile(r"(\.\d{6})\d+")


def decimal_of(text: object, what: str, *, signed: bool = False) -> Decimal:
    """The exact number in a text (or a JSON number that was kept exact).

    Args:
        text: Digits with an optional point, at most `DIGITS_MAX` digits; no exponent, no thousands.
        what: Names the field in the error.
        signed: Whether a sign is part of the format; elsewhere an amount has an indicator instead.

    Raises:
        Refused: It is no such number, or has a sign where the format has none.

    Example:
        >>> decimal_of("8.850", "Amt")
        Decimal('8.850')
    """
    if isinstance(text, bool) or not isinstance(text, str | int | Decimal):
        raise refuse(f"{what} is no decimal number")
    given = format(text, "f") if isinstance(text, Decimal) else str(text).strip()
    if not _AMOUNT.match(given):
        raise refuse(f"{what} is no decimal number")
    try:
        number = Decimal(given)
    except InvalidOperation:
        raise refuse(f"{what} is no decimal number") from None
    if not signed and number < 0:
        raise refuse(
            f"{what} has a sign, and its format has none",
            hint="the direction belongs in the credit or debit indicator",
        )
    if len(number.as_tuple().digits) > DIGITS_MAX:
        raise refuse(f"{what} has more than {DIGITS_MAX} digits")
    return number


def currency_of(text: object, what: str) -> str:
    """An ISO 4217 code that has a minor unit.

    Raises:
        Refused: ``input.unknown-currency``.
    """
    code = text.strip() if isinstance(text, str) else ""
    if code not in EXPONENTS:
        raise Refused(
            InputError(
                "input.unknown-currency", f"{what}: the currency is missing or not of ISO 4217"
            )
        )
    return code


def minor_of(amount: Decimal, currency: str) -> tuple[int, str | None]:
    """Whole minor units, and the exact amount as text where those are not it.

    Example:
        >>> minor_of(Decimal("8.850"), "EUR"), minor_of(Decimal("8.85005"), "EUR"), minor_of(Decimal(7), "JPY")
        ((885, None), (885, '8.85005'), (7, None))
    """
    scaled = amount.scaleb(EXPONENTS[currency])
    whole = scaled.to_integral_value(rounding=ROUND_HALF_EVEN)
    return int(whole), None if whole == scaled else format(amount, "f")


@lru_cache(maxsize=4096)
def day_of(text: str, what: str) -> str:
    """A calendar day as ISO 8601; the zone that XML Schema allows behind it says nothing more.

    Raises:
        Refused: It is no day.

    Example:
        >>> day_of("2014-12-31+01:00", "ValDt")
        '2014-12-31'
    """
    found = _DAY.match(text.strip())
    try:
        return date.fromisoformat(found.group(1)).isoformat() if found else _no_day(what)
    except ValueError:
        return _no_day(what)


def instant_of(text: str, what: str) -> str:
    """An instant as RFC 3339: a day is its midnight, and a time without an offset is read as UTC.

    Raises:
        Refused: It is neither a day nor an instant.

    Example:
        >>> instant_of("2014-12-31", "BookgDt"), instant_of("2014-12-31T13:15:00+01:00", "BookgDt")
        ('2014-12-31T00:00:00+00:00', '2014-12-31T13:15:00+01:00')
    """
    given = text.strip()
    if _DAY.match(given):
        return day_of(given, what) + "T00:00:00+00:00"
    try:
        moment = datetime.fromisoformat(_MICRO.sub(r"\1", given))
    except ValueError:
        raise refuse(f"{what} is no day and no instant") from None
    if not _ZONED.search(given):
        moment = moment.replace(tzinfo=UTC)
    return moment.isoformat()


def _no_day(what: str) -> str:
    raise refuse(f"{what} is no day")
