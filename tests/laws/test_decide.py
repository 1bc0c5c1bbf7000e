"""Laws of the whole way: whatever happens to a customer, these hold."""

import copy
import gc
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import arbitrate, deliberate
from operators.decide import decide
from operators.features import CONTEXT
from operators.slots import SOURCE_OF_SLOT
from schemas.base import DAY_MS, Purpose, Source
from schemas.customer import Customer
from schemas.decisions import SILENCE, Outcome
from schemas.events import EventBase
from schemas.offers import Kind
from tests.strategies import CUSTOMER, GRANT_ALL, event, lives
from tests.worlds import shipped


def live(events: Sequence[EventBase]) -> list[Outcome]:
    """Run a life through decide, one outcome an event."""
    customer, outcomes = Customer(CUSTOMER), []
    for index, one in enumerate(events):
        outcome = decide(customer, one, world=shipped(), position=f"customer-events:0:{index}:0")
        outcomes.append(outcome)
        customer = outcome.customer or Customer(CUSTOMER)
    return outcomes


@given(events=lives())
def test_no_consent_no_use(events: list[EventBase]) -> None:
    """A decision uses only (purpose, source) pairs that stand at its position on the log."""
    customer = Customer(CUSTOMER)
    for index, one in enumerate(events):
        outcome = decide(customer, one, world=shipped(), position=f"customer-events:0:{index}:0")
        customer = outcome.customer or Customer(CUSTOMER)
        granted = {Source(source) for by_source in customer.grants.values() for source in by_source}
        # What was told lately is kept to ration it, whatever it was told of, and goes with the customer.
        assert {SOURCE_OF_SLOT[name] for name in customer.slots} - {Source.CONTROL} <= granted
        if outcome.decision is None:
            continue
        assert set(outcome.decision.sources_used) <= granted
        for purpose, by_source in outcome.decision.consent_vector.items():
            assert all(
                customer.may(Purpose(purpose), Source(s), customer.latest_ms) for s in by_source
            )
        if outcome.offers and "marketing" in customer.objections:
            assert outcome.offers[0]["kind"] != Kind.OFFER


@given(events=lives(control=False))
def test_a_customer_without_any_consent_is_a_blank(events: list[EventBase]) -> None:
    """Without a grant nothing is remembered of the data, and only a request for consent is ever made."""
    outcomes = live(events)
    for outcome in outcomes:
        assert outcome.customer is not None
        assert outcome.customer.slots == {}
        assert outcome.lessons == [] or all(not lesson.context for lesson in outcome.lessons)
        assert all(offer["kind"] == Kind.CONSENT_ASK for offer in outcome.offers)


@settings(max_examples=40)
@given(events=lives(consented=True))
def test_same_life_same_bytes(events: list[EventBase]) -> None:
    """The same events, world and positions give the same bytes, whatever object they come in."""
    first = [orjson.dumps(o.decision) for o in live(events)]
    again = [orjson.dumps(o.decision) for o in live(copy.deepcopy(events))]
    assert first == again


@settings(max_examples=30)
@given(events=lives(consented=True))
def test_what_a_counterfactual_takes_over_is_what_it_would_find(events: list[EventBase]) -> None:
    """Verdicts and contexts that deciding again without a signal takes over are the same when found anew."""
    short = [orjson.dumps(o.decision) for o in live(events)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deliberate, "key_of", id)
        patched.setattr(arbitrate.Contexts, "of", context_anew)
        assert [orjson.dumps(o.decision) for o in live(events)] == short


def context_anew(contexts: arbitrate.Contexts, sources: frozenset[Source]) -> tuple[float, ...]:
    """The context vector from the features themselves, feature by feature."""
    values = [1.0]
    for spec in CONTEXT:
        x = 0.0
        if spec.source in sources:
            x = (contexts.features[spec.name] - spec.centre) / spec.scale
        values.append(round(min(max(x, -8.0), 8.0) * 1024) / 1024)
    return tuple(values)


@settings(max_examples=40)
@given(events=lives(consented=True))
def test_the_given_customer_is_never_changed(events: list[EventBase]) -> None:
    """The function is pure: the record that it is given stays as it was."""
    customer = Customer(CUSTOMER)
    for index, one in enumerate(events):
        before = copy.deepcopy(customer)
        outcome = decide(customer, one, world=shipped(), position=f"customer-events:0:{index}:0")
        assert customer == before
        customer = outcome.customer or Customer(CUSTOMER)


@given(events=lives(consented=True, max_size=20), index=st.integers(0, 19))
def test_a_duplicate_is_silence(events: list[EventBase], index: int) -> None:
    """The same event again changes nothing and says nothing."""
    outcomes = live(events)
    customer = outcomes[-1].customer
    if customer is None:
        return
    seen = events[min(index, len(events) - 1)]
    again = decide(customer, seen, world=shipped(), position="customer-events:0:999:0")
    if again.duplicate:
        assert again.customer is customer
        assert not again.offers
        assert again.decision is None
    else:
        first = outcomes[events.index(seen)]
        assert first.withheld is not None or first.rejected is not None


@settings(max_examples=60)
@given(events=lives(consented=True))
def test_propensities_are_a_distribution_and_caps_hold(events: list[EventBase]) -> None:
    """p_final sums to one over the allowed actions, and no week has more contacts than the caps."""
    contacts: list[int] = []
    for outcome in live(events):
        decision = outcome.decision
        if decision is None or outcome.customer is None:
            continue
        total = sum(row.get("p_final", 0.0) for row in decision.candidates)
        assert total == pytest.approx(1.0, abs=1e-9)
        chosen = next(r for r in decision.candidates if r["action"] == decision.chosen)
        assert chosen["p_final"] == decision.propensity
        if decision.chosen != SILENCE and outcome.offers[0]["type"] == "offer.issued":
            contacts.append(outcome.customer.latest_ms)
            week = [t for t in contacts if contacts[-1] - t < 7 * DAY_MS]
            assert len(week) <= shipped().rules.contacts_per_week


@settings(max_examples=60)
@given(events=lives(consented=True))
def test_a_decision_goes_out_as_it_was_sealed(events: list[EventBase]) -> None:
    """The JSON that was made for the digest is the decision's, and without its digest it has that digest."""
    for outcome in live(events):
        decision = outcome.decision
        if decision is not None:
            assert outcome.sealed == orjson.dumps(decision)
            bare = orjson.dumps(replace(decision, digest=""))
            assert sha256(bare).hexdigest() == decision.digest


@settings(max_examples=60)
@given(events=lives(consented=True))
def test_no_sales_pressure_on_the_vulnerable(events: list[EventBase]) -> None:
    """Nobody who is flagged vulnerable is sold anything, and nothing is tried out on them."""
    pressure = {item.id: item.pressure for item in shipped().catalogue}
    flagged = event({"kind": "vulnerability.flagged", "driver": "health"}, minutes=0, index=9999)
    customer = decide(
        Customer(CUSTOMER), flagged, world=shipped(), position="customer-events:0:0:0"
    ).customer
    for index, one in enumerate(events):
        if one.kind == "vulnerability.cleared" or customer is None:
            continue
        outcome = decide(customer, one, world=shipped(), position=f"customer-events:0:{index}:1")
        customer = outcome.customer
        for offer in outcome.offers:
            assert pressure[offer["action"]] == 0
        if outcome.decision is not None:
            assert outcome.decision.vulnerability_brake


def test_withdrawal_recalls_and_forgets() -> None:
    """A withdrawal recalls the offer that stood on it and erases what was derived, in the same outcome."""
    bodies = [
        *GRANT_ALL,
        {"kind": "profile.updated", "birth_year": 1988, "employment": "employed"},
        {"kind": "location.zone_entered", "zone": "airport:LHR", "zone_kind": "airport"},
        {"kind": "app.opened"},
    ]
    events = [event(body, minutes=index, index=index) for index, body in enumerate(bodies)]
    outcomes = live(events)
    assert outcomes[-1].customer is not None
    assert "places" in outcomes[-1].customer.slots
    out = event({"kind": "consent.withdrawn"}, minutes=99, index=99)
    after = decide(outcomes[-1].customer, out, world=shipped(), position="customer-events:0:99:0")
    assert after.customer is not None
    assert after.customer.slots == {}
    assert after.customer.signals == {}
    issued = [o for outcome in outcomes for o in outcome.offers if o["kind"] != Kind.CONSENT_ASK]
    assert {o["offer_id"] for o in after.offers} == {o["offer_id"] for o in issued}
    assert all(o["type"] == "offer.recalled" for o in after.offers)


def test_erasure_leaves_no_record() -> None:
    """Erasure ends in no record at all, and says so on the impact stream."""
    events = [event(body, minutes=index, index=index) for index, body in enumerate(GRANT_ALL)]
    customer = live(events)[-1].customer
    assert customer is not None
    gone = decide(
        customer,
        event({"kind": "erasure.requested"}, minutes=60, index=60),
        world=shipped(),
        position="customer-events:0:60:0",
    )
    assert gone.customer is None
    assert gone.impact[0]["type"] == "erasure"


def test_an_erasure_keeps_the_recalls_of_what_ended_before_it() -> None:
    """Consent that ended unnoticed before the erasure is recalled with it: nothing said stays out."""
    ending = [{**body, "valid_until": "2025-03-05T00:00:00+00:00"} for body in GRANT_ALL]
    events = [event(body, minutes=index, index=index) for index, body in enumerate(ending)]
    opened = {"kind": "app.opened"}
    events += [event(opened, minutes=60 * n, index=20 + n) for n in range(1, 5)]
    customer = live(events)[-1].customer
    assert customer is not None
    assert customer.outstanding
    gone = decide(
        customer,
        event({"kind": "erasure.requested"}, minutes=60 * 24 * 3, index=60),
        world=shipped(),
        position="customer-events:0:60:0",
    )
    assert {o["offer_id"] for o in gone.offers} == set(customer.outstanding)


def test_far_too_late_is_rejected() -> None:
    """An event that is older than the lateness bound is a dead letter, not a silent skew."""
    now = event({"kind": "app.opened"}, minutes=0, index=1)
    grants = [event(body, minutes=-1, index=100 + i) for i, body in enumerate(GRANT_ALL)]
    customer = live([*grants, now])[-1].customer
    assert customer is not None
    old = event({"kind": "app.opened"}, minutes=-60 * 24 * 400, index=2)
    outcome = decide(customer, old, world=shipped(), position="customer-events:0:9:0")
    assert outcome.rejected is not None
    assert outcome.rejected.code == "input.too-late"
    assert outcome.customer is customer


@settings(max_examples=20)
@given(events=lives(consented=True))
def test_nothing_is_left_to_the_collector(events: list[EventBase]) -> None:
    """What deciding lets go of holds no circle of references: workers run without a cycle collector."""
    live(events)  # what is loaded at first use is made now
    gc.collect()
    gc.disable()
    try:
        live(events)
        assert gc.collect() == 0
    finally:
        gc.enable()


@settings(max_examples=40)
@given(events=lives())
def test_where_consent_is_reviewed_only_questions_come_up(events: list[EventBase]) -> None:
    """Whoever opens the page where data is shared is at most asked, and nothing of theirs is looked at."""
    events = [*events, event({"kind": "consent.reviewed"}, minutes=10**6, index=10**6)]
    last = live(events)[-1]
    assert last.decision is not None
    assert last.decision.sources_used == ()
    assert last.decision.features == {}
    assert all(offer["kind"] == Kind.CONSENT_ASK for offer in last.offers)


def test_a_customer_without_any_consent_can_be_asked() -> None:
    """There is a moment to ask even for whom every other event is withheld."""
    asked = set()
    for number in range(12):
        review = event({"kind": "consent.reviewed"}, minutes=number, index=number)
        outcome = decide(Customer(f"c-{number}"), review, world=shipped(), position="p:0:0:0")
        asked |= {offer["action"] for offer in outcome.offers}
    assert asked
