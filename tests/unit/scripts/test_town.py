from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from flows.catalogue import load
from schemas.base import DAY_MS
from schemas.events import EVENT, TOPIC_OF_KIND_PREFIX
from schemas.offers import Item
from schemas.topics import SOURCES_IN
from scripts.town import Emitted, Faults, Town
from scripts.town.consequences import PRODUCT_VALUE_MINOR
from scripts.town.needs import NEEDS
from scripts.town.personas import PERSONAS
from scripts.town.truth import probability

DAYS = 45
NO_FAULTS = Faults(late=0.0, twice=0.0, broken=0.0)


def message(item: Item, customer: str, *, number: int = 0) -> dict[str, Any]:
    """An offer as `operators.record` puts it on the topic."""
    asks = None
    if item.asks_purpose is not None and item.asks_source is not None:
        asks = {"purpose": item.asks_purpose.value, "source": item.asks_source.value}
    return {
        "type": "intervention.issued" if item.kind == "intervention" else "offer.issued",
        "offer_id": f"o-{customer}-{number}",
        "decision_id": f"d-{customer}-{number}",
        "idempotency_key": f"o-{customer}-{number}",
        "customer": customer,
        "action": item.id,
        "kind": item.kind.value,
        "category": item.category,
        "product": item.product,
        "feature": item.feature,
        "channel": "in_app",
        "asks": asks,
    }


def digest(town: Town, *, days: int) -> str:
    """A digest of everything that a town lets out."""
    total = sha256()
    for record in town.until(town.start_ms + days * DAY_MS):
        total.update(f"{record.at_ms} {record.topic} {record.key} ".encode() + record.value())
    return total.hexdigest()


@pytest.fixture(scope="module")
def lived() -> tuple[Town, list[Emitted]]:
    """A town after some weeks, with what it let out."""
    town = Town("unit", 120)
    return town, list(town.until(town.start_ms + DAYS * DAY_MS))


@pytest.fixture(scope="module")
def offers() -> list[dict[str, Any]]:
    """The shipped catalogue as messages without an addressee."""
    return [message(item, "nobody") for item in load()]


def test_same_seed_same_bytes() -> None:
    """A seed gives the same bytes each time, another seed gives others."""
    assert digest(Town("a", 15), days=12) == digest(Town("a", 15), days=12)
    assert digest(Town("a", 15), days=12) != digest(Town("b", 15), days=12)


def test_same_offers_same_bytes() -> None:
    """Told the same things at the same moments, a town answers with the same bytes."""

    def told() -> str:
        town = Town("a", 15)
        first = digest(town, days=10)
        for number, item in enumerate(load()):
            town.offer(message(item, "c00003", number=number))
        return first + digest(town, days=20)

    assert told() == told()


def test_good_events_validate(lived: tuple[Town, list[Emitted]]) -> None:
    """Every event without a fault is a native event on the topic of its kind; every broken one is refused."""
    faults: Counter[str] = Counter()
    for record in lived[1]:
        faults[record.fault] += 1
        if record.fault:
            with pytest.raises(ValidationError):
                EVENT.validate_json(record.value())
            continue
        event = EVENT.validate_json(record.value())
        assert record.key == event.customer
        assert record.topic == TOPIC_OF_KIND_PREFIX[event.kind.partition(".")[0]]
    assert set(faults) == {"", "truncated", "missing", "unknown", "type", "newer"}
    assert faults.total() - faults[""] < 0.004 * len(lived[1])


def test_all_sources_speak(lived: tuple[Town, list[Emitted]]) -> None:
    """Each input topic has events, and records come in order of time."""
    records = lived[1]
    assert {record.topic for record in records} == set(SOURCES_IN)
    assert all(a.at_ms <= b.at_ms for a, b in pairwise(records))


def test_balance_is_the_sum() -> None:
    """Each account's balance is the one before plus the movement, to the cent, and pending is booked once."""
    town = Town("books", 60, faults=NO_FAULTS)
    opening = {
        account: balance
        for who in town.residents.values()
        for account, balance in who.balances.items()
    }
    pending: dict[str, int] = {}
    seen: set[str] = set()
    for record in town.until(town.start_ms + 60 * DAY_MS):
        event = record.event
        assert event["event_id"] not in seen
        seen.add(event["event_id"])
        if event["kind"] == "transaction.pending":
            pending[event["transaction_id"]] = event["amount_minor"]
        if event["kind"] == "transaction.booked":
            account = event["account"]
            opening[account] = opening.get(account, 0) + event["amount_minor"]
            assert event["balance_minor"] == opening[account]
            authorised = pending.pop(event["transaction_id"], None)
            assert authorised in {None, event["amount_minor"]}
    assert len(pending) < 60
    for who in town.residents.values():
        assert all(opening[account] == balance for account, balance in who.balances.items())
        assert who.owed_minor >= 0


def test_duplicates_are_equal(lived: tuple[Town, list[Emitted]]) -> None:
    """What comes twice under one id is the same both times, and late records keep their own time."""
    first: dict[str, dict[str, Any]] = {}
    twice = late = 0
    for record in lived[1]:
        if record.fault:
            continue
        known = first.setdefault(record.event["event_id"], record.event)
        twice += known is not record.event or known != record.event
        assert known == record.event
        late += EVENT.validate_python(record.event).at_ms < record.at_ms - 60_000
    assert late > 0
    assert len(first) < sum(1 for record in lived[1] if not record.fault)


def test_consents_differ(lived: tuple[Town, list[Emitted]]) -> None:
    """Some agree to everything, some to parts, some to nothing."""
    counts = Counter(len(who.grants) for who in lived[0].residents.values())
    assert counts[0] > 0
    assert counts[28] > 20
    assert sum(n for grants, n in counts.items() if 0 < grants < 28) > 20


def test_acceptance_range(lived: tuple[Town, list[Emitted]], offers: list[dict[str, Any]]) -> None:
    """Said at random 3-8 % is taken up, and several times that with ideal targeting: there is something to learn."""
    town, _ = lived
    chances = {
        customer: [town.true_probability(customer, offer) for offer in offers]
        for customer in town.residents
    }
    evenly = sum(map(sum, chances.values())) / (len(offers) * len(chances))
    ideal = sum(map(max, chances.values())) / len(chances)
    assert 0.03 <= evenly <= 0.08
    assert 0.25 <= ideal <= 0.45


def test_best_is_a_bound(lived: tuple[Town, list[Emitted]], offers: list[dict[str, Any]]) -> None:
    """The best probability is that of the best item known so far."""
    town = Town("bound", 4)
    assert town.best_probability("c00000") == 0.0
    for offer in offers:
        town.learn_item(offer)
    best = max(town.true_probability("c00000", offer) for offer in offers)
    assert town.best_probability("c00000") == best
    assert lived[0].true_probability("c00000", offers[0]) > 0


def test_truth_grows_with_need(
    lived: tuple[Town, list[Emitted]], offers: list[dict[str, Any]]
) -> None:
    """More need never lowers the probability, for anybody and anything that can be needed."""
    town, _ = lived
    offer = next(o for o in offers if o["action"] == "shortfall_heads_up")
    for who in town.residents.values():
        chances = [
            probability(replace(who, stress=stress), offer, now_ms=town.now_ms)
            for stress in (0.0, 0.3, 0.5, 0.7, 0.9, 1.0)
        ]
        assert chances == sorted(chances)
        assert chances[-1] > 2 * chances[0]


def test_tact_and_fatigue(lived: tuple[Town, list[Emitted]], offers: list[dict[str, Any]]) -> None:
    """Selling to people in money trouble, and talking too much, both lower the probability."""
    town, now_ms = lived[0], lived[0].now_ms
    sale = next(o for o in offers if o["action"] == "index_fund")
    for who in town.residents.values():
        at_ease = replace(who, stress=0.2, products=set(), fatigue=0.0)
        tired = replace(at_ease, fatigue=6.0, fatigue_at_ms=now_ms)
        assert probability(tired, sale, now_ms=now_ms) < probability(at_ease, sale, now_ms=now_ms)
        in_trouble = replace(at_ease, stress=0.95)
        assert probability(in_trouble, sale, now_ms=now_ms) < probability(
            at_ease, sale, now_ms=now_ms
        )


def test_held_is_not_wanted(
    lived: tuple[Town, list[Emitted]], offers: list[dict[str, Any]]
) -> None:
    """Nobody takes what they have."""
    town = lived[0]
    card = next(o for o in offers if o["action"] == "travel_card")
    for who in town.residents.values():
        if "travel_card" in who.products:
            assert town.true_probability(who.id, card) < 0.01


def answers(town: Town, *, days: int) -> Iterator[dict[str, Any]]:
    """The feedback on decisions within so many days."""
    for record in town.until(town.now_ms + days * DAY_MS):
        if record.event.get("kind") == "feedback.received" and record.event.get("decision_id"):
            yield record.event


def test_answers_follow_the_truth(offers: list[dict[str, Any]]) -> None:
    """As many complete as the true probabilities say, in a sensible order of steps, once each."""
    town = Town("truth", 900, faults=NO_FAULTS)
    list(town.until(town.start_ms + 2 * DAY_MS))
    expected = 0.0
    by_action = {offer["action"]: offer for offer in offers}
    for number, customer in enumerate(town.residents):
        told = {
            **by_action["feature_spending_insights" if number % 2 else "instant_saver"],
            "customer": customer,
            "decision_id": f"d-{customer}",
            "idempotency_key": f"k-{customer}",
        }
        chance = town.offer(told)
        assert chance is not None
        assert town.offer(told) is None
        expected += chance
    steps = defaultdict(list)
    for event in answers(town, days=12):
        steps[event["decision_id"]].append(event["outcome"])
    completed = sum("completed" in outcomes for outcomes in steps.values())
    assert abs(completed - expected) < 4 * expected**0.5
    order = ("delivered", "viewed", "clicked", "started", "completed", "value")
    for outcomes in steps.values():
        assert outcomes[0] == "delivered"
        assert len(outcomes) == len(set(outcomes))
        if "completed" in outcomes:
            assert [o for o in order if o in outcomes] == outcomes


def test_taking_up_changes_the_world() -> None:
    """A product taken up is opened, its worth is reported, and it is not wanted again."""
    town = Town("world", 400, faults=NO_FAULTS)
    list(town.until(town.start_ms + 2 * DAY_MS))
    item = next(item for item in load() if item.id == "instant_saver")
    for customer in town.residents:
        town.offer(message(item, customer))
    records = [r.event for r in town.until(town.start_ms + 8 * DAY_MS)]
    took = {e["customer"] for e in records if e.get("outcome") == "completed"}
    worth = {e["customer"] for e in records if e.get("outcome") == "value" and e.get("decision_id")}
    opened = {e["customer"] for e in records if e.get("product") == "instant_saver"}
    assert took
    assert took == opened == worth
    for customer in took:
        assert town.true_probability(customer, message(item, customer)) < 0.01


def test_strangers_and_recalls_are_ignored() -> None:
    """An offer for nobody here, and a recall, cause nothing."""
    town = Town("stranger", 2)
    item = load()[0]
    assert town.offer(message(item, "c99999")) is None
    assert town.offer({**message(item, "c00001"), "type": "offer.recalled"}) is None


def test_value_is_told_of_everybody(lived: tuple[Town, list[Emitted]]) -> None:
    """Each resident's value is reported though nothing was said to them."""
    told = {
        r.key
        for r in lived[1]
        if r.event.get("outcome") == "value" and not r.event.get("decision_id")
    }
    gone = {who.id for who in lived[0].residents.values() if who.gone}
    assert told | gone == set(lived[0].residents)


def test_tables_cover_the_catalogue() -> None:
    """Every item shipped has a known need, and every product sold has a worth; personas add up."""
    for item in load():
        if item.kind != "consent_ask":
            assert {item.id, item.product, item.feature} & set(NEEDS), item.id
    assert set(PRODUCT_VALUE_MINOR) <= {item.product for item in load()} | {"overdraft"}
    assert sum(persona.share for persona in PERSONAS) == pytest.approx(1.0)


def test_history_is_a_first_copy() -> None:
    """Who banked before the start brings accounts and contract, marked as history; then everybody lives."""
    town = Town("known", 6, known=2, known_days=40, faults=Faults(0.0, 0.0, 0.0))
    records = list(town.until(town.start_ms + DAY_MS))
    before = [record for record in records if record.at_ms < town.start_ms]
    assert {record.key for record in before} == {"c00000", "c00001"}
    assert {record.topic for record in before} >= {"transactions", "profiles", "consents"}
    assert all(record.event["snapshot"] for record in before)
    assert not any("snapshot" in record.event for record in records[len(before) :])
    assert {record.key for record in records[len(before) :]} == set(town.residents)
