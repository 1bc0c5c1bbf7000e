"""Do what the customer's answer asks for: rest, stop using a source, remember a fact.

Stage: 8 of 8. In: FeedbackReceived with its reason. Out: a changed customer copy.

Each reason asks for something else. «Not now» delays; «too personal» takes away the data and not the
offer; «cannot afford» is a fact about means; «already have» a fact about holdings; «wrong facts» waits for a correction. Nothing here needs
consent for training: it is the customer's own instruction.
"""

from collections.abc import Iterable, Sequence

from schemas.base import DAY_MS
from schemas.customer import Customer, OpenDecision
from schemas.events import FeedbackReceived
from schemas.offers import Item, Kind
from schemas.rules import Rules

PAUSE = "all"
"""The key in `Customer.rests` that pauses everything but protective help."""
REFUSING: frozenset[str] = frozenset({"dismissed", "muted", "complained"})
SETTLING: frozenset[str] = REFUSING | {"completed"}
"""Answers after which nothing is outstanding any more."""


def heed(
    customer: Customer,
    event: FeedbackReceived,
    *,
    why: str | None,
    decision: OpenDecision | None,
    item: Item | None,
    rules: Rules,
    catalogue: Sequence[Item],
) -> None:
    """Change the customer copy as the answer asks.

    Args:
        customer: Changed in place.
        event: The answer. A complaint pauses everything, whatever it is about.
        why: Its reason, if one was given and is believed.
        decision: What it answers; None if that is closed or unknown.
        item: What was said; None if it is no longer in the catalogue.
        rules: How long things rest.
        catalogue: To find every credit item for a customer who can't afford one.
    """
    at_ms = event.at_ms
    if event.outcome in SETTLING:
        _settle(customer, event.decision_id)
    if event.outcome == "complained":
        _rest(customer, PAUSE, at_ms=at_ms, days=rules.complained_pause_days)
    if decision is None:
        return
    if event.outcome in REFUSING:
        days = rules.dismissed_rest_days
        if event.outcome == "muted":
            days = rules.not_relevant_rest_days
            if item is not None:
                _rest(customer, f"category:{item.category}", at_ms=at_ms, days=days)
        if why != "not_now":
            _rest(customer, decision.action, at_ms=at_ms, days=days)
        if item is not None and item.kind is Kind.CONSENT_ASK:
            customer.refusals[f"{item.asks_purpose}:{item.asks_source}"] = at_ms
    if why == "too_personal":
        _mistrust(customer, _felt(customer, decision, item), at_ms=at_ms, rules=rules)
    _heed_reason(customer, why, decision, item=item, at_ms=at_ms, rules=rules, catalogue=catalogue)


def _heed_reason(
    customer: Customer,
    why: str | None,
    decision: OpenDecision,
    *,
    item: Item | None,
    at_ms: int,
    rules: Rules,
    catalogue: Sequence[Item],
) -> None:
    match why:
        case "not_now":
            _rest(customer, decision.action, at_ms=at_ms, days=rules.not_now_rest_days)
        case "not_relevant":
            _rest(customer, decision.action, at_ms=at_ms, days=rules.not_relevant_rest_days)
        case "cannot_afford":
            for category in _unaffordable(item, catalogue):
                days = rules.cannot_afford_rest_days
                _rest(customer, f"category:{category}", at_ms=at_ms, days=days)
                _note_fact(customer, "cannot_afford", category, at_ms=at_ms)
        case "dont_trust":
            _rest(customer, decision.action, at_ms=at_ms, days=rules.not_relevant_rest_days)
            if item is not None:
                days = rules.dismissed_rest_days
                _rest(customer, f"category:{item.category}", at_ms=at_ms, days=days)
        case "wrong_facts":
            # What `heed` lets rest: it comes back with the correction, if that comes sooner.
            resting = customer.rests.get(decision.action, 0)
            _note_fact(customer, "disputed", decision.action, at_ms=resting)
        case "already_have":
            _rest(customer, decision.action, at_ms=at_ms, days=rules.not_relevant_rest_days)
            if item is not None and item.product is not None:
                _note_fact(customer, "held_elsewhere", item.product, at_ms=at_ms)


def corrected(customer: Customer) -> None:
    """The profile was corrected: what rested for wrong facts alone may be said again; in place."""
    for action, until_ms in customer.profile.pop("disputed", {}).items():
        if customer.rests.get(action) == until_ms:
            del customer.rests[action]


def _mistrust(customer: Customer, sources: Iterable[str], *, at_ms: int, rules: Rules) -> None:
    until_ms = at_ms + rules.mistrusted_source_days * DAY_MS
    for source in sources:
        customer.mistrusted[source] = max(customer.mistrusted.get(source, 0), until_ms)


def _settle(customer: Customer, decision_id: str | None) -> None:
    """Nothing is outstanding of a decision any more."""
    for offer_id in [i for i, o in customer.outstanding.items() if o.decision_id == decision_id]:
        del customer.outstanding[offer_id]


def _felt(customer: Customer, decision: OpenDecision, item: Item | None) -> Iterable[str]:
    """The sources that the customer felt in the message.

    Those of the signals that the item answered, if they still hold, else all that the decision used:
    when in doubt, less data.
    """
    answered = {
        source
        for name in (item.answers if item is not None else ())
        if name in customer.signals and customer.signals[name].at_ms <= decision.at_ms
        for source in customer.signals[name].sources
    }
    felt = answered & set(decision.sources)
    return sorted(felt or decision.sources)


def _unaffordable(item: Item | None, catalogue: Sequence[Item]) -> Iterable[str]:
    """The item's category; for a credit, those of all credits, since it's the means that are lacking."""
    if item is None:
        return ()
    if not item.credit:
        return (item.category,)
    return sorted({other.category for other in catalogue if other.credit})


def _rest(customer: Customer, key: str, *, at_ms: int, days: int) -> None:
    customer.rests[key] = max(customer.rests.get(key, 0), at_ms + days * DAY_MS)


def _note_fact(customer: Customer, fact: str, name: str, *, at_ms: int) -> None:
    """Add to the profile's facts (fact → name → instant), replacing the value as a whole."""
    customer.profile[fact] = {**customer.profile.get(fact, {}), name: at_ms}
