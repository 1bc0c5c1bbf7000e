"""The log as steps: one event or tick, with everything that the workers said because of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from flows import outputs
from flows.clock import CLOCK
from flows.records import Record
from schemas import topics
from scripts.auditing.book import ms

Said = tuple[str, dict[str, Any]]
"""A topic's role and a body on it."""


@dataclass(slots=True)
class Step:
    """One event (None: a tick) at a position, and what followed from it; ``raw`` are the outputs' bytes."""

    position: str
    event: dict[str, Any] | None
    at_ms: int
    said: list[Said] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def customer(self) -> str:
        """Whose step it is."""
        if self.event is not None:
            return str(self.event.get("customer", ""))
        return next((str(body.get("customer", "")) for _, body in self.said), "")

    @property
    def refused(self) -> bool:
        """Whether the event was put aside as a dead letter, so that nothing may follow from it."""
        return any(role == topics.DEAD_LETTERS for role, _ in self.said)

    def of(self, role: str) -> Iterator[dict[str, Any]]:
        """What was said on a topic."""
        return (body for spoken, body in self.said if spoken == role)


class Steps:
    """Groups records that come in the order in which they were caused."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self._event: Step | None = None
        self._tick: Step | None = None

    def take(self, records: Iterable[Record]) -> Iterator[Step]:
        """The steps that are complete, in order; ticks that went before an event come before it."""
        for record in records:
            if record.topic == topics.CUSTOMER_EVENTS:
                yield from self.end()
                self._event = _begun(record)
            elif record.topic in topics.OUTPUTS:
                yield from self._heard(record)

    def end(self) -> Iterator[Step]:
        """The steps that are under way: nothing more comes of them."""
        if self._tick is not None:
            yield self._tick
        if self._event is not None:
            yield self._event
        self._tick = self._event = None

    def _heard(self, record: Record) -> Iterator[Step]:
        position = position_of(record)
        if position.startswith(f"{CLOCK}:"):
            if self._event is not None and self._event.said:
                yield from self.end()
            if self._tick is not None and self._tick.position != position:
                yield self._tick
                self._tick = None
            if self._tick is None:
                self._tick = Step(position, None, due_ms(position))
            _add(self._tick, record)
            return
        if self._tick is not None:
            yield self._tick
            self._tick = None
        if self._event is not None and self._event.position == position:
            _add(self._event, record)


def position_of(record: Record) -> str:
    """Where on the customers' log the cause of an output stands."""
    head = dict(record.headers)
    return head.get(outputs.ID, b"").decode(errors="replace").rpartition("/")[0]


def due_ms(position: str) -> int:
    """When a tick was due, out of its position.

    Example:
        >>> due_ms(f"{CLOCK}:3:1740988800000:ab")
        1740988800000
    """
    return int(position.split(":")[2])


def _begun(record: Record) -> Step | None:
    try:
        event = orjson.loads(record.value or b"null")
        return Step(f"{record.place}:0", event, ms(event["at"]))
    except (orjson.JSONDecodeError, TypeError, KeyError, ValueError):
        return None


def _add(step: Step, record: Record) -> None:
    value = record.value or b"null"
    step.raw.append(value)
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        body = None
    if record.topic == topics.DEAD_LETTERS:
        step.said.append((record.topic, {}))
    elif isinstance(body, dict):
        step.said.append((record.topic, body))
