"""New items and new habits through the whole stream: an offer of today is chosen by its features, the app's by co-use."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from flows.driver import Driver
from flows.learn import Learner
from operators.arbitrate import CONTEXT_NAMES
from operators.offers import ACTION_NAMES
from schemas import topics
from schemas.base import DAY_MS
from schemas.models import Models
from schemas.offers import Item
from schemas.rules import Rules
from tests.strategies import GRANT_ALL
from tests.streams import START_MS, body, small_world

PEOPLE, DAYS = 24, 8
RULES = Rules(
    holdout_share=0.0,
    control_share=0.0,
    contacts_per_day=20,
    contacts_per_week=100,
    marketing_per_week=100,
    response_window_days=1,
)
Send = Callable[[str, float, dict[str, Any]], None]


def item(name: str, **traits: float) -> Item:
    """Something of the app to show, with this content."""
    return Item.model_validate(
        {
            "id": name,
            "kind": "feature",
            "category": "test",
            "title": f"Have a look at {name}",
            "body": "It may be of use.",
            "traits": traits,
            "feature": name,
            "channels": ["in_app"],
            "value_customer_minor": 1_500,
            "value_bank_minor": 500,
            "valid_days": 1,
            "rest_days": 1,
        }
    )


TRIPS = tuple(item(f"trip_{n}", travel=0.5 + n / 4) for n in range(3))
HOMES = tuple(item(f"home_{n}", home=0.5 + n / 4) for n in range(3))
NEW = item("trip_new", travel=1.5)


def box(*items: Item) -> tuple[Driver, Send]:
    """A deployment with these items that learns from nothing, and how to send it an event at a minute."""
    learner = Learner(
        CONTEXT_NAMES, ACTION_NAMES, actions=[one.id for one in items], published=Models()
    )
    world = replace(small_world(), catalogue=items, rules=RULES)
    driver = Driver(world, learner=learner.hear, now_ms=START_MS)
    numbers = count()

    def send(who: str, minutes: float, content: dict[str, Any]) -> None:
        value = body(who, next(numbers), content, minutes=minutes)
        topic = {"consent": "consents", "app": "app-events"}.get(
            content["kind"].partition(".")[0], "feedback"
        )
        driver.send(topic, value, key=who)

    return driver, send


def traveller(number: int) -> bool:
    """Every other one: they search for journeys, and take up the more of them the more of a journey they are."""
    return number % 2 == 0


def takes(number: int, day: int, action: str) -> bool:
    """Whether they take it up that day: of four days two for the least of a journey, all for a whole one."""
    return traveller(number) and any(
        (number // 2 + day) % 4 < 4 * one.traits["travel"]
        for one in (*TRIPS, NEW)
        if one.id == action
    )


def day_of(driver: Driver, send: Send, day: int) -> list[tuple[int, dict[str, Any]]]:
    """Everybody opens the app once; a traveller who is shown a journey takes it up, nobody else anything."""
    made = []
    for number in range(PEOPLE):
        who, minute = f"c-{number}", 1440.0 * day + 20.0 * number + 60.0
        before = len(driver.records("decisions"))
        send(who, minute, {"kind": "app.opened"})
        for decision in driver.read("decisions")[before:]:
            made.append((number, decision))
            if decision["chosen"] == "silence":
                continue
            taken = takes(number, day, decision["chosen"])
            for step, outcome in enumerate(("delivered", *(("completed",) if taken else ()))):
                answer = {"outcome": outcome, "decision_id": decision["decision_id"]}
                send(who, minute + 1.0 + step, {"kind": "feedback.received", **answer})
    driver.advance_to(START_MS + (day + 1) * DAY_MS)
    return made


@pytest.fixture(scope="module")
def first_day() -> list[tuple[int, dict[str, Any]]]:
    """The day on which a journey is added that nobody was ever shown, after some days without it."""
    driver, send = box(*TRIPS, *HOMES)
    for number in range(PEOPLE):
        for minute, grant in enumerate(GRANT_ALL):
            send(f"c-{number}", float(minute), grant)
        for minute in range(12 * traveller(number)):
            send(f"c-{number}", 10.0 + minute, {"kind": "app.searched", "topic": "travel"})
    for day in range(DAYS):
        day_of(driver, send, day)
    driver.send(topics.CATALOGUE, NEW.model_dump_json().encode(), key=NEW.id)
    return day_of(driver, send, DAYS)


def chances(
    day: list[tuple[int, dict[str, Any]]], *, travellers: bool
) -> list[tuple[float, float]]:
    """The new item's chance at each decision that could choose it, and that of an even draw."""
    found = []
    for number, decision in day:
        rows = {row["action"]: row["p_final"] for row in decision["candidates"] if "p_final" in row}
        if traveller(number) is travellers and NEW.id in rows:
            found.append((rows[NEW.id], 1.0 / len(rows)))
    return found


def test_a_new_item_is_chosen_by_its_features_on_its_first_day(
    first_day: list[tuple[int, dict[str, Any]]],
) -> None:
    """Exact chances, not luck: for whom journeys are it beats an even draw; and more so than for the others."""
    means = {}
    for travellers in (True, False):
        found = chances(first_day, travellers=travellers)
        assert len(found) >= PEOPLE // 4
        means[travellers] = [sum(column) / len(found) for column in zip(*found, strict=True)]
    chance, even = means[True]
    assert chance > 1.2 * even
    assert chance > 1.5 * means[False][0]


def test_what_is_expected_of_it_is_told_on_the_first_day(
    first_day: list[tuple[int, dict[str, Any]]],
) -> None:
    """Its score comes from its content: for those who travel it is above silence and above what is for the home."""
    better = [
        scores[NEW.id] > scores["silence"]
        and scores[NEW.id] > max((s for name, s in scores.items() if "home" in name), default=-1.0)
        for number, decision in first_day
        if traveller(number)
        for scores in [{r["action"]: r["score"] for r in decision["candidates"] if "score" in r}]
        if NEW.id in scores
    ]
    assert better
    assert sum(better) >= 0.9 * len(better)


PLAN, ROUND, LIMIT = item("planner"), item("round_up"), item("limits")


def test_features_of_the_app_are_recommended_by_co_use() -> None:
    """Who uses the planner mostly uses round-ups too: who uses the one is shown the other, and not the limits."""
    driver, send = box(PLAN, ROUND, LIMIT)
    for number in range(60):
        who = f"c-{number}"
        for minute, grant in enumerate(GRANT_ALL):
            send(who, float(minute), grant)
        for minute, used in enumerate(("planner", "round_up") if number < 40 else ("limits",)):
            send(who, 10.0 + minute, {"kind": "app.feature_used", "feature": used})
    taste = driver.world.models.taste
    assert taste is not None
    assert {"app:planner", "app:round_up", "app:limits"} <= set(taste.products)
    for minute, grant in enumerate(GRANT_ALL):
        send("new", float(minute), grant)
    send("new", 20.0, {"kind": "app.feature_used", "feature": "planner"})
    send("new", 30.0, {"kind": "app.opened"})
    decision = driver.read("decisions")[-1]
    by = {row["action"]: row.get("proposed_by") for row in decision["candidates"]}
    assert by == {"round_up": "taste", "limits": "content", "silence": None}
    uses = [one for one in driver.read("lessons") if one["kind"] == "uses"]
    assert len(uses) == 40 * 2 + 20 + 1
    assert {tuple(one["sources"]) for one in uses} == {("app",)}
    assert uses[-1]["holdings"] == ["app:planner"]


def test_what_may_not_be_learnt_from_is_not() -> None:
    """Without consent to training from the app's data, use of a feature teaches nobody."""
    driver, send = box(PLAN, ROUND, LIMIT)
    for minute, grant in enumerate(GRANT_ALL):
        if grant["purpose"] != "model_training":
            send("c-1", float(minute), grant)
    send("c-1", 20.0, {"kind": "app.feature_used", "feature": "planner"})
    assert not [one for one in driver.read("lessons") if one["kind"] == "uses"]
