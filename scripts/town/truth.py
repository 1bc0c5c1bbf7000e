"""The response model that learners never see: how likely somebody takes up what they are told.

P(completed) = P(seen on the channel) · σ(base + need + liking + appeal + satisfaction − weight − fatigue − tactlessness),
where weight is what holds people back from a large step that they hardly need.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import exp
from random import Random
from typing import Any

from scripts.town.needs import need
from scripts.town.resident import Resident

SEEN: dict[str, float] = {"in_app": 0.92, "chat": 0.95, "push": 0.62, "email": 0.4}
"""The chance that what is said on a channel is seen at all."""
BASE = -3.7
PER_NEED = 2.0
PER_LIKING = 0.55
APPEAL_SPREAD = 1.3
"""Standard deviation of an item's appeal, in log-odds: response rates of campaigns differ tenfold."""
PER_CONTACT = 0.11
TACTLESS_FROM = 0.55
PER_TACTLESSNESS = 3.0
HELD = 0.002
"""The chance of taking what one has."""

WEIGHT: dict[str, float] = {
    "home": 2.5,
    "loans": 2.0,
    "pension": 1.2,
    "cards": 0.8,
    "investing": 0.6,
    "business": 0.6,
    "insurance": 0.5,
}
"""How large a step an offer of a category is, in log-odds, for somebody with no need of it."""

AXIS: dict[str, str] = {
    "saving": "saving",
    "investing": "investing",
    "pension": "investing",
    "travel": "travel",
    "cards": "credit",
    "loans": "credit",
    "home": "home",
    "insurance": "insurance",
    "insurance_check": "insurance",
    "family": "home",
    "everyday": "digital",
    "business": "credit",
    "consent": "consent",
}
"""Which liking an offer's category speaks to; help speaks to guidance, features to digital."""


def probability(who: Resident, offer: Mapping[str, Any], *, now_ms: int) -> float:
    """The true probability, in 0..1, that this resident completes this offer if told of it now."""
    if who.gone:
        return 0.0
    seen = SEEN.get(str(offer.get("channel")), 0.5)
    return seen * inclination(who, offer, now_ms=now_ms)


def inclination(who: Resident, offer: Mapping[str, Any], *, now_ms: int) -> float:
    """The probability of completing it once it is seen."""
    if held(who, offer):
        return HELD
    need_felt = felt(who, offer, now_ms=now_ms)
    weight = WEIGHT.get(str(offer.get("category")), 0.0) if offer.get("kind") == "offer" else 0.0
    score = (
        BASE
        + PER_NEED * need_felt
        + appeal(str(offer.get("action")))
        - weight * (1.0 - need_felt)
        + PER_LIKING * who.likes.get(axis(offer), 0.0)
        + 1.2 * (who.satisfaction - 0.6)
        - PER_CONTACT * who.tiredness(now_ms)
        - PER_TACTLESSNESS * tactlessness(who, offer)
    )
    return 1.0 / (1.0 + exp(-score))


@lru_cache(maxsize=1024)
def appeal(action: str) -> float:
    """How well something is made and put, the same for everybody: normal, drawn by its name."""
    return APPEAL_SPREAD * Random(f"appeal/{action}").gauss(0, 1)


def felt(who: Resident, offer: Mapping[str, Any], *, now_ms: int) -> float:
    """The need, or for a request for consent the readiness to share."""
    if offer.get("kind") == "consent_ask":
        return 0.75 * who.persona.open_share
    return need(who, offer, now_ms=now_ms)


def axis(offer: Mapping[str, Any]) -> str:
    """The liking that an offer speaks to."""
    kind = offer.get("kind")
    if kind == "intervention":
        return "guidance"
    if kind == "feature":
        return "travel" if offer.get("category") == "travel" else "digital"
    return AXIS.get(str(offer.get("category")), "guidance")


def held(who: Resident, offer: Mapping[str, Any]) -> bool:
    """Whether they have what it leads to."""
    asks = offer.get("asks")
    if asks:
        return (asks.get("purpose"), asks.get("source")) in who.grants
    feature, product = offer.get("feature"), offer.get("product")
    if feature is not None and offer.get("action") != "feature_lounge_access":
        return feature in who.features
    return product is not None and product in who.products


def tactlessness(who: Resident, offer: Mapping[str, Any]) -> float:
    """Selling to somebody in money trouble, 0..1; help is never tactless."""
    if offer.get("kind") != "offer":
        return 0.0
    return max((who.stress - TACTLESS_FROM) / (1.0 - TACTLESS_FROM), 0.0)
