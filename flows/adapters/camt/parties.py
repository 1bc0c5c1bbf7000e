"""Who was on the other side of an entry, and what the payment said."""

from flows.adapters.movements import short
from flows.adapters.xml import Element, child, children, text

_IDS = (("IBAN",), ("BBAN",), ("Othr", "Id"), ("PrtryAcct", "Id"), ("UPIC",))
_UNSAID = frozenset({"NOTPROVIDED", "NOT PROVIDED", "NOTAVAILABLE"})


def account_id(account: Element | None) -> tuple[str, str] | None:
    """Scheme and number of an account, in any version's spelling: IBAN, BBAN, Othr, PrtryAcct, UPIC, else Prxy."""
    for path in _IDS:
        number = text(account, "Id", *path)
        if number:
            compact = number.replace(" ", "")
            return ("iban" if path[0] == "IBAN" else "account"), compact
    # Since version 8 an account may have a proxy alone, such as a telephone number.
    proxy = text(account, "Prxy", "Id")
    return ("account", proxy.replace(" ", "")) if proxy else None


def other_side(detail: Element, *, own: str, money_in: bool) -> tuple[str | None, str | None]:
    """Name and account number of the other side.

    Args:
        detail: A TxDtls.
        own: The number of the statement's account: a party with it is not the other side.
        money_in: Whether the original payment came in; then the debtor is the other side.
    """
    parties = child(detail, "RltdPties")
    sides = ("Dbtr", "Cdtr") if money_in else ("Cdtr", "Dbtr")
    accounts = {side: account_id(child(parties, f"{side}Acct")) for side in sides}
    side = sides[0]
    first, second = accounts[sides[0]], accounts[sides[1]]
    if first is not None and first[1] == own and (second is None or second[1] != own):
        # The debtor is the holder: banks fill in both sides, and some fill them in the other way round.
        side = sides[1]
    account = accounts[side]
    number = account[1] if account is not None and account[1] != own else None
    party = child(parties, side)
    named = text(party, "Nm") or text(party, "Pty", "Nm") or text(party, "Agt", "FinInstnId", "Nm")
    ultimate = child(parties, f"Ultmt{side}")
    return named or text(ultimate, "Nm") or text(ultimate, "Pty", "Nm"), number


def is_organisation(detail: Element, *, money_in: bool) -> bool:
    """Whether the other side is said to be an organisation, whose name is no personal data."""
    party = child(detail, "RltdPties", "Dbtr" if money_in else "Cdtr")
    return any(child(holder, "Id", "OrgId") is not None for holder in (party, child(party, "Pty")))


def words_of(detail: Element | None, entry: Element) -> str | None:
    """The words of a payment: unstructured remittance, else the creditor's reference, else notes."""
    remittance = child(detail, "RmtInf")
    plain = " ".join(
        part.text.strip()
        for part in children(remittance, "Ustrd")
        if part.text and part.text.strip()
    )
    if plain:
        return short(plain)
    for structured in children(remittance, "Strd"):
        reference = text(structured, "CdtrRefInf", "Ref") or text(
            structured, "CdtrRefInf", "CdtrRef"
        )
        if reference:
            return short(reference)
    return short(text(detail, "AddtlTxInf") or text(entry, "AddtlNtryInf"))


def end_to_end(detail: Element | None) -> str | None:
    """The payer's own reference, or another that stays with the payment; None where none was given."""
    references = child(detail, "Refs")
    for step in ("EndToEndId", "UETR", "TxId", "InstrId", "MndtId"):
        said = text(references, step)
        if said and said.upper() not in _UNSAID:
            return said
    return None
