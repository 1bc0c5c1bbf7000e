"""A customer with open decisions, and answers to them: what crediting is tested with."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from operators.learn import credit
from schemas.base import DATA_SOURCES, DAY_MS, Purpose
from schemas.customer import Customer, Grant, OpenDecision
from schemas.decisions import Lesson
from schemas.events import FeedbackReceived
from schemas.offers import Item
from schemas.rules import Rules
from schemas.vectors import pack_vector

START_MS = 1_740_000_000_000
RULES = Rules()
LOAN = Item.model_validate(
    {
        "id": "loan",
        "kind": "offer",
        "category": "lending",
        "title": "A loan for your plans",
        "body": "Spread a large expense over two years.",
        "answers": ["expense.large"],
        "product": "personal_loan",
        "channels": ["in_app"],
        "value_customer_minor": 2_000,
        "value_bank_minor": 6_000,
        "credit": True,
    }
)
CARD = LOAN.model_copy(update={"id": "card", "category": "cards"})
POT = LOAN.model_copy(update={"id": "pot", "category": "saving", "credit": False})
ASK = Item.model_validate(
    {
        "id": "ask",
        "kind": "consent_ask",
        "category": "consent",
        "title": "May we look at your app use?",
        "body": "It helps us to find what gets in your way.",
        "channels": ["in_app"],
        "value_customer_minor": 100,
        "value_bank_minor": 0,
        "asks_purpose": "service_personalisation",
        "asks_source": "app",
    }
)
CATALOGUE = (LOAN, CARD, POT, ASK)


def decision(**changes: Any) -> OpenDecision:
    """An open decision to offer the loan."""
    loan = OpenDecision(
        decision_id="d-1",
        at_ms=START_MS,
        action="loan",
        purpose="direct_marketing",
        channel="in_app",
        arm="treatment",
        propensity=0.4,
        model="m",
        context=pack_vector((1.0, 0.5)),
        action_features=pack_vector((1.0, 0.25)),
        sources=("app", "transactions"),
        until_ms=START_MS + 3 * DAY_MS,
        trainable=True,
    )
    return replace(loan, **changes)


def customer(*decisions: OpenDecision) -> Customer:
    """A customer who agreed to training on all sources, with these open decisions."""
    grants: dict[str, Grant] = {source: Grant("r-1", "p", 0) for source in DATA_SOURCES}
    return Customer(
        "c-1",
        latest_ms=START_MS,
        grants={Purpose.MODEL_TRAINING: dict(grants)},
        open={d.decision_id: d for d in decisions},
    )


def said(outcome: str, *, days: float = 1.0, number: int = 1, **fields: Any) -> FeedbackReceived:
    """Feedback some days after the decision."""
    at = datetime.fromtimestamp(START_MS / 1000 + days * 86_400, UTC)
    body = {"decision_id": "d-1", **fields}
    return FeedbackReceived.model_validate(
        {"event_id": f"f-{number}", "customer": "c-1", "at": at, "outcome": outcome, **body}
    )


def tell(
    who: Customer, *events: FeedbackReceived
) -> tuple[Customer, list[Lesson], list[dict[str, Any]]]:
    """Credit some events in turn."""
    lessons: list[Lesson] = []
    impact: list[dict[str, Any]] = []
    for event in events:
        who.latest_ms = max(who.latest_ms, event.at_ms)
        who, taught, counted = credit(who, event, rules=RULES, catalogue=CATALOGUE)
        lessons += taught
        impact += counted
    return who, lessons, impact
