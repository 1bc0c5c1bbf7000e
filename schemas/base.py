"""The small types that every shape is made of: ids, money, instants, sources, purposes.

Money is a signed integer of minor units with its ISO 4217 currency; negative is money out.
Instants are milliseconds since 1970 UTC (``…_ms``) inside, RFC 3339 strings on a wire.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000

CustomerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$")]
"""A pseudonymous customer id: never a name, an account number or an address."""
EventId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$")]
"""A short machine word: a screen, a feature, a product, a zone."""
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
MerchantCategory = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]


def _written_out(value: Any) -> Any:
    """Refuse numbers, in text too: whether they count seconds or milliseconds would be a guess."""
    spelt = value[4:5] == "-" and value[10:11] in ("T", "t") if isinstance(value, str) else None
    if spelt is False or isinstance(value, int | float):
        message = "an instant is written out as RFC 3339 says, with an offset"
        raise PydanticCustomError("instant_format", message)
    return value


Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out)]
"""A point in time: RFC 3339 text with an offset on a wire, an aware datetime inside."""


class Shape(BaseModel):
    """A frozen wire shape: unknown fields are errors, so that a typing slip never drops data.

    Numbers must be numbers: "12" is not 12, and NaN or infinity is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Source(StrEnum):
    """Where a piece of data comes from: what consent is granted for."""

    TRANSACTIONS = "transactions"
    APP = "app"
    OPEN_BANKING = "open_banking"
    LOCATION = "location"
    LIFE_EVENTS = "life_events"
    MESSAGES = "messages"
    PROFILE = "profile"
    CONTROL = "control"
    """Consents, answers and ticks: always admitted, never a feature of taste."""


DATA_SOURCES: tuple[Source, ...] = tuple(s for s in Source if s is not Source.CONTROL)
"""The sources that a customer may grant or withhold."""


class SpecialCategory(StrEnum):
    """Personal data that needs a consent which names it (GDPR article 9), as payments reveal it."""

    HEALTH = "health"
    RELIGION = "religion"
    """Religious and philosophical belief."""
    POLITICS = "politics"
    UNION = "union"
    SEX_LIFE = "sex_life"


class Purpose(StrEnum):
    """What data may be used for, each mapped to a W3C DPV term by `DPV_TERMS`."""

    SERVICE_PERSONALISATION = "service_personalisation"
    DIRECT_MARKETING = "direct_marketing"
    FINANCIAL_WELLBEING = "financial_wellbeing"
    MODEL_TRAINING = "model_training"


DPV_TERMS: dict[Purpose, str] = {
    Purpose.SERVICE_PERSONALISATION: "dpv:ServicePersonalisation",
    Purpose.DIRECT_MARKETING: "dpv:DirectMarketing",
    Purpose.FINANCIAL_WELLBEING: "dpv:PersonalisedBenefits",
    Purpose.MODEL_TRAINING: "dpv:ImproveExistingProductsAndServices",
}


class Channel(StrEnum):
    """Where something is said."""

    IN_APP = "in_app"
    PUSH = "push"
    CHAT = "chat"
    EMAIL = "email"


def stamp(at_ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339, UTC.

    Example:
        >>> stamp(0)
        '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
