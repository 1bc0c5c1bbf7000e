"""A movement of money, a balance, an account, before they are native events: the middle all formats meet in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args

from flows.adapters.amounts import minor_of
from flows.adapters.shapes import Found, Holder, refuse
from operators.draws import identify
from schemas.events.money import DECIMAL, Method

MINOR_MAX = 10**15
TEXT_MAX = 140
DETAILS_MAX = 50
"""Details of one batch that an event carries; ``details_count`` says how many there were."""
_TOKEN = re.compile(r"^[A-Za-z0-9_.:\-]{1,60}$")
_SPACES = re.compile(r"\s+")

_USABLE: Mapping[str, re.Pattern[str]] = {
    "mcc": re.compile(r"^[0-9]{4}$"),
    "country": re.compile(r"^[A-Z]{2}$"),
    "method": re.compile(f"^({'|'.join(get_args(Method))})$"),
    "rate": re.compile(DECIMAL),
}
"""Details that a movement is better without than refused for."""

State = Literal["booked", "pending", "removed"]


@dataclass(slots=True)
class Movement:
    """One movement on one account. ``amount`` is signed, negative is money out.

    ``extra`` holds further native fields (method, merchant, mcc, reference, …); what is None is left out.
    ``version`` tells two states of the same movement apart where the source counts them.
    """

    holder: Holder
    reference: str
    state: State
    at: str
    amount: Decimal = Decimal(0)
    currency: str = ""
    external: bool = False
    institution: str = ""
    snapshot: bool = False
    version: str = ""
    balance: Decimal | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def token(text: str) -> str:
    """A reference as a machine word: itself where it is one, else a digest of it.

    Example:
        >>> token("ACSR160617103200001"), len(token("FP-CN_98765/01"))
        ('ACSR160617103200001', 34)
    """
    return text if _TOKEN.match(text) else "x-" + identify(text)


def short(text: str | None) -> str | None:
    """Words for a person, white space folded, cut to `TEXT_MAX`; None when nothing is left."""
    folded = _SPACES.sub(" ", text).strip()[:TEXT_MAX].strip() if text else ""
    return folded or None


def found(movement: Movement) -> Found:
    """The native event of a movement.

    Raises:
        Refused: The amount is larger than a movement can be.
    """
    side = "openbanking" if movement.external else "transaction"
    kinds = {
        ("transaction", "booked"): "transaction.booked",
        ("transaction", "pending"): "transaction.pending",
        ("transaction", "removed"): "transaction.removed",
        ("openbanking", "booked"): "openbanking.transaction",
        ("openbanking", "pending"): "openbanking.pending",
        ("openbanking", "removed"): "openbanking.removed",
    }
    transaction_id = token(movement.reference)
    body: dict[str, Any] = {
        "kind": kinds[side, movement.state],
        "at": movement.at,
        "account": movement.holder.id,
        "transaction_id": transaction_id,
    }
    if movement.external:
        body["institution"] = movement.institution
    if movement.snapshot:
        body["snapshot"] = True
    if movement.state != "removed":
        body |= _money(movement)
    body["event_id"] = identify(
        movement.holder.scheme, movement.holder.issuer, movement.holder.id, transaction_id,
        movement.state, str(body.get("amount_minor", "")), movement.version,
    )  # fmt: skip
    return Found(movement.holder, body)


def balance_found(
    holder: Holder, *, institution: str, account_type: str, amount: Decimal, currency: str, at: str
) -> Found:
    """The native event of a balance at another bank."""
    body = {
        "kind": "openbanking.balance",
        "at": at,
        "account": holder.id,
        "institution": institution,
        "account_type": account_type,
        "balance_minor": _minor(amount, currency)[0],
        "currency": currency,
    }
    body["event_id"] = identify(
        holder.scheme, holder.issuer, holder.id, "balance", at, str(body["balance_minor"])
    )
    return Found(holder, body)


def account_found(holder: Holder, *, institution: str, account_type: str, at: str) -> Found:
    """The native event of an account at another bank that is linked now."""
    body = {
        "kind": "openbanking.account_linked",
        "at": at,
        "account": holder.id,
        "institution": institution,
        "account_type": account_type,
        "event_id": identify(holder.scheme, holder.issuer, holder.id, "linked", at),
    }
    return Found(holder, body)


def _money(movement: Movement) -> dict[str, Any]:
    minor, exact = _minor(movement.amount, movement.currency)
    body: dict[str, Any] = {"amount_minor": minor, "currency": movement.currency}
    if exact is not None:
        body["amount_exact"] = exact
    if movement.balance is not None and movement.state == "booked" and not movement.external:
        balance_minor, inexact = _minor(movement.balance, movement.currency)
        if inexact is None:
            body["balance_minor"] = balance_minor
    body |= {name: value for name, value in movement.extra.items() if _usable(name, value)}
    if "original" in body and not _usable("rate", body["original"].get("rate", "1")):
        body["original"] = {k: v for k, v in body["original"].items() if k != "rate"}
    if movement.state == "pending":
        body.pop("reverses", None)
    return body


def _usable(name: str, value: Any) -> bool:
    """Whether a detail is there, and of its shape.

    Example:
        >>> _usable("mcc", "0"), _usable("mcc", "5411"), _usable("country", "GBR"), _usable("method", "CARD")
        (False, True, False, False)
    """
    if value is None:
        return False
    shape = _USABLE.get(name)
    return shape is None or bool(shape.match(str(value)))


def _minor(amount: Decimal, currency: str) -> tuple[int, str | None]:
    minor, exact = minor_of(amount, currency)
    if abs(minor) > MINOR_MAX:
        raise refuse("the amount is larger than any movement can be")
    return minor, exact
