"""A business that is told by one word, and in which an event that is taken twice, late or not at all shows for good."""

from collections.abc import Sequence
from datetime import timedelta
from zlib import crc32

from flows.records import Record
from operators.contracts import World
from schemas.customer import Customer
from schemas.decisions import Outcome
from schemas.errors import InputError
from schemas.events import ClockTicked, EventBase
from schemas.events.digital import AppOpened
from tests.streams import START

MINUTE_MS = 60_000
PARTED = "e"
"""May be erased, which takes back what is not delivered."""


def decode(record: Record) -> Sequence[EventBase | InputError]:
    """The event of a record: what it does is its value, when it happened its offset."""
    act, name = (record.value or b"").decode(), (record.key or b"").decode()
    if act == "bad":
        return [InputError("input.malformed", "bad", hint="")]
    return [happened(act, name, record)]


def happened(act: str, name: str, record: Record) -> EventBase:
    at = START + timedelta(minutes=record.offset)
    return AppOpened(event_id=f"{act}-{record.place}", customer=name, at=at)


def business(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
    """Chains each event to those before, so that one that is taken twice, or late, shows for good."""
    del world
    after = customer.copy()
    after.decision_count = crc32(f"{customer.decision_count} {event.event_id}".encode())
    said = {"type": "insight", "position": position, "count": after.decision_count}
    if isinstance(event, ClockTicked):
        del after.timers[event.timer]
        return Outcome(after, insights=[said])
    act = event.event_id.partition("-")[0]
    if act == "erase" and event.customer == PARTED:
        return Outcome(None, transparency=[said])
    if act == "still" and customer.decision_count % 2:
        return Outcome(customer)  # what it leads to hangs on what came before
    if act == "timer":
        after.timers["t"] = event.at_ms + 7 * MINUTE_MS
    many = {"answer": 1, "twice": 2}.get(act, 0)
    return Outcome(after, insights=[said] * many, lessons=[])
