"""Who money goes to: merchant codes to a taxonomy, names out of noise, a fence before special categories.

`understand` is the one question; `operators.decide` asks what an event has
`revealed` before it folds, and folds it `fenced` where no consent names that.
"""

from functools import lru_cache
from typing import NamedTuple

from operators.merchants.names import normalised
from operators.merchants.sensitive import fenced, revealed, reveals
from operators.merchants.taxonomy import FAMILIES, FAMILY_OF, UNKNOWN, Spending, of_code
from schemas.base import SpecialCategory


class Merchant(NamedTuple):
    """What is known of the other side of a payment; ``name`` is empty when there is none."""

    name: str
    spending: Spending
    special: SpecialCategory | None


@lru_cache(maxsize=16384)
def understand(
    mcc: str | None, merchant: str | None = None, reference: str | None = None
) -> Merchant:
    """Name, place in the taxonomy and special category of a merchant.

    Args:
        mcc: Four digits of ISO 18245, if known.
        merchant: As printed by the terminal or the bank.
        reference: Words of the payment; read for what they reveal and not for the name.

    Example:
        >>> understand("5411", "TESCO STORES 3021")
        Merchant(name='tesco', spending=Spending(family='living', category='groceries', detail='supermarkets'), special=None)
    """
    return Merchant(
        normalised(merchant) if merchant else "",
        of_code(mcc) if mcc is not None else UNKNOWN,
        reveals(mcc, merchant, reference),
    )


__all__ = [
    "FAMILIES",
    "FAMILY_OF",
    "Merchant",
    "Spending",
    "fenced",
    "normalised",
    "of_code",
    "revealed",
    "reveals",
    "understand",
]
