"""The stream without a broker: what goes in comes out, at the hour that the test says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from flows import outputs
from flows.driver import Driver
from schemas import topics
from schemas.base import DAY_MS
from schemas.rules import Rules
from state.directory import open_directory, open_shards
from state.identity import Identity
from tests.streams import START_MS, body, morning, small_world

TOPICS = {
    "consent": "consents",
    "profile": "profiles",
    "transaction": "transactions",
    "app": "app-events",
    "location": "locations",
}


def live(driver: Driver, customer: str) -> None:
    """Put a morning on the topics that its events belong on."""
    for value in morning(customer):
        kind = orjson.loads(value)["kind"].split(".")[0]
        driver.send(TOPICS[kind], value, key=customer)


def test_sources_become_decisions() -> None:
    """Events on source topics reach the customers' log, and decisions come out under the customer's key."""
    driver = Driver(small_world(), shards=4)
    live(driver, "c-1")
    assert len(driver.records(topics.CUSTOMER_EVENTS)) == len(morning("c-1"))
    decisions = driver.records(topics.DECISIONS)
    assert decisions
    assert {record.key for record in decisions} == {b"c-1"}
    assert dict(decisions[0].headers)["ce_type"] == b"decision.made"
    assert driver.read(topics.OFFERS)[0]["customer"] == "c-1"


def test_a_bad_source_record_is_a_dead_letter() -> None:
    """What can't be read is put aside with the topic that it came from."""
    driver = Driver(small_world())
    driver.send("transactions", b"not json", key="c-1")
    (letter,) = driver.records(topics.DEAD_LETTERS)
    assert dict(letter.headers)["__connect.errors.topic"] == b"transactions"
    assert dict(letter.headers)[outputs.SOURCE] == b"/market-of-one/decide/0"
    assert (letter.key, letter.value) == (b"c-1", b"not json")


def test_ingest_may_say_twice_what_is_bad() -> None:
    """A shard sends a dead letter once, and gives back the key that the source record had, or none."""
    driver = Driver(small_world(), shards=4)
    for key in ("c-1", None):
        driver.send("transactions", b"not json", key=key)
    copies = driver.records(topics.CUSTOMER_EVENTS)
    for copy in copies:
        driver.send(copy.topic, copy.value, key=(copy.key or b"").decode(), headers=copy.headers)
    letters = driver.records(topics.DEAD_LETTERS)
    assert [letter.key for letter in letters] == [b"c-1", None]
    assert len({dict(letter.headers)[outputs.ID] for letter in letters}) == 2


def test_memory_and_rocks_say_the_same(tmp_path: Path) -> None:
    """The store makes no difference to what is said."""
    directory = open_directory(tmp_path, identity=Identity("", 2, "s"), owner="test")
    stores = open_shards(directory, range(2))
    memory, rocks = (
        Driver(small_world(), shards=2),
        Driver(small_world(), shards=2, store=stores.__getitem__),
    )
    for driver in (memory, rocks):
        for customer in ("c-1", "c-2", "c-3"):
            live(driver, customer)
    for topic in topics.OUTPUTS:
        assert memory.read(topic) == rocks.read(topic)
    rocks.close()


def test_a_restart_changes_nothing() -> None:
    """Shells that are closed and opened again go on where they were."""
    through, stopped = Driver(small_world()), Driver(small_world())
    live(through, "c-1")
    for value in morning("c-1"):
        stopped.send(TOPICS[orjson.loads(value)["kind"].split(".")[0]], value, key="c-1")
        stopped.restart()
    assert stopped.read(topics.DECISIONS) == through.read(topics.DECISIONS)
    assert stopped.customer("c-1") == through.customer("c-1")


def test_time_passes_when_the_test_says_so() -> None:
    """Moving the clock ends a consent that has a day of validity, and time does not go back."""
    driver = Driver(small_world(), now_ms=START_MS)
    grant = {
        "kind": "consent.granted",
        "record_id": "r-1",
        "purpose": "financial_wellbeing",
        "sources": ["transactions"],
        "valid_until": "2025-03-04T08:00:00+00:00",
    }
    driver.send("consents", body("c-1", 0, grant, minutes=0), key="c-1")
    driver.advance_to(START_MS + DAY_MS)
    customer = driver.customer("c-1")
    assert customer is not None
    assert customer.grants["financial_wellbeing"] == {}
    with pytest.raises(ValueError, match="go back"):
        driver.advance_to(START_MS)


def test_control_topics_change_the_world() -> None:
    """A verdict, an item and a withdrawal of it take effect; what can't be used is put aside."""
    driver = Driver(small_world())
    item = driver.world.catalogue[0]
    before = driver.world.digests["catalogue"]
    driver.send(topics.VERDICTS, b'{"verdict": "rejected"}', key=item.id)
    assert driver.world.models.verdicts == {item.id: "rejected"}
    driver.send(topics.CATALOGUE, None, key=item.id)
    assert item not in driver.world.catalogue
    assert driver.world.digests["catalogue"] != before
    driver.send(topics.CATALOGUE, item.model_dump_json().encode(), key=item.id)
    assert driver.world.catalogue[0] == item
    assert driver.world.digests["catalogue"] == before
    for topic, value in (
        (topics.CATALOGUE, b'{"id": 1}'),
        (topics.VERDICTS, b'{"verdict": "perhaps"}'),
        (topics.MODELS, b"nonsense"),
    ):
        driver.send(topic, value, key="committee" if topic == topics.MODELS else item.id)
    assert len(driver.records(topics.DEAD_LETTERS)) == 3
    assert driver.world.catalogue[0] == item


def test_lessons_reach_the_learner() -> None:
    """Lessons are handed over as they lie on the topic, and what comes back goes to the models' topic."""
    heard: list[bytes] = []

    def learner(lessons: Sequence[bytes]) -> Mapping[str, bytes]:
        heard.extend(lessons)
        return {"nobody": b"nothing"}

    world = replace(small_world(), rules=Rules(holdout_share=0.0, response_window_days=1))
    driver = Driver(world, learner=learner, now_ms=START_MS)
    live(driver, "c-1")
    driver.advance_to(START_MS + 2 * DAY_MS)
    assert [orjson.loads(lesson)["customer"] for lesson in heard].count("c-1") == len(heard) > 0
    assert heard == [record.value for record in driver.records(topics.LESSONS)]
    assert driver.records(topics.MODELS)
