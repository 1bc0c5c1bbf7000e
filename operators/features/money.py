"""Reading a movement of money: its currency's minor units, who was on the other side, what it nets to."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from operators.features.spending import category_of
from schemas.base import DAY_MS
from schemas.events import ExternalTransaction, TransactionBooked
from schemas.events.money import TransactionPending

EXPONENTS: dict[str, int] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""Decimals of the minor unit where they are not two (ISO 4217, list one)."""
MONTH_DAYS: Final = 30.4375
_UNIT: dict[str, int] = {code: 10**exponent for code, exponent in EXPONENTS.items()}
_made: Final = tuple.__new__
"""A `Flow` from its fields at a third of the price of calling it."""
_NOT_A_NAME: Final = re.compile(r"[^a-z]+")


def unit_of(currency: str) -> int:
    """How many minor units make one major unit.

    Example:
        >>> unit_of("EUR"), unit_of("JPY"), unit_of("KWD")
        (100, 1, 1000)
    """
    return _UNIT.get(currency, 100)


class Flow(NamedTuple):
    """One movement, as the money groups see it.

    ``party`` is a counterparty, else a merchant's name without shop numbers, else empty.
    ``refund`` is money that came back (a reversal, or a credit to a card): it lessens what was spent
    and isn't income; its mirror, a reversed credit, lessens income.
    """

    day: int
    at_ms: int
    amount_minor: int
    category: str
    party: str
    refund: bool


Moved = TransactionBooked | TransactionPending | ExternalTransaction
"""What is read as a movement."""

_LAST: list[tuple[Moved, Flow]] = []
"""The movement read last: five plug-ins read the same one, one after the other."""


def flow_of(event: Moved) -> Flow:
    """Read one movement."""
    if _LAST and _LAST[0][0] is event:
        return _LAST[0][1]
    flow = _read(event)
    _LAST[:] = [(event, flow)]
    return flow


def _read(event: Moved) -> Flow:
    amount, method = event.amount_minor, event.method
    refund = amount > 0 and method == "card"
    if not isinstance(event, TransactionPending) and event.reverses is not None:
        refund = True
    at_ms = event.at_ms
    counterparty, merchant = event.counterparty, event.merchant
    return _made(
        Flow,
        (
            at_ms // DAY_MS,
            at_ms,
            amount,
            category_of(event.mcc, method, merchant, event.reference, counterparty),
            party_of(counterparty, merchant),
            refund,
        ),
    )


@lru_cache(maxsize=8192)
def party_of(counterparty: str | None, merchant: str | None) -> str:
    """Who was on the other side, stable over shop numbers and spelling.

    Example:
        >>> party_of(None, "TESCO Stores 3021"), party_of("employer-1", None), party_of(None, None)
        ('m:tesco stores', 'c:employer-1', '')
    """
    if counterparty is not None:
        return "c:" + counterparty
    if merchant is None:
        return ""
    name = _NOT_A_NAME.sub(" ", merchant.lower()).strip()
    return "m:" + (name or merchant)[:32]
