"""The catalogue: what can be said to a customer, as data.

One shape for offers, interventions, features of the app and requests for consent. Loaded from JSON files
and from the ``catalogue`` topic; refused whole when one item is wrong.
"""

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.base import Channel, Country, Purpose, Shape, Source, Token

Loose = Field(strict=False)
Sentence = Annotated[str, StringConstraints(min_length=3, max_length=300)]


class Kind(StrEnum):
    """What sort of thing is said, which fixes its purpose."""

    OFFER = "offer"
    INTERVENTION = "intervention"
    FEATURE = "feature"
    CONSENT_ASK = "consent_ask"


PURPOSE_OF_KIND: dict[Kind, Purpose | None] = {
    Kind.OFFER: Purpose.DIRECT_MARKETING,
    Kind.INTERVENTION: Purpose.FINANCIAL_WELLBEING,
    Kind.FEATURE: Purpose.SERVICE_PERSONALISATION,
    Kind.CONSENT_ASK: None,
}
"""The purpose that an item of the kind needs; a consent ask uses no personal data, so it needs none."""


CHANNEL_ORDERS: dict[Channel | None, tuple[Channel, ...]] = {
    None: (Channel.PUSH, Channel.EMAIL, Channel.IN_APP),
    Channel.CHAT: (Channel.CHAT, Channel.IN_APP),
    Channel.IN_APP: (Channel.IN_APP,),
}
"""Where the customer is looking → channels to use, the best first."""
TRAITS: tuple[str, ...] = (
    "saving",
    "credit",
    "insurance",
    "investing",
    "travel",
    "home",
    "guidance",
    "digital",
    "consent",
)
"""The static content of an item, in the order in which the bandit sees it."""
TRAIT_GRID = 64


class Eligibility(Shape):
    """Hard conditions of the product's contract."""

    age_min: int | None = None
    age_max: int | None = None
    tenure_days_min: int = 0
    requires: Annotated[tuple[Token, ...], Loose] = ()
    excludes: Annotated[tuple[Token, ...], Loose] = ()
    countries: Annotated[tuple[Country, ...], Loose] = ()
    employment: Annotated[tuple[Token, ...], Loose] = ()


class Suitability(Shape):
    """When the item would not be in the customer's interest.

    ``shortfall_max`` is the highest shortfall probability at which it may be offered;
    ``debt_service_share_max`` the highest share of income that already goes to debt;
    ``income_minor_month_min`` the least monthly income.
    ``needs_signal`` holds it back unless one of the signals in ``answers`` is live.
    """

    shortfall_max: float | None = None
    debt_service_share_max: float | None = None
    income_minor_month_min: int | None = None
    balance_minor_min: int | None = None
    needs_signal: bool = False


class Item(Shape):
    """One thing that may be said.

    ``answers`` are the signals it responds to. ``traits`` are its content, numbers in -4..4 by name
    (`TRAITS`). ``product`` is what the customer holds after taking it.
    Values are minor units of EUR per completion: ``value_customer_minor`` to the customer (what it saves
    or earns them), ``value_bank_minor`` the bank's margin after cost.
    ``pressure`` in 0..1 is how much it sells. ``protective`` items go out even to the holdout.
    ``high_stakes`` items need a standing approval of the review board.
    """

    id: Token
    kind: Annotated[Kind, Loose]
    category: Token
    title: Sentence
    body: Sentence
    answers: Annotated[tuple[Token, ...], Loose] = ()
    traits: dict[str, Annotated[float, Field(ge=-4, le=4)]] = Field(default_factory=dict)
    product: Token | None = None
    channels: Annotated[tuple[Annotated[Channel, Loose], ...], Field(min_length=1, strict=False)]
    value_customer_minor: int
    value_bank_minor: int
    pressure: Annotated[float, Field(ge=0, le=1)] = 0.0
    credit: bool = False
    protective: bool = False
    high_stakes: bool = False
    valid_days: Annotated[int, Field(ge=1, le=365)] = 14
    rest_days: Annotated[int, Field(ge=1, le=730)] = 30
    eligibility: Eligibility = Eligibility()
    suitability: Suitability = Suitability()
    asks_purpose: Annotated[Purpose, Loose] | None = None
    asks_source: Annotated[Source, Loose] | None = None
    feature: Token | None = None
    version: Literal[1] = 1

    @cached_property
    def purpose(self) -> Purpose | None:
        """The purpose that using data for this item needs."""
        return PURPOSE_OF_KIND[self.kind]

    @cached_property
    def best_channels(self) -> dict[Channel | None, Channel]:
        """Where the customer is looking (None: anywhere but here) → the channel to use, if any."""
        return {
            looking: channel
            for looking, order in CHANNEL_ORDERS.items()
            for channel in [next((c for c in order if c in self.channels), None)]
            if channel is not None
        }

    @cached_property
    def trait_vector(self) -> tuple[float, ...]:
        """The content in the order of `TRAITS`, on the 2^-6 grid."""
        return tuple(round(self.traits.get(name, 0.0) * TRAIT_GRID) / TRAIT_GRID for name in TRAITS)

    @cached_property
    def traits_held(self) -> tuple[tuple[int, float], ...]:
        """Index and value of the traits above zero: most items have one or two."""
        return tuple((index, has) for index, has in enumerate(self.trait_vector) if has > 0)

    @cached_property
    def sells(self) -> bool:
        """Whether it puts any sales pressure on a customer: by its kind, its pressure or its credit."""
        return self.kind is Kind.OFFER or self.pressure > 0 or self.credit

    @cached_property
    def unconditional(self) -> bool:
        """Whether its contract states no condition."""
        return self.eligibility == Eligibility()
