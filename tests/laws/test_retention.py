"""Laws of what is kept for how long: memories lapse, silent customers go, and neither goes too soon."""

import orjson
from hypothesis import given, settings

from flows.driver import Driver
from operators.contracts import TTL_DAYS
from operators.decide import decide
from operators.retention import SILENCE, SPAN_MS
from operators.slots import SLOTS
from schemas.base import DAY_MS
from schemas.customer import Customer
from schemas.events import EventBase
from tests.strategies import CUSTOMER, event, lives
from tests.worlds import ruled, shipped

AFTER = 60 * 24
"""Minutes from the start at which the next event comes."""


def lived(events: list[EventBase]) -> Customer:
    customer = Customer(CUSTOMER)
    for index, one in enumerate(events):
        outcome = decide(customer, one, world=shipped(), position=f"customer-events:0:{index}:0")
        customer = outcome.customer or Customer(CUSTOMER)
    return customer


@settings(max_examples=15)
@given(events=lives(consented=True))
def test_a_memory_past_its_time_is_as_if_zero(events: list[EventBase]) -> None:
    """What was not written to for longer than its slot says has no effect any more, and is gone."""
    customer = lived(events)
    assert set(customer.touched) == set(customer.slots)
    then = event({"kind": "app.opened"}, minutes=AFTER, index=999)
    today = max(customer.latest_ms, then.at_ms) // DAY_MS
    for name in customer.slots:
        lapsed, without = customer.copy(), customer.copy()
        lapsed.touched[name] = today - SLOTS[name].ttl_days - 1
        del without.slots[name], without.touched[name]
        here = decide(lapsed, then, world=shipped(), position="customer-events:0:999:0")
        there = decide(without, then, world=shipped(), position="customer-events:0:999:0")
        assert here.customer == there.customer
        assert orjson.dumps([here.decision, here.insights, here.offers]) == orjson.dumps(
            [there.decision, there.insights, there.offers]
        )


@settings(max_examples=15)
@given(events=lives(consented=True))
def test_a_memory_in_time_stays(events: list[EventBase]) -> None:
    """Until the last day that its slot gives it a memory is what it was."""
    customer = lived(events)
    then = event({"kind": "app.opened"}, minutes=AFTER, index=999)
    today = max(customer.latest_ms, then.at_ms) // DAY_MS
    kept = customer.copy()
    kept.touched = {name: today - SLOTS[name].ttl_days for name in customer.slots}
    here = decide(kept, then, world=shipped(), position="customer-events:0:999:0")
    there = decide(customer, then, world=shipped(), position="customer-events:0:999:0")
    assert here.customer is not None
    assert there.customer is not None
    assert here.customer.slots == there.customer.slots


@settings(max_examples=8, deadline=None)
@given(events=lives(consented=True))
def test_a_silent_customer_goes_with_a_certificate(events: list[EventBase]) -> None:
    """After the time that the rules give, and within a month of it, nothing is left but a proof; never before."""
    days = 200
    driver = Driver(ruled(silent_days=days))
    for one in events:
        driver.put(one)
    held = driver.customer(CUSTOMER)
    if held is None or SILENCE not in held.timers:
        return
    # Of what consent kept out not even the time is kept, so the newest that counts was admitted.
    newest_ms = held.latest_ms
    driver.advance_to(newest_ms + days * DAY_MS - 1)
    assert driver.customer(CUSTOMER) is not None
    driver.advance_to(newest_ms + days * DAY_MS + SPAN_MS)
    assert driver.customer(CUSTOMER) is None
    proofs = [body for body in driver.read("transparency") if body["type"] == "erasure.certified"]
    assert [proof["cause"] for proof in proofs][-1] == SILENCE
    assert driver.read("lessons")[-1]["kind"] == "forget"


def test_silence_may_be_without_end() -> None:
    """With 0 days nobody goes, and no timer is set."""
    for days, timers in ((0, set()), (1095, {SILENCE})):
        grant = {"kind": "consent.granted", "record_id": "r", "purpose": "direct_marketing"}
        one = event({**grant, "sources": ["app"]}, minutes=0, index=1)
        outcome = decide(Customer(CUSTOMER), one, world=ruled(silent_days=days), position="p")
        assert outcome.customer is not None
        assert set(outcome.customer.timers) == timers


def test_every_slot_ends() -> None:
    """No memory is kept for ever."""
    assert all(0 < slot.ttl_days <= TTL_DAYS for slot in SLOTS.values())
