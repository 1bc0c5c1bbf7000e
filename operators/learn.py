"""What an answer teaches: labels for the learners, and what the customer asked us to do differently.

Stage: 8 of 8. In: FeedbackReceived, open decisions. Out: lessons, impact records, a changed customer.

A label is the value to the customer plus the value to the bank, in units of 10 EUR (`REWARD_SPEC`), and a lesson
says which part is the bank's; what an unwanted word costs is the customer's. It begins as an estimate and is revised
when more is known: told and not yet taken up is 0, completed is the item's value, realised money replaces it.
Only decisions whose every source is granted for training give lessons; what the customer asks for is
done in any case.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from operators import impact
from operators.bandits.grid import snap_label
from operators.consent import usable
from operators.draws import identify
from operators.redress import heed
from operators.value.signs import STAGE_OF
from schemas.base import DAY_MS, Purpose, Source
from schemas.customer import Customer, OpenDecision
from schemas.decisions import SILENCE, WORTH, Lesson
from schemas.events import FeedbackReceived
from schemas.offers import Item
from schemas.rules import Rules
from schemas.vectors import unpack_vector

REWARD_SPEC = "value-10eur-v2"
"""Names the labels below; a change of any of them is a new name."""
MINOR_PER_UNIT = 1000.0
CURRENCY = "EUR"
SHARES: dict[str, float] = {
    "delivered": 0.0,
    "viewed": 0.0,
    "clicked": 0.0,
    "started": 0.0,
    "completed": 1.0,
}
"""The share of an item's value that an answer stands for until more is known.

Nothing yet is 0, from the delivery on: answers are rare, and whoever waited for the end of the window would
hear of the takers days before the others, and think too well of whatever is new. A click is not value either:
a fixed share for it outweighs the few who complete, and most of all for what is dear and hardly ever taken.
"""
COSTS: dict[str, float] = {"dismissed": -0.1, "muted": -1.5, "complained": -5.0}
"""What an unwanted word costs, in units of 10 EUR: attention, reach, trust."""
DISTRUST_COST = -0.3
EXCUSED: dict[str, frozenset[str]] = {
    "dismissed": frozenset({"not_now", "too_personal", "already_have", "wrong_facts"}),
    "muted": frozenset({"too_personal", "wrong_facts"}),
    "complained": frozenset({"too_personal", "wrong_facts"}),
}
"""Answers that blame the moment, the data or the facts, and not the item: the item's label stays 0."""
RANKS: dict[str | None, int] = {
    None: 0,
    "delivered": 1,
    "viewed": 2,
    "lapsed": 2,
    "stalled": 2,
    "clicked": 3,
    "started": 4,
    "dismissed": 5,
    "muted": 6,
    "completed": 7,
    "value": 8,
    "complained": 9,
}
"""An answer counts only if it says more than what is known already."""
LAPSES: dict[str | None, str] = {"clicked": "lapsed", "started": "stalled"}
"""What a click and a start become when nothing came of them within the window."""
UNANSWERED: frozenset[str | None] = frozenset({None, "delivered", "viewed"})
VALUE_WINDOW_MS = 180 * DAY_MS
"""How long after its window an answered decision waits for completion and money."""
OPEN_MAX = 31
"""Open decisions kept after closing, which leaves room for one more within 32."""
CONFIDENT = 0.5
"""A reason that was inferred with less confidence is not acted upon."""


@dataclass(slots=True)
class Credit:
    """What one answer leads to."""

    lessons: list[Lesson] = field(default_factory=list)
    impact: list[dict[str, Any]] = field(default_factory=list)


def credit(
    customer: Customer, event: FeedbackReceived, *, rules: Rules, catalogue: Sequence[Item]
) -> tuple[Customer, list[Lesson], list[dict[str, Any]]]:
    """Learn from one answer, and do what it asks for.

    Args:
        customer: A fresh copy, which is changed in place.
        event: The answer, or money realised.
        rules: How long things rest.
        catalogue: What the items are worth.

    Returns:
        The customer, the lessons, the impact records. An answer to an unknown or closed decision, a
        second one, and one after the window are safe: the record says what became of it.
    """
    decision = customer.open.get(event.decision_id or "")
    item = next((i for i in catalogue if decision is not None and i.id == decision.action), None)
    why = event.why if event.why_confidence >= CONFIDENT else None
    result = Credit()
    if event.outcome == "value":
        _realise(customer, event, decision, item, result)
        return customer, result.lessons, result.impact
    note = _note(event, decision, item)
    if decision is not None and not note:
        label = _label(event.outcome, why, decision, item)
        before = decision.last_outcome
        decision = replace(decision, last_outcome=event.outcome)
        if label is not None:
            bank = _bank_of(label, item) if event.outcome == "completed" else 0.0
            decision = _teach(
                customer,
                decision,
                label,
                result,
                said=event.event_id,
                why=why,
                bank=bank,
                before=before,
                item=item,
            )
        customer.open[decision.decision_id] = decision
    heed(customer, event, why=why, decision=decision, item=item, rules=rules, catalogue=catalogue)
    result.impact.append(impact.feedback(customer, event, decision, why=why, note=note))
    if why == "wrong_facts" and decision is not None:
        result.impact.append(impact.correction(customer, event, decision))
    return customer, result.lessons, result.impact


def close(customer: Customer, *, now_ms: int) -> list[Lesson]:
    """Close what nobody answered, in place: no answer is label 0, and so is silence.

    A click or a start that came to nothing within the window waits for a late completion or money. The number of open decisions is bounded: silence gives way first.

    Returns:
        The lessons, oldest decision first.
    """
    if not customer.open:
        return []
    result = Credit()
    for decision in list(customer.open.values()):
        if now_ms < decision.until_ms:
            continue
        if decision.last_outcome in LAPSES:
            lapsed = replace(decision, last_outcome=LAPSES[decision.last_outcome])
            customer.open[decision.decision_id] = lapsed
        elif not _awaits_value(decision) or now_ms >= decision.until_ms + VALUE_WINDOW_MS:
            _finish(customer, decision, result, now_ms=now_ms)
    excess = len(customer.open) - OPEN_MAX
    if excess > 0:
        ordered = sorted(customer.open.values(), key=lambda d: (_worth_keeping(d, now_ms), d.at_ms))
        for decision in ordered[:excess]:
            _finish(customer, decision, result, now_ms=now_ms)
    return result.lessons


def wake_at(customer: Customer) -> int | None:
    """When `close` next has something to do (ms), so that a customer who left is learnt from too."""
    if not customer.open:
        return None
    return min(
        decision.until_ms + (VALUE_WINDOW_MS if _awaits_value(decision) else 0)
        for decision in customer.open.values()
    )


def _realise(
    customer: Customer,
    event: FeedbackReceived,
    decision: OpenDecision | None,
    item: Item | None,
    result: Credit,
) -> None:
    """Money came in: the first amount replaces the estimate, later ones add to it."""
    result.impact.append(impact.value(customer, event, decision))
    if event.currency != CURRENCY:
        return
    if event.decision_id is None:
        _bring(customer, event, result)
    if decision is None:
        return
    label = (event.value_customer_minor + event.value_bank_minor) / MINOR_PER_UNIT
    bank = event.value_bank_minor / MINOR_PER_UNIT
    if decision.last_outcome in {"value", "complained"}:
        label += decision.label or 0.0
    else:
        bank -= _bank_of(decision.label or 0.0, item)
    before = decision.last_outcome
    if before != "complained":
        decision = replace(decision, last_outcome="value")
    customer.open[decision.decision_id] = _teach(
        customer,
        decision,
        label,
        result,
        said=event.event_id,
        bank=bank,
        before=before,
        item=item,
    )


def _bring(customer: Customer, event: FeedbackReceived, result: Credit) -> None:
    """What the whole relation brought since last time teaches what a customer is worth, if they let us learn."""
    # It teaches by the decisions before it, so it rests on whatever they may have used.
    sources = usable(customer, Purpose.MODEL_TRAINING, now_ms=customer.latest_ms)
    if sources:
        result.lessons.append(
            Lesson(
                lesson_id=identify(customer.customer, event.event_id, WORTH),
                kind=WORTH,
                customer=customer.customer,
                at_ms=event.at_ms,
                label=snap_label(
                    (event.value_customer_minor + event.value_bank_minor) / MINOR_PER_UNIT
                ),
                bank=snap_label(event.value_bank_minor / MINOR_PER_UNIT),
                sources=tuple(sorted(sources)),
            )
        )


def _note(event: FeedbackReceived, decision: OpenDecision | None, item: Item | None) -> str:
    """Why an answer does not count, in a word; empty if it does."""
    if decision is None:
        return "no_decision" if event.decision_id is None else "unknown_decision"
    if RANKS[event.outcome] <= RANKS[decision.last_outcome]:
        return "second_answer"
    if event.at_ms >= decision.until_ms and event.outcome not in {"completed", "complained"}:
        return "after_window"
    if item is None and event.outcome not in COSTS:
        return "unknown_item"
    return ""


def _label(
    outcome: str, why: str | None, decision: OpenDecision, item: Item | None
) -> float | None:
    """The label that an answer stands for, in units of 10 EUR; None if it says nothing of value."""
    if outcome in SHARES:
        full = 0 if item is None else item.value_customer_minor + item.value_bank_minor
        return SHARES[outcome] * full / MINOR_PER_UNIT
    if outcome not in COSTS:
        return None
    earned = decision.label or 0.0 if decision.last_outcome in {"completed", "value"} else 0.0
    if why in EXCUSED[outcome]:
        return earned
    distrust = outcome == "dismissed" and why == "dont_trust"
    return earned + (DISTRUST_COST if distrust else COSTS[outcome])


def _teach(
    customer: Customer,
    decision: OpenDecision,
    label: float,
    result: Credit,
    *,
    said: str,
    bank: float = 0.0,
    before: str | None = None,
    item: Item | None = None,
    why: str | None = None,
    now_ms: int | None = None,
) -> OpenDecision:
    """Add the lesson of a new label or of a sign, if it is new and may be learnt; returns the decision that holds it.

    The lesson carries the instant of the decision, so that a revision falls into its epoch. ``bank`` is the bank's
    part of the change of the label, ``before`` the outcome until now.
    """
    label = snap_label(label)
    at_ms = customer.latest_ms if now_ms is None else now_ms
    moved = STAGE_OF.get(decision.last_outcome or "") != STAGE_OF.get(before or "")
    if label == decision.label and not moved:
        return decision
    if not _trainable(customer, decision, now_ms=at_ms):
        return decision
    result.lessons.append(
        Lesson(
            lesson_id=identify(decision.decision_id, said, "lesson"),
            kind="reward",
            customer=customer.customer,
            at_ms=decision.at_ms,
            decision_id=decision.decision_id,
            action=decision.action,
            arm=decision.arm,
            propensity=decision.propensity,
            model=decision.model,
            context=unpack_vector(decision.context),
            action_features=unpack_vector(decision.action_features),
            label=label,
            label_before=decision.label,
            bank=snap_label(bank),
            outcome=decision.last_outcome or "no_response",
            # What was not taught then is the first that the learner hears.
            outcome_before=None if decision.label is None else before,
            seen_ms=at_ms,
            stated=_stated(item),
            why=why,
            sources=decision.sources,
        )
    )
    return replace(decision, label=label)


def _stated(item: Item | None) -> tuple[float, float]:
    """What an item is said to bring the customer and the bank, in units of 10 EUR; nothing, once nobody knows it."""
    if item is None:
        return 0.0, 0.0
    return (
        snap_label(item.value_customer_minor / MINOR_PER_UNIT),
        snap_label(item.value_bank_minor / MINOR_PER_UNIT),
    )


def _bank_of(estimate: float, item: Item | None) -> float:
    """The bank's part of an estimate that is an item's value; half of it, once nobody knows the item any more."""
    full = 0 if item is None else item.value_customer_minor + item.value_bank_minor
    share = item.value_bank_minor / full if item is not None and full else 0.5
    return snap_label(snap_label(estimate) * share)


def _trainable(customer: Customer, decision: OpenDecision, *, now_ms: int) -> bool:
    """Whether every source that the decision used may be learnt from, then and now."""
    return decision.trainable and usable(
        customer, Purpose.MODEL_TRAINING, now_ms=now_ms
    ).issuperset(map(Source, decision.sources))


def _finish(customer: Customer, decision: OpenDecision, result: Credit, *, now_ms: int) -> None:
    if decision.label is None and decision.last_outcome in UNANSWERED:
        _teach(customer, decision, 0.0, result, said="closed", now_ms=now_ms)
    del customer.open[decision.decision_id]


def _awaits_value(decision: OpenDecision) -> bool:
    return decision.last_outcome in {"lapsed", "stalled", "completed", "value"}


def _worth_keeping(decision: OpenDecision, now_ms: int) -> int:
    if decision.action == SILENCE:
        return 0
    return 1 if now_ms >= decision.until_ms else 2
