"""What the customer does and says: app behaviour, places, messages."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.base import Source, Token
from schemas.events.base import EventBase

Text = Annotated[str, StringConstraints(min_length=1, max_length=8000)]


class AppOpened(EventBase):
    """The customer opened the app: a moment of attention."""

    source: ClassVar[Source] = Source.APP
    kind: Literal["app.opened"] = "app.opened"


class ScreenViewed(EventBase):
    """A screen of the app was seen."""

    source: ClassVar[Source] = Source.APP
    kind: Literal["app.screen_viewed"] = "app.screen_viewed"
    screen: Token


class AppSearched(EventBase):
    """The customer searched for a topic (already mapped to a topic word by the app)."""

    source: ClassVar[Source] = Source.APP
    kind: Literal["app.searched"] = "app.searched"
    topic: Token


class FeatureUsed(EventBase):
    """A feature of the app was used."""

    source: ClassVar[Source] = Source.APP
    kind: Literal["app.feature_used"] = "app.feature_used"
    feature: Token


class AppErrorShown(EventBase):
    """The app showed an error."""

    source: ClassVar[Source] = Source.APP
    kind: Literal["app.error_shown"] = "app.error_shown"
    screen: Token
    code: Token


class RageTapped(EventBase):
    """Rapid repeated taps on one spot: friction."""

    source: ClassVar[Source] = Source.APP
    kind: Literal["app.rage_tapped"] = "app.rage_tapped"
    screen: Token


class FlowAbandoned(EventBase):
    """A flow (an application, a payment) was left half-way."""

    source: ClassVar[Source] = Source.APP
    kind: Literal["app.flow_abandoned"] = "app.flow_abandoned"
    flow: Token


class ZoneEntered(EventBase):
    """The customer entered a zone, such as ``airport:LHR``; ``elsewhere`` is outside every zone."""

    source: ClassVar[Source] = Source.LOCATION
    kind: Literal["location.zone_entered"] = "location.zone_entered"
    zone: Token
    zone_kind: Literal["airport", "branch", "shop", "home", "elsewhere"]


class PositionReported(EventBase):
    """A position, which `flows.zones` turns into a zone before anything else sees it.

    Never reaches an operator, the state, an output or a log: a coordinate is not kept anywhere.
    """

    source: ClassVar[Source] = Source.LOCATION
    kind: Literal["location.position"] = "location.position"
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class MessageReceived(EventBase):
    """Free text from the customer; masked of personal data before any model reads it."""

    source: ClassVar[Source] = Source.MESSAGES
    kind: Literal["message.received"] = "message.received"
    channel: Literal["chat", "email", "call", "review"]
    text: Text
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] = "en"


class MessageLabelled(EventBase):
    """A person (an agent, the customer) said what an earlier message was about: a lesson for the reader."""

    source: ClassVar[Source] = Source.MESSAGES
    kind: Literal["message.labelled"] = "message.labelled"
    message_id: Token
    text: Text
    intent: Token


class MessageRead(EventBase):
    """What a reader made of a message: takes the message's place after stage 1, so text goes no further.

    Made inside `operators.decide`; never on a wire.
    """

    source: ClassVar[Source] = Source.MESSAGES
    kind: Literal["message.read"] = "message.read"
    channel: Literal["chat", "email", "call", "review"]
    intent: Token | None
    intent_probability: Annotated[float, Field(ge=0, le=1)]
    sentiment: Annotated[float, Field(ge=-1, le=1)]
