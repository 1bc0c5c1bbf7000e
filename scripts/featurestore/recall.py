"""What was known of customers, worked out again from the log alone: every event once more, nothing said.

The raw events go through the way of the stream on a store in memory. What was said is not decided again; it is
read from the logged decisions, since answers refer to them («too personal» ends the use of a source). Timers
go off by the log's own timestamps, as they did by the worker's clock.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from flows.records import Record
from flows.shard import Shard
from flows.work import Decode
from operators import learn
from operators.consent import usable
from operators.contracts import World
from operators.decide import decide
from operators.deliberate import OPEN_MAX
from schemas import topics
from schemas.base import DAY_MS
from schemas.customer import Customer, OpenDecision, Outstanding
from schemas.decisions import SILENCE, Outcome
from schemas.events import EventBase
from scripts.featurestore.shelf import Shelf


@dataclass(slots=True, frozen=True)
class Logged:
    """What a decision on the log says of the moment that it was made in."""

    decision_id: str
    customer: str
    position: str
    at_ms: int
    features: dict[str, float]
    digest: str
    action: str
    channel: str
    arm: str
    propensity: float
    model: str
    sources: tuple[str, ...]
    valid_until_ms: int | None
    offer_id: str | None


def logged(value: bytes) -> Logged:
    """A decision as it lies on the topic ``decisions``.

    Raises:
        ValueError, KeyError: It is no decision.
    """
    body: dict[str, Any] = orjson.loads(value)
    offer = body["offer"]
    return Logged(
        decision_id=body["decision_id"],
        customer=body["customer"],
        position=body["trigger"]["position"],
        at_ms=_ms(body["decided_at"]),
        features=body["features"],
        digest=body["features_digest"],
        action=body["chosen"],
        channel=body["channel"],
        arm=body["arm"],
        propensity=body["propensity"],
        model=body["digests"].get("model", ""),
        sources=tuple(body["sources_used"]),
        valid_until_ms=None if offer is None else _ms(offer["valid_until"]),
        offer_id=None if offer is None else offer["id"],
    )


Watch = Callable[[Logged, Customer], None]
"""Called at each logged decision with the customer as the decision found them."""
Follow = Callable[[EventBase, Outcome], None]


class Recall:
    """Customers as they were, event by event."""

    def __init__(
        self,
        world: World,
        *,
        decode: Decode,
        shards: int = 1,
        event_clock: bool = False,
        watch: Watch | None = None,
        follow: Follow | None = None,
    ) -> None:
        """Begin with nobody.

        Args:
            world: Catalogue, rules, models and encoder of the deployment; it is made quiet.
            decode: Record of the customers' log → events.
            shards: Partitions of the customers' log.
            event_clock: Whether timers go by the events' own clock (``decide.clock``).
            watch: Hears of each logged decision that `expect` announced.
            follow: Hears of each event, ticks too, with what came of it.
        """
        self._world = replace(world, quiet=True)
        self._decode = decode
        self._shards = shards
        self._event_clock = event_clock
        self._watch = watch
        self._follow = follow
        self._items = {item.id: item for item in world.catalogue}
        self._open: dict[int, Shard] = {}
        self._expected: dict[str, Logged] = {}

    @property
    def unmet(self) -> int:
        """How many announced decisions were not come by."""
        return len(self._expected)

    def expect(self, decision: Logged) -> None:
        """Announce a decision; told twice, it is one."""
        self._expected[decision.position] = decision

    def take(self, record: Record) -> None:
        """One record of the customers' log; records of a partition come in its order."""
        shard = self._shard(record.partition)
        self._tick(shard, record.timestamp_ms)
        shard.process([record], world=self._world)

    def pass_time(self, now_ms: int) -> None:
        """Let the timers go off that are due by an instant."""
        for shard in self._open.values():
            self._tick(shard, now_ms)

    def customer(self, customer: str) -> Customer | None:
        """The record as it is now; None if there is none, or it was erased."""
        found = (shard.store.customer(customer) for shard in self._open.values())
        return next((me for me in found if me is not None), None)

    def _tick(self, shard: Shard, now_ms: int) -> None:
        if self._event_clock:
            return
        while (due_ms := shard.store.next_due_ms()) is not None and due_ms <= now_ms:
            shard.tick(now_ms, world=self._world)

    def _shard(self, number: int) -> Shard:
        shard = self._open.get(number)
        if shard is None:
            shard = self._open[number] = Shard(
                Shelf(number),
                decode=self._decode,
                decide=self._decide,
                shards=self._shards,
                event_clock=self._event_clock,
            )
        return shard

    def _decide(
        self, customer: Customer, event: EventBase, *, world: World, position: str
    ) -> Outcome:
        outcome = decide(customer, event, world=world, position=position)
        if self._follow is not None:
            self._follow(event, outcome)
        decision = self._expected.pop(position, None) if self._expected else None
        me = outcome.customer
        if decision is not None and me is not None:
            if self._watch is not None:
                self._watch(decision, me)
            self._remember(me, decision)
        return Outcome(me, rejected=outcome.rejected, withheld=outcome.withheld)

    def _remember(self, me: Customer, decision: Logged) -> None:
        """The decision is open, and its offer holds, as they did: answers and withdrawals refer to them."""
        window_ms = self._world.rules.response_window_days * DAY_MS
        until_ms = decision.at_ms + window_ms
        if decision.valid_until_ms is not None:
            until_ms = min(until_ms, decision.valid_until_ms)
        me.open[decision.decision_id] = OpenDecision(
            decision_id=decision.decision_id,
            at_ms=decision.at_ms,
            action=decision.action,
            purpose=None,
            channel=decision.channel,
            arm=decision.arm,
            propensity=decision.propensity,
            model=decision.model,
            context=b"",
            action_features=b"",
            sources=decision.sources,
            until_ms=until_ms,
            trainable=decision.action != SILENCE,
        )
        item = self._items.get(decision.action)
        if item is not None and item.purpose is not None and decision.offer_id is not None:
            me.outstanding[decision.offer_id] = Outstanding(
                decision_id=decision.decision_id,
                action=decision.action,
                purpose=item.purpose,
                channel=decision.channel,
                sources=tuple(sorted(usable(me, item.purpose, now_ms=decision.at_ms))),
                until_ms=decision.valid_until_ms or until_ms,
            )
        while len(me.open) > OPEN_MAX:
            del me.open[next(iter(me.open))]
        due_ms = learn.wake_at(me)
        if due_ms is not None:
            me.timers["decision-close"] = due_ms


def remember(recall: Recall, records: Iterable[Record]) -> None:
    """Announce every decision among records."""
    for record in records:
        if record.topic == topics.DECISIONS and record.value is not None:
            recall.expect(logged(record.value))


def _ms(stamped: str) -> int:
    return round(datetime.fromisoformat(stamped).timestamp() * 1000)
