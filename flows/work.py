"""One batch of a shard in the making: skip what was seen, decode, decide, collect the outputs."""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from flows import outputs
from flows.capped import Capped
from flows.clock import CLOCK
from flows.dead_letters import KEYLESS, REFUSED, letter
from flows.placed import misplaced
from flows.records import PLACE, Headers, Origin, Record, Spot, source_position
from flows.sent import Sent
from flows.tally import Tally
from flows.trail import Step, Trail
from operators.contracts import World
from operators.draws import identify
from schemas import topics
from schemas.base import Source
from schemas.customer import Customer
from schemas.decisions import Outcome
from schemas.errors import InputError
from schemas.events import ClockTicked, EventBase
from state.outbox import OutboxEntry
from state.store import ShardBatch, ShardStore
from state.timers import Timer

LOG = logging.getLogger(__name__)
OVERDUE_MAX = 64
"""Timers of one customer that go before one event."""
Decode = Callable[[Record], Sequence[EventBase | InputError]]
"""A record to its events, in order; what can't be used is a value in its place."""


class Decide(Protocol):
    """`operators.decide.decide`, or what a test puts in its place."""

    def __call__(
        self, customer: Customer, event: EventBase, *, world: World, position: str
    ) -> Outcome:
        """Everything that follows from one event."""
        ...


class Standing:
    """Where a shard stands between batches: its store, and what is not in the store."""

    def __init__(
        self,
        store: ShardStore,
        *,
        decode: Decode,
        decide: Decide,
        shards: int,
        sent: Mapping[str, int] | None = None,
        ends: Mapping[Spot, int] | None = None,
    ) -> None:
        """Take over a store.

        Args:
            store: Open, and ours until `close`.
            decode: Record → events.
            decide: The business.
            shards: How many there are, to tell a record that is on the wrong partition.
            sent: Outputs after the positions in the store that the log already holds, as id → CRC-32 of
                the value: they are not sent again.
            ends: Where the log ended when those were read, by what the shard reads.
        """
        self.number = store.shard
        self.tally = Tally()
        self.store = store
        self.decode = decode
        self.decide = decide
        self.shards = shards
        self.positions: dict[Spot, int] = store.positions()
        self.source_positions = store.source_positions()
        self.ahead = store.ahead()
        self.next_sequence = store.next_sequence
        self.newest_ms = self.positions.get((CLOCK, self.number), 0)
        self.sent = Sent(sent, ends)
        self.capped = Capped(self.number, shards)
        self.pending: dict[int, bytes | None] = {}


class Work:
    """One batch in the making: what it changed so far, seen by the events after it.

    ``answered`` are the customers for whom something was made since the last commit. ``whole``: it did what can
    only be committed together with everything.
    """

    def __init__(self, shard: Standing) -> None:
        self._shard = shard
        self.trail = Trail(shard.ahead, shard.positions)
        self.answered: set[str] = set()
        self.whole = False
        self._source = outputs.source_of(shard.number)
        self.batch = ShardBatch()
        self.made: dict[int, OutboxEntry] = {}
        self.dropped: set[int] = set()
        self._parting: int | None = None

    def take(self, record: Record, world: World) -> None:
        """One record: skipped if seen, dead-lettered if it can't be used, decided on otherwise."""
        shard = self._shard
        spot = (record.topic, record.partition)
        if record.offset < shard.positions.get(spot, 0) or self.trail.holds(spot, record.offset):
            shard.tally.skipped += 1
            return
        if record.dark:
            shard.tally.dark += 1
            self.trail.add(Step(spot, record.offset, None, None))
            return
        source = source_position(record.headers)
        if source is not None and self._seen(source):
            shard.tally.skipped += 1
            self.trail.add(Step(spot, record.offset, None, None))
            return
        if record.offset in shard.ahead.get(spot, ()):
            shard.tally.skipped += 1
            self.trail.add(Step(spot, record.offset, None, source))
            return
        self.trail.add(
            Step(spot, record.offset, (record.key or b"").decode(errors="replace"), source)
        )
        if record.headers and record.headers[0][0] == REFUSED:
            self._pass_on(record)
            return
        began_ns, self._parting = time.perf_counter_ns(), record.parting
        for index, event in enumerate(shard.decode(record)):
            if isinstance(event, InputError):
                self._refuse(record, event, index=index, stage="decode")
                continue
            wrong = misplaced(record, event, shards=shard.shards)
            if wrong is not None:
                self._refuse(record, wrong, index=index, stage="decode")
                continue
            outcome = self._decide(
                event,
                self._awoken(event, world),
                world=world,
                position=f"{record.place}:{index}",
                began_ns=began_ns,
            )
            if outcome.rejected is not None:
                self._refuse(record, outcome.rejected, index=index, stage="admit")
            began_ns = time.perf_counter_ns()
        self._parting = None

    def wake(self, timer: Timer, world: World) -> None:
        """A timer that is due becomes an event, the same one whenever it is made."""
        customer = self._customer(timer.customer)
        if customer is None or customer.timers.get(timer.name) != timer.due_ms:
            return
        event = ClockTicked(
            event_id=identify(timer.customer, timer.name, str(timer.due_ms)),
            customer=timer.customer,
            at=datetime.fromtimestamp(timer.due_ms / 1000, UTC),
            timer=timer.name,
        )
        position = f"{CLOCK}:{self._shard.number}:{timer.due_ms}:{event.event_id}"
        self._decide(
            event, customer, world=world, position=position, began_ns=time.perf_counter_ns()
        )
        self._shard.tally.ticks += 1
        after = self._customer(timer.customer)
        if after is not None and after.timers.get(timer.name) == timer.due_ms:
            # Refused or seen before, so it did not take itself away; it would be due for ever.
            after = after.copy()
            del after.timers[timer.name]
            self.batch.customers[timer.customer] = after

    def all(self) -> ShardBatch:
        """Everything, to be committed; outputs aside."""
        self.trail.cut(None, self.batch)
        return self.batch

    def part(self, customers: Collection[str]) -> ShardBatch:
        """These customers and what goes with them, to be committed; outputs aside. The rest goes on here."""
        part, held = ShardBatch(), self.batch.customers
        part.customers = {one: held.pop(one) for one in customers if one in held}
        self.trail.cut(customers, part)
        return part

    def due(self, now_ms: int) -> list[str]:
        """Whoever changed and has a timer that is due."""
        return [
            customer
            for customer, record in self.batch.customers.items()
            if record is not None and record.timers and min(record.timers.values()) <= now_ms
        ]

    def _awoken(self, event: EventBase, world: World) -> Customer | None:
        """The event's customer, once what was due before it is done, so that the order does not hang on when ticks come.

        Nothing is done before a control event: a withdrawal is not preceded by a last offer.
        """
        customer = self._customer(event.customer)
        if event.source is Source.CONTROL:
            return customer
        for _ in range(OVERDUE_MAX):
            if customer is None or not customer.timers:
                break
            due_ms = min(customer.timers.values())
            if due_ms > event.at_ms:
                break
            name = min(name for name, at_ms in customer.timers.items() if at_ms == due_ms)
            self.wake(Timer(due_ms, event.customer, name), world)
            customer = self._customer(event.customer)
        return customer

    def _decide(
        self,
        event: EventBase,
        customer: Customer | None,
        *,
        world: World,
        position: str,
        began_ns: int,
    ) -> Outcome:
        shard = self._shard
        before = customer or Customer(event.customer, since_ms=event.at_ms)
        fresh = self.batch.positions
        world = shard.capped.world(world, shard.positions, fresh, at_ms=event.at_ms)
        try:
            outcome = shard.decide(before, event, world=world, position=position)
        except Exception as bug:
            LOG.exception(
                "decide failed",
                extra={
                    "position": position,
                    "kind": getattr(event, "kind", ""),
                    "error": type(bug).__name__,
                },
            )
            raise
        if outcome.customer is None:
            self._erase(event.customer)
        elif outcome.customer is not before:
            self.batch.customers[event.customer] = outcome.customer
        if outcome.decision is not None and shard.capped.spend(
            outcome.decision, world, shard.positions, fresh, at_ms=event.at_ms
        ):
            self.whole = True
        self._emit(outcome, customer=event.customer, position=position, began_ns=began_ns)
        shard.newest_ms = max(shard.newest_ms, event.at_ms)
        shard.tally.count(outcome, latency_ns=time.perf_counter_ns() - began_ns)
        return outcome

    def _emit(self, outcome: Outcome, *, customer: str, position: str, began_ns: int) -> None:
        key = customer.encode()
        for index, (role, kind, value) in enumerate(outputs.messages(outcome)):
            head = outputs.headers(
                record_id=f"{position}/{index}".encode(), source=self._source, kind=kind
            )
            if role == topics.DECISIONS:
                latency_us = (time.perf_counter_ns() - began_ns) // 1000
                head = (*head, (outputs.LATENCY, b"%d" % latency_us))
            self._add(role, key, value, head)
            self.answered.add(customer)

    def _refuse(self, record: Record, error: InputError, *, index: int, stage: str) -> None:
        self.whole = True
        value, kept = letter(record, error, stage=stage)
        own = (
            (outputs.ID, f"{record.place}:{index}/{stage}".encode()),
            (outputs.SOURCE, self._source),
        )
        head = (*(pair for pair in kept if pair[0] not in {outputs.ID, outputs.SOURCE}), *own)
        self._add(topics.DEAD_LETTERS, record.key, value, head)
        self._shard.tally.dead_letters[error.code] += 1

    def _pass_on(self, record: Record) -> None:
        """A dead letter that ingest made: ingest may say it twice, a shard sends it once."""
        self.whole = True
        (_, keyless), *kept = record.headers
        own = (
            (outputs.ID, f"{record.place}:0/ingest".encode()),
            (outputs.SOURCE, self._source),
        )
        head = (*(h for h in kept if h[0] not in {outputs.ID, outputs.SOURCE, PLACE}), *own)
        key = None if keyless == KEYLESS else record.key
        self._add(topics.DEAD_LETTERS, key, record.value, head)

    def _add(self, role: str, key: bytes | None, value: bytes | None, head: Headers) -> None:
        shard = self._shard
        if shard.sent:
            checksum = shard.sent.take(head_id(head))
            if checksum is not None:
                self.whole = True
                shard.tally.adopted(checksum, value)
                return
        entry = OutboxEntry(shard.next_sequence, role, key, value, head)
        shard.next_sequence += 1
        self.made[entry.sequence] = entry

    def _erase(self, customer: str) -> None:
        """Forget the customer, and what was made for them and is not on the log yet."""
        key = customer.encode()
        self.whole = True
        self.batch.customers[customer] = None
        self.batch.erased.add(customer)
        if self._parting is not None:
            self.batch.parted[customer] = self._parting
        self.dropped.update(s for s, held in self._shard.pending.items() if held == key)
        self.dropped.update(s for s, entry in self.made.items() if entry.key == key)

    def _customer(self, customer: str) -> Customer | None:
        if customer in self.batch.customers:
            return self.batch.customers[customer]
        return self._shard.store.customer(customer)

    def _seen(self, source: Origin) -> bool:
        """Whether the source record behind one was taken before; notes it as taken."""
        spot, at = source
        shard, batch = self._shard, self.batch
        if at <= batch.source_positions.get(spot, shard.source_positions.get(spot, (-1, -1))):
            return True
        batch.source_positions[spot] = at
        return False


def head_id(head: Headers) -> str:
    """The CloudEvents id among headers."""
    return next((value.decode() for name, value in head if name == outputs.ID), "")
