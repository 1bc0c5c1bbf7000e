"""Events that steer: consent, objections, vulnerability, preferences, erasure, the clock."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.base import (
    Channel,
    CustomerId,
    Instant,
    Purpose,
    Shape,
    Source,
    SpecialCategory,
    Token,
)
from schemas.consents import Category
from schemas.events.base import EventBase

Loose = Field(strict=False)
Said = Annotated[str, StringConstraints(min_length=1, max_length=140)]


class Notice(Shape):
    """The text that the customer agreed to."""

    uri: Annotated[str, StringConstraints(max_length=200)]
    version: Token
    hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]


class ConsentGranted(EventBase):
    """Data of these sources may be used for this purpose until ``valid_until`` (none: until withdrawn).

    What reveals one of the ``special_categories`` may only be used where it is named here.
    No ``categories`` means all those of the sources, no ``channels`` every channel. ``method`` is how the
    customer said yes.
    """

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["consent.granted"] = "consent.granted"
    record_id: Token
    purpose: Annotated[Purpose, Loose]
    sources: Annotated[tuple[Annotated[Source, Loose], ...], Field(min_length=1, strict=False)]
    special_categories: Annotated[
        tuple[Annotated[SpecialCategory, Loose], ...], Field(strict=False)
    ] = ()
    categories: Annotated[tuple[Annotated[Category, Loose], ...], Loose] = ()
    channels: Annotated[tuple[Annotated[Channel, Loose], ...], Loose] = ()
    valid_until: Instant | None = None
    notice: Notice | None = None
    method: Literal["app", "web", "branch", "phone", "chat"] = "app"


class ConsentWithdrawn(EventBase):
    """Takes consent back; no purpose means every purpose, no sources means every source."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["consent.withdrawn"] = "consent.withdrawn"
    purpose: Annotated[Purpose, Loose] | None = None
    sources: Annotated[tuple[Annotated[Source, Loose], ...], Loose] = ()


class ConsentReviewed(EventBase):
    """The customer is where they choose what to share, and may be asked there; no data of theirs is looked at."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["consent.reviewed"] = "consent.reviewed"
    channel: Literal["in_app", "chat"] = "in_app"


class AccessGranted(EventBase):
    """The customer lets us read their accounts at another institution, until ``valid_until``.

    It goes beside a consent for the source ``open_banking``, and ends by itself: Commission Delegated
    Regulation (EU) 2018/389, article 10a.
    """

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["consent.access_granted"] = "consent.access_granted"
    record_id: Token
    institution: Token
    valid_until: Instant


class AccessWithdrawn(EventBase):
    """The customer ends our access to their accounts at an institution."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["consent.access_withdrawn"] = "consent.access_withdrawn"
    institution: Token


class ObjectionRaised(EventBase):
    """An objection to direct marketing or to profiling (GDPR article 21): absolute while it stands."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["objection.raised"] = "objection.raised"
    scope: Literal["marketing", "profiling"]


class ObjectionLifted(EventBase):
    """The customer takes the objection back."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["objection.lifted"] = "objection.lifted"
    scope: Literal["marketing", "profiling"]


class VulnerabilityFlagged(EventBase):
    """The customer, or staff, asks for special care (FCA FG21/1 drivers)."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["vulnerability.flagged"] = "vulnerability.flagged"
    driver: Literal["health", "life_event", "resilience", "capability"]


class VulnerabilityCleared(EventBase):
    """The flag is taken back."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["vulnerability.cleared"] = "vulnerability.cleared"
    driver: Literal["health", "life_event", "resilience", "capability"]


class PreferenceChanged(EventBase):
    """Channels on or off, and quiet hours in UTC (from inclusive, to exclusive)."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["preference.changed"] = "preference.changed"
    channel: Annotated[Channel, Loose]
    enabled: bool = True
    quiet_from_hour: Annotated[int, Field(ge=0, le=23)] | None = None
    quiet_to_hour: Annotated[int, Field(ge=0, le=23)] | None = None


class ErasureRequested(EventBase):
    """Forget the customer."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["erasure.requested"] = "erasure.requested"


class ExportRequested(EventBase):
    """Hand out everything that is held (GDPR articles 15 and 20)."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["export.requested"] = "export.requested"


class ClockTicked(EventBase):
    """Time passed: made by the worker when a timer that an `Outcome` asked for is due."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["clock.ticked"] = "clock.ticked"
    timer: Token


class CustomerRebuilt(EventBase):
    """What is remembered of a customer gives way to what their events say, after records were joined or parted.

    ``counted`` are the records whose events were counted. ``slots`` are memories by name, packed bytes as
    `operators.portability` writes them, of the ``versions`` beside them; ``products`` product → since when (ms).
    A «no» that was said under any of the records holds: ``withdrawn``, ``objections``, ``vulnerable``.
    """

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["customer.rebuilt"] = "customer.rebuilt"
    by: Said
    reason: Said
    counted: Annotated[tuple[CustomerId, ...], Field(min_length=1, strict=False)]
    since: Instant
    slots: dict[str, Any]
    versions: dict[str, int]
    products: dict[str, int]
    contract: dict[str, Any]
    withdrawn: dict[str, int]
    objections: dict[str, int]
    vulnerable: dict[str, int]


class CustomerClosed(EventBase):
    """The record is ``into``'s from here on: it remembers nothing but what was agreed to, and is told nothing."""

    source: ClassVar[Source] = Source.CONTROL
    kind: Literal["customer.closed"] = "customer.closed"
    by: Said
    into: CustomerId
