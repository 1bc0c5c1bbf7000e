"""Put a customer's memories right after records were joined or parted.

Stage: 1 of 8. In: CustomerRebuilt or CustomerClosed, customer copy. Out: the copy with other memories.

Which data may be used does not change by joining: a «yes» counts for the record that it was said to, a «no» for
all. So the grants stay those of this record, and memories of a source that it grants for nothing are not taken.
"""

from operators import consent, ledger, withdrawal
from operators.features import FEATURES
from operators.insights import INSIGHTS
from operators.portability import raw
from operators.slots import SOURCE_OF_SLOT
from operators.triggers import TRIGGERS
from schemas.base import DATA_SOURCES, Source
from schemas.customer import Customer
from schemas.decisions import Outcome
from schemas.events import CustomerClosed, CustomerRebuilt

VERSION_OF_SLOT: dict[str, int] = {
    slot.name: slot.version
    for slot in (
        *(group.slot for group in FEATURES),
        *(plugin.slot for plugin in (*TRIGGERS, *INSIGHTS) if plugin.slot is not None),
        *ledger.SLOTS,
    )
}
"""Slot → the version of the memories that this release keeps in it."""


def follow(
    outcome: Outcome, me: Customer, event: CustomerRebuilt | CustomerClosed, *, now_ms: int
) -> None:
    """Records were joined or parted: this one (a customer copy) remembers something else now, or nothing."""
    if isinstance(event, CustomerRebuilt):
        outcome.trace.append("rebuild")
        replace_memories(me, event)
    else:
        outcome.trace.append("close")
        withdrawal.closed(outcome, me, now_ms=now_ms)


def replace_memories(me: Customer, event: CustomerRebuilt) -> None:
    """Replace what is remembered on a customer copy by what was worked out from the events.

    Memories of another version than this release's are left out: they begin anew.
    """
    for key, at_ms in event.withdrawn.items():
        me.withdrawn[key] = max(at_ms, me.withdrawn.get(key, -1))
    me.objections = {**event.objections, **me.objections}
    me.vulnerable = {**event.vulnerable, **me.vulnerable}
    held = frozenset(DATA_SOURCES) - consent.orphaned(me)
    kept = {n: m for n, m in me.slots.items() if SOURCE_OF_SLOT.get(n) is Source.CONTROL}
    me.slots = kept | {
        name: raw(memory)
        for name, memory in event.slots.items()
        if SOURCE_OF_SLOT.get(name) in held
        and VERSION_OF_SLOT.get(name) == event.versions.get(name)
    }
    me.since_ms = min(me.since_ms or event.at_ms, round(event.since.timestamp() * 1000))
    me.products = dict(event.products)
    me.profile = {**me.profile, **event.contract}
