"""What every event has in common."""

from typing import ClassVar, Literal

from schemas.base import CustomerId, EventId, Instant, Shape, Source


class _Instant:
    """An event's ``at`` as a number, kept at the first look.

    `functools.cached_property` takes a lock for that before Python 3.12; an event is one thread's.
    """

    def __get__(self, event: "EventBase", kind: type["EventBase"]) -> int:
        at_ms = event.__dict__["at_ms"] = round(event.at.timestamp() * 1000)
        return at_ms


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

    at_ms: ClassVar[_Instant] = _Instant()
    """Milliseconds since 1970 UTC."""
