"""What was read and is not decided on yet: a lane for each shard, and which goes next.

Customers don't know each other, so between them any order is the same result. All records of a customer stay in log
order, and so do all that `ingest` made of one partition of a source, since that is how it is told what it wrote twice.
So a record that somebody waits for is brought forward with those before it that belong to it, and passes the others.
The batch then says up to where nothing was passed over: there the shard's position stays.

Source: two-class priority queueing without pre-emption, Cobham 1954; ageing against starvation, Silberschatz,
Galvin & Gagne, Operating System Concepts, section 5.3.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from itertools import islice, takewhile
from typing import NamedTuple

from flows.records import Batch, Record, Spot, source_position

Pressing = Callable[[Record], bool]
"""Whether somebody waits for what follows from a record. A guess: it moves work, and never changes a result."""
FAIR_EVERY = 8
"""One turn in so many is for what waits longest, whatever presses."""
BRISK = 2
"""Records handed on at a time while few wait: what presses and is not read yet waits for no more than these."""
BACKLOG = 256
"""So many waiting are a backlog: then throughput counts, and larger pieces cost some 5 % less."""


class Waiting(NamedTuple):
    """A record in its lane. ``origin`` is the partition of the source that `ingest` made it of."""

    record: Record
    presses: bool
    origin: Spot | None

    @property
    def place(self) -> tuple[str, int]:
        """Where it lies among the records of its shard."""
        return self.record.topic, self.record.offset


class Lane:
    """The records of one shard that wait, in the order in which they were read."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[str, int], Waiting] = OrderedDict()
        self._pressing: deque[tuple[str, int]] = deque()
        self._of: dict[bytes | None, int] = {}  # how many by customer
        self._on: dict[Spot, int] = {}  # and by topic-partition
        self._ends: dict[Spot, int] = {}
        self._highest: dict[Spot, int] = {}
        self._gaps = False

    def __len__(self) -> int:
        """How many records wait."""
        return len(self._waiting)

    @property
    def presses(self) -> bool:
        """Whether somebody waits for one of them."""
        return bool(self._pressing)

    def add(self, one: Waiting) -> None:
        """One more, behind the others."""
        record, place = one.record, one.place
        spot = (record.topic, record.partition)
        self._waiting[place] = one
        self._of[record.key] = self._of.get(record.key, 0) + 1
        self._on[spot] = self._on.get(spot, 0) + 1
        self._ends[spot] = record.offset + 1
        if one.presses:
            self._pressing.append(place)

    def front(self, most: int | None) -> Batch:
        """Those that wait longest, at most so many."""
        return self._handed(list(islice(self._waiting.values(), most)))

    def pressed(self, most: int | None) -> Batch:
        """The first that presses, behind what belongs to it; if that is too much, the oldest of it."""
        first = self._waiting[self._pressing[0]]
        if first.origin is None and self._of[first.record.key] == 1:
            return self._handed([first])
        before = list(takewhile(lambda one: one is not first, self._waiting.values()))
        return self._handed(belonging([*before, first])[:most])

    def _handed(self, chosen: Sequence[Waiting]) -> Batch:
        """Take these out, in log order."""
        records = tuple(one.record for one in chosen)
        for one in chosen:
            self._gaps = self._gaps or next(iter(self._waiting)) != one.place
            del self._waiting[one.place]
            self._on[one.record.topic, one.record.partition] -= 1
            left = self._of.pop(one.record.key) - 1
            if left:
                self._of[one.record.key] = left
            if one.presses:
                self._pressing.popleft()  # they leave in the order in which they came
        return Batch(records[0].partition, records, floors=self._floors(records))

    def _floors(self, records: Sequence[Record]) -> dict[Spot, int] | None:
        if not self._gaps:
            return None
        for record in records:
            spot = (record.topic, record.partition)
            self._highest[spot] = max(self._highest.get(spot, 0), record.offset)
        floors, sought = dict(self._ends), {spot for spot, count in self._on.items() if count}
        for one in self._waiting.values():
            if not sought:
                break
            spot = (one.record.topic, one.record.partition)
            if spot in sought:
                sought.remove(spot)
                floors[spot] = one.record.offset
        if all(floors[spot] > highest for spot, highest in self._highest.items()):
            self._highest, self._gaps = {}, False
        return floors


class Lanes:
    """Records by shard, and ticks.

    Example:
        >>> lanes = Lanes(piece_max=2, pressing=lambda record: record.value == b"!")
        >>> for offset, (who, value) in enumerate(((b"c-1", b"a"), (b"c-2", b"b"), (b"c-1", b"!"), (b"c-2", b"c"))):
        ...     lanes.add(Record("customer-events", 0, offset, who, value, (), 0))
        >>> while (batch := lanes.next()) is not None:
        ...     b"".join(record.value or b"" for record in batch.records), batch.floors
        (b'a!', {('customer-events', 0): 1})
        (b'bc', {('customer-events', 0): 4})
    """

    def __init__(self, *, piece_max: int | None = None, pressing: Pressing | None = None) -> None:
        """Begin empty.

        Args:
            piece_max: Most records handed on at a time; None, all of a shard.
            pressing: What is brought forward; None, nothing: the shards take turns. With it pieces are `BRISK`.
        """
        self._piece_max = piece_max
        self._presses = pressing
        self._lanes: dict[int, Lane] = {}
        self._turn_of: dict[int, None] = {}  # shards that wait; whose turn is next comes first
        self._pressing: dict[int, None] = {}  # and those of which something presses
        self._ticks: deque[Batch] = deque()
        self._turns = 0
        self._count = 0

    def __len__(self) -> int:
        """Records that wait, and ticks."""
        return self._count + len(self._ticks)

    def add(self, record: Record) -> None:
        """One more came, behind those of its shard."""
        shard, presses = record.partition, self._presses is not None and self._presses(record)
        lane = self._lanes.get(shard)
        if lane is None:
            lane = self._lanes[shard] = Lane()
        # Who belongs together matters only where something may pass.
        source = None if self._presses is None else source_position(record.headers)
        lane.add(Waiting(record, presses, None if source is None else source[0]))
        self._count += 1
        self._turn_of[shard] = None
        if presses:
            self._pressing[shard] = None

    def tick(self, shard: int, now_ms: int) -> None:
        """It is time for a shard's tick."""
        self._ticks.append(Batch(shard, (), now_ms))

    def next(self) -> Batch | None:
        """What to decide on now: records of one shard, or its tick; None if nothing waits."""
        self._turns += 1
        if self._pressing and self._turns % FAIR_EVERY:
            shard = next(iter(self._pressing))
            return self._took(shard, self._lanes[shard].pressed(self._piece_max))
        if self._ticks:
            return self._ticks.popleft()
        if not self._turn_of:
            return None
        shard = next(iter(self._turn_of))
        self._turn_of[shard] = self._turn_of.pop(shard)
        brisk = self._presses is not None and self._count <= BACKLOG
        most = min(BRISK, self._piece_max or BRISK) if brisk else self._piece_max
        return self._took(shard, self._lanes[shard].front(most))

    def _took(self, shard: int, batch: Batch) -> Batch:
        """Note what is left; where more presses, others that press have their turn first."""
        lane = self._lanes[shard]
        self._count -= len(batch.records)
        self._pressing.pop(shard, None)
        if lane.presses:
            self._pressing[shard] = None
        if not lane:
            del self._turn_of[shard]
        return batch


def belonging(before: Sequence[Waiting]) -> list[Waiting]:
    """Which of these must not be passed by the last of them, itself included, in order.

    What belongs to its customer or comes of the same source, and what belongs to that.

    Example:
        >>> def one(who: bytes, topic: str | None) -> Waiting:
        ...     record = Record("customer-events", 0, 0, who, None, (), 0)
        ...     return Waiting(record, presses=False, origin=None if topic is None else (topic, 0))
        >>> some = [one(b"a", "places"), one(b"b", None), one(b"a", "messages"), one(b"c", "messages")]
        >>> b"".join(found.record.key for found in belonging(some))
        b'aac'
    """
    chosen: list[Waiting] = []
    customers, origins = {before[-1].record.key}, {before[-1].origin} - {None}
    for one in reversed(before):
        if one.record.key in customers or one.origin in origins:
            chosen.append(one)
            customers.add(one.record.key)
            if one.origin is not None:
                origins.add(one.origin)
    return chosen[::-1]
