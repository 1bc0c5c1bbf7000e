"""Moments to judge: an adult customer who agreed to everything, an item, and what policies look at."""

from typing import Any

from operators import consent
from operators.contracts import Situation
from operators.sense import View
from schemas.base import DATA_SOURCES, DAY_MS, Channel, Purpose, Source
from schemas.customer import Customer, Grant, LiveSignal
from schemas.decisions import Candidate
from schemas.models import Models
from schemas.offers import Item
from schemas.rules import Rules
from schemas.signals import Forecast
from tests.worlds import shipped

NOW_MS = 20_000 * DAY_MS + 12 * 3_600_000
"""Noon UTC of 2024-10-04."""
EASY: dict[str, float] = {
    "cash.history_days": 200.0,
    "cash.balance_eur": 9_000.0,
    "cash.income_month_eur": 3_500.0,
    "cash.debt_service_share": 0.05,
}


def grant_all() -> dict[str, dict[str, Grant]]:
    """Consent to every source for every purpose, since long ago and without end."""
    return {
        purpose: {
            source: Grant(f"r-{source}", "consents:0:1:0", NOW_MS - 400 * DAY_MS)
            for source in DATA_SOURCES
        }
        for purpose in Purpose
    }


def customer(**changes: Any) -> Customer:
    """An employed adult, two years with the bank, who agreed to everything."""
    made = Customer("c-1", since_ms=NOW_MS - 730 * DAY_MS, latest_ms=NOW_MS)
    made.grants = grant_all()
    made.profile = {"birth_year": 1985, "country": "DE", "employment": "employed"}
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def item(kind: str = "offer", **changes: Any) -> Item:
    """A small item of a kind, valid in the catalogue unless a change makes it otherwise."""
    fields: dict[str, Any] = {
        "id": f"some_{kind}",
        "kind": kind,
        "category": "some",
        "title": "Something useful",
        "body": "It costs nothing, and you can stop at any time.",
        "channels": ["in_app"],
        "value_customer_minor": 100,
        "value_bank_minor": 100,
    }
    match kind:
        case "offer":
            fields["pressure"] = 0.4
        case "feature":
            fields["feature"] = "budget_planner"
        case "consent_ask":
            fields |= {"asks_purpose": "financial_wellbeing", "asks_source": "location"}
    return Item.model_validate(fields | changes)


def credit(**changes: Any) -> Item:
    """A credit offer with all the limits that the catalogue demands."""
    fields: dict[str, Any] = {
        "id": "some_credit",
        "credit": True,
        "eligibility": {"age_min": 18},
        "suitability": {
            "shortfall_max": 0.2,
            "debt_service_share_max": 0.3,
            "income_minor_month_min": 100_000,
        },
    }
    return item("offer", **(fields | changes))


def candidate(
    of: Item,
    *,
    channel: Channel = Channel.IN_APP,
    signal: str | None = None,
    words: str = "",
    sources: tuple[str, ...] = (),
) -> Candidate:
    """The item, proposed."""
    return Candidate(
        item=of,
        channel=channel,
        proposed_by="signal" if signal else "content",
        action_features=(1.0,),
        signal=signal,
        strength=0.7 if signal else 0.0,
        words=words,
        sources=sources,
    )


def forecast(shortfall: float | None) -> Forecast:
    """A cash-flow forecast with this probability of a shortfall."""
    return Forecast("cashflow", 30, 0, shortfall, 50_000, None)


def situation(
    of: Customer | None = None,
    *,
    now_ms: int = NOW_MS,
    features: dict[str, float] | None = None,
    shortfall: float | None = 0.02,
    rules: Rules | None = None,
    verdicts: dict[str, str] | None = None,
) -> Situation:
    """What policies look at: by default easy finances and no reason to refuse."""
    me = customer() if of is None else of
    return Situation(
        customer=me,
        now_ms=now_ms,
        features=EASY if features is None else features,
        forecasts={"cashflow": forecast(shortfall)},
        rules=Rules() if rules is None else rules,
        models=Models(verdicts=verdicts or {}),
        readable=readable(me, now_ms=now_ms),
    )


def readable(me: Customer, *, now_ms: int = NOW_MS) -> frozenset[Source]:
    """What may be looked at to hold something back, as a worker works it out."""
    stands = consent.standing(me, now_ms=now_ms)
    return View(me, world=shipped(), now_ms=now_ms, stands=stands).readable


def live(*sources: str, days_ago: int = 1, days_left: int = 200) -> LiveSignal:
    """A signal that holds, derived from these sources."""
    return LiveSignal(
        at_ms=NOW_MS - days_ago * DAY_MS,
        until_ms=NOW_MS + days_left * DAY_MS,
        strength=0.8,
        sources=sources,
        words="Something happened.",
        evidence={},
    )
