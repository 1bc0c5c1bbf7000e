"""Life events and the customer's relation to the bank."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.base import Country, Source, Token
from schemas.events.base import EventBase

LifeEvent = Literal[
    "new_job",
    "job_loss",
    "moving",
    "house_purchase",
    "car",
    "marriage",
    "baby",
    "university",
    "retirement",
    "bereavement",
    "travel",
]


class LifeDeclared(EventBase):
    """The customer told the bank of a life event."""

    source: ClassVar[Source] = Source.LIFE_EVENTS
    kind: Literal["life.declared"] = "life.declared"
    event: LifeEvent


class LifeAnswered(EventBase):
    """The customer confirmed or denied a life event that was detected."""

    source: ClassVar[Source] = Source.LIFE_EVENTS
    kind: Literal["life.answered"] = "life.answered"
    event: LifeEvent
    confirmed: bool


class ProfileUpdated(EventBase):
    """Facts of the contract: fields left out stay as they were."""

    source: ClassVar[Source] = Source.PROFILE
    kind: Literal["profile.updated"] = "profile.updated"
    birth_year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    country: Country | None = None
    employment: Literal["employed", "self_employed", "student", "retired", "unemployed"] | None = (
        None
    )
    household_size: Annotated[int, Field(ge=1, le=20)] | None = None


class ProductOpened(EventBase):
    """The customer took a product."""

    source: ClassVar[Source] = Source.PROFILE
    kind: Literal["product.opened"] = "product.opened"
    product: Token


class ProductClosed(EventBase):
    """The customer gave a product up."""

    source: ClassVar[Source] = Source.PROFILE
    kind: Literal["product.closed"] = "product.closed"
    product: Token
