"""A seeded town that lives through the whole product, for tests that read what it left on the topics."""

from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

from flows.driver import Driver
from flows.learn import Learner
from flows.records import Record
from operators.arbitrate import CONTEXT_NAMES
from operators.offers import ACTION_NAMES
from schemas import topics
from schemas.base import DAY_MS
from schemas.events import EVENT
from schemas.models import Models
from scripts.town.town import Town
from tests.worlds import ruled

EVENTS = 4_000
CUSTOMERS = 40
BODIES = ("offers", "decisions", "transparency")
WORLD = ruled(holdout_share=0.15, control_share=0.2)
ITEMS = {item.id: item for item in WORLD.catalogue}


class Life:
    """A run of the town: the driver with its topics, and what the town emitted."""

    def __init__(self, seed: str, events: int) -> None:
        """Run it, answers of the residents included."""
        learner = Learner(
            CONTEXT_NAMES, ACTION_NAMES, actions=list(ITEMS), head=None, published=Models()
        )
        town = Town(seed, CUSTOMERS)
        self.driver = Driver(WORLD, shards=2, learner=learner.hear, now_ms=town.now_ms)
        self.faults: list[str] = []
        told = 0
        for index, emitted in enumerate(islice(town, events)):
            self.faults.append(emitted.fault)
            self.driver.send(emitted.topic, emitted.value(), key=emitted.key)
            if index == events // 2:
                self._second_thoughts(town)
            if index % 100 == 0 and town.now_ms > self.driver.now_ms:
                self.driver.advance_to(town.now_ms)
            offers = self.driver.records("offers")
            for record in offers[told:]:
                town.offer(orjson.loads(record.value or b"null"), town.now_ms)
            told = len(offers)

    def _second_thoughts(self, town: Town) -> None:
        """Half-way some residents take consents back, object, or ask for care."""
        at = datetime.fromtimestamp(town.now_ms / 1000, UTC).isoformat()
        soon = datetime.fromtimestamp((town.now_ms + DAY_MS // 2) / 1000, UTC).isoformat()
        bodies: tuple[dict[str, Any], ...] = (
            {"kind": "consent.withdrawn"},
            {"kind": "consent.withdrawn", "purpose": "direct_marketing"},
            {"kind": "consent.withdrawn", "sources": ["app"]},
            {"kind": "objection.raised", "scope": "profiling"},
            {"kind": "vulnerability.flagged", "driver": "health"},
            {
                "kind": "consent.granted",
                "record_id": "short",
                "purpose": "financial_wellbeing",
                "sources": ["transactions", "app"],
                "valid_until": soon,
            },
        )
        for index, customer in enumerate(sorted(town.residents)[: 4 * len(bodies)]):
            body = {"event_id": f"second-{index}", "customer": customer, "at": at}
            self.driver.put(EVENT.validate_python(body | bodies[index % len(bodies)]))

    def events(self) -> list[tuple[Record, dict[str, Any]]]:
        """What lies on the customers' log and can be read, with its place."""
        found = []
        for record in self.driver.records("customer-events"):
            try:
                event = orjson.loads(record.value or b"null")
            except orjson.JSONDecodeError:
                continue
            if isinstance(event, dict) and {"kind", "customer", "at"} <= event.keys():
                found.append((record, event))
        return found

    def outputs(self) -> list[Record]:
        """Everything that the workers said."""
        return [record for topic in topics.OUTPUTS for record in self.driver.records(topic)]

    def bodies(self) -> list[list[bytes | None]]:
        """The bytes of the main outputs."""
        return [[record.value for record in self.driver.records(topic)] for topic in BODIES]
