"""Write a deliberation down: the decision, the message to the channel, the entry for the customer.

Stage: 7 of 8. In: Deliberation. Out: Decision, offer, transparency, review cases, impact.
"""

from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

from operators import consent, explain
from operators.arbitrate import CONTEXT_NAMES
from operators.consent import PURPOSES
from operators.contracts import Situation
from operators.draws import identify
from operators.features import SPECS
from operators.learn import REWARD_SPEC
from operators.occasion import Deliberation, Occasion, in_order
from operators.policy import FAILED
from operators.sense import SOURCES_OF, Features, View
from operators.value import ledgers
from schemas.base import DAY_MS, Source, stamp
from schemas.customer import Customer
from schemas.decisions import SILENCE, Candidate, Decision, Explanation, Outcome
from schemas.events import EventBase
from schemas.offers import Kind

ENGINE_VERSION = "0.1.0"
WORDS: dict[str, str] = {spec.name: spec.words for spec in SPECS}
NOTICE = "Chosen for you by an automated system, from data that you agreed to share."
_UNSEALED = b'"digest":""'
ISSUED: dict[Kind, str] = {Kind.INTERVENTION: "intervention.issued"}


def write(
    outcome: Outcome,
    me: Customer,
    event: EventBase,
    *,
    view: View,
    made: Deliberation,
    occasion: Occasion,
    situation: Situation,
    used: frozenset[Source],
    without: dict[str, Any] | None,
    change: dict[str, Any] | None,
    position: str,
) -> Decision:
    """Add the decision and everything told of it to the outcome; advances the customer's chain."""
    degraded = _degraded(outcome.trace, view, made)
    explanation = _explanation(
        view=view,
        made=made,
        occasion=occasion,
        situation=situation,
        used=used,
        without=without,
        change=change,
        degraded=degraded,
    )
    decision = _decision(
        me,
        event,
        view=view,
        made=made,
        occasion=occasion,
        explanation=explanation,
        position=position,
        used=used,
        degraded=degraded,
    )
    outcome.sealed = _sealed(decision)
    me.decision_count += 1
    me.previous_digest = decision.digest
    outcome.decision = decision
    if made.chosen is not None:
        outcome.offers.append(_message(decision, made.chosen))
    title = None if made.chosen is None else made.chosen.item.title
    outcome.transparency.append(_entry(decision, title))
    outcome.reviews += _cases(decision, made)
    outcome.impact.append(
        {
            "type": "decision",
            "customer": me.customer,
            "arm": occasion.arm,
            "action": decision.chosen,
            "decision_id": decision.decision_id,
            "at_ms": view.now_ms,
            "propensity": decision.propensity,
        }
    )
    return decision


def _sealed(decision: Decision) -> bytes:
    """The decision as JSON, with the digest of what it is without one."""
    body = orjson.dumps(decision)
    decision.seal(sha256(body).hexdigest())
    # What stands behind the digest can't hold this: in a string the quotes would be escaped.
    before, _, after = body.rpartition(_UNSEALED)
    return b'%b"digest":"%b"%b' % (before, decision.digest.encode(), after)


def _explanation(
    *,
    view: View,
    made: Deliberation,
    occasion: Occasion,
    situation: Situation,
    used: frozenset[Source],
    without: dict[str, Any] | None,
    change: dict[str, Any] | None,
    degraded: tuple[str, ...],
) -> Explanation:
    chosen = made.chosen
    purpose = None if chosen is None else chosen.item.purpose
    return explain.tell(
        decision_id=occasion.key,
        choice=made.choice,
        chosen=chosen,
        screened=made.screened,
        situation=situation,
        purposes=() if purpose is None else (purpose,),
        sources=in_order(used),
        words=WORDS,
        counterfactual=change,
        consent_counterfactual=without,
        degraded=degraded,
        worth=None if chosen is None else _worth(view, made),
    )


def _worth(view: View, made: Deliberation) -> dict[str, Any] | None:
    index = made.chosen_index
    return ledgers.told(
        view.world.models,
        made.choice.model,
        action=made.choice.action,
        context=made.alternatives.contexts[index],
        action_features=made.alternatives.action_features[index],
    )


def _degraded(trace: list[str], view: View, made: Deliberation) -> tuple[str, ...]:
    """What failed on the way, by name: plug-ins left out, and policies that denied because they failed."""
    failed = [step.removeprefix("failed:") for step in trace if step.startswith("failed:")]
    refused = [s.refusal.rule for s in made.screened if s.refusal is not None]
    denied = {f"policy:{rule.removesuffix(FAILED)}" for rule in refused if rule.endswith(FAILED)}
    return (*failed, *view.failed, *sorted(denied))


def _decision(
    me: Customer,
    event: EventBase,
    *,
    view: View,
    made: Deliberation,
    occasion: Occasion,
    explanation: Explanation,
    position: str,
    used: frozenset[Source],
    degraded: tuple[str, ...],
) -> Decision:
    chosen, choice, now_ms = made.chosen, made.choice, view.now_ms
    served = {candidate.item.purpose for candidate in made.allowed}
    purposes = tuple([p for p in PURPOSES if p in served])
    features = _seen(view.features, used)
    offered = None if chosen is None else identify(occasion.key, "offer")
    waiting = [s.candidate for s in made.screened if s.review]
    return Decision(
        decision_id=occasion.key,
        customer=me.customer,
        trigger={
            "id": event.event_id,
            "type": event.kind,
            "time": event.at.isoformat(),
            "position": position,
        },
        decided_at=stamp(now_ms),
        channel=chosen.channel if chosen is not None else str(occasion.channel or ""),
        engine_version=ENGINE_VERSION,
        digests={**view.world.digests, "model": choice.model},
        features=features,
        features_digest=sha256(orjson.dumps(features)).hexdigest(),
        context=made.alternatives.contexts[made.chosen_index],
        consent_vector=consent.vector(me, purposes, now_ms=now_ms),
        purposes_used=purposes,
        sources_used=in_order(used),
        suppressed_purposes=tuple([p for p in PURPOSES if not view.usable(p)]),
        stakes="high" if chosen is not None and chosen.item.high_stakes else "normal",
        arm=choice.arm if occasion.arm == "treatment" else occasion.arm,
        candidates=_table(made),
        chosen=choice.action,
        propensity=choice.propensity,
        rng={"algorithm": "blake2b-53", "key": occasion.key, "draw": choice.draw},
        vulnerability_brake=not occasion.explore,
        contact_state=_contacts(me, now_ms),
        reward_spec=REWARD_SPEC,
        personalised_notice=NOTICE if used else "",
        offer=None
        if chosen is None
        else {
            "id": offered,
            "terms": f"{chosen.item.id}@{chosen.item.version}",
            "valid_until": stamp(now_ms + chosen.item.valid_days * DAY_MS),
            "idempotency_key": offered,
        },
        review={
            "required": bool(waiting),
            "case_id": _case_id(me.customer, waiting[0]) if waiting else None,
        },
        degraded=degraded,
        explanation=explanation,
        previous_digest=me.previous_digest,
        rival=choice.rival,
    )


def _seen(features: Features, used: frozenset[Source]) -> dict[str, float]:
    """The features that a stage looked at, rounded: what this decision was made with (log once)."""
    looked_at = features.looked_at
    # Most are zero, and to round anything takes a third of a microsecond.
    return {
        name: (value := looked_at[name]) and round(value, 6)
        for name in _named(frozenset(looked_at), used)
    }


@lru_cache(maxsize=1024)
def _named(looked_at: frozenset[str], used: frozenset[Source]) -> tuple[str, ...]:
    """Of what was looked at, in order, the features that are made of nothing but what was used."""
    return tuple([name for name in sorted(looked_at) if SOURCES_OF[name] <= used])


def _table(made: Deliberation) -> tuple[dict[str, Any], ...]:
    choice = made.choice
    scored = dict(
        zip(choice.actions, zip(choice.scores, choice.propensities, strict=True), strict=True)
    )
    rows: list[dict[str, Any]] = []
    for s in made.screened:
        item = s.candidate.item
        row: dict[str, Any] = {
            "action": item.id,
            "proposed_by": s.candidate.proposed_by,
            "signal": s.candidate.signal,
            "value_customer": item.value_customer_minor,
            "value_bank": item.value_bank_minor,
            "lever": None,
        }
        if s.refusal is not None:
            row["stage_reached"], row["reject_rule"] = "screen", s.refusal.rule
        else:
            row["stage_reached"] = "arbitrate"
            row["score"], row["p_final"] = scored[item.id]
        rows.append(row)
    score, propensity = scored[SILENCE]
    rows.append(
        {
            "action": SILENCE,
            "stage_reached": "arbitrate",
            "score": score,
            "p_final": propensity,
        }
    )
    return tuple(rows)


def _contacts(me: Customer, now_ms: int) -> dict[str, int]:
    return {
        "day": sum([now_ms - c.at_ms < DAY_MS for c in me.contacts]),
        "week": sum([now_ms - c.at_ms < 7 * DAY_MS for c in me.contacts]),
    }


def _message(decision: Decision, chosen: Candidate) -> dict[str, Any]:
    item = chosen.item
    offer = decision.offer or {}
    return {
        "type": ISSUED.get(item.kind, "offer.issued"),
        "offer_id": offer["id"],
        "decision_id": decision.decision_id,
        "customer": decision.customer,
        "action": item.id,
        "kind": item.kind,
        "category": item.category,
        "product": item.product,
        "feature": item.feature,
        "channel": chosen.channel,
        "title": item.title,
        "body": item.body,
        "reason": decision.explanation.summary,
        "valid_until": offer["valid_until"],
        "idempotency_key": offer["idempotency_key"],
        "issued_at": decision.decided_at,
        "propensity": decision.propensity,
        "arm": decision.arm,
        "asks": None
        if item.asks_purpose is None
        else {"purpose": item.asks_purpose, "source": item.asks_source},
    }


def _entry(decision: Decision, title: str | None) -> dict[str, Any]:
    """What the customer is told about the use of their data in this decision."""
    return {
        "type": "decision.entry",
        "decision_id": decision.decision_id,
        "customer": decision.customer,
        "at": decision.decided_at,
        "effect": decision.chosen,
        "title": title,
        "sources": decision.sources_used,
        "purposes": decision.purposes_used,
        "consents": decision.consent_vector,
        "uses": [
            {"purpose": purpose, "words": explain.use(purpose, tuple(by_source))}
            for purpose, by_source in decision.consent_vector.items()
        ],
        "words": decision.explanation.summary,
        "explanation": decision.explanation,
    }


def _case_id(customer: str, candidate: Candidate) -> str:
    return identify(candidate.item.id, customer, "case")


def _cases(decision: Decision, made: Deliberation) -> list[dict[str, Any]]:
    """A case for the review board for each high-stakes item that waits for its verdict."""
    return [
        {
            "type": "review.requested",
            "case_id": _case_id(decision.customer, s.candidate),
            "item": s.candidate.item.id,
            "customer": decision.customer,
            "decision_id": decision.decision_id,
            "at": decision.decided_at,
            "evidence": {
                "signal": s.candidate.signal,
                "strength": s.candidate.strength,
                "rule": s.refusal.rule if s.refusal else None,
                "features": decision.features,
                "context_names": CONTEXT_NAMES,
            },
        }
        for s in made.screened
        if s.review
    ]
