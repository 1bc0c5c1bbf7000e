"""Money that moved: the bank's own transactions, and those at other banks."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.base import Country, CurrencyCode, MerchantCategory, Shape, Source, Token
from schemas.events.base import EventBase

AmountMinor = Annotated[int, Field(ge=-(10**15), le=10**15)]
ShortText = Annotated[str, StringConstraints(max_length=140)]
Method = Literal[
    "card", "transfer", "direct_debit", "standing_order", "cash", "fee", "interest", "other"
]


class _Movement(Shape):
    """The fields of a money movement, minor units, negative is money out."""

    account: Token
    amount_minor: AmountMinor
    currency: CurrencyCode
    method: Method = "other"
    counterparty: Token | None = None
    merchant: ShortText | None = None
    mcc: MerchantCategory | None = None
    country: Country | None = None
    reference: ShortText | None = None


class TransactionBooked(EventBase, _Movement):
    """A booked movement on an account of this bank; ``balance_minor`` is the booked balance after it.

    ``reverses`` names the transaction that this one takes back.
    """

    source: ClassVar[Source] = Source.TRANSACTIONS
    kind: Literal["transaction.booked"] = "transaction.booked"
    transaction_id: Token
    balance_minor: AmountMinor | None = None
    reverses: Token | None = None


class TransactionPending(EventBase, _Movement):
    """An authorised movement that is not yet booked."""

    source: ClassVar[Source] = Source.TRANSACTIONS
    kind: Literal["transaction.pending"] = "transaction.pending"
    transaction_id: Token


class ExternalAccountLinked(EventBase):
    """The customer connected an account at another bank."""

    source: ClassVar[Source] = Source.OPEN_BANKING
    kind: Literal["openbanking.account_linked"] = "openbanking.account_linked"
    account: Token
    institution: Token
    account_type: Literal["current", "savings", "card", "loan", "mortgage"] = "current"


class ExternalBalance(EventBase):
    """A balance at another bank; loans and card debt are negative."""

    source: ClassVar[Source] = Source.OPEN_BANKING
    kind: Literal["openbanking.balance"] = "openbanking.balance"
    account: Token
    institution: Token
    account_type: Literal["current", "savings", "card", "loan", "mortgage"] = "current"
    balance_minor: AmountMinor
    currency: CurrencyCode


class ExternalTransaction(EventBase, _Movement):
    """A booked movement at another bank."""

    source: ClassVar[Source] = Source.OPEN_BANKING
    kind: Literal["openbanking.transaction"] = "openbanking.transaction"
    transaction_id: Token
    institution: Token
