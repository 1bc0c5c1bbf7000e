"""A town through the real product with late and duplicate events, and everything worked out again as it goes.

The product keeps its state in RocksDB with a cache smaller than the town, and is restarted now and then without
its cache, so that records come from bytes. Residents change their minds about consent. What `Recall` works out shares
nothing with it but the log.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from heapq import heapify, heapreplace
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from flows.assembly import world_of
from flows.intake import shard_decode
from flows.phrases import head_of
from flows.records import Record
from flows.settings import Limits, load
from flows.work import Decide
from flows.zones import Zones
from operators.arbitrate import CONTEXT_NAMES
from operators.bandits.ridge import PosteriorRidge
from operators.contracts import Encoder, World
from operators.decide import decide
from operators.offers import ACTION_NAMES
from operators.sense import Features
from schemas import topics
from schemas.base import DAY_MS, Source, stamp
from schemas.customer import Customer
from schemas.decisions import Outcome
from schemas.events import EventBase
from schemas.models import Models
from scripts.auditing.fickle import Fickle
from scripts.auditing.simulate import Recording
from scripts.featurestore.recall import Recall, logged
from scripts.featurestore.reconcile import PLACES, Comparison
from scripts.town.stage import Faults
from scripts.town.town import Town
from state.identity import Identity
from state.rocks import RocksStore
from state.rocks_engine import RocksEngine
from state.store import CustomerCache

FAULTS = Faults(late=0.02, twice=0.01, broken=0.0015)
CACHED_SHARE = 0.5
RESTART_EVERY = 10_000
TOLD_EVERY = 50_000
Plant = Callable[[Decide], Decide]


@dataclass(slots=True, frozen=True)
class Plan:
    """How much to simulate; ``plant`` names a fault that is to be found."""

    events: int
    customers: int
    seed: str = "features"
    plant: str = ""


@dataclass(slots=True)
class Lived:
    """What happened, besides what was compared."""

    events: int = 0
    late: int = 0
    twice: int = 0
    unmet: int = 0
    """Decisions that the events did not lead to, and customers that one side alone knows."""
    days: float = 0.0
    kept: list[Record] = field(default_factory=list)


def simulate(
    plan: Plan,
    comparison: Comparison,
    *,
    keep: frozenset[str] = frozenset(),
    told: Callable[[str], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Lived:
    """Let a town live until so many events were read, comparing as it goes.

    Args:
        plan: How much.
        comparison: Hears of each decision.
        keep: Topics whose records are kept in the result.
        told: Hears how far it is.
        stopped: Whether to end sooner; what was lived through is compared all the same.
    """
    lived = Lived()
    with TemporaryDirectory(prefix="market-of-one-features-") as folder:
        town = _Streets(plan, Path(folder))
        recall = Recall(town.world, decode=shard_decode(Limits(), Zones(())), watch=comparison)
        seen: set[int] = set()
        began = time.monotonic()
        for records in town.live():
            for record in _expected(records, recall):
                recall.take(record)
                _count(lived, record, seen, town.now_ms)
                if lived.events % TOLD_EVERY == 0:
                    differ = f"{comparison.report.mismatched} differ"
                    told(f"{lived.events:,} events, {time.monotonic() - began:.0f} s, {differ}")
            lived.kept += (record for record in records if record.topic in keep)
            if lived.events >= plan.events or stopped():
                break
        recall.pass_time(town.now_ms)
        for customer in town.residents:
            served, again = town.served(customer), recall.customer(customer)
            if served is not None and again is not None:
                comparison.whole(customer, served, again, now_ms=town.now_ms)
            lived.unmet += (served is None) is not (again is None)
        lived.unmet += recall.unmet
        lived.days = town.days
        town.close()
    return lived


def _expected(records: Sequence[Record], recall: Recall) -> list[Record]:
    """Announce the decisions among records; the customers' events are left to be taken."""
    for record in records:
        if record.topic == topics.DECISIONS:
            recall.expect(logged(record.value or b""))
    return [record for record in records if record.topic == topics.CUSTOMER_EVENTS]


class _Streets:
    """The town and its product."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.world = _world()
        self._town = Town(plan.seed, plan.customers, faults=FAULTS)
        minds = [
            Fickle(plan.seed, who, start_ms=self._town.start_ms) for who in self._town.residents
        ]
        self._minds = [(mind.due_ms, index, mind) for index, mind in enumerate(minds)]
        heapify(self._minds)
        engine = RocksEngine()
        self._cache = CustomerCache(capacity=round(CACHED_SHARE * plan.customers))
        self._driver = Recording(
            world=self.world,
            decide=PLANTS[plan.plant](decide) if plan.plant else decide,
            store=lambda shard: RocksStore(
                folder / f"shard-{shard:04d}",
                shard=shard,
                engine=engine,
                cache=self._cache,
                identity=Identity("", 1, plan.seed),
            ),
            now_ms=self._town.now_ms,
        )

    @property
    def now_ms(self) -> int:
        """What the clock shows."""
        return self._driver.now_ms

    @property
    def days(self) -> float:
        """How long the town has lived."""
        return (self.now_ms - self._town.start_ms) / DAY_MS

    @property
    def residents(self) -> Iterable[str]:
        """Everybody's id."""
        return self._town.residents

    def served(self, customer: str) -> Customer | None:
        """The record that the product holds."""
        return self._driver.customer(customer)

    def live(self) -> Iterator[list[Record]]:
        """The records of each thing that happens, for ever."""
        driver, town = self._driver, self._town
        for count, emitted in enumerate(town, start=1):
            while self._minds[0][0] <= emitted.at_ms:
                due_ms, index, mind = self._minds[0]
                driver.advance_to(max(due_ms, driver.now_ms))
                for event in mind.speak():
                    driver.send("consents", orjson.dumps(event), key=event["customer"])
                heapreplace(self._minds, (mind.due_ms, index, mind))
            driver.advance_to(max(emitted.at_ms, driver.now_ms))
            driver.send(emitted.topic, emitted.value(), key=emitted.key)
            if count % RESTART_EVERY == 0:
                driver.restart()
                self._cache.drop_shard(0)
            records = driver.drain()
            for record in records:
                if record.topic == topics.OFFERS:
                    town.offer(orjson.loads(record.value or b"null"), town.now_ms)
            yield records

    def close(self) -> None:
        """Give the store up."""
        self._driver.close()


class _Remembering:
    """An encoder that embeds each text once: both sides read the same messages."""

    def __init__(self, encoder: Encoder) -> None:
        self.name, self.size = encoder.name, encoder.size
        self.encode = lru_cache(maxsize=20_000)(encoder.encode)


@lru_cache(maxsize=1)
def _world() -> World:
    """A deployment on its first day, which learns nothing, so that its models are the same all along."""
    world = world_of(load(environment={}))
    ids = [item.id for item in world.catalogue]
    return replace(
        world,
        encoder=_Remembering(world.encoder),
        models=Models(
            committee=PosteriorRidge(CONTEXT_NAMES, ACTION_NAMES, actions=ids).snapshot(1),
            intents=head_of(world.encoder).snapshot(1),
        ),
    )


def _count(lived: Lived, record: Record, seen: set[int], now_ms: int) -> None:
    lived.events += 1
    name = hash((record.key, dict(record.headers).get("ce_id", b"")))
    if name in seen:
        lived.twice += 1
        return
    seen.add(name)
    body = b"" if record.value is None else record.value
    at = body.find(b'"at":"')
    if at >= 0 and stamp(now_ms)[:16] > body[at + 6 : at + 22].decode():
        lived.late += 1


def late_lost(honest: Decide) -> Decide:
    """What comes late is taken note of, and not folded."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        outcome = honest(customer, event, world=world, position=position)
        late = event.at_ms < customer.latest_ms and event.source is not Source.CONTROL
        if late and outcome.customer is not None:
            outcome.customer = replace(outcome.customer, slots=dict(customer.slots))
        return outcome

    return decide


def twice_counted(honest: Decide) -> Decide:
    """What comes twice is not known again."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        if event.source is Source.CONTROL:
            return honest(customer, event, world=world, position=position)
        forgetful = replace(customer, recent=b"")
        return honest(forgetful, event, world=world, position=position)

    return decide


def served_stale(honest: Decide) -> Decide:
    """Decisions are made, and logged, with what was known before the event that caused them."""

    def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        outcome = honest(customer, event, world=world, position=position)
        decision = outcome.decision
        if decision is not None:
            before = Features(customer.slots, now_ms=event.at_ms, failed=[])
            stale = {name: round(before[name], PLACES) for name in decision.features}
            digest = sha256(orjson.dumps(stale)).hexdigest()
            outcome.decision = replace(decision, features=stale, features_digest=digest)
            outcome.sealed = b""
        return outcome

    return decide


PLANTS: dict[str, Plant] = {
    "late-lost": late_lost,
    "twice-counted": twice_counted,
    "served-stale": served_stale,
}
"""Faults that the comparison has to find; each wraps `decide`, and the product around it runs as ever."""
