"""What the customer did with what was said: just another event, on the customer's own log."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.base import CurrencyCode, Source, Token
from schemas.events.base import EventBase
from schemas.events.money import AmountMinor

FeedbackKind = Literal[
    "delivered",
    "viewed",
    "clicked",
    "started",
    "completed",
    "dismissed",
    "muted",
    "complained",
    "value",
]
Why = Literal[
    "not_now",
    "not_relevant",
    "cannot_afford",
    "dont_trust",
    "too_personal",
    "already_have",
    "wrong_facts",
    "other",
]


class FeedbackReceived(EventBase):
    """An answer to a decision, or value realised later (``kind`` of outcome ``value``).

    A value without a ``decision_id`` belongs to the customer as a whole: the holdout has them too.
    """

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["feedback.received"] = "feedback.received"
    outcome: FeedbackKind
    decision_id: Token | None = None
    why: Why | None = None
    why_source: Literal["customer", "agent", "inferred"] = "customer"
    why_confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    value_customer_minor: AmountMinor = 0
    value_bank_minor: AmountMinor = 0
    currency: CurrencyCode = "EUR"
