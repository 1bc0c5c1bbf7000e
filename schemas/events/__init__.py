"""Every event kind, as one union told apart by ``kind``.

`EVENT` validates native JSON; `KINDS` maps a kind to its shape. A new kind is one shape and one line here.
"""

from typing import Annotated

from pydantic import Field, TypeAdapter

from schemas.events.base import EventBase
from schemas.events.control import (
    AccessGranted,
    AccessWithdrawn,
    ClockTicked,
    ConsentGranted,
    ConsentReviewed,
    ConsentWithdrawn,
    CustomerClosed,
    CustomerRebuilt,
    ErasureRequested,
    ExportRequested,
    Notice,
    ObjectionLifted,
    ObjectionRaised,
    PreferenceChanged,
    VulnerabilityCleared,
    VulnerabilityFlagged,
)
from schemas.events.digital import (
    AppErrorShown,
    AppOpened,
    AppSearched,
    FeatureUsed,
    FlowAbandoned,
    MessageLabelled,
    MessageRead,
    MessageReceived,
    PositionReported,
    RageTapped,
    ScreenViewed,
    ZoneEntered,
)
from schemas.events.feedback import FeedbackReceived
from schemas.events.life import (
    LifeAnswered,
    LifeDeclared,
    ProductClosed,
    ProductOpened,
    ProfileUpdated,
)
from schemas.events.money import (
    ExternalAccountLinked,
    ExternalBalance,
    ExternalPending,
    ExternalRemoved,
    ExternalTransaction,
    TransactionBooked,
    TransactionPending,
    TransactionRemoved,
)

Event = Annotated[
    TransactionBooked
    | TransactionPending
    | TransactionRemoved
    | ExternalAccountLinked
    | ExternalBalance
    | ExternalTransaction
    | ExternalPending
    | ExternalRemoved
    | AppOpened
    | ScreenViewed
    | AppSearched
    | FeatureUsed
    | AppErrorShown
    | RageTapped
    | FlowAbandoned
    | ZoneEntered
    | PositionReported
    | MessageReceived
    | MessageLabelled
    | LifeDeclared
    | LifeAnswered
    | ProfileUpdated
    | ProductOpened
    | ProductClosed
    | ConsentGranted
    | ConsentWithdrawn
    | ConsentReviewed
    | AccessGranted
    | AccessWithdrawn
    | ObjectionRaised
    | ObjectionLifted
    | VulnerabilityFlagged
    | VulnerabilityCleared
    | PreferenceChanged
    | ErasureRequested
    | ExportRequested
    | CustomerRebuilt
    | CustomerClosed
    | ClockTicked
    | FeedbackReceived,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[EventBase] = TypeAdapter(Event)
SHAPES: tuple[type[EventBase], ...] = (
    TransactionBooked,
    TransactionPending,
    TransactionRemoved,
    ExternalAccountLinked,
    ExternalBalance,
    ExternalTransaction,
    ExternalPending,
    ExternalRemoved,
    AppOpened,
    ScreenViewed,
    AppSearched,
    FeatureUsed,
    AppErrorShown,
    RageTapped,
    FlowAbandoned,
    ZoneEntered,
    PositionReported,
    MessageReceived,
    MessageLabelled,
    LifeDeclared,
    LifeAnswered,
    ProfileUpdated,
    ProductOpened,
    ProductClosed,
    ConsentGranted,
    ConsentWithdrawn,
    ConsentReviewed,
    AccessGranted,
    AccessWithdrawn,
    ObjectionRaised,
    ObjectionLifted,
    VulnerabilityFlagged,
    VulnerabilityCleared,
    PreferenceChanged,
    ErasureRequested,
    ExportRequested,
    CustomerRebuilt,
    CustomerClosed,
    ClockTicked,
    FeedbackReceived,
)
KINDS: dict[str, type[EventBase]] = {shape.model_fields["kind"].default: shape for shape in SHAPES}
TOPIC_OF_KIND_PREFIX: dict[str, str] = {
    "transaction": "transactions",
    "openbanking": "open-banking",
    "app": "app-events",
    "location": "locations",
    "message": "messages",
    "life": "life-events",
    "profile": "profiles",
    "product": "profiles",
    "consent": "consents",
    "objection": "consents",
    "vulnerability": "consents",
    "preference": "consents",
    "erasure": "consents",
    "export": "consents",
    "feedback": "feedback",
}
"""The input topic that native events of a kind arrive on; ``clock`` events come from the worker alone, and
``customer`` events stand on the customers' log, where a command put them."""

__all__ = [
    "EVENT",
    "KINDS",
    "SHAPES",
    "TOPIC_OF_KIND_PREFIX",
    "AccessGranted",
    "AccessWithdrawn",
    "AppErrorShown",
    "AppOpened",
    "AppSearched",
    "ClockTicked",
    "ConsentGranted",
    "ConsentReviewed",
    "ConsentWithdrawn",
    "CustomerClosed",
    "CustomerRebuilt",
    "ErasureRequested",
    "Event",
    "EventBase",
    "ExportRequested",
    "ExternalAccountLinked",
    "ExternalBalance",
    "ExternalPending",
    "ExternalRemoved",
    "ExternalTransaction",
    "FeatureUsed",
    "FeedbackReceived",
    "FlowAbandoned",
    "LifeAnswered",
    "LifeDeclared",
    "MessageLabelled",
    "MessageRead",
    "MessageReceived",
    "Notice",
    "ObjectionLifted",
    "ObjectionRaised",
    "PositionReported",
    "PreferenceChanged",
    "ProductClosed",
    "ProductOpened",
    "ProfileUpdated",
    "RageTapped",
    "ScreenViewed",
    "TransactionBooked",
    "TransactionPending",
    "TransactionRemoved",
    "VulnerabilityCleared",
    "VulnerabilityFlagged",
    "ZoneEntered",
]
