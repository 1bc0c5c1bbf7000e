"""The records that a shard has taken and not passed yet: whose effect waits, and what may be committed without it.

A commit may hold some customers and leave others for later, and records may be taken before others that lie before
them. The position then stays before the first record that waits or was not taken, and the records beyond it whose
customer is committed lie *ahead*: the store keeps their offsets, and when the log is read from the position again they
are passed over. All records of a customer are committed together, and taken in the order of the log, so what is
taken again is taken in order by a customer who knows nothing of what came after.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from flows.records import Origin, Spot
from state.store import ShardBatch

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
        >>> log, trail, batch = ("customer-events", 0), Trail({}, {}), ShardBatch()
        >>> for offset, customer in enumerate(("c-1", "c-2", "c-1")):
        ...     trail.add(Step(log, offset, customer, None))
        >>> trail.cut({"c-1"}, batch)
        >>> batch.positions, batch.ahead
        ({('customer-events', 0): 1}, {('customer-events', 0): frozenset({2})})
        >>> trail.oldest(8)
        ['c-2']
    """

    def __init__(self, ahead: Ahead, positions: Mapping[Spot, int]) -> None:
        """Begin after a commit; ``ahead`` and ``positions`` are what the store says since then."""
        self._ahead, self._positions = dict(ahead), positions
        self._steps: deque[Step] = deque()
        self._taken: dict[Spot, set[int]] = {}
        self._floors: dict[Spot, int] = {}

    def __len__(self) -> int:
        """How many records the next start would read again, at least."""
        return len(self._steps)

    def holds(self, spot: Spot, offset: int) -> bool:
        """Whether a record was taken and not passed yet."""
        return offset in self._taken.get(spot, ())

    def add(self, step: Step) -> None:
        """One more record was taken, and with it all before it on its topic-partition, unless `left` says otherwise."""
        self._steps.append(step)
        self._taken.setdefault(step.spot, set()).add(step.offset)
        self._floors[step.spot] = step.offset + 1

    def left(self, floors: Mapping[Spot, int]) -> None:
        """Say what is the lowest offset that was not taken."""
        self._floors.update(floors)

    def oldest(self, most: int) -> list[str]:
        """At most so many customers whose records wait, those first that wait longest."""
        found: dict[str, None] = {}
        for step in self._steps:
            if len(found) >= most:
                break
            if self._waits(step):
                found[step.customer or ""] = None
        return list(found)

    def cut(self, customers: Collection[str] | None, batch: ShardBatch) -> None:
        """Pass what no longer waits once these customers are committed, or all; the batch says how far that is."""
        before = dict(self._ahead)
        self._extend(
            (s.spot, s.offset) for s in self._steps if customers is None or s.customer in customers
        )
        passed: dict[Spot, list[int]] = {}
        while self._steps and not self._waits(self._steps[0]):
            step = self._steps.popleft()
            passed.setdefault(step.spot, []).append(step.offset)
            if step.source is not None:
                spot, at = step.source
                batch.source_positions[spot] = at
        for spot, offsets in passed.items():
            taken = self._taken[spot]
            taken.difference_update(offsets)
            position = min(self._floors[spot], min(taken, default=self._floors[spot]))
            if position != self._positions.get(spot):
                batch.positions[spot] = position
            self._extend((spot, offset) for offset in offsets if offset >= position)
        self._ahead = beyond(self._ahead, batch.positions)
        batch.ahead = changes(before, self._ahead)

    def _extend(self, places: Iterable[tuple[Spot, int]]) -> None:
        fresh: dict[Spot, set[int]] = {}
        for spot, offset in places:
            fresh.setdefault(spot, set()).add(offset)
        for spot, offsets in fresh.items():
            self._ahead[spot] = self._ahead.get(spot, frozenset()) | offsets

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
