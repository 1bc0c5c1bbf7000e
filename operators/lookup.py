"""A customer's features for somebody else: what one purpose may see at one instant, and why not the rest.

Stage: 2 of 8, read from outside. In: customer record, purpose. Out: Answer.

The same values as a decision at that instant would look at, and under the same rule: a feature is shown for
a purpose only if its source is granted for it then. Nothing is computed of a source that isn't.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from operators import consent
from operators.features import SPECS
from operators.sense import SOURCES_OF, Features
from operators.slots import SOURCE_OF_SLOT
from schemas.base import Purpose, Source
from schemas.customer import Customer

SOURCE_OF: dict[str, Source] = {spec.name: spec.source for spec in SPECS}
PURPOSES_OF: dict[str, frozenset[Purpose]] = {spec.name: spec.purposes for spec in SPECS}


@dataclass(slots=True, frozen=True)
class Answer:
    """Feature → value for one purpose; ``withheld`` is feature → why it isn't shown; ``failed`` names groups."""

    customer: str
    purpose: Purpose
    at_ms: int
    values: dict[str, float]
    withheld: dict[str, str]
    failed: tuple[str, ...] = ()


def look_up(
    me: Customer, *, purpose: Purpose, now_ms: int, names: Iterable[str] | None = None
) -> Answer:
    """The features of a customer for a purpose, at an instant.

    Args:
        me: The record, as it was at the instant.
        purpose: What the values are for.
        now_ms: The instant; grants that have ended by then do not count.
        names: Which features; all by default.

    Raises:
        KeyError: A name is no feature's.
    """
    granted = consent.usable(me, purpose, now_ms=now_ms)
    failed: list[str] = []
    memories = {
        slot: memory for slot, memory in me.slots.items() if SOURCE_OF_SLOT.get(slot) in granted
    }
    features = Features(memories, now_ms=now_ms, failed=failed)
    values: dict[str, float] = {}
    withheld: dict[str, str] = {}
    for name in SOURCE_OF if names is None else names:
        missing = SOURCES_OF[name] - granted
        if purpose not in PURPOSES_OF[name]:
            withheld[name] = f"it is not meant for {purpose}, whatever is agreed to"
        elif not missing:
            values[name] = features[name]
        else:
            withheld[name] = _why_not(me, min(missing), purpose, now_ms=now_ms)
    return Answer(me.customer, purpose, now_ms, values, withheld, tuple(failed))


def _why_not(me: Customer, source: Source, purpose: Purpose, *, now_ms: int) -> str:
    if consent.objected(me, purpose):
        return f"the customer objects to {purpose}"
    if not me.may(purpose, source, now_ms):
        return f"no consent to use {source} for {purpose} stands"
    if me.mistrusted.get(source, 0) > now_ms:
        return f"the customer called {source} too personal"
    return f"the consent for {purpose} leaves out a part of {source} that the memories hold"
