"""The records that a shard has taken and not passed yet: whose effect waits, and what may be committed without it.

A commit may hold some customers and leave others for later. The position then stays before the first record
that waits, and the records beyond it whose customer is committed lie *ahead*: the store keeps their offsets, and
when the log is read from the position again they are passed over. All records of a customer are committed together,
so what is taken again is taken in order by a customer who knows nothing of what came after.
"""

from collections import deque
from collections.abc import Collection, Mapping
from typing import NamedTuple

from flows.records import Spot
from state.store import ShardBatch

Origin = tuple[Spot, tuple[int, int]]
"""Where a record came from before `ingest`: topic and partition, offset and index."""
Ahead = Mapping[Spot, frozenset[int]]


class Step(NamedTuple):
    """A record that was taken. ``customer``: who must be committed before it is passed; None, nobody."""

    spot: Spot
    offset: int
    customer: str | None
    source: Origin | None


class Trail:
    """Steps in the order in which they were taken.

    Example:
        >>> log, trail, batch = ("customer-events", 0), Trail({}), ShardBatch()
        >>> for offset, customer in enumerate(("c-1", "c-2", "c-1")):
        ...     trail.add(Step(log, offset, customer, None))
        >>> trail.cut({"c-1"}, batch)
        >>> batch.positions, batch.ahead
        ({('customer-events', 0): 1}, {('customer-events', 0): frozenset({2})})
        >>> trail.oldest(8)
        ['c-2']
    """

    def __init__(self, ahead: Ahead) -> None:
        """Begin after a commit; ``ahead`` is what the store says since then."""
        self._ahead = dict(ahead)
        self._steps: deque[Step] = deque()

    def __len__(self) -> int:
        """How many records the next start would read again, at least."""
        return len(self._steps)

    def add(self, step: Step) -> None:
        """One more record was taken."""
        self._steps.append(step)

    def oldest(self, most: int) -> list[str]:
        """At most so many customers whose records wait, those first that wait longest."""
        found: dict[str, None] = {}
        for step in self._steps:
            if len(found) >= most:
                break
            if self._waits(step):
                found[step.customer or ""] = None
        return list(found)

    def cut(self, customers: Collection[str], batch: ShardBatch) -> None:
        """Pass what no longer waits once these customers are committed; the batch says how far that is."""
        fresh: dict[Spot, set[int]] = {}
        for step in self._steps:
            if step.customer in customers:
                fresh.setdefault(step.spot, set()).add(step.offset)
        before = dict(self._ahead)
        for spot, offsets in fresh.items():
            self._ahead[spot] = self._ahead.get(spot, frozenset()) | offsets
        while self._steps and not self._waits(self._steps[0]):
            step = self._steps.popleft()
            batch.positions[step.spot] = step.offset + 1
            if step.source is not None:
                spot, at = step.source
                batch.source_positions[spot] = at
        self._ahead = beyond(self._ahead, batch.positions)
        batch.ahead = changes(before, self._ahead)

    def _waits(self, step: Step) -> bool:
        return step.customer is not None and step.offset not in self._ahead.get(step.spot, ())


def beyond(ahead: Ahead, positions: Mapping[Spot, int]) -> dict[Spot, frozenset[int]]:
    """What of it is not passed."""
    found = dict(ahead)
    for spot, offsets in ahead.items():
        position = positions.get(spot, 0)
        left = frozenset(offset for offset in offsets if offset >= position)
        if left:
            found[spot] = left
        else:
            del found[spot]
    return found


def changes(before: Ahead, after: Ahead) -> dict[Spot, frozenset[int]]:
    """What a store that holds the one must write to hold the other."""
    return {
        spot: after.get(spot, frozenset())
        for spot in (*before, *(spot for spot in after if spot not in before))
        if before.get(spot) != after.get(spot)
    }
