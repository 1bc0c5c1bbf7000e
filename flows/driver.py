"""The whole stream without a broker: bytes in by topic, bytes out by topic, the clock moved by hand.

Every record takes the way of the live flows, through the same translation and the same shells; only the
log is a list. For tests and the simulation; after Kafka Streams' TopologyTestDriver.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from flows.dead_letters import letter
from flows.ingest import translate
from flows.intake import shard_decode
from flows.partition import shard_of
from flows.records import Draft, Headers, Record
from flows.settings import Limits
from flows.shard import Shard
from flows.work import Decide, Decode
from flows.world import WorldKeeper
from flows.zones import Zones
from operators.contracts import World
from operators.decide import decide as decide_for_real
from schemas import topics
from schemas.customer import Customer
from schemas.events import TOPIC_OF_KIND_PREFIX, EventBase
from state.memory import MemoryStore
from state.outbox import OutboxEntry
from state.store import ShardStore

Learner = Callable[[Sequence[bytes]], Mapping[str, bytes]]
"""Lessons as they lie on the topic → model records to publish, by key; none to publish nothing."""


class Driver:
    """A deployment in a box. One thread, no waiting: when a call returns, everything followed from it."""

    def __init__(
        self,
        world: World,
        *,
        decode: Decode | None = None,
        decide: Decide = decide_for_real,
        shards: int = 1,
        store: Callable[[int], ShardStore] = MemoryStore,
        learner: Learner | None = None,
        now_ms: int = 0,
    ) -> None:
        """Open the stores.

        Args:
            world: What decide reads; control topics change it.
            decode: Record of any input topic → events; by default `flows.intake.shard_decode` without
                zones, so every position is elsewhere.
            decide: The business.
            shards: Partitions of the customers' log.
            store: Opens the store of a shard.
            learner: Hears the lessons after each call.
            now_ms: What the clock shows, ms since 1970 UTC.
        """
        self.now_ms = now_ms
        self.keeper = WorldKeeper(world)
        self._decode = decode or shard_decode(Limits(), Zones(()))
        self._decide = decide
        self._shards = [
            Shard(store(n), decode=self._decode, decide=decide, shards=shards)
            for n in range(shards)
        ]
        self._learner = learner
        self._logs: dict[str, list[Record]] = defaultdict(list)
        self._ends: dict[tuple[str, int], int] = defaultdict(int)
        self._taught = 0
        for shard in self._shards:
            self._deliver(shard, shard.recover())

    @property
    def world(self) -> World:
        """The world as it is now."""
        return self.keeper.world

    def send(
        self, topic: str, value: bytes | None, *, key: str | None = None, headers: Headers = ()
    ) -> None:
        """Put one record on an input or control topic and let everything follow from it."""
        record = self._append(Draft(topic, None if key is None else key.encode(), value, headers))
        if topic in topics.CONTROL:
            error = self.keeper.apply(record)
            if error is not None:
                value, head = letter(record, error, stage="control")
                self._append(Draft(topics.DEAD_LETTERS, record.key, value, head))
            return
        if topic == topics.CUSTOMER_EVENTS:
            self._process(record)
        else:
            for draft in translate(record, decode=self._decode):
                written = self._append(draft)
                if draft.topic == topics.CUSTOMER_EVENTS:
                    self._process(written)
        self._teach()

    def put(self, event: EventBase) -> None:
        """Send a native event to the topic of its kind, keyed by its customer."""
        kind: str = getattr(event, "kind", "")
        topic = TOPIC_OF_KIND_PREFIX[kind.split(".", maxsplit=1)[0]]
        self.send(topic, event.model_dump_json(exclude_none=True).encode(), key=event.customer)

    def advance_to(self, now_ms: int) -> None:
        """Move the clock and wake who is due, until nobody is.

        Raises:
            ValueError: Time does not go back.
        """
        if now_ms < self.now_ms:
            message = f"the clock shows {self.now_ms}, it can't go back to {now_ms}"
            raise ValueError(message)
        self.now_ms = now_ms
        for shard in self._shards:
            while (due_ms := shard.store.next_due_ms()) is not None and due_ms <= now_ms:
                self._deliver(shard, shard.tick(now_ms, world=self.world))
            shard.settle()
        self._teach()

    def restart(self) -> None:
        """Close the shells and open new ones on the same stores, as a worker that comes back."""
        for index, shard in enumerate(self._shards):
            shard.settle()
            again = Shard(
                shard.store, decode=self._decode, decide=self._decide, shards=len(self._shards)
            )
            self._shards[index] = again
            self._deliver(again, again.recover())

    def records(self, topic: str) -> list[Record]:
        """Everything on a topic, oldest first."""
        return list(self._logs[topic])

    def read(self, topic: str) -> list[dict[str, Any]]:
        """The JSON bodies on a topic, oldest first."""
        return [orjson.loads(r.value) for r in self._logs[topic] if r.value is not None]

    def customer(self, customer: str) -> Customer | None:
        """The record of a customer."""
        return self._shard_of(customer).store.customer(customer)

    def close(self) -> None:
        """Close the stores."""
        for shard in self._shards:
            shard.close()

    def _process(self, record: Record) -> None:
        shard = self._shards[record.partition]
        self._deliver(shard, shard.process([record], world=self.world))

    def _deliver(self, shard: Shard, entries: Sequence[OutboxEntry]) -> None:
        for entry in entries:
            record = self._append(Draft(entry.topic, entry.key, entry.value, entry.headers))
            shard.acknowledge(entry.sequence, record.topic, record.partition, record.offset)

    def _append(self, draft: Draft) -> Record:
        partition = 0
        if draft.topic not in topics.CONTROL and draft.key is not None:
            partition = shard_of(draft.key.decode(errors="replace"), shards=len(self._shards))
        offset = self._ends[draft.topic, partition]
        self._ends[draft.topic, partition] = offset + 1
        record = Record(
            draft.topic, partition, offset, draft.key, draft.value, draft.headers, self.now_ms
        )
        self._logs[draft.topic].append(record)
        return record

    def _teach(self) -> None:
        if self._learner is None:
            return
        lessons = self._logs[topics.LESSONS]
        fresh = [record.value for record in lessons[self._taught :] if record.value is not None]
        self._taught = len(lessons)
        if fresh:
            for key, value in self._learner(fresh).items():
                self.send(topics.MODELS, value, key=key)

    def _shard_of(self, customer: str) -> Shard:
        return self._shards[shard_of(customer, shards=len(self._shards))]
