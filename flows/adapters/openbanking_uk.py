"""UK Open Banking read/write API, versions 3 and 4: accounts, balances, transactions as their resources come.

Amounts are text without a sign and ``CreditDebitIndicator`` carries it. A transaction may be pending, change
while it is mutable, and be rejected; all states of one have one ``TransactionId``, so they net to one flow.

Source: OBIE Account and Transaction API Specification v4.0, resources Accounts, Balances, Transactions.
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
from flows.adapters.shapes import Holder, Noted, Refused, Result, invalid, refuse
from operators.draws import identify

STATES: dict[str, State] = {
    "BOOK": "booked",
    "BOOKED": "booked",
    "PDNG": "pending",
    "PENDING": "pending",
    "RJCT": "removed",
    "REJECTED": "removed",
}
BOOKED_BALANCES = frozenset(
    {
        "ClosingBooked",
        "InterimBooked",
        "Information",
        "CLBD",
        "ITBD",
        "INFO",
        "PreviouslyClosedBooked",
    }
)
ACCOUNT_TYPES: dict[str, str] = {
    "CurrentAccount": "current", "CACC": "current", "TRAN": "current", "EMoney": "current",
    "Savings": "savings", "SVGS": "savings", "CreditCard": "card", "CARD": "card", "ChargeCard": "card",
    "PrePaidCard": "card", "Loan": "loan", "LOAN": "loan", "Mortgage": "mortgage", "MORT": "mortgage",
}  # fmt: skip
METHODS: dict[str, str] = {
    "IssuedCreditTransfers": "transfer", "ReceivedCreditTransfers": "transfer",
    "IssuedDirectDebits": "direct_debit", "ReceivedDirectDebits": "direct_debit",
    "CustomerCardTransactions": "card", "MerchantCardTransactions": "card",
    "CounterTransactions": "cash", "ICDT": "transfer", "RCDT": "transfer", "IDDT": "direct_debit",
    "RDDT": "direct_debit", "CCRD": "card", "MCRD": "card", "CNTR": "cash",
}  # fmt: skip
SUB_METHODS: dict[str, str] = {
    "CashWithdrawal": "cash", "CWDL": "cash", "StandingOrder": "standing_order", "STDO": "standing_order",
    "Charges": "fee", "CHRG": "fee", "Fees": "fee", "FEES": "fee", "Interest": "interest", "INTR": "interest",
}  # fmt: skip


RESOURCES = ("Account", "Balance", "Transaction")
UNUSED = (
    "Statement", "Beneficiary", "DirectDebit", "StandingOrder", "Product", "Offer", "Party", "ScheduledPayment",
    "StatementReference",
)  # fmt: skip
"""Resources that are read and made nothing of: no money moved."""


def recognises(content: Any) -> bool:
    """Whether this is a reply of the API."""
    data = mapping(mapping(content).get("Data"))
    return any(isinstance(data.get(name), list) for name in RESOURCES) or any(
        name in data for name in UNUSED
    )


def read(content: Any, *, external: bool, institution: str = "") -> list[Result]:
    """Every resource in a reply of the API.

    Args:
        content: Parsed JSON.
        external: Whether the accounts are at another bank.
        institution: Which bank it came from; by default the host of the reply's own link.
    """
    data = mapping(mapping(content).get("Data"))
    bank = token(institution or _host(words(mapping(content.get("Links")).get("Self"))))
    results: list[Result] = []
    for name, reader in (
        ("Account", _account),
        ("Balance", _balance),
        ("Transaction", _transaction),
    ):
        if name in data and not isinstance(data[name], list):
            results.append(invalid(f"Data/{name} is no array"))
        for resource in listing(data.get(name)):
            try:
                if not isinstance(resource, dict):
                    raise refuse(f"Data/{name} holds something that is no object")
                results.append(reader(resource, bank, external=external))
            except Refused as refused:
                results.append(refused.error)
    for name in UNUSED:
        if name in data:
            count = len(data[name]) if isinstance(data[name], list) else 1
            results.append(Noted("a resource that no event is made of", {name: count}))
    return results


def _account(resource: dict[str, Any], bank: str, *, external: bool) -> Result:
    holder = _holder(resource, bank)
    if not external:
        return Noted("account of this bank", {"account": holder.id})
    opened = words(resource.get("StatusUpdateDateTime")) or words(resource.get("OpeningDate"))
    if opened is None:
        raise refuse("Account has neither StatusUpdateDateTime nor OpeningDate")
    kind = words(resource.get("AccountTypeCode")) or words(resource.get("AccountSubType")) or ""
    return account_found(
        holder,
        institution=bank,
        account_type=ACCOUNT_TYPES.get(kind, "current"),
        at=instant_of(opened, "StatusUpdateDateTime"),
    )


def _balance(resource: dict[str, Any], bank: str, *, external: bool) -> Result:
    holder = _holder(resource, bank)
    amount, currency = _amount(resource, "Balance")
    at = instant_of(words(resource.get("DateTime")) or "", "Balance/DateTime")
    kind = words(resource.get("Type")) or ""
    if not external or kind not in BOOKED_BALANCES:
        content = {"type": kind, "amount": format(amount, "f"), "currency": currency, "at": at}
        why = "another balance than the booked one" if external else "balance of this bank"
        return Noted(why, content | {"account": holder.id})
    return balance_found(
        holder, institution=bank, account_type="current", amount=amount, currency=currency, at=at
    )


def _transaction(resource: dict[str, Any], bank: str, *, external: bool) -> Result:
    holder = _holder(resource, bank)
    status = (words(resource.get("Status")) or "").upper()
    if status == "INFO":
        return Noted("transaction for information only", {"account": holder.id})
    state = STATES.get(status)
    if state is None:
        raise refuse("Transaction/Status is missing or unknown", hint="BOOK, PDNG, RJCT or INFO")
    amount, currency = _amount(resource, "Transaction")
    at = instant_of(words(resource.get("BookingDateTime")) or "", "BookingDateTime")
    merchant = mapping(resource.get("MerchantDetails"))
    other = mapping(resource.get("DebtorAccount" if amount > 0 else "CreditorAccount"))
    value = words(resource.get("ValueDateTime"))
    extra = {
        "method": _method(resource),
        "merchant": short(words(merchant.get("MerchantName"))),
        "mcc": words(merchant.get("MerchantCategoryCode")),
        "counterparty": words(other.get("Identification")) or words(other.get("Name")),
        "reference": short(words(resource.get("TransactionInformation"))),
        "value_on": day_of(value[:10], "ValueDateTime") if value else None,
        "charges": _charge(resource),
        "original": _exchange(resource, currency),
    }
    movement = Movement(
        holder=holder,
        reference=words(resource.get("TransactionId")) or _fingerprint(resource, amount, at),
        state=state,
        at=at,
        amount=amount,
        currency=currency,
        external=external,
        institution=bank,
        balance=_after(resource, currency),
        extra=extra,
    )
    return found(movement)


def _holder(resource: dict[str, Any], bank: str) -> Holder:
    account = words(resource.get("AccountId"))
    if account is None:
        raise refuse("AccountId is missing: whose account it is can't be told")
    return Holder("openbanking", account, bank)


def _amount(resource: dict[str, Any], what: str) -> tuple[Decimal, str]:
    stated = mapping(resource.get("Amount"))
    amount = decimal_of(stated.get("Amount"), f"{what}/Amount")
    currency = currency_of(stated.get("Currency"), f"{what}/Amount")
    side = words(resource.get("CreditDebitIndicator"))
    if side not in ("Credit", "Debit", "CRDT", "DBIT"):
        raise refuse(f"{what}/CreditDebitIndicator is neither Credit nor Debit")
    return (-amount if side in ("Debit", "DBIT") else amount), currency


def _after(resource: dict[str, Any], currency: str) -> Decimal | None:
    stated = mapping(resource.get("Balance"))
    if not stated or words(stated.get("Type")) not in BOOKED_BALANCES:
        return None
    amount, of = _amount(stated, "Transaction/Balance")
    return amount if of == currency else None


def _method(resource: dict[str, Any]) -> str:
    code = mapping(resource.get("BankTransactionCode"))
    sub = SUB_METHODS.get(words(code.get("SubCode")) or "")
    if sub is not None:
        return sub
    if resource.get("CardInstrument"):
        return "card"
    return METHODS.get(words(code.get("Code")) or "", "other")


def _charge(resource: dict[str, Any]) -> list[dict[str, Any]] | None:
    stated = mapping(resource.get("ChargeAmount"))
    if not stated:
        return None
    amount = decimal_of(stated.get("Amount"), "ChargeAmount")
    currency = currency_of(stated.get("Currency"), "ChargeAmount")
    return [{"amount": format(-amount, "f"), "currency": currency}]


def _exchange(resource: dict[str, Any], currency: str) -> dict[str, str] | None:
    exchange = mapping(resource.get("CurrencyExchange"))
    instructed = mapping(exchange.get("InstructedAmount"))
    if not instructed or instructed.get("Currency") == currency:
        return None
    amount = decimal_of(instructed.get("Amount"), "InstructedAmount")
    original = {
        "amount": format(amount, "f"),
        "currency": currency_of(instructed.get("Currency"), "InstructedAmount"),
    }
    rate = words(exchange.get("ExchangeRate"))
    return original | ({"rate": rate} if rate else {})


def _fingerprint(resource: dict[str, Any], amount: Decimal, at: str) -> str:
    """Stands in for a TransactionId, which the standard leaves to the bank."""
    said = words(resource.get("TransactionReference")) or words(
        resource.get("TransactionInformation")
    )
    return "c-" + identify(format(amount, "f"), at[:10], said or "")


def _host(link: str | None) -> str:
    """The host of a link.

    Example:
        >>> _host("https://api.alphabank.com/open-banking/v4.0/aisp/accounts/"), _host(None)
        ('api.alphabank.com', 'unknown')
    """
    return link.split("://")[-1].split("/")[0] if link else "unknown"
