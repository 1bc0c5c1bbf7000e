"""What a resident does with what they were told, and what follows for both sides.

All chance in an answer is keyed by the decision's id, so the rest of a life stays the same whatever is said.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

from schemas.base import DAY_MS
from scripts.town import consequences, truth
from scripts.town.resident import Resident
from scripts.town.stage import MINUTE_MS, Stage

DELAY_MINUTES: dict[str, float] = {"in_app": 1.0, "chat": 1.0, "push": 45.0, "email": 300.0}
"""Median minutes until it is seen."""
STEP_MINUTES: dict[str, float] = {"in_app": 4.0, "chat": 4.0, "push": 15.0, "email": 40.0}
REALISED_AFTER_DAYS = 1.5
STARTED_SHARE = 0.3
UNTOLD_SHARE = 0.5
MISTAKEN_SHARE = 0.02
MUTE_FROM = 5.0
"""Contacts still felt, from which people begin to mute."""

Told = Mapping[str, Any]


def hear(stage: Stage, who: Resident, told: Told, *, now_ms: int) -> float:
    """Take in a message of the ``offers`` topic and plan the answer; returns the true probability."""
    chance = truth.probability(who, told, now_ms=now_ms)
    rng = Random(f"{stage.seed}/{told['decision_id']}")
    channel = str(told.get("channel"))
    seen_share = truth.SEEN.get(channel, 0.5)
    u = rng.random()
    who.contacted(now_ms)
    at_ms = now_ms + round(rng.uniform(0.02, 0.2) * MINUTE_MS)
    stage.plan(at_ms, who, respond, (told, "delivered", None))
    if u >= seen_share:
        return chance
    at_ms += _minutes(rng, DELAY_MINUTES.get(channel, 30.0))
    stage.plan(at_ms, who, respond, (told, "viewed", None))
    felt = truth.felt(who, told, now_ms=now_ms)
    who.pleased(0.012 * (felt - 0.28))
    steps, why = (["clicked", "started", "completed"], None)
    if u >= chance:
        steps, why = _half_way(who, told, rng, felt=felt, now_ms=now_ms)
    for outcome in steps:
        at_ms += _minutes(rng, STEP_MINUTES.get(channel, 10.0))
        stage.plan(at_ms, who, respond, (told, outcome, why))
    return chance


def _minutes(rng: Random, median: float) -> int:
    return round(median * rng.lognormvariate(0.0, 0.8) * MINUTE_MS) + 1_000


def _half_way(
    who: Resident, told: Told, rng: Random, *, felt: float, now_ms: int
) -> tuple[list[str], str | None]:
    """What somebody does who saw it and does not take it up."""
    tactless, tired = truth.tactlessness(who, told), who.tiredness(now_ms)
    complains = 0.002 + 0.12 * tactless + (0.02 if tired > 2 * MUTE_FROM else 0.0)
    if rng.random() < complains:
        return ["complained"], "cannot_afford" if tactless else "other"
    if rng.random() < 0.02 * max(tired - MUTE_FROM, 0.0):
        return ["muted"], None
    if rng.random() < 0.15 + 0.35 * felt:
        return (["clicked", "started"] if rng.random() < STARTED_SHARE else ["clicked"]), None
    if rng.random() < 0.08 + 0.08 * (1.0 - felt):
        return ["dismissed"], _why(who, told, rng, felt=felt, tactless=tactless)
    return [], None


def _why(who: Resident, told: Told, rng: Random, *, felt: float, tactless: float) -> str | None:
    """The reason that people tick, mostly the true one; half tick none."""
    if rng.random() < UNTOLD_SHARE:
        return None
    if truth.held(who, told):
        return "already_have"
    if tactless > rng.random():
        return "cannot_afford"
    if rng.random() < 0.10 * (1.2 - who.persona.open_share):
        return rng.choice(("too_personal", "too_personal", "dont_trust"))
    if rng.random() < MISTAKEN_SHARE:
        return "wrong_facts"
    return "not_now" if rng.random() < 0.25 + 0.6 * felt else "not_relevant"


def respond(stage: Stage, who: Resident, now_ms: int, what: tuple[Told, str, str | None]) -> None:
    """One step of an answer comes to pass."""
    told, outcome, why = what
    decision_id = str(told["decision_id"])
    fields: dict[str, Any] = {"outcome": outcome, "decision_id": decision_id}
    if why is not None:
        fields["why"] = why
    stage.tell(who, "feedback.received", **fields)
    if outcome == "completed":
        worth = consequences.take_up(stage, who, told, now_ms=now_ms)
        if worth is not None:
            due_ms = now_ms + round(REALISED_AFTER_DAYS * DAY_MS)
            stage.plan(due_ms, who, realise, (decision_id, *worth))
    elif outcome == "complained":
        who.pleased(-0.18)
    elif outcome == "muted":
        who.pleased(-0.06)
    elif outcome == "dismissed":
        who.pleased(-0.006)


def realise(stage: Stage, who: Resident, now_ms: int, what: tuple[str, int, int]) -> None:
    """The worth of a product taken up is in the books."""
    del now_ms
    decision_id, customer_minor, bank_minor = what
    stage.tell(
        who,
        "feedback.received",
        outcome="value",
        decision_id=decision_id,
        value_customer_minor=customer_minor,
        value_bank_minor=bank_minor,
    )
