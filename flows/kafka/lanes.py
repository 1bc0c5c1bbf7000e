"""What was read and is not decided on yet: a lane for each shard, and which goes next.

Shards don't know each other, so between them any order is the same result. Within a shard it is the log's. So a
record that somebody waits for is brought forward by taking its lane first, up to it: under load it waits for those
before it in its own shard, and not for everybody's.

Source: two-class priority queueing without pre-emption, Cobham 1954; ageing against starvation, Silberschatz,
Galvin & Gagne, Operating System Concepts, section 5.3.
"""

from collections import deque
from collections.abc import Callable

from flows.records import Batch, Record

Pressing = Callable[[Record], bool]
"""Whether somebody waits for what follows from a record. A guess: it moves work, and never changes a result."""
FAIR_EVERY = 8
"""One turn in so many is for what waits longest, whatever presses."""


class Lanes:
    """Records by shard, in log order, and ticks.

    Example:
        >>> lanes = Lanes(piece_max=2, pressing=lambda record: record.value == b"!")
        >>> for shard, value in ((0, b"a"), (0, b"b"), (0, b"c"), (1, b"d"), (1, b"!"), (1, b"e")):
        ...     lanes.add(Record("customer-events", shard, 0, b"c-1", value, (), 0))
        >>> taken = []
        >>> while (batch := lanes.next()) is not None:
        ...     taken.append(b"".join(record.value or b"" for record in batch.records))
        >>> taken
        [b'd!', b'ab', b'e', b'c']
    """

    def __init__(self, *, piece_max: int | None = None, pressing: Pressing | None = None) -> None:
        """Begin empty.

        Args:
            piece_max: Most records handed on at a time; None, all of a shard.
            pressing: What is brought forward; None, nothing: the shards take turns.
        """
        self._piece_max = piece_max
        self._presses = pressing
        self._lanes: dict[int, deque[tuple[Record, bool]]] = {}  # whose turn is next comes first
        self._pressing: dict[int, int] = {}  # shard → how many of its records press
        self._ticks: deque[Batch] = deque()
        self._turns = 0
        self._count = 0

    def __len__(self) -> int:
        """Records that wait, and ticks."""
        return self._count + len(self._ticks)

    def add(self, record: Record) -> None:
        """One more came, behind those of its shard."""
        shard, presses = record.partition, self._presses is not None and self._presses(record)
        self._lanes.setdefault(shard, deque()).append((record, presses))
        self._count += 1
        if presses:
            self._pressing[shard] = self._pressing.get(shard, 0) + 1

    def tick(self, shard: int, now_ms: int) -> None:
        """It is time for a shard's tick."""
        self._ticks.append(Batch(shard, (), now_ms))

    def next(self) -> Batch | None:
        """What to decide on now: records of one shard, or its tick; None if nothing waits."""
        self._turns += 1
        if self._pressing and self._turns % FAIR_EVERY:
            return self._piece(next(iter(self._pressing)), to_pressing=True)
        if self._ticks:
            return self._ticks.popleft()
        if not self._lanes:
            return None
        return self._piece(next(iter(self._lanes)), to_pressing=False)

    def _piece(self, shard: int, *, to_pressing: bool) -> Batch:
        """The front of a lane; ``to_pressing``: no further than what presses, and the lane keeps its turn."""
        lane = self._lanes[shard]
        records: list[Record] = []
        passed = 0
        while lane and (self._piece_max is None or len(records) < self._piece_max):
            record, presses = lane.popleft()
            records.append(record)
            passed += presses
            if presses and to_pressing:
                break
        self._count -= len(records)
        self._passed(shard, passed)
        if not lane:
            del self._lanes[shard]
        elif not to_pressing:
            self._lanes[shard] = self._lanes.pop(shard)
        return Batch(shard, tuple(records))

    def _passed(self, shard: int, passed: int) -> None:
        if passed:
            left = self._pressing.pop(shard) - passed
            if left:
                self._pressing[shard] = left
