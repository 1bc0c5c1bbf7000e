"""What a town causes on the topics is what the contract promises to who reads them."""

from collections import defaultdict
from datetime import UTC, datetime

import orjson
import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from flows.told import forgotten, proposed
from operators.bandits.ridge import Levers
from operators.drift import Shift
from operators.forgetting import Forgotten
from operators.measure import Uplift
from schemas import topics
from schemas.asyncapi import document, messages
from schemas.decisions import Lesson
from schemas.events import EVENT
from tests.lives import Life


@pytest.fixture(scope="module")
def checks() -> dict[str, Draft7Validator]:
    """By topic, made from the document that others build on."""
    store: Registry = Registry().with_resource("urn:contract", DRAFT7.create_resource(document()))
    return {
        topic: Draft7Validator(
            {"anyOf": [{"$ref": f"urn:contract#/components/schemas/{s.__name__}"} for s in shapes]},
            registry=store,
        )
        for topic, shapes in messages().items()
    }


def test_what_decide_and_learn_say(life: Life, checks: dict[str, Draft7Validator]) -> None:
    """Each body on each topic is of one of the topic's shapes."""
    seen: dict[str, int] = defaultdict(int)
    for record in [*life.outputs(), *life.driver.records(topics.MODELS)]:
        if record.topic == topics.DEAD_LETTERS or record.value is None:
            continue
        seen[record.topic] += 1
        checks[record.topic].validate(orjson.loads(record.value))
    assert {topics.OFFERS, topics.DECISIONS, topics.LESSONS, topics.MODELS} <= seen.keys()
    assert not checks[topics.OFFERS].is_valid({"type": "offer.issued"})


def test_what_learn_and_measure_tell(checks: dict[str, Draft7Validator]) -> None:
    """What a short life does not cause: forgetting, a drift, the standing report."""
    lesson = Lesson(lesson_id="l", kind="forget", customer="anna", at_ms=1, sources=("app",))
    told = forgotten(lesson, Forgotten(rewards=[lesson], kept=2), forecasts=3)
    checks[told.topic].validate(orjson.loads(told.value or b""))
    told = proposed(lesson, Shift(before=0.0, after=0.2, lessons=50), Levers())
    checks[told.topic].validate(orjson.loads(told.value or b""))
    checks[topics.IMPACT].validate(Uplift().report())


def test_what_a_customer_is_given(checks: dict[str, Draft7Validator]) -> None:
    """The file of everything that is held, and the certificate that nothing is."""
    driver = Life("given", 300).driver
    customer = next(r.key.decode() for r in driver.records(topics.CUSTOMER_EVENTS) if r.key)
    at = datetime.fromtimestamp(driver.now_ms / 1000, UTC).isoformat()
    for kind in ("export.requested", "erasure.requested"):
        body = {"event_id": kind, "customer": customer, "kind": kind, "at": at}
        driver.put(EVENT.validate_python(body))
    bodies = [b for b in driver.read(topics.TRANSPARENCY) if b["customer"] == customer]
    for body in bodies:
        checks[topics.TRANSPARENCY].validate(body)
    assert {"customer.export", "erasure.certified"} <= {body["type"] for body in bodies}
