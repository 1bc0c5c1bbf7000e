"""One statement, report or notification about one account: its entries, its balances, whether they add up."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from flows.adapters.amounts import day_of, instant_of
from flows.adapters.camt.codes import CLOSING, OPENING
from flows.adapters.camt.entry import Entry, read_entry, signed_amount
from flows.adapters.camt.parties import account_id
from flows.adapters.movements import Movement, balance_found, found, token
from flows.adapters.shapes import Holder, Noted, Refused, Result, refuse
from flows.adapters.xml import Element, child, children, required, text
from schemas.errors import InputError

SAVINGS = "SVGS"


class Balance(NamedTuple):
    """One stated balance; ``amount`` is negative in debit, ``kind`` is ISO's code, such as OPBD."""

    kind: str
    amount: Decimal
    currency: str
    day: str


def read_statement(statement: Element, *, external: bool, form: str, made_at: str) -> list[Result]:
    """The statement's own figures first, then what each entry became, in order.

    Args:
        statement: ``Stmt``, ``Rpt`` or ``Ntfctn``.
        external: Whether the account is at another bank.
        form: Message and version, for people.
        made_at: When the message was made, for a statement that does not say.

    Raises:
        Refused: The account or a balance can't be read: then no entry can be trusted either.
    """
    stated_at = instant_of(text(statement, "CreDtTm") or made_at, "CreDtTm")
    account = child(statement, "Acct")
    known = account_id(account)
    if known is None:
        raise refuse("Acct/Id is missing: whose account it is can't be told")
    holder = Holder(known[0], known[1], "" if known[0] == "iban" else _servicer(account))
    balances = [_balance(element) for element in children(statement, "Bal")]
    entries = [
        _entry(element, own=holder.id, stated_at=stated_at, kept_in=text(account, "Ccy"))
        for element in children(statement, "Ntry")
    ]
    sums, opening = _sums(balances, entries)
    summary = {
        "format": form,
        "statement": required(statement, "Id"),
        "account": holder.id,
        "currency": text(account, "Ccy"),
        "entries": len(entries),
        "balances": [
            balance._asdict() | {"amount": format(balance.amount, "f")} for balance in balances
        ],
        "sums": sums,
    }
    results: list[Result] = [Noted("statement", summary)]
    results += _events(entries, holder, external=external, opening=opening)
    if external:
        results += _external(balances, holder, account)
    return results


def _entry(
    element: Element, *, own: str, stated_at: str, kept_in: str | None
) -> Entry | InputError:
    """An entry, or why it can't be one; in the account's currency, where the statement says which that is."""
    try:
        entry = read_entry(element, own=own, stated_at=stated_at)
        if kept_in is not None and entry.currency != kept_in:
            raise refuse(
                f"Ntry/Amt is in {entry.currency}, and Acct/Ccy says that the account is kept in {kept_in}",
                hint="what was instructed in another currency belongs in AmtDtls, beside the booked amount",
            )
    except Refused as refused:
        return refused.error
    return entry


def _events(
    entries: Sequence[Entry | InputError],
    holder: Holder,
    *,
    external: bool,
    opening: Decimal | None,
) -> list[Result]:
    """The entries as events; with the balance after each booking where the statement adds up."""
    results: list[Result] = []
    used: Counter[str] = Counter()
    running = opening
    for entry in entries:
        if isinstance(entry, InputError):
            results.append(entry)
            continue
        if entry.status == "information":
            content: dict[str, Any] = {"amount": format(entry.amount, "f"), "at": entry.at}
            content["currency"] = entry.currency
            results.append(Noted("entry for information only: nothing was booked", content))
            continue
        if running is not None and entry.status == "booked":
            running += entry.amount
        movement = _movement(entry, holder, used, external=external)
        movement.balance = running
        try:
            results.append(found(movement))
        except Refused as refused:
            results.append(refused.error)
    return results


def _movement(entry: Entry, holder: Holder, used: "Counter[str]", *, external: bool) -> Movement:
    base = entry.reference or "c-" + entry.fingerprint
    if entry.reversal:
        # Banks give a reversal its original's reference; it is a booking of its own.
        base += ".R"
    used[base] += 1
    extra = dict(entry.extra)
    if "reverses" in extra:
        extra["reverses"] = token(extra["reverses"])
    return Movement(
        holder=holder,
        # Two coffees on one day have equal fingerprints, and some banks share a reference among entries.
        reference=base if used[base] == 1 else f"{base}.{used[base]}",
        state="booked" if entry.status == "booked" else "pending",
        at=entry.at,
        amount=entry.amount,
        currency=entry.currency,
        external=external,
        institution=_institution(holder),
        extra=extra,
    )


def _balance(element: Element) -> Balance:
    kind = (
        text(element, "Tp", "CdOrPrtry", "Cd")
        or text(element, "Tp", "CdOrPrtry", "Prtry")
        or text(element, "Tp", "Cd")
        or required(element, "Tp", "CdOrPrtry", "Cd")
    )
    amount, currency = signed_amount(element, "Bal")
    day = text(element, "Dt", "Dt") or required(element, "Dt", "DtTm")
    return Balance(kind, amount, currency, day_of(day[:10], "Bal/Dt"))


def _sums(
    balances: Sequence[Balance], entries: Sequence[Entry | InputError]
) -> tuple[str, Decimal | None]:
    """Whether the booked entries lead from the opening balance to the closing one; if so, the opening."""
    opening = next((b for kind in OPENING for b in balances if b.kind == kind), None)
    closing = next((b for kind in CLOSING for b in balances if b.kind == kind), None)
    if opening is None or closing is None:
        return "not stated", None
    if any(isinstance(entry, InputError) for entry in entries):
        return "not checked: an entry was refused", None
    booked = [e for e in entries if isinstance(e, Entry) and e.status == "booked"]
    if {closing.currency, *(entry.currency for entry in booked)} != {opening.currency}:
        return "not comparable: several currencies", None
    apart = closing.amount - opening.amount - sum((e.amount for e in booked), Decimal(0))
    if apart:
        return f"differ by {format(apart, 'f')} {opening.currency}", None
    return "agree", opening.amount


def _servicer(account: Element | None) -> str:
    """The bank that keeps the account: numbers other than IBANs are unique in one bank only."""
    institution = child(account, "Svcr", "FinInstnId")
    for path in (("BICFI",), ("BIC",), ("Nm",), ("NmAndAdr", "Nm"), ("CmbndId", "Nm")):
        said = text(institution, *path)
        if said:
            return said
    return ""


def _institution(holder: Holder) -> str:
    """Which bank it is; of an IBAN its country and the four characters that begin the bank's code."""
    return token(holder.issuer or holder.id[:2] + holder.id[4:8])


def _external(balances: Sequence[Balance], holder: Holder, account: Element | None) -> list[Result]:
    stated = [balance for balance in balances if balance.kind in (*CLOSING, "ITBD")]
    return [
        balance_found(
            holder,
            institution=_institution(holder),
            account_type="savings" if text(account, "Tp", "Cd") == SAVINGS else "current",
            amount=balance.amount,
            currency=balance.currency,
            at=balance.day + "T00:00:00+00:00",
        )
        for balance in stated[-1:]
    ]
