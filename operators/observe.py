"""Notice what is worth knowing, and write it down for the topic ``insights``.

Stage: 3 of 8, beside the signals. In: folded event. Out: insights to publish.

An insight serves the customer's financial wellbeing alone, and sees what may be used for that and nothing else.
"""

from collections.abc import Sequence
from typing import Any

from operators.contracts import Moment, Trigger
from operators.draws import identify
from operators.insights import INSIGHTS, cap
from operators.meant import Meant
from operators.sense import View
from operators.slots import SOURCE_OF_SLOT
from schemas.base import Purpose, Source
from schemas.customer import Customer, Memory
from schemas.events import EventBase
from schemas.signals import Signal

INSIGHTS_OF_KIND: dict[str, tuple[Trigger, ...]] = {
    kind: tuple(insight for insight in INSIGHTS if kind in insight.kinds)
    for kind in sorted({kind for insight in INSIGHTS for kind in insight.kinds})
}


def observe(me: Customer, event: EventBase, *, view: View, trace: list[str]) -> tuple[Signal, ...]:
    """Run the insights that watch this kind of event, on what the customer's wellbeing may use alone."""
    watching = INSIGHTS_OF_KIND.get(event.kind, ())
    usable = view.usable(Purpose.FINANCIAL_WELLBEING)
    if not watching or not usable:
        return ()
    memories, moment = for_wellbeing(event, view, usable)
    found: list[Signal] = []
    for insight in watching:
        slot = insight.slot
        memory = None
        if slot is not None:
            if slot.source not in usable:
                continue
            memory = me.slots.get(slot.name)
            memory = slot.zero() if memory is None else memory
        try:
            memory, signals = insight.sense(memory, moment)
        except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
            trace.append(f"failed:insight:{insight.name}")
            continue
        if slot is not None and memory:
            me.slots[slot.name] = memory
            memories[slot.name] = view.memories[slot.name] = memory
        found += signals
    return tuple(found)


def told(
    me: Customer, signals: Sequence[Signal], *, event: EventBase, view: View
) -> list[dict[str, Any]]:
    """The insights among signals that are published now: those that wellbeing may use, within their ration."""
    if not signals:
        return []
    usable = [s for s in signals if view.allows(Purpose.FINANCIAL_WELLBEING, s.sources)]
    return [
        record(me, signal, event=event, now_ms=view.now_ms)
        for signal in cap.publishable(me, usable, now_ms=view.now_ms)
    ]


def for_wellbeing(
    event: EventBase, view: View, usable: frozenset[Source]
) -> tuple[dict[str, Memory], Moment]:
    """The moment as the customer's wellbeing may see it; what is looked at here is not the decision's."""
    without = view.admitted - usable
    memories = view.memories
    if without:
        memories = {n: kept for n, kept in memories.items() if SOURCE_OF_SLOT[n] not in without}
    return memories, Moment(
        event=event,
        now_ms=view.now_ms,
        memories=memories,
        features=Meant(
            view.features.blind(memories, without=without, failed=view.failed),
            (Purpose.FINANCIAL_WELLBEING,),
            view.usable,
        ),
        forecasts=view.forecasts.blind(memories, without=without, failed=view.failed),
        rules=view.world.rules,
    )


def record(me: Customer, signal: Signal, *, event: EventBase, now_ms: int) -> dict[str, Any]:
    """What is published of a noticed thing."""
    return {
        "type": signal.name,
        "kind": cap.kind_of(signal.name),
        "insight_id": identify(event.event_id, me.customer, signal.name),
        "customer": me.customer,
        "at_ms": now_ms,
        "strength": signal.strength,
        "sources": list(signal.sources),
        "words": signal.words,
        "evidence": signal.evidence,
    }
