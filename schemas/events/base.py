"""What every event has in common."""

from functools import cached_property
from typing import ClassVar, Literal

from schemas.base import CustomerId, EventId, Instant, Shape, Source


class EventBase(Shape):
    """One thing that happened to one customer.

    ``event_id`` is unique per customer and stable under redelivery; ``at`` is when it happened,
    by the customer's side, as RFC 3339 with an offset. ``version`` is the shape's, not the event's.
    ``snapshot`` marks a row of a first copy of a table: it is folded, and never a moment to speak.
    """

    source: ClassVar[Source]

    kind: str
    event_id: EventId
    customer: CustomerId
    at: Instant
    version: Literal[1] = 1
    snapshot: Literal[True] | None = None

    @cached_property
    def at_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return round(self.at.timestamp() * 1000)
