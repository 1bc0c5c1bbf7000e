"""Laws of the customer's own file: it comes back equal, through JSON, whatever the life."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.decide import decide
from operators.portability import export, restore
from schemas.base import Source
from schemas.customer import Customer
from schemas.events import EventBase
from tests.records import customers, full_customer
from tests.strategies import CUSTOMER, event, lives
from tests.worlds import shipped


@given(customers(st.just("c-1")))
def test_export_and_import_are_a_round_trip(record: Customer) -> None:
    """Any record comes back equal from its file; derived values are only shown, never read back."""
    record.slots = {}
    body = orjson.loads(orjson.dumps(export(record, now_ms=0)))
    assert restore(body) == record


def test_packed_memories_come_back() -> None:
    """A memory that a plug-in packs into bytes is in the file too."""
    record = full_customer()
    record.slots = {"packed@1": {"data": b"\x00\xff", "list": [b"1", 2.5, None]}}
    assert restore(orjson.loads(orjson.dumps(export(record, now_ms=0)))) == record


@settings(max_examples=40)
@given(events=lives(consented=True))
def test_a_life_is_handed_out_on_request(events: list[EventBase]) -> None:
    """One event hands out everything held, and what is derived from sources without consent is not there."""
    customer = Customer(CUSTOMER)
    asked = [*events, event({"kind": "export.requested"}, minutes=10**6, index=10**6)]
    for index, one in enumerate(asked):
        outcome = decide(customer, one, world=shipped(), position=f"customer-events:0:{index}:0")
        customer = outcome.customer or Customer(CUSTOMER)
    (body,) = [b for b in outcome.transparency if b["type"] == "customer.export"]
    held = restore(orjson.loads(orjson.dumps(body)))
    assert held.grants == customer.grants
    assert held.slots == customer.slots
    granted = {source for by_source in customer.grants.values() for source in by_source}
    assert {row["source"] for row in body["derived"]} <= {str(Source(s)) for s in granted}
    assert all(row["words"] for row in body["derived"])
