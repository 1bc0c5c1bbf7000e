"""What is counted: the records on the topic ``impact`` that follow from answers and money.

Stage: 8 of 8. In: FeedbackReceived, the decision it answers. Out: impact records, for `operators.measure`.

    {"type": "decision", customer, arm, action, decision_id, at_ms, propensity}    by `operators.record`
    {"type": "feedback", customer, arm, action, decision_id, outcome, why, counted, note, at_ms}
    {"type": "value", customer, arm, action, decision_id, value_customer_minor, value_bank_minor,
     currency, at_ms}
    {"type": "profile.correct", customer, arm, action, decision_id, sources, at_ms}
    {"type": "erasure", customer, at_ms}                                           by `operators.decide`

``arm`` is the customer's: treatment, control or holdout. ``counted`` is False for an answer that changed
nothing, and ``note`` says why in a word. ``arm``, ``action`` and ``decision_id`` are None where money
belongs to the customer as a whole, or the decision is closed.
"""

from typing import Any

from schemas.customer import Customer, OpenDecision
from schemas.events import FeedbackReceived


def feedback(
    customer: Customer,
    event: FeedbackReceived,
    decision: OpenDecision | None,
    *,
    why: str | None,
    note: str,
) -> dict[str, Any]:
    """An answer, with its reason as far as it is believed, and why it doesn't count, if it doesn't."""
    return {
        "type": "feedback",
        **_subject(customer, event, decision),
        "outcome": event.outcome,
        "why": why,
        "counted": not note,
        "note": note,
    }


def value(
    customer: Customer, event: FeedbackReceived, decision: OpenDecision | None
) -> dict[str, Any]:
    """Money realised, in minor units of its currency."""
    return {
        "type": "value",
        **_subject(customer, event, decision),
        "value_customer_minor": event.value_customer_minor,
        "value_bank_minor": event.value_bank_minor,
        "currency": event.currency,
    }


def correction(
    customer: Customer, event: FeedbackReceived, decision: OpenDecision
) -> dict[str, Any]:
    """A request to the bank to look at what it holds: the customer says that the facts are wrong."""
    return {
        "type": "profile.correct",
        **_subject(customer, event, decision),
        "sources": list(decision.sources),
    }


def _subject(
    customer: Customer, event: FeedbackReceived, decision: OpenDecision | None
) -> dict[str, Any]:
    return {
        "customer": customer.customer,
        "arm": None if decision is None else decision.arm,
        "action": None if decision is None else decision.action,
        "decision_id": event.decision_id,
        "at_ms": event.at_ms,
    }
