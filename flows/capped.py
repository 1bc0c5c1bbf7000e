"""The leases of one shard: kept among its positions, so that they are written with the decision that used them."""

from collections.abc import Mapping
from dataclasses import replace

from flows.records import Spot
from operators.contracts import World
from operators.leases import FOR_GOOD, Lease, used_up
from schemas.base import DAY_MS
from schemas.decisions import Decision

LEASE, BUDGET = "lease.", "budget."
"""What begins the name under which a lease of a day, and one for good, lies among the positions; no topic that is read is
called so."""


class Capped:
    """Which capped items a shard may still say, as a world, and what it has said."""

    def __init__(self, shard: int, shards: int) -> None:
        """Begin with no world seen."""
        self._shard, self._shards = shard, shards
        self._for: tuple[World, frozenset[str]] | None = None
        self._world: World | None = None

    def world(
        self, world: World, positions: Mapping[Spot, int], fresh: Mapping[Spot, int], *, at_ms: int
    ) -> World:
        """The world as an event may see it: one more of what is used up may not be said."""
        if not (world.caps or world.budgets):
            return world
        gone = frozenset[str]()
        for kind, caps, day in _kinds(world, at_ms):
            leases = {
                item: Lease.unpack(fresh.get(spot, positions.get(spot, 0)))
                for item in caps
                for spot in (self._spot(kind, item),)
            }
            gone |= used_up(caps, leases, day=day, shard=self._shard, shards=self._shards)
        if not gone:
            return world
        # A world keeps what it has worked out, so the same one is given as long as nothing changes.
        if self._for is None or self._for[0] is not world or self._for[1] != gone:
            self._for, self._world = (world, gone), replace(world, used_up=gone)
        return self._world or world

    def spend(
        self,
        decision: Decision,
        world: World,
        positions: Mapping[Spot, int],
        fresh: dict[Spot, int],
        *,
        at_ms: int,
    ) -> bool:
        """Count what was said of a capped item; whether it was one."""
        counted = False
        for kind, caps, day in _kinds(world, at_ms):
            if decision.chosen in caps:
                spot = self._spot(kind, decision.chosen)
                lease = Lease.unpack(fresh.get(spot, positions.get(spot, 0)))
                fresh[spot] = lease.one_more(day).pack()
                counted = True
        return counted

    def _spot(self, kind: str, item: str) -> Spot:
        return f"{kind}{item}", self._shard


def _kinds(world: World, at_ms: int) -> tuple[tuple[str, Mapping[str, int], int], ...]:
    """What is limited a day and what in all: how it is called among the positions, the limits, the day of the leases."""
    return (LEASE, world.caps, at_ms // DAY_MS), (BUDGET, world.budgets, FOR_GOOD)
