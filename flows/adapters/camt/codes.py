"""What ISO 20022's code sets mean to us: entry status, bank transaction codes, balance types.

Source: ISO 20022 external code sets (entry status, bank transaction domain, family and sub-family; balance type).
"""

from typing import Literal

from flows.adapters.xml import Element, child, text

Status = Literal["booked", "pending", "information"]

STATUSES: dict[str, Status] = {
    "BOOK": "booked",
    "BOOKED": "booked",
    "POSTED": "booked",
    "PDNG": "pending",
    "PENDING": "pending",
    "FUTR": "pending",
    "FUTURE": "pending",
    "INFO": "information",
    "INFORMATION": "information",
}
OPENING = ("OPBD", "PRCD")
"""What the entries of a statement are counted from: its opening, else the previous one's closing."""
CLOSING = ("CLBD",)
_CARD_FAMILIES = frozenset({"CCRD", "MCRD"})
_TRANSFER_FAMILIES = frozenset({"RCDT", "ICDT", "RRCT", "IRCT"})
_DIRECT_DEBIT_FAMILIES = frozenset({"RDDT", "IDDT"})
_CASH_FAMILIES = frozenset({"CNTR"})
_FEES = frozenset(
    {"CHRG", "FEES", "COMM", "COME", "COMI", "COMT", "COAT", "ADCH", "NSFF", "TRFE", "LBCM", "MCFE"}
)
_INTEREST = frozenset({"INTR", "INTC", "INTP", "DPIN", "FINT"})
_CASH = frozenset({"CWDL", "CDPT", "XBCW", "XBCP", "CAJT"})


def status_of(entry: Element) -> Status | None:
    """What an entry's status says: ``Sts`` itself up to version 6, ``Sts/Cd`` or ``Sts/Prtry`` from 7 on.

    None when it is missing, or a word that nobody defined.
    """
    said = text(entry, "Sts", "Cd") or text(entry, "Sts", "Prtry") or text(entry, "Sts")
    return STATUSES.get(said.upper()) if said else None


def method_of(entry: Element, details: list[Element]) -> str:
    """How money moved, as far as the bank transaction code says; ``other`` where it doesn't."""
    holders = [entry] if len(details) != 1 else [details[0], entry]
    for holder in holders:
        domain = child(holder, "BkTxCd", "Domn")
        family = text(domain, "Fmly", "Cd") or ""
        method = _method(family, text(domain, "Fmly", "SubFmlyCd") or "")
        if method != "other":
            return method
    return "card" if any(child(d, "CardTx") is not None for d in [entry, *details]) else "other"


def _method(family: str, sub_family: str) -> str:  # noqa: PLR0911 - one line a method
    if sub_family in _FEES:
        return "fee"
    if sub_family in _INTEREST:
        return "interest"
    if sub_family in _CASH or family in _CASH_FAMILIES:
        return "cash"
    if sub_family == "STDO":
        return "standing_order"
    if family in _CARD_FAMILIES:
        return "card"
    if family in _DIRECT_DEBIT_FAMILIES:
        return "direct_debit"
    return "transfer" if family in _TRANSFER_FAMILIES else "other"
