"""What follows when consent ends: offers taken back, state erased, lessons given back.

Stage: 1 of 8. In: ConsentChange. Out: recalls, a customer copy without what went, lessons to forget.
Source: GDPR articles 7(3), 17(1)(b), 18 and 21(3).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from operators import retention
from operators.dialogue import ConsentChange, Pairs
from operators.draws import identify
from operators.slots import erase
from schemas.base import Purpose, Source, stamp
from schemas.customer import Customer
from schemas.decisions import Lesson, Outcome
from schemas.events import EventBase

FORGET = "forget"
"""The kind of a lesson that takes lessons back; without sources it takes back all of the customer's."""
ERASED_OF = "erased:"
"""What a step of the trace begins with that names a source whose memories went."""
REASONS: dict[str, str] = {
    "dpv:ConsentWithdrawn": "You withdrew the consent that this suggestion stood on.",
    "dpv:ConsentExpired": "The consent that this suggestion stood on has ended.",
    "objection.raised": "You objected to what this suggestion stood on.",
}
JOINED = "We joined this record of yours to another one."
FELT = "You told us that the data behind this suggestion is too personal."


def follow(
    outcome: Outcome, me: Customer, event: EventBase, change: ConsentChange, *, now_ms: int
) -> None:
    """Do all that ended consent asks for, on the customer copy and in the outcome."""
    if not change.ended and not change.erased:
        return
    outcome.trace += ["forget", *(f"{ERASED_OF}{source}" for source in sorted(change.erased))]
    reason = REASONS.get(change.state, REASONS["dpv:ConsentWithdrawn"])
    outcome.offers += recall(me, change.ended, now_ms=now_ms, reason=reason)
    erase(me, change.erased)
    taught = [s for p, s in change.ended if p is Purpose.MODEL_TRAINING]
    if taught and change.state != "objection.raised":
        names = {source.value for source in taught}
        # What this very step was about to teach is not taught.
        outcome.lessons = [x for x in outcome.lessons if names.isdisjoint(x.sources)]
        outcome.lessons.append(forget(me, event, taught, now_ms=now_ms))


def erased(outcome: Outcome, me: Customer, event: EventBase, *, position: str, now_ms: int) -> None:
    """What an erasure still says: offers taken back, lessons taken back, and the certificate."""
    everything = tuple((purpose, source) for purpose in Purpose for source in Source)
    proof = retention.certificate(me, event, position=position, now_ms=now_ms)
    outcome.transparency.append(proof)
    reason = retention.WORDS[proof["cause"]]
    outcome.offers += recall(me, everything, now_ms=now_ms, reason=reason)
    outcome.lessons = [forget(me, event, (), now_ms=now_ms)]


def closed(outcome: Outcome, me: Customer, *, now_ms: int) -> None:
    """A record that was joined to another takes its offers back and remembers nothing (customer copy).

    What was agreed to stays: it is proof, and holds again if the records are parted.
    """
    everything = tuple((purpose, source) for purpose in Purpose for source in Source)
    outcome.offers = recall(me, everything, now_ms=now_ms, reason=JOINED)
    me.slots, me.signals, me.open = {}, {}, {}


def too_personal(outcome: Outcome, me: Customer, *, before: Iterable[str], now_ms: int) -> None:
    """Take back what stands on sources that were called too personal just now."""
    felt = {Source(s) for s in me.mistrusted} - {Source(s) for s in before}
    if felt:
        ended = tuple((purpose, source) for purpose in Purpose for source in sorted(felt))
        outcome.offers += recall(me, ended, now_ms=now_ms, reason=FELT)
        for name in [n for n, live in me.signals.items() if felt.intersection(live.sources)]:
            del me.signals[name]


def recall(me: Customer, ended: Pairs, *, now_ms: int, reason: str) -> list[dict[str, Any]]:
    """Take back what still holds and stood on consents that ended (customer copy)."""
    closed = {(purpose.value, source.value) for purpose, source in ended}
    recalled = []
    for offer_id, said in list(me.outstanding.items()):
        if not any((said.purpose, source) in closed for source in said.sources):
            continue
        del me.outstanding[offer_id]
        me.open.pop(said.decision_id, None)
        recalled.append(
            {
                "type": "offer.recalled",
                "offer_id": offer_id,
                "decision_id": said.decision_id,
                "customer": me.customer,
                "action": said.action,
                "channel": said.channel,
                "at_ms": now_ms,
                "reason": reason,
                "idempotency_key": f"{offer_id}:recalled",
            }
        )
    return recalled


def forget(me: Customer, event: EventBase, sources: Iterable[Source], *, now_ms: int) -> Lesson:
    """The lesson that takes lessons back; open decisions on these sources teach nothing any more."""
    names = tuple(sorted({source.value for source in sources}))
    for decision in list(me.open.values()):
        if not names or not set(names).isdisjoint(decision.sources):
            me.open[decision.decision_id] = replace(decision, trainable=False, label=None)
    return Lesson(
        lesson_id=identify(event.event_id, me.customer, FORGET, stamp(now_ms)),
        kind=FORGET,
        customer=me.customer,
        at_ms=now_ms,
        sources=names,
    )
