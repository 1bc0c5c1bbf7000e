"""Faults planted into the product, each of a kind that the checker has to find.

A plant wraps `decide`: the product around it runs as ever, and does what consent forbids.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flows.work import Decide
from operators.contracts import World
from schemas.base import DAY_MS, Source
from schemas.customer import Customer
from schemas.decisions import Lesson, Outcome
from schemas.events import ConsentWithdrawn, EventBase

HIDDEN = "app"
OVERTIME_MS = 30 * DAY_MS
Plant = Callable[[Decide], Decide]


def used_after_withdrawal(honest: Decide) -> Decide:
    """Withdrawals are acknowledged with a receipt, and ignored."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        outcome = honest(customer, event, world=world, position=position)
        if isinstance(event, ConsentWithdrawn) and outcome.customer is not None:
            outcome.customer = replace_grants(outcome.customer, customer)
        return outcome

    return decide


def expired_source(honest: Decide) -> Decide:
    """Consents are kept a month over their time, so features go on deriving from ended sources."""
    kept: set[tuple[str, str, str, str]] = set()

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        longer = customer.copy()
        for purpose, by_source in customer.grants.items():
            for source, grant in by_source.items():
                one = (customer.customer, purpose, source, grant.position)
                if grant.until_ms is not None and one not in kept:
                    kept.add(one)
                    later = replace(grant, until_ms=grant.until_ms + OVERTIME_MS)
                    longer.grants[purpose] = {**longer.grants[purpose], source: later}
        return honest(longer, event, world=world, position=position)

    return decide


def hidden_source(honest: Decide) -> Decide:
    """Decisions and what customers are told keep quiet about a source, and use its features."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        outcome = honest(customer, event, world=world, position=position)
        decision = outcome.decision
        if decision is None:
            return outcome
        vector = {
            purpose: {s: proof for s, proof in by_source.items() if s != HIDDEN}
            for purpose, by_source in decision.consent_vector.items()
        }
        used = tuple(s for s in decision.sources_used if s != HIDDEN)
        outcome.decision = replace(decision, consent_vector=vector, sources_used=used)
        outcome.sealed = b""
        outcome.transparency = [
            entry | {"consents": vector, "sources": used} if "consents" in entry else entry
            for entry in outcome.transparency
        ]
        return outcome

    return decide


def offer_not_recalled(honest: Decide) -> Decide:
    """What stood on a consent that ended is never taken back."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        outcome = honest(customer, event, world=world, position=position)
        outcome.offers = [o for o in outcome.offers if o["type"] != "offer.recalled"]
        return outcome

    return decide


def lesson_from_withdrawn(honest: Decide) -> Decide:
    """Every decision teaches, whether training was agreed to or not."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        outcome = honest(customer, event, world=world, position=position)
        decision = outcome.decision
        if decision is not None and decision.sources_used:
            outcome.lessons.append(
                Lesson(
                    lesson_id=f"{decision.decision_id}-planted",
                    kind="reward",
                    customer=decision.customer,
                    at_ms=event.at_ms,
                    decision_id=decision.decision_id,
                    action=decision.chosen,
                    context=decision.context,
                    action_features=(1.0,) + (0.0,) * 13,
                    sources=decision.sources_used,
                )
            )
        return outcome

    return decide


def receipt_missing(honest: Decide) -> Decide:
    """Consent changes without a receipt."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        outcome = honest(customer, event, world=world, position=position)
        outcome.transparency = [
            entry for entry in outcome.transparency if entry["type"] != "consent.receipt"
        ]
        return outcome

    return decide


def entry_missing(honest: Decide) -> Decide:
    """Customers are not told of decisions in which nothing was said."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        outcome = honest(customer, event, world=world, position=position)
        outcome.transparency = [
            entry for entry in outcome.transparency if entry.get("effect") != "silence"
        ]
        return outcome

    return decide


def channel_not_granted(honest: Decide) -> Decide:
    """The limits of consents to some channels, and objections to marketing, are not looked at."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        if event.source is Source.CONTROL:
            return honest(customer, event, world=world, position=position)
        blind = customer.copy()
        blind.channel_limits, blind.objections = {}, {}
        outcome = honest(blind, event, world=world, position=position)
        if outcome.customer is not None:
            outcome.customer.channel_limits = dict(customer.channel_limits)
            outcome.customer.objections = dict(customer.objections)
        return outcome

    return decide


def not_forgotten(honest: Decide) -> Decide:
    """Learners are never asked to take lessons back."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        outcome = honest(customer, event, world=world, position=position)
        outcome.lessons = [lesson for lesson in outcome.lessons if lesson.kind != "forget"]
        return outcome

    return decide


def text_leak(honest: Decide) -> Decide:
    """What a customer wrote is passed on with what was noticed."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        outcome = honest(customer, event, world=world, position=position)
        text: Any = getattr(event, "text", None)
        if text:
            outcome.impact.append({"type": "note", "customer": event.customer, "said": text})
        return outcome

    return decide


def replace_grants(after: Customer, before: Customer) -> Customer:
    """The record after, with the grants of before."""
    after.grants = before.copy().grants
    after.withdrawn = dict(before.withdrawn)
    return after


PLANTS: dict[str, Plant] = {
    "used-after-withdrawal": used_after_withdrawal,
    "expired-source": expired_source,
    "hidden-source": hidden_source,
    "offer-not-recalled": offer_not_recalled,
    "lesson-from-withdrawn": lesson_from_withdrawn,
    "receipt-missing": receipt_missing,
    "entry-missing": entry_missing,
    "channel-not-granted": channel_not_granted,
    "not-forgotten": not_forgotten,
    "text-leak": text_leak,
}
EXPECTED: dict[str, frozenset[str]] = {
    "used-after-withdrawal": frozenset({"use-after-end"}),
    "expired-source": frozenset({"use-after-end", "derived-feature", "use-of-withheld"}),
    "hidden-source": frozenset({"derived-feature"}),
    "offer-not-recalled": frozenset({"not-recalled"}),
    "lesson-from-withdrawn": frozenset({"lesson"}),
    "receipt-missing": frozenset({"missing-receipt"}),
    "entry-missing": frozenset({"missing-entry"}),
    "channel-not-granted": frozenset({"channel-not-granted", "purpose-not-granted"}),
    "not-forgotten": frozenset({"not-forgotten"}),
    "text-leak": frozenset({"text"}),
}
"""What the checker calls it: at least one of these."""
