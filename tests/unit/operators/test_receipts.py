"""Receipts: every mandatory field of the standard, for each state that consent can have."""

import copy
from typing import Any

import pytest

from flows.signing import Signer
from operators.decide import decide
from schemas.customer import Customer
from schemas.decisions import Outcome
from scripts.auditing import receipt, standard
from tests.strategies import CUSTOMER, event
from tests.worlds import sealed

SIGNER = Signer("01" * 32)
GRANT = {
    "kind": "consent.granted",
    "record_id": "r-1",
    "purpose": "direct_marketing",
    "sources": ["transactions", "app"],
    "categories": ["payments", "app_use"],
    "valid_until": "2025-03-20T00:00:00+00:00",
    "notice": {
        "uri": "https://bank.example/notices/7",
        "version": "7",
        "hash": "ab" * 32,
        "language": "de",
    },
    "method": "branch",
}


def _after(*bodies: tuple[dict[str, Any], float]) -> Outcome:
    customer, outcome = Customer(CUSTOMER), None
    for index, (body, minutes) in enumerate(bodies):
        outcome = decide(
            customer,
            event(body, minutes=minutes, index=index),
            world=sealed(SIGNER),
            position=f"customer-events:0:{index}:0",
        )
        customer = outcome.customer or Customer(CUSTOMER)
    assert outcome is not None
    return outcome


@pytest.mark.parametrize(
    ("then", "minutes", "state"),
    [
        (None, 0, "dpv:ConsentGiven"),
        (GRANT, 5, "dpv:RenewedConsentGiven"),
        ({"kind": "consent.withdrawn"}, 5, "dpv:ConsentWithdrawn"),
        ({"kind": "app.opened"}, 60 * 24 * 30, "dpv:ConsentExpired"),
    ],
)
def test_a_receipt_has_what_the_standard_asks_for(
    then: dict[str, Any] | None, minutes: float, state: str
) -> None:
    """All mandatory fields, the state in DPV's words, and a proof that holds."""
    steps = [(GRANT, 0.0)] if then is None else [(GRANT, 0.0), (then, minutes)]
    body = _after(*steps).transparency[0]
    assert body["state"] == state
    document = body["receipt"]
    assert receipt.flaws(document, did=SIGNER.did) == []
    (record,) = document["dct:hasPart"]
    assert record["dct:identifier"] == "r-1"
    assert record["dpv:hasPurpose"]["@type"] == "dpv:DirectMarketing"
    assert [d["dct:title"] for d in record["dpv:hasPersonalData"]] == ["payments", "app_use"]
    assert record["dct:hasPart"][0]["dpv:hasConsentStatus"] == state
    assert record["dct:hasPart"][0]["dct:valid"].startswith("2025-03-20")


def test_each_missing_field_is_named() -> None:
    """The validator misses every mandatory field that is taken away."""
    sound = _after((GRANT, 0.0)).transparency[0]["receipt"]
    for fields, find in (
        (standard.RECEIPT, lambda d: d),
        (standard.HEADER | standard.PROCESSING | standard.PARTY, lambda d: d["dct:hasPart"][0]),
        (standard.PII, lambda d: d["dct:hasPart"][0]["dpv:hasPersonalData"][0]),
        (standard.EVENT, lambda d: d["dct:hasPart"][0]["dct:hasPart"][0]),
    ):
        for name, path in fields.items():
            broken = copy.deepcopy(sound)
            part = find(broken)
            *way, last = path.split("/")
            for step in way:
                part = part[step]
            del part[last]
            assert any(name in words for words in standard.flaws(broken)), name


def test_a_withdrawal_that_finds_nothing_says_so() -> None:
    """It is recorded, beats the older grant behind it, and no consent record is made up for it."""
    first = _after(({"kind": "consent.withdrawn"}, 10.0)).transparency[0]
    assert first["state"] == "dpv:ConsentWithdrawn"
    assert "No such consent stood" in first["words"]
    assert "receipt" not in first
    late = _after(({"kind": "consent.withdrawn"}, 10.0), ({**GRANT}, 5.0)).transparency[0]
    assert "no effect" in late["words"]
    assert late["began"] == []


def test_an_end_that_a_message_made_noticed_keeps_nothing_of_it() -> None:
    """The receipt of an expiry names the event that came next, and not what stood in it."""
    ending = {**GRANT, "valid_until": "2025-03-04T00:00:00+00:00"}
    said = {"kind": "message.received", "channel": "chat", "text": "between us and nobody else"}
    told = _after((ending, 0.0), (said, 3000.0)).transparency[0]
    assert told["state"] == "dpv:ConsentExpired"
    assert set(told["event"]) == {"kind", "event_id", "at"}
    assert "nobody else" not in str(told)


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_until": "2024-01-01T00:00:00+00:00"},
        {"sources": ["control"], "categories": []},
        {"sources": ["location"], "categories": ["payments"]},
        {"sources": ["app", "location"], "categories": ["app_use"]},
    ],
)
def test_a_consent_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    """It has no effect, and the dead letter says why."""
    outcome = _after(({**GRANT, **wrong}, 0.0))
    assert outcome.rejected is not None
    assert outcome.rejected.code == "input.bad-consent"
    assert outcome.rejected.hint
    assert outcome.customer is not None
    assert outcome.customer.grants == {}


def test_one_record_is_for_one_purpose() -> None:
    """The same record under another purpose contradicts the first, which stays."""
    outcome = _after((GRANT, 0.0), ({**GRANT, "purpose": "model_training"}, 5.0))
    assert outcome.rejected is not None
    assert outcome.customer is not None
    assert set(outcome.customer.grants) == {"direct_marketing"}
