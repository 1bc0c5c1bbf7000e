"""A simulated month of customers who keep changing their minds, through the real product, checked as it goes.

Customers live in cohorts, each a deployment of its own, so that a large town needs little memory and may be
shared among processes. The records are checked and let go as they come.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from heapq import heapify, heappop, heapreplace
from random import Random
from typing import Any

import orjson

from flows.assembly import world_of
from flows.driver import Driver
from flows.learn import Learner
from flows.records import Draft, Record
from flows.settings import load
from flows.signing import Signer
from flows.work import Decide
from operators.arbitrate import CONTEXT_NAMES
from operators.decide import decide
from operators.offers import ACTION_NAMES
from schemas import topics
from schemas.base import DAY_MS, HOUR_MS
from schemas.models import Models
from scripts.auditing.checker import Checker, Violation
from scripts.auditing.fickle import Fickle
from scripts.auditing.plants import PLANTS
from scripts.auditing.receipt import flaws
from scripts.auditing.steps import Steps
from scripts.town.town import Town

COHORT = 250
KEY = sha256(b"a key for simulations only").hexdigest()
DID = Signer(KEY).did
LEARN_DAYS = 5
EVERYDAY: frozenset[str] = frozenset({"transactions", "app-events", "locations"})
"""Topics that are thinned out by the density; consents, answers and the rest all happen."""


@dataclass(slots=True, frozen=True)
class Plan:
    """What to simulate; ``density`` is the share of everyday events that happen."""

    customers: int
    days: int
    seed: str = "audit"
    density: float = 1.0
    plant: str = ""


@dataclass(slots=True)
class Finding:
    """What was looked at and found, of one cohort or of all."""

    looked_at: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def add(self, other: "Finding") -> None:
        """Take another cohort's in."""
        self.looked_at += other.looked_at
        self.found += other.found
        self.violations += other.violations


class Recording(Driver):
    """A driver that hands its records on in the order of their making, and keeps none."""

    def __init__(self, **options: Any) -> None:
        """As a `Driver`."""
        self._heard: list[Record] = []
        super().__init__(**options)

    def drain(self) -> list[Record]:
        """Everything since the last drain; the topics are empty then."""
        heard, self._heard = self._heard, []
        for log in self._logs.values():
            log.clear()
        self._taught = 0
        return heard

    def _append(self, draft: Draft) -> Record:
        record = super()._append(draft)
        self._heard.append(record)
        return record


def simulate(plan: Plan, *, processes: int = 1) -> Finding:
    """Run all cohorts; the same plan finds the same, however many processes share it."""
    sizes = [min(COHORT, plan.customers - first) for first in range(0, plan.customers, COHORT)]
    jobs = [(plan, index, size) for index, size in enumerate(sizes)]
    total = Finding()
    if processes == 1:
        for job in jobs:
            total.add(_cohort(job))
        return total
    with ProcessPoolExecutor(processes) as pool:
        for finding in pool.map(_cohort, jobs):
            total.add(finding)
    return total


def verify(receipt: dict[str, Any]) -> list[str]:
    """What is wrong with a receipt of the simulation, in words."""
    document = receipt.get("receipt")
    return [] if document is None else flaws(document, did=DID)


def _cohort(job: tuple[Plan, int, int]) -> Finding:
    plan, index, size = job
    cohort = Cohort(plan, seed=f"{plan.seed}-{index}", size=size)
    checker = Checker(verify=verify)
    steps = Steps()
    for records in cohort.live():
        for step in steps.take(records):
            checker.take(step)
    for step in steps.end():
        checker.take(step)
    return Finding(checker.tally, checker.found, checker.violations)


class Cohort:
    """Some customers with a deployment of their own."""

    def __init__(self, plan: Plan, *, seed: str, size: int) -> None:
        """Found the town, and open the deployment with what is planted in it, if anything."""
        world = world_of(load(environment={"MARKET_OF_ONE_SIGNING_KEY": KEY}))
        self.town = Town(seed, size)
        self.end_ms = self.town.start_ms + plan.days * DAY_MS
        self._learner = Learner(
            CONTEXT_NAMES,
            ACTION_NAMES,
            actions=[item.id for item in world.catalogue],
            head=None,
            published=Models(),
        )
        business: Decide = PLANTS[plan.plant](decide) if plan.plant else decide
        self.driver = Recording(
            world=world, decide=business, learner=self._teach, now_ms=self.town.now_ms
        )
        self._lessons: list[bytes] = []
        self._teach_ms = self.town.start_ms
        self._thin = Random(f"{seed}/density")
        self._density = plan.density
        minds = [Fickle(seed, who, start_ms=self.town.start_ms) for who in self.town.residents]
        self._minds = [(mind.due_ms, index, mind) for index, mind in enumerate(minds)]
        heapify(self._minds)

    def live(self) -> Iterator[list[Record]]:
        """The records of the whole time, in the order of their making, piece by piece."""
        driver, town = self.driver, self.town
        for emitted in town.until(self.end_ms):
            yield from self._change_minds(emitted.at_ms)
            if emitted.topic in EVERYDAY and self._thin.random() >= self._density:
                continue
            self._pass_time(emitted.at_ms)
            driver.send(emitted.topic, emitted.value(), key=emitted.key)
            yield self._listen()
        yield from self._change_minds(self.end_ms)
        self._pass_time(self.end_ms, hourly=False)
        yield self._listen()

    def _teach(self, lessons: Sequence[bytes]) -> Mapping[str, bytes]:
        """Models are published every few days: a snapshot takes long."""
        self._lessons += lessons
        if self.driver.now_ms < self._teach_ms:
            return {}
        self._teach_ms = self.driver.now_ms + LEARN_DAYS * DAY_MS
        heard, self._lessons = self._lessons, []
        return self._learner.hear(heard)

    def _change_minds(self, now_ms: int) -> Iterator[list[Record]]:
        while self._minds and self._minds[0][0] <= now_ms:
            due_ms, index, mind = self._minds[0]
            self._pass_time(due_ms, hourly=False)
            for event in mind.speak():
                self.driver.send("consents", orjson.dumps(event), key=event["customer"])
            if mind.due_ms < self.end_ms:
                heapreplace(self._minds, (mind.due_ms, index, mind))
            else:
                heappop(self._minds)
            yield self._listen()

    def _pass_time(self, now_ms: int, *, hourly: bool = True) -> None:
        if now_ms > self.driver.now_ms and (
            not hourly or now_ms // HOUR_MS > self.driver.now_ms // HOUR_MS
        ):
            self.driver.advance_to(now_ms)

    def _listen(self) -> list[Record]:
        """What was made since; residents hear what is meant for them."""
        records = self.driver.drain()
        for record in records:
            if record.topic == topics.OFFERS:
                self.town.offer(orjson.loads(record.value or b"null"), self.town.now_ms)
        return records
