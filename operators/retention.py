"""How long a customer is kept who is not heard of, and the proof of an erasure.

Stage: 8 of 8. In: customer copy, event. Out: the timer of silence, the certificate.
Source: GDPR articles 5(1)(e), 12(3), 17 and 19.
"""

from typing import Any

from operators.draws import identify
from schemas.base import DAY_MS
from schemas.customer import Customer
from schemas.events import ClockTicked, EventBase
from schemas.rules import Rules

SILENCE = "silence"
"""The timer, and the cause of an erasure that nobody asked for."""
REQUESTED = "requested"
SPAN_MS = 30 * DAY_MS
"""The timer is set to the end of a span, so that most events leave it where it is."""
WORDS: dict[str, str] = {
    REQUESTED: "You asked us to forget you, and we did.",
    SILENCE: "We had not heard of you for so long that we have no reason left to keep anything on you.",
}


def timer(
    me: Customer, before: Customer, event: EventBase, *, withheld: bool, rules: Rules
) -> dict[str, int]:
    """When a customer is forgotten if nothing more is heard of them: only what is kept of them counts.

    Returns:
        The timer by its name; nothing where silence ends nothing.
    """
    if not rules.silent_days:
        return {}
    if withheld or type(event) is ClockTicked:
        due_ms = before.timers.get(SILENCE)
        return {} if due_ms is None else {SILENCE: due_ms}
    return {SILENCE: (me.latest_ms // SPAN_MS + 1) * SPAN_MS + rules.silent_days * DAY_MS}


def ended(event: EventBase) -> bool:
    """Whether the event is the end of a long silence."""
    return isinstance(event, ClockTicked) and event.timer == SILENCE


def certificate(me: Customer, event: EventBase, *, position: str, now_ms: int) -> dict[str, Any]:
    """The last that is said of a customer: what was held and is erased, by number and not by content."""
    cause = SILENCE if ended(event) else REQUESTED
    return {
        "type": "erasure.certified",
        "certificate_id": identify(event.event_id, me.customer, "erasure"),
        "customer": me.customer,
        "cause": cause,
        "words": WORDS[cause],
        "at_ms": now_ms,
        "position": position,
        "erased": {
            "memories": len(me.slots),
            "consents": sum(map(len, me.grants.values())),
            "signals": len(me.signals),
            "open_decisions": len(me.open),
            "outstanding_offers": len(me.outstanding),
            "contacts": len(me.contacts),
            "timers": len(me.timers),
        },
    }
