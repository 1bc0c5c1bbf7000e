"""Bytes of a record to an event, or to the reason why not: a value, so that the worker goes on.

Stage: 0 of 8. In: bytes. Out: EventBase | InputError.
Coordinates end here: a position is a zone before anything else sees it.
"""

from collections.abc import Callable, Sequence

from iso4217 import Currency

from flows.adapters import SOURCES
from flows.records import Record
from flows.settings import Limits
from flows.zones import Zones
from schemas.errors import InputError
from schemas.events import (
    SHAPES,
    TOPIC_OF_KIND_PREFIX,
    CustomerClosed,
    CustomerRebuilt,
    EventBase,
    PositionReported,
)
from schemas.topics import CUSTOMER_EVENTS

CURRENCIES: frozenset[str] = frozenset(
    currency.code for currency in Currency if currency.exponent is not None
)
"""ISO 4217 codes that have a minor unit. The others (gold, XXX) can't carry an amount of minor units."""
TOPIC_OF_KIND: dict[str, str | None] = {
    shape.model_fields["kind"].default: TOPIC_OF_KIND_PREFIX.get(
        shape.model_fields["kind"].default.split(".")[0]
    )
    for shape in SHAPES
}
"""Kind → the input topic it belongs on; None for what the worker alone makes."""
ON_LOG_ONLY = (CustomerRebuilt, CustomerClosed)
"""Kinds that `scripts/adapters rebuild` writes on the customers' log; no source may send them."""
DecodeRecord = Callable[[Record], Sequence[EventBase] | InputError]


def decode(
    topic: str,
    value: bytes | None,
    *,
    key: bytes | None,
    limits: Limits,
    zones: Zones,
    now_ms: int | None,
) -> EventBase | InputError:
    """The event of a record that holds exactly one (all of ``customer-events`` do).

    Args:
        topic: Without the deployment's prefix.
        value: None is a tombstone, which is no event.
        key: The record's key; None is not checked.
        limits: Bounds on size and time.
        zones: What a position is turned into.
        now_ms: The wall clock; None when the clock is the events' own, then no instant is too early.

    Returns:
        The event, or an `InputError` whose text has field names and no values.
    """
    events = decode_all(topic, value, key=key, limits=limits, zones=zones, now_ms=now_ms)
    if len(events) != 1:
        return InputError("input.invalid", f"{len(events)} events where one is expected")
    return events[0]


def decode_all(
    topic: str,
    value: bytes | None,
    *,
    key: bytes | None,
    limits: Limits,
    zones: Zones,
    now_ms: int | None,
) -> Sequence[EventBase | InputError]:
    """All events of a record, in order; see `decode`. A format such as camt.053 holds many."""
    adapter = SOURCES.get(topic)
    if adapter is None:
        return [InputError("input.unknown-topic", "no adapter reads this topic")]
    if value is None:
        return [InputError("input.malformed", "no value: a tombstone is not an event")]
    if len(value) > limits.max_message_bytes:
        detail = f"{len(value)} bytes, at most {limits.max_message_bytes} are read"
        return [InputError("input.too-large", detail)]
    return [
        event
        if isinstance(event, InputError)
        else admitted(event, topic=topic, key=key, limits=limits, zones=zones, now_ms=now_ms)
        for event in adapter(value)
    ]


def encode(event: EventBase) -> bytes:
    """The event as native JSON, for ``customer-events``; `decode` gives it back equal.

    Fields that are None are left out. Written by the shape's own serialiser, which is faster than a
    dump to a dictionary and orjson.
    """
    return type(event).__pydantic_serializer__.to_json(event, exclude_none=True)


def decoder(*, limits: Limits, zones: Zones, now_ms: Callable[[], int] | None) -> DecodeRecord:
    """What turns records of the log into events; a record with one event that can't be used is refused whole.

    ``now_ms`` reads the wall clock; None when the clock is the events' own.
    """

    def decode_record(record: Record) -> Sequence[EventBase] | InputError:
        events: list[EventBase] = []
        for event in decode_all(
            record.topic,
            record.value,
            key=record.key,
            limits=limits,
            zones=zones,
            now_ms=None if now_ms is None else now_ms(),
        ):
            if isinstance(event, InputError):
                return event
            events.append(event)
        return events

    return decode_record


def admitted(
    event: EventBase,
    *,
    topic: str,
    key: bytes | None,
    limits: Limits,
    zones: Zones,
    now_ms: int | None,
) -> EventBase | InputError:
    """An event that an adapter gave, held against what it can't know: topic, key, clock, currency, zones."""
    wrong = _misplaced(event, topic=topic, key=key) or _mistimed(event, limits, now_ms=now_ms)
    if wrong is not None:
        return wrong
    if getattr(event, "currency", "EUR") not in CURRENCIES:
        return InputError("input.unknown-currency", f"{event.kind}: currency is not of ISO 4217")
    return zones.enter(event) if isinstance(event, PositionReported) else event


def _misplaced(event: EventBase, *, topic: str, key: bytes | None) -> InputError | None:
    home = TOPIC_OF_KIND[event.kind]
    if home is None and isinstance(event, ON_LOG_ONLY) and topic == CUSTOMER_EVENTS:
        home = CUSTOMER_EVENTS
    if home is None:
        return InputError("input.unknown-kind", f"{event.kind} is not for a source to send")
    if topic not in (home, CUSTOMER_EVENTS):
        return InputError("input.unknown-kind", f"{event.kind} belongs on {home}, not on {topic}")
    if key is not None and key != event.customer.encode():
        return InputError(
            "input.wrong-customer",
            f"{event.kind}: the key is not the customer",
            hint="key each record by the customer, or their events lose their order",
        )
    return None


def _mistimed(event: EventBase, limits: Limits, *, now_ms: int | None) -> InputError | None:
    at_ms = event.at_ms
    if at_ms < limits.oldest_ms:
        return InputError("input.too-late", f"{event.kind}: at is before decide.oldest")
    if now_ms is not None and at_ms > now_ms + limits.max_future_ms:
        ahead_s = (at_ms - now_ms) // 1000
        detail = f"{event.kind}: at is {ahead_s} s ahead of the clock"
        return InputError("input.too-early", detail, hint="check the sender's clock")
    return None
