"""One entry of a statement, report or notification: what moved, and what explains it.

An entry is one booking and becomes one event, a batch too: its details explain it and never add to it. That
is how a notification (camt.054) with details and the statement (camt.053) without stay one flow of cash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flows.adapters.amounts import currency_of, day_of, decimal_of, instant_of, minor_of
from flows.adapters.camt.codes import Status, method_of, status_of
from flows.adapters.camt.parties import end_to_end, is_organisation, other_side, words_of
from flows.adapters.movements import DETAILS_MAX, short
from flows.adapters.shapes import refuse
from flows.adapters.xml import Element, child, children, text
from operators.draws import identify

CHARGES_MAX = 20
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(slots=True, frozen=True)
class Entry:
    """An entry, read. ``amount`` is signed; ``reference`` is the bank's own, None where it gave none."""

    status: Status
    amount: Decimal
    currency: str
    at: str
    reversal: bool
    reference: str | None
    fingerprint: str
    extra: dict[str, Any]


def read_entry(entry: Element, *, own: str, stated_at: str) -> Entry:
    """Read one ``Ntry``.

    Args:
        entry: The element.
        own: The number of the account that it stands on.
        stated_at: When the statement was made, for an entry without a date.

    Raises:
        Refused: What is required is missing, or wrong.
    """
    amount, currency = signed_amount(entry, "Ntry")
    status = status_of(entry)
    if status is None:
        raise refuse("Ntry/Sts is missing or not of the code set", hint="BOOK, PDNG, INFO or FUTR")
    reversal = _flag(entry, "RvslInd")
    details = [d for group in children(entry, "NtryDtls") for d in children(group, "TxDtls")]
    single = details[0] if len(details) == 1 else None
    references = [text(entry, "AcctSvcrRef"), text(single, "Refs", "AcctSvcrRef")]
    at = _date(entry, "BookgDt") or _date(entry, "ValDt") or stated_at
    value_on = text(entry, "ValDt", "Dt") or text(entry, "ValDt", "DtTm")
    extra: dict[str, Any] = {
        "method": method_of(entry, details),
        "reference": words_of(single, entry),
        "value_on": day_of(value_on[:10], "ValDt") if value_on else None,
        "original": _original(single, currency) or _original(entry, currency),
        "charges": _charges([entry, *details]),
        **_card(entry, details),
    }
    # With a reversal the parties stay those of the payment that it takes back.
    money_in = (amount > 0) != reversal
    if single is not None:
        extra |= _other(single, own=own, money_in=money_in, method=extra["method"])
    if len(details) > 1 or _batch_count(entry) > 1:
        extra |= _details(entry, details, own=own, money_in=money_in)
    if reversal:
        extra["reverses"] = end_to_end(single) or next(filter(None, references), "unnamed")
    return Entry(
        status,
        amount,
        currency,
        at,
        reversal,
        next(filter(None, references), None),
        identify(
            format(amount, "f"), currency, at, str(extra["value_on"]), extra["method"],
            end_to_end(single) or "", extra["reference"] or "", str(extra.get("counterparty", "")),
            text(entry, "BkTxCd", "Prtry", "Cd") or "",
        ),
        extra,
    )  # fmt: skip


def signed_amount(holder: Element, what: str) -> tuple[Decimal, str]:
    """``Amt`` with its currency, negative for a debit.

    Raises:
        Refused: No amount, a negative one, an unknown currency, no direction.
    """
    element = child(holder, "Amt")
    if element is None:
        raise refuse(f"{what}/Amt is missing")
    currency = currency_of(element.get("Ccy"), f"{what}/Amt")
    amount = decimal_of(element.text or "", f"{what}/Amt")
    return (-amount if is_debit(holder, what) else amount), currency


def is_debit(holder: Element, what: str) -> bool:
    """Whether money went out.

    Raises:
        Refused: The indicator is missing, or neither CRDT nor DBIT.
    """
    said = text(holder, "CdtDbtInd")
    if said not in ("CRDT", "DBIT"):
        raise refuse(f"{what}/CdtDbtInd is neither CRDT nor DBIT")
    return said == "DBIT"


def _date(entry: Element, step: str) -> str | None:
    said = text(entry, step, "DtTm") or text(entry, step, "Dt")
    return instant_of(said, f"Ntry/{step}") if said else None


def _flag(holder: Element, step: str) -> bool:
    said = text(holder, step)
    if said is None:
        return False
    if said not in _FLAGS:
        raise refuse(f"{step} is neither true nor false")
    return _FLAGS[said]


def _original(holder: Element | None, currency: str) -> dict[str, str] | None:
    """The amount in the currency that was instructed, where it isn't the account's, and the rate."""
    amounts = child(holder, "AmtDtls")
    for step in ("InstdAmt", "TxAmt"):
        element = child(amounts, step, "Amt")
        if element is None or element.get("Ccy") == currency:
            continue
        original = {
            "amount": format(decimal_of(element.text or "", f"AmtDtls/{step}"), "f"),
            "currency": currency_of(element.get("Ccy"), f"AmtDtls/{step}"),
        }
        rates = [
            text(amounts, step, "CcyXchg", "XchgRate")
            for step in ("CntrValAmt", "TxAmt", "InstdAmt")
        ]
        rate = next(filter(None, rates), None)
        return original | ({"rate": rate} if rate else {})
    return None


def _charges(holders: Sequence[Element]) -> list[dict[str, Any]] | None:
    """What the bank charged, as the entry and its details state it; negative is a cost."""
    made: list[dict[str, Any]] = []
    for charges in (c for holder in holders for c in children(holder, "Chrgs")):
        # Since version 3 a charge has its records; before, it is one, with an amount or a total.
        for record in children(charges, "Rcrd") or [charges]:
            element = child(record, "Amt")
            if element is None:
                element = child(charges, "TtlChrgsAndTaxAmt")
            if element is None:
                continue
            amount = decimal_of(element.text or "", "Chrgs/Amt")
            credit = text(record, "CdtDbtInd") == "CRDT"
            one: dict[str, Any] = {
                "amount": format(amount if credit else -amount, "f"),
                "currency": currency_of(element.get("Ccy"), "Chrgs/Amt"),
            }
            if text(record, "ChrgInclInd") is not None:
                one["included"] = _flag(record, "ChrgInclInd")
            made.append(one)
    return made[:CHARGES_MAX] or None


def _card(entry: Element, details: Sequence[Element]) -> dict[str, Any]:
    """Merchant and its category out of the card transaction, and only there."""
    for holder in (entry, *details):
        point = child(holder, "CardTx", "POI")
        code = text(holder, "CardTx", "Tx", "MrchntCtgyCd") or text(point, "MrchntCtgyCd")
        name = text(point, "Id", "ShrtNm") or text(point, "SysNm")
        if code or name:
            usable = code if code and code.isdigit() and len(code) == len("5411") else None
            return {"mcc": usable, "merchant": short(name)}
    return {}


def _other(detail: Element, *, own: str, money_in: bool, method: str) -> dict[str, Any]:
    name, number = other_side(detail, own=own, money_in=money_in)
    made: dict[str, Any] = {"counterparty": number or name}
    # A person's name is nobody's merchant: only shops, payees by direct debit and organisations are named.
    if name and (method in ("card", "direct_debit") or is_organisation(detail, money_in=money_in)):
        made["merchant"] = short(name)
    return made


def _batch_count(entry: Element) -> int:
    """How many transactions a batch says that it holds."""
    counts = [
        text(batch, "NbOfTxs") or "0"
        for holder in (entry, *children(entry, "NtryDtls"))
        for batch in children(holder, "Btch")
    ]
    return sum(int(count) for count in counts if count.isascii() and count.isdigit())


def _details(
    entry: Element, details: Sequence[Element], *, own: str, money_in: bool
) -> dict[str, Any]:
    made = []
    for detail in details[:DETAILS_MAX]:
        amount = _detail_amount(detail, entry)
        name, number = other_side(detail, own=own, money_in=money_in)
        one = {
            "amount_minor": amount and minor_of(*amount)[0],
            "currency": amount and amount[1],
            "counterparty": number or name,
            "reference": words_of(detail, entry),
            "end_to_end": end_to_end(detail),
        }
        made.append({key: value for key, value in one.items() if value is not None})
    count = max(len(details), _batch_count(entry))
    return {"details": made or None, "details_count": count}


def _detail_amount(detail: Element, entry: Element) -> tuple[Decimal, str] | None:
    """A detail's amount, signed; versions 1 to 3 have it in AmtDtls only."""
    for path in (("Amt",), ("AmtDtls", "TxAmt", "Amt"), ("AmtDtls", "InstdAmt", "Amt")):
        element = child(detail, *path)
        if element is not None:
            amount = decimal_of(element.text or "", "TxDtls/Amt")
            holder = detail if child(detail, "CdtDbtInd") is not None else entry
            debit = is_debit(holder, "TxDtls")
            return (-amount if debit else amount), currency_of(element.get("Ccy"), "TxDtls/Amt")
    return None
