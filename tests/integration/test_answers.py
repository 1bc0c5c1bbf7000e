"""Why or why not: each reason that a customer gives changes what comes next in its own way, from event to decision."""

from dataclasses import replace
from typing import Any

import pytest

from flows.driver import Driver
from operators.offers import ACTION_NAMES
from schemas import topics
from schemas.decisions import SILENCE
from schemas.offers import Item
from schemas.rules import Rules
from tests.moments import item
from tests.streams import START_MS, body, morning, small_world

DAY = 24 * 60.0
PLAN = item(id="plan", category="loans", answers=["salary.arrived"], rest_days=1)
"""What is said on payday, and may be said again a day later."""
LOAN = item(id="loan", category="loans", rest_days=1)
CARD = item(id="card", category="cards", rest_days=1)
HELP = item(
    "intervention",
    id="help",
    category="loans",
    answers=["salary.arrived"],
    channels=["push"],
    protective=True,
    rest_days=1,
)


class Life:
    """One customer who is paid and answers."""

    def __init__(self, *items: Item, **rules: Any) -> None:
        world = replace(
            small_world(), catalogue=items, rules=Rules.model_validate({"holdout_share": 0} | rules)
        )
        self.driver = Driver(world=world, now_ms=START_MS)
        self.count = 0
        for value in morning("c-1")[:-5]:
            self.driver.send(topics.CUSTOMER_EVENTS, value, key="c-1")
        self.count = 50

    def happens(self, day: float, **content: Any) -> None:
        """An event, so many days after the first."""
        self.count += 1
        value = body("c-1", self.count, content, minutes=day * DAY)
        self.driver.send(topics.CUSTOMER_EVENTS, value, key="c-1")

    def paid(self, day: float) -> list[dict[str, Any]]:
        """The decisions of a payday on which the customer opens the app."""
        before = len(self.decisions)
        self.happens(
            day,
            kind="transaction.booked",
            account="a-1",
            currency="EUR",
            method="transfer",
            counterparty="employer-1",
            transaction_id=f"p-{day}",
            amount_minor=250_000,
            balance_minor=900_000,
        )
        self.happens(day + 0.01, kind="app.opened")
        return self.decisions[before:]

    def answers(self, outcome: str, why: str | None, *, day: float, number: int = 0) -> None:
        """What the customer says of a decision, by default of the first."""
        reason = {} if why is None else {"why": why}
        told = self.decisions[number]["decision_id"]
        self.happens(day, kind="feedback.received", outcome=outcome, decision_id=told, **reason)

    @property
    def decisions(self) -> list[dict[str, Any]]:
        return self.driver.read(topics.DECISIONS)

    @property
    def labels(self) -> list[float]:
        """The labels that were taught of what was said first."""
        return self.labels_of(0)

    def labels_of(self, number: int) -> list[float]:
        """Those that were taught of one decision."""
        one = self.decisions[number]["decision_id"]
        lessons = self.driver.read(topics.LESSONS)
        return [lesson["label"] for lesson in lessons if lesson["decision_id"] == one]


def refusals(decisions: list[dict[str, Any]]) -> dict[str, str]:
    """Item → the rule that held it back, empty where it might have been said in one of the decisions."""
    rules: dict[str, str] = {}
    for one in decisions:
        for candidate in one["candidates"]:
            rule = candidate.get("reject_rule", "")
            action = candidate["action"]
            if action != SILENCE:
                rules[action] = rule if rules.get(action, rule) else ""
    return rules


def told(outcome: str, why: str | None) -> Life:
    """A life in which the plan was said on the first payday and answered an hour later."""
    life = Life(PLAN, LOAN, CARD)
    assert life.decisions[0]["chosen"] == "plan"
    life.answers(outcome, why, day=0.05)
    return life


def test_without_an_answer_the_next_payday_brings_it_again() -> None:
    """What follows is owed to the answers below, not to time."""
    life = Life(PLAN, LOAN, CARD)
    assert refusals(life.paid(3)) == {"plan": "", "loan": "", "card": ""}


def test_not_now_delays() -> None:
    """The offer rests for a week, its kind does not; it is not to blame, so its label stays 0."""
    life = told("dismissed", "not_now")
    assert refusals(life.paid(3)) == {"plan": "contact.resting", "loan": "", "card": ""}
    assert refusals(life.paid(9))["plan"] == ""
    assert life.labels == [0.0]
    other = told("dismissed", "not_relevant")
    assert refusals(other.paid(9))["plan"] == "contact.resting"
    assert other.labels == [pytest.approx(-0.1, abs=1e-3)]


def test_too_personal_cuts_the_data_and_not_the_offer() -> None:
    """The source that was felt is used no more, for anything; the offer's label stays 0."""
    life = told("dismissed", "too_personal")
    assert "transactions" in life.decisions[0]["sources_used"]
    for day in (20, 40):
        (*_, decision) = decisions = life.paid(day)
        assert "transactions" not in decision["sources_used"]
        assert not any(name.startswith(("cash.", "spend.")) for name in decision["features"])
    assert refusals(decisions)["plan"] == ""
    assert life.labels == [0.0]


def test_cannot_afford_feeds_suitability() -> None:
    """Everything of its kind is unsuitable for half a year, and other kinds are not."""
    life = told("dismissed", "cannot_afford")
    first, second = refusals(life.paid(30)), refusals(life.paid(170))
    for rules in (first, second):
        assert rules["loan"] == rules["plan"] == "suitability.cannot_afford"
        assert rules["card"] == ""
    assert refusals(life.paid(200))["loan"] == ""


def test_wrong_facts_ask_for_a_correction_and_blame_nothing() -> None:
    """The bank is asked to look at what it holds; the offer waits until the profile was corrected."""
    life = told("dismissed", "wrong_facts")
    (asked,) = [r for r in life.driver.read(topics.IMPACT) if r["type"] == "profile.correct"]
    assert asked["decision_id"] == life.decisions[0]["decision_id"]
    assert "profile" in asked["sources"]
    assert life.labels == [0.0]
    assert refusals(life.paid(3))["plan"] == "contact.resting"
    life.happens(4, kind="profile.updated", employment="self_employed")
    assert refusals(life.paid(5))["plan"] == ""


def test_already_have_is_a_fact_about_holdings() -> None:
    """A product that is held elsewhere is not offered again while that is likely to hold."""
    life = Life(PLAN.model_copy(update={"product": "savings_plan"}), CARD)
    life.answers("dismissed", "already_have", day=0.05)
    assert refusals(life.paid(120))["plan"] == "eligibility.held_elsewhere"
    assert life.labels == [0.0]


def test_a_complaint_pauses_all_but_protection() -> None:
    """A month without offers; help that protects goes on; the complaint is the dearest label."""
    life = Life(PLAN, CARD, HELP)
    life.paid(1.5)
    number = next(n for n, d in enumerate(life.decisions) if d["chosen"] == "plan")
    life.answers("complained", None, day=2, number=number)
    rules = refusals(life.paid(10))
    assert rules["card"] == "contact.paused"
    assert rules.get("help", "") == ""
    assert refusals(life.paid(40))["card"] == ""
    assert min(life.labels_of(number)) <= -5.0


def test_what_was_said_gives_way_to_something_else() -> None:
    """Rotation: an item rests after it was said, so the next moment says another, and later it may come again."""
    first, other = (
        item("feature", id=name, feature=name, answers=["salary.arrived"], rest_days=20)
        for name in ("pots", "round_up")
    )
    life = Life(first, other)
    said = [life.decisions[0]["chosen"]]
    assert refusals(life.paid(7))[said[0]] == "contact.resting"
    chosen = [d["chosen"] for d in life.decisions[1:] if d["chosen"] != SILENCE]
    assert said[0] not in chosen
    assert refusals(life.paid(30))[said[0]] == ""


def test_an_item_saturates_by_itself() -> None:
    """Each time it was said this month weighs on that item more than on others, as the bandit sees it."""
    life = Life(PLAN, LOAN, CARD, contacts_per_week=50, marketing_per_week=50)
    for day in (6, 12, 18, 60):
        life.paid(day)
    lessons = life.driver.read(topics.LESSONS)
    said = {x["at_ms"]: x["action_features"] for x in lessons if x["action"] == "plan"}
    weary = [said[at_ms][ACTION_NAMES.index("fatigue")] for at_ms in sorted(said)]
    assert len(weary) > 2
    assert weary[0] == 0.0
    assert weary == sorted(weary)
    assert weary[-1] >= 2.0
