"""The leases of one shard: kept among its positions, so that they are written with the decision that used them."""

from collections.abc import Mapping
from dataclasses import replace

from flows.records import Spot
from operators.contracts import World
from operators.leases import Lease, used_up
from schemas.base import DAY_MS
from schemas.decisions import Outcome

LEASE = "lease."
"""What begins the name under which a lease lies among the positions; no topic that is read is called so."""


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
        if not world.caps:
            return world
        leases = {
            item: Lease.unpack(fresh.get(self._spot(item), positions.get(self._spot(item), 0)))
            for item in world.caps
        }
        gone = used_up(world.caps, leases, at_ms=at_ms, shard=self._shard, shards=self._shards)
        if not gone:
            return world
        # A world keeps what it has worked out, so the same one is given as long as nothing changes.
        if self._for is None or self._for[0] is not world or self._for[1] != gone:
            self._for, self._world = (world, gone), replace(world, used_up=gone)
        return self._world or world

    def spend(
        self,
        outcome: Outcome,
        world: World,
        positions: Mapping[Spot, int],
        fresh: dict[Spot, int],
        *,
        at_ms: int,
    ) -> None:
        """Count what was said of a capped item."""
        decision = outcome.decision
        if decision is None or decision.chosen not in world.caps:
            return
        spot = self._spot(decision.chosen)
        lease = Lease.unpack(fresh.get(spot, positions.get(spot, 0)))
        fresh[spot] = lease.one_more(at_ms // DAY_MS).pack()

    def _spot(self, item: str) -> Spot:
        return f"{LEASE}{item}", self._shard
