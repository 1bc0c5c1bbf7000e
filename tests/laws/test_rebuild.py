"""Laws of joining and parting: a record remembers what its events say, however they were divided before."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.driver import Driver
from flows.intake import shard_decode
from flows.records import Record
from flows.settings import Limits
from flows.zones import Zones
from operators import ledger
from operators.features import FEATURES
from schemas import topics
from schemas.base import DAY_MS, Purpose
from schemas.customer import Memory
from schemas.events import EventBase
from scripts.sources.rebuilding import Rebuilt, rebuilt
from tests.strategies import CUSTOMER, GRANT_ALL, event, lives
from tests.streams import small_world

OTHER = "c-2"
FOLDED = (*(group.slot.name for group in FEATURES), *(slot.name for slot in ledger.SLOTS))
LIVES = settings(max_examples=40)


def lived(life: Sequence[EventBase]) -> Driver:
    driver = Driver(small_world())
    for one in life:
        driver.advance_to(max(driver.now_ms, one.at_ms))
        driver.put(one)
    return driver


def log_of(driver: Driver) -> list[Record]:
    return [r for role in (topics.DECISIONS, topics.CUSTOMER_EVENTS) for r in driver.records(role)]


def again(driver: Driver, aliases: Mapping[str, str]) -> Rebuilt:
    return rebuilt(
        log_of(driver),
        customer=CUSTOMER,
        owner=lambda customer, _: aliases.get(customer, customer),
        world=small_world(),
        decode=shard_decode(Limits(), Zones(())),
    )


def folded(slots: Mapping[str, Memory]) -> dict[str, Memory]:
    """What is folded of events; what triggers said depends on when somebody looked."""
    return {name: slots[name] for name in FOLDED if name in slots}


def said(driver: Driver, made: Rebuilt) -> dict[str, Any]:
    return made.event(event_id="rebuilt-1", at_ms=driver.now_ms, by="test", reason="law")


@LIVES
@given(lives(consented=True))
def test_a_record_is_what_its_own_events_say(life: list[EventBase]) -> None:
    """Nobody was joined: working the record out changes nothing, whatever became of its consents."""
    driver = lived(life)
    before = driver.customer(CUSTOMER)
    assert before is not None
    driver.send(topics.CUSTOMER_EVENTS, orjson.dumps(said(driver, again(driver, {}))), key=CUSTOMER)
    after = driver.customer(CUSTOMER)
    assert after is not None
    assert folded(after.slots) == folded(before.slots)
    assert (after.grants, after.products) == (before.grants, before.products)


@LIVES
@given(lives(control=False), st.data())
def test_joined_is_as_if_it_had_been_one(life: list[EventBase], data: st.DataObject) -> None:
    """Events divided among two records of one person come together as those of one record."""
    agreed = [event(body, minutes=-1, index=-1 - n) for n, body in enumerate(GRANT_ALL)]
    twice = [
        one.model_copy(update={"customer": OTHER, "event_id": f"{one.event_id}-o"})
        for one in agreed
    ]
    divided = [
        one.model_copy(update={"customer": data.draw(st.sampled_from([CUSTOMER, OTHER]))})
        for one in life
    ]
    one_record = lived([*agreed, *life]).customer(CUSTOMER)
    made = again(lived([*agreed, *twice, *divided]), {OTHER: CUSTOMER})
    assert one_record is not None
    assert folded(made.me.slots) == folded(one_record.slots)
    assert made.me.products == one_record.products
    assert made.rejected == 0


@pytest.mark.parametrize("merged", [True, False])
def test_what_was_erased_is_not_counted_again(*, merged: bool) -> None:
    """A withdrawal under the other record took its data away; joining does not bring it back."""
    shop = {"kind": "transaction.booked", "account": "a-2", "transaction_id": "t", "currency": "EUR",
            "amount_minor": -5_000, "method": "card", "mcc": "5812", "merchant": "Bistro"}  # fmt: skip
    bodies = [
        *((CUSTOMER, body) for body in GRANT_ALL),
        *((OTHER, body) for body in GRANT_ALL),
        (OTHER, shop),
        (OTHER, {"kind": "app.opened"}),
        (OTHER, {"kind": "consent.withdrawn", "sources": ["transactions"]}),
        (OTHER, {"kind": "objection.raised", "scope": "marketing"}),
        (CUSTOMER, {"kind": "app.opened"}),
    ]
    life = [
        event(body, minutes=float(n), index=n).model_copy(update={"customer": who})
        for n, (who, body) in enumerate(bodies)
    ]
    driver = lived(life)
    made = again(driver, {OTHER: CUSTOMER} if merged else {})
    assert "cash" not in made.me.slots
    assert made.counted == ({CUSTOMER, OTHER} if merged else {CUSTOMER})
    driver.send(topics.CUSTOMER_EVENTS, orjson.dumps(said(driver, made)), key=CUSTOMER)
    after = driver.customer(CUSTOMER)
    assert after is not None
    assert after.objections.keys() == ({"marketing"} if merged else set())
    assert set(after.grants) == set(Purpose)
    closed = {"kind": "customer.closed", "event_id": "closed-1", "customer": OTHER, "by": "test",
              "at": life[-1].at.isoformat(), "into": CUSTOMER}  # fmt: skip
    driver.send(topics.CUSTOMER_EVENTS, orjson.dumps(closed), key=OTHER)
    parted = driver.customer(OTHER)
    assert parted is not None
    assert (parted.slots, parted.open, set(parted.grants)) == ({}, {}, set(Purpose))
    told = len(driver.records(topics.DECISIONS))
    driver.advance_to(driver.now_ms + 400 * DAY_MS)
    later = driver.read(topics.DECISIONS)[told:]
    assert OTHER not in {body["customer"] for body in later}
