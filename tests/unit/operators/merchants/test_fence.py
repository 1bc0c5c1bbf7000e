"""The fence before special categories: nothing of them is kept unless a consent names them."""

from collections.abc import Sequence

import orjson
import pytest

from operators.decide import decide
from schemas.customer import Customer
from schemas.events import EVENT, EventBase
from state.codec import decode, encode
from tests.worlds import shipped


def grant(*special: str) -> EventBase:
    """Consent to use payments, special categories named or not."""
    return EVENT.validate_json(
        orjson.dumps(
            {
                "kind": "consent.granted",
                "event_id": "g-1",
                "customer": "c-1",
                "at": "2026-03-01T08:00:00Z",
                "record_id": "r-1",
                "purpose": "financial_wellbeing",
                "sources": ["transactions"],
                "special_categories": special,
            }
        )
    )


def payment() -> EventBase:
    """A donation to a parish."""
    return EVENT.validate_json(
        orjson.dumps(
            {
                "kind": "transaction.booked",
                "event_id": "e-1",
                "customer": "c-1",
                "at": "2026-03-02T08:00:00Z",
                "account": "a-1",
                "transaction_id": "t-1",
                "amount_minor": -2500,
                "balance_minor": 97500,
                "currency": "EUR",
                "method": "card",
                "mcc": "8661",
                "merchant": "ST JAMES PARISH",
            }
        )
    )


def after(events: Sequence[EventBase]) -> Customer:
    """The record after some events, as the store gives it back."""
    customer = Customer("c-1")
    for index, event in enumerate(events):
        made = decide(customer, event, world=shipped(), position=f"customer-events:0:{index}:0")
        assert made.customer is not None
        customer = decode(encode(made.customer))
    return customer


@pytest.mark.parametrize("special", [(), ("health", "politics")])
def test_a_special_category_is_not_kept(special: tuple[str, ...]) -> None:
    """Without a consent that names it, only the amount is folded."""
    kept = after([grant(*special), payment()])
    assert "parish" not in str(kept.slots).lower()
    assert kept.slots["cash"]["accounts"]["a-1"][1] == 97500


def test_a_consent_that_names_it_lifts_the_fence() -> None:
    """The merchant is then known like any other, and the grant survives the store."""
    kept = after([grant("religion"), payment()])
    assert kept.grants["financial_wellbeing"]["transactions"].special == ("religion",)
    assert kept.slots["spend"] != after([grant(), payment()]).slots["spend"]


def test_a_row_of_a_first_copy_is_known_and_never_spoken_of() -> None:
    """It is folded like any other; no signal is noticed and nothing is decided on it."""
    before = after([grant()])
    row = payment().model_copy(update={"snapshot": True, "mcc": "5411", "merchant": "SHOP"})
    made = decide(before, row, world=shipped(), position="customer-events:0:9:0")
    assert made.customer is not None
    assert made.customer.slots["cash"]["accounts"]["a-1"][1] == 97500
    assert (made.decision, made.offers, made.insights) == (None, [], [])
    again = decide(
        made.customer,
        row.model_copy(update={"event_id": "e-2"}),
        world=shipped(),
        position="customer-events:0:10:0",
    )
    assert "netted" in again.trace
    assert "fold" not in again.trace
