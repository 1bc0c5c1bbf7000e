"""Hard limits: of some items only so many may be said a day, or in all, in the whole bank, and none without a lease.

In: caps, a shard, a day, what the shard has said. Out: whether one more may be said.

The day's cap is leased to the shards in whole parts that sum to it exactly, so no shard asks another and no failure can
overspend; what one shard does not use is not given to others. A lease is of one day (UTC, by the events' own time), or
of all days at once (`FOR_GOOD`), which is a campaign's budget.
What was said of it is part of the shard's state, in the same write as the decision: it survives a restart and moves with the
shard. It fails closed: without a lease, with one that is used up, with an event of a day whose lease has ended, and with a
state that can't be right, nothing is said. Prices (`operators.prices`) steer before that; this is the wall behind them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

_BITS = 24
SAID_MAX = (1 << _BITS) - 1
"""Of one item a shard can count so many a day, or in all."""
FOR_GOOD = 0
"""The day of a lease that never ends."""


@dataclass(slots=True, frozen=True)
class Lease:
    """What one shard has said of an item on the newest day that it said one."""

    day: int = 0
    said: int = 0

    @classmethod
    def unpack(cls, number: int) -> "Lease":
        """From the one number that it is kept as.

        Example:
            >>> Lease.unpack(Lease(20_000, 3).pack())
            Lease(day=20000, said=3)
        """
        return cls(number >> _BITS, number & SAID_MAX)

    def pack(self) -> int:
        """As one number, which never gets smaller."""
        return self.day << _BITS | self.said

    def allows(self, share: int, *, day: int) -> bool:
        """Whether one more may be said on a day: not on one before the newest, and not beyond the share."""
        if day < self.day:
            return False
        return (self.said if day == self.day else 0) < min(share, SAID_MAX)

    def one_more(self, day: int) -> "Lease":
        """After one was said.

        Raises:
            ValueError: The day's lease has ended, or can't be counted: it should have been asked first.
        """
        if day < self.day or (day == self.day and self.said >= SAID_MAX):
            raise ValueError("said without a lease")
        return Lease(day, self.said + 1 if day == self.day else 1)


def share(cap: int, *, item: str, day: int, shard: int, shards: int) -> int:
    """The part of a day's cap that a shard may say; over all shards the parts sum to the cap.

    What does not divide goes to other shards each day.

    Example:
        >>> [share(5, item="visit", day=20_000, shard=n, shards=3) for n in range(3)]
        [2, 1, 2]
    """
    whole, rest = divmod(cap, shards)
    turn = int.from_bytes(blake2b(f"{item}\x1f{day}".encode(), digest_size=8).digest(), "big")
    return whole + ((shard + turn) % shards < rest)


def used_up(
    caps: Mapping[str, int],
    leases: Mapping[str, Lease],
    *,
    day: int,
    shard: int,
    shards: int,
) -> frozenset[str]:
    """The capped items of which a shard may not say one more on a day, or under leases for good."""
    return frozenset(
        item
        for item, cap in caps.items()
        if not leases.get(item, Lease()).allows(
            share(cap, item=item, day=day, shard=shard, shards=shards), day=day
        )
    )
