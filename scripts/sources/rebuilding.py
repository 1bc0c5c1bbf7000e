"""A customer's memories worked out again from the events of every record that is theirs.

Each record's events are first lived through under its own consents, as they were: that tells which of them were
let in, and what of them was erased since. What is left, of all the records in the order in which it reached the
log, is then lived through as one customer's. Nothing is guessed and nothing is merged: the memories are those that
one record would have had from the start.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flows.records import Record
from flows.work import Decode
from operators.contracts import World
from operators.decide import decide
from operators.portability import plain
from operators.rebuild import VERSION_OF_SLOT
from operators.withdrawal import ERASED_OF
from schemas import topics
from schemas.base import Source, stamp
from schemas.customer import Customer, Memory
from schemas.decisions import Outcome
from schemas.events import (
    ClockTicked,
    EventBase,
    ProductClosed,
    ProductOpened,
    ProfileUpdated,
)
from scripts.featurestore.recall import Recall, remember

Owner = Callable[[str, EventBase], str]
"""Whose an event is now, that stands on the log under a customer."""
_CONTRACT = (ProfileUpdated, ProductOpened, ProductClosed)


@dataclass(slots=True, frozen=True)
class Lived:
    """An event that was let in, with the consents that let it in."""

    event: EventBase
    me: Customer


@dataclass(slots=True)
class Rebuilt:
    """One customer's memories as all of their events make them."""

    customer: str
    me: Customer
    counted: set[str] = field(default_factory=set)
    events: int = 0
    rejected: int = 0
    nos: dict[str, dict[str, int]] = field(
        default_factory=lambda: {"withdrawn": {}, "objections": {}, "vulnerable": {}}
    )

    def hear(self, records: Iterable[Customer]) -> None:
        """A «no» that was said under any of the records holds for all."""
        for me in records:
            for name, kept in self.nos.items():
                for key, at_ms in getattr(me, name).items():
                    kept[key] = max(at_ms, kept.get(key, -1))

    def event(self, *, event_id: str, at_ms: int, by: str, reason: str) -> dict[str, Any]:
        """The event that puts the customer's record right."""
        slots: Mapping[str, Memory] = {
            name: memory for name, memory in self.me.slots.items() if name in VERSION_OF_SLOT
        }
        return {
            "kind": "customer.rebuilt",
            "event_id": event_id,
            "customer": self.customer,
            "at": stamp(at_ms),
            "by": by,
            "reason": reason,
            "counted": sorted(self.counted),
            "since": stamp(self.me.since_ms),
            "slots": {name: plain(memory) for name, memory in slots.items()},
            "versions": {name: VERSION_OF_SLOT[name] for name in slots},
            "products": self.me.products,
            "contract": self.me.profile,
            **self.nos,
        }


def rebuilt(
    records: Iterable[Record], *, customer: str, owner: Owner, world: World, decode: Decode
) -> Rebuilt:
    """Work a customer out.

    Args:
        records: Decisions and events of all the records that may hold theirs, in any order.
        customer: Who it is now.
        owner: Whose each event is.
        world: Catalogue, rules, models and encoder of the deployment.
        decode: Record of the log → events.
    """
    found = sorted(records, key=lambda r: (r.timestamp_ms, r.partition, r.offset))
    past, quiet = _Past(), replace(world, quiet=True)
    recall = Recall(world, decode=decode, follow=past)
    remember(recall, found)
    for record in found:
        if record.topic == topics.CUSTOMER_EVENTS:
            recall.take(record)
    made = Rebuilt(customer, Customer(customer))
    for index, lived in enumerate(past.lived):
        record_of = lived.event.customer
        if owner(record_of, lived.event) != customer or past.gone.get(record_of, -1) > index:
            continue
        erased = past.erased.get((record_of, lived.event.source), -1) > index
        if not erased:
            _take(made, lived.event, lived.me, quiet, index)
        elif isinstance(lived.event, _CONTRACT):
            # Facts of the contract stand without consent; what was derived of them does not.
            _take(made, lived.event, Customer(record_of), quiet, index)
    made.hear(me for who in made.counted if (me := recall.customer(who)) is not None)
    return made


class _Past:
    """What was let in, record by record, and what was erased again."""

    def __init__(self) -> None:
        self.lived: list[Lived] = []
        self.erased: dict[tuple[str, Source], int] = {}
        self.gone: dict[str, int] = {}

    def __call__(self, event: EventBase, outcome: Outcome) -> None:
        """Follow one event: an erased customer begins anew, a source whose consents ended too."""
        after = outcome.customer
        if outcome.duplicate or outcome.rejected is not None:
            return
        if after is None:
            self.gone[event.customer] = len(self.lived)
            return
        for step in outcome.trace:
            if step.startswith(ERASED_OF):
                source = Source(step.removeprefix(ERASED_OF))
                self.erased[event.customer, source] = len(self.lived)
        if event.source is Source.CONTROL and not isinstance(event, ClockTicked):
            return
        if outcome.withheld is None or isinstance(event, _CONTRACT):
            self.lived.append(Lived(event, after))


def _take(made: Rebuilt, event: EventBase, agreed: Customer, world: World, index: int) -> None:
    """One event more, under the consents of a record as they were when it let the event in."""
    joint = made.me.copy()
    for name in ("grants", "mistrusted", "objections", "category_limits", "access"):
        setattr(joint, name, getattr(agreed, name))
    theirs = event.model_copy(update={"customer": made.customer})
    position = f"{topics.CUSTOMER_EVENTS}:0:{index}:0"
    outcome = decide(joint, theirs, world=world, position=position)
    made.rejected += outcome.rejected is not None
    made.events += event.source is not Source.CONTROL
    made.counted.add(event.customer)
    made.me = outcome.customer or made.me
