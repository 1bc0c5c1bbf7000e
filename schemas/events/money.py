"""Money that moved: the bank's own transactions, and those at other banks."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.base import Country, CurrencyCode, MerchantCategory, Shape, Source, Token
from schemas.events.base import EventBase

AmountMinor = Annotated[int, Field(ge=-(10**15), le=10**15)]
ShortText = Annotated[str, StringConstraints(max_length=140)]
Method = Literal[
    "card", "transfer", "direct_debit", "standing_order", "cash", "fee", "interest", "other"
]


DECIMAL = r"^-?[0-9]{1,18}(\.[0-9]{1,18})?$"
DecimalText = Annotated[str, StringConstraints(pattern=DECIMAL)]
"""An exact number as text, where whole minor units can't say it."""
Day = Annotated[date, Field(strict=False)]
Loose = Field(strict=False)


class Original(Shape):
    """The amount in the currency that was agreed on, and the rate that made it the account's."""

    amount: DecimalText
    currency: CurrencyCode
    rate: DecimalText | None = None


class Charge(Shape):
    """What the bank charged for a movement; negative is a cost, ``included`` if the amount has it in already."""

    amount: DecimalText
    currency: CurrencyCode
    included: bool | None = None


class Detail(Shape):
    """One payment of a batch: it explains the movement and adds nothing to it."""

    amount_minor: AmountMinor | None = None
    currency: CurrencyCode | None = None
    counterparty: Token | None = None
    reference: ShortText | None = None
    end_to_end: ShortText | None = None


class _Movement(Shape):
    """The fields of a money movement, minor units, negative is money out.

    ``amount_exact`` stands beside an ``amount_minor`` that had to be rounded. ``value_on`` is when interest
    begins or ends.
    """

    account: Token
    amount_minor: AmountMinor
    currency: CurrencyCode
    method: Method = "other"
    counterparty: Token | None = None
    merchant: ShortText | None = None
    mcc: MerchantCategory | None = None
    country: Country | None = None
    reference: ShortText | None = None
    amount_exact: DecimalText | None = None
    value_on: Day | None = None
    charges: Annotated[tuple[Charge, ...], Loose] | None = None
    original: Original | None = None
    details: Annotated[tuple[Detail, ...], Loose] | None = None
    details_count: Annotated[int, Field(ge=0)] | None = None


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


class TransactionRemoved(EventBase):
    """A movement that the bank took away: an authorisation that lapsed, or a booking that was an error."""

    source: ClassVar[Source] = Source.TRANSACTIONS
    kind: Literal["transaction.removed"] = "transaction.removed"
    account: Token
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
    reverses: Token | None = None


class ExternalPending(EventBase, _Movement):
    """An authorised movement at another bank that is not yet booked."""

    source: ClassVar[Source] = Source.OPEN_BANKING
    kind: Literal["openbanking.pending"] = "openbanking.pending"
    transaction_id: Token
    institution: Token


class ExternalRemoved(EventBase):
    """A movement that another bank took away."""

    source: ClassVar[Source] = Source.OPEN_BANKING
    kind: Literal["openbanking.removed"] = "openbanking.removed"
    account: Token
    institution: Token
    transaction_id: Token
