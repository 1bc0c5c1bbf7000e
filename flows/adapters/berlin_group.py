"""Berlin Group NextGenPSD2 account information: accounts, balances, transactions as the replies come.

Amounts carry their sign. ``booked`` and ``pending`` are lists of their own; a pending one may get another
``transactionId`` when it is booked, so ``entryReference`` and ``endToEndId`` are asked first where they agree.

Source: Berlin Group, NextGenPSD2 XS2A Framework, Implementation Guidelines 1.3.12, sections 6.5, 6.6 (card
accounts) and 14.
"""

from decimal import Decimal
from typing import Any

from flows.adapters.amounts import currency_of, day_of, decimal_of, instant_of
from flows.adapters.jsons import listing, mapping, words
from flows.adapters.movements import (
    Movement,
    State,
    account_found,
    balance_found,
    found,
    short,
    token,
)
from flows.adapters.openbanking_uk import ACCOUNT_TYPES
from flows.adapters.shapes import Holder, Noted, Refused, Result, refuse
from operators.draws import identify

BOOKED_BALANCES = frozenset({"closingBooked", "interimBooked", "expected"})
_CODES: tuple[tuple[str, str], ...] = (
    ("CHRG", "fee"), ("FEES", "fee"), ("COMM", "fee"), ("INTR", "interest"), ("CWDL", "cash"),
    ("CDPT", "cash"), ("STDO", "standing_order"), ("CCRD", "card"), ("MCRD", "card"),
    ("RDDT", "direct_debit"), ("IDDT", "direct_debit"), ("RCDT", "transfer"), ("ICDT", "transfer"),
    ("CNTR", "cash"),
)  # fmt: skip
_NUMBERS = ("iban", "bban", "resourceId", "maskedPan", "pan", "msisdn")


LISTS = ("transactions", "cardTransactions")
STATES: tuple[tuple[str, State], ...] = (("booked", "booked"), ("pending", "pending"))


def recognises(content: Any) -> bool:
    """Whether this is a reply of the API."""
    content = mapping(content)
    return any(
        isinstance(content.get(name), list) for name in ("accounts", "cardAccounts", "balances")
    ) or any(
        state in mapping(content.get(name))
        for name in LISTS
        for state in ("booked", "pending", "information")
    )


def read(content: Any, *, external: bool, institution: str = "") -> list[Result]:
    """Every account, balance and transaction in a reply.

    Args:
        content: Parsed JSON.
        external: Whether the accounts are at another bank.
        institution: Which bank it came from; by default taken from the IBAN.
    """
    results: list[Result] = []
    for account in (*listing(content.get("accounts")), *listing(content.get("cardAccounts"))):
        results += _guarded(_account, mapping(account), external=external, institution=institution)
        for balance in listing(mapping(account).get("balances")):
            results += _guarded(
                _balance, mapping(balance), account, external=external, institution=institution
            )
    account = content.get("account") or content.get("cardAccount")
    for balance in listing(content.get("balances")):
        results += _guarded(
            _balance, mapping(balance), account, external=external, institution=institution
        )
    for transactions in (mapping(content.get(name)) for name in LISTS):
        for step, state in STATES:
            for one in listing(transactions.get(step)):
                results += _guarded(
                    _transaction, mapping(one), account, state,
                    external=external, institution=institution,
                )  # fmt: skip
        for _ in listing(transactions.get("information")):
            results.append(Noted("standing order or plan: nothing was booked"))
    return results


def _guarded(reader: Any, *arguments: Any, external: bool, institution: str) -> list[Result]:
    try:
        return [reader(*arguments, external=external, institution=institution)]
    except Refused as refused:
        return [refused.error]


def _account(account: dict[str, Any], *, external: bool, institution: str) -> Result:
    holder = _holder(account, institution)
    if not external:
        return Noted("account of this bank", {"account": holder.id})
    changed = [
        words(mapping(balance).get("lastChangeDateTime"))
        for balance in listing(account.get("balances"))
    ]
    seen = next(filter(None, changed), None)
    if seen is None:
        return Noted("account without an instant: it is known by its first balance", {})
    kind = ACCOUNT_TYPES.get(words(account.get("cashAccountType")) or "", "current")
    return account_found(
        holder,
        institution=_bank(holder),
        account_type=kind,
        at=instant_of(seen, "lastChangeDateTime"),
    )


def _balance(balance: dict[str, Any], account: Any, *, external: bool, institution: str) -> Result:
    holder = _holder(mapping(account), institution)
    stated = mapping(balance.get("balanceAmount"))
    amount = decimal_of(stated.get("amount"), "balanceAmount", signed=True)
    currency = currency_of(stated.get("currency"), "balanceAmount")
    said = words(balance.get("lastChangeDateTime")) or words(balance.get("referenceDate"))
    if said is None:
        raise refuse("balance has neither lastChangeDateTime nor referenceDate")
    at = instant_of(said, "lastChangeDateTime")
    kind = words(balance.get("balanceType")) or ""
    if not external or kind not in BOOKED_BALANCES:
        content = {"type": kind, "amount": format(amount, "f"), "currency": currency, "at": at}
        why = "another balance than the booked one" if external else "balance of this bank"
        return Noted(why, content | {"account": holder.id})
    return balance_found(
        holder, institution=_bank(holder),
        account_type=ACCOUNT_TYPES.get(words(mapping(account).get("cashAccountType")) or "", "current"),
        amount=amount, currency=currency, at=at,
    )  # fmt: skip


def _transaction(
    one: dict[str, Any], account: Any, state: State, *, external: bool, institution: str
) -> Result:
    holder = _holder(mapping(account), institution)
    stated = mapping(one.get("transactionAmount"))
    amount = decimal_of(stated.get("amount"), "transactionAmount", signed=True)
    currency = currency_of(stated.get("currency"), "transactionAmount")
    said = next(
        (
            given
            for given in (
                words(one.get(k))
                for k in ("bookingDateTime", "bookingDate", "valueDate", "transactionDate")
            )
            if given
        ),
        None,
    )
    if said is None:
        raise refuse("transaction has neither bookingDate nor valueDate")
    at = instant_of(said, "bookingDate")
    side = "debtor" if amount > 0 else "creditor"
    other = mapping(one.get(f"{side}Account"))
    card = "maskedPan" in mapping(account) or "cardTransactionId" in one
    method = "card" if card else _method(words(one.get("bankTransactionCode")) or "")
    name = words(one.get(f"{side}Name"))
    value = words(one.get("valueDate"))
    references = (
        "transactionId", "cardTransactionId", "entryReference", "endToEndId", "internalTransactionId",
    )  # fmt: skip
    reference = next((r for r in (words(one.get(key)) for key in references) if r), None)
    shop = name or words(one.get("transactionDetails")) or words(one.get("cardAcceptorId"))
    extra = {
        "method": method,
        "merchant": short(shop) if method in ("card", "direct_debit") else None,
        "mcc": words(one.get("merchantCategoryCode")),
        "counterparty": next((n for n in (words(other.get(k)) for k in _NUMBERS) if n), name),
        "reference": _words(one),
        "value_on": day_of(value[:10], "valueDate") if value else None,
        "country": words(mapping(one.get("cardAcceptorAddress")).get("country")),
        "charges": _markup(one),
        "original": _exchange(one, currency) or _original(one, currency),
    }
    return found(
        Movement(
            holder=holder,
            reference=reference or "c-" + identify(format(amount, "f"), at[:10], _words(one) or ""),
            state=state,
            at=at,
            amount=amount,
            currency=currency,
            external=external,
            institution=_bank(holder),
            balance=_after(one, currency),
            extra=extra,
        )
    )


def _holder(account: dict[str, Any], institution: str) -> Holder:
    for key in _NUMBERS:
        number = words(account.get(key))
        if number:
            compact = number.replace(" ", "")
            if key == "iban":
                return Holder("iban", compact)
            return Holder("account", compact, institution)
    raise refuse("account is missing: whose account it is can't be told")


def _bank(holder: Holder) -> str:
    """Which bank it is; of an IBAN its country and the four characters that begin the bank's code."""
    return token(holder.issuer or holder.id[:2] + holder.id[4:8])


def _method(code: str) -> str:
    """The method in a code such as PMNT-RCDT-ESCT, its last part first.

    Example:
        >>> _method("PMNT-ICDT-STDO"), _method("PMNT-CCRD-POSD"), _method("")
        ('standing_order', 'card', 'other')
    """
    parts = code.split("-")
    return next((method for part, method in _CODES if part in parts), "other")


def _words(one: dict[str, Any]) -> str | None:
    plain = words(one.get("remittanceInformationUnstructured"))
    if plain is None:
        several = listing(one.get("remittanceInformationUnstructuredArray"))
        plain = " ".join(filter(None, (words(part) for part in several))) or None
    structured = one.get("remittanceInformationStructured")
    if plain is None:
        plain = words(mapping(structured).get("reference")) or words(structured)
    return short(plain or words(one.get("additionalInformation")))


def _after(one: dict[str, Any], currency: str) -> Decimal | None:
    """The balance that the bank states behind a booking, in the same currency."""
    stated = mapping(mapping(one.get("balanceAfterTransaction")).get("balanceAmount"))
    if words(stated.get("currency")) != currency:
        return None
    return decimal_of(stated.get("amount"), "balanceAfterTransaction", signed=True)


def _original(one: dict[str, Any], currency: str) -> dict[str, str] | None:
    """What a card was charged abroad, in the currency there."""
    stated = mapping(one.get("originalAmount"))
    if not stated or stated.get("currency") == currency:
        return None
    amount = decimal_of(stated.get("amount"), "originalAmount", signed=True)
    return {
        "amount": format(amount, "f"),
        "currency": currency_of(stated.get("currency"), "originalAmount"),
    }


def _markup(one: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The fee for using a card abroad, as part of what was booked."""
    stated = mapping(one.get("markupFee"))
    if not stated:
        return None
    amount = decimal_of(stated.get("amount"), "markupFee", signed=True)
    currency = currency_of(stated.get("currency"), "markupFee")
    return [{"amount": format(-abs(amount), "f"), "currency": currency, "included": True}]


def _exchange(one: dict[str, Any], currency: str) -> dict[str, str] | None:
    given = one.get("currencyExchange")
    exchange = mapping(given[0] if isinstance(given, list) and given else given)
    source = words(exchange.get("sourceCurrency"))
    instructed = mapping(exchange.get("instructedAmount"))
    if source is None or source == currency or not instructed:
        return None
    amount = decimal_of(instructed.get("amount"), "instructedAmount", signed=True)
    rate = words(exchange.get("exchangeRate"))
    original = {"amount": format(amount, "f"), "currency": currency_of(source, "currencyExchange")}
    return original | ({"rate": rate} if rate else {})
