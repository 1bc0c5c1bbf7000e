"""When a model is published anew, and how long its lessons are kept."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Cadence:
    """When a model is published anew: often while it knows little, and never late.

    After a ``part``-th of the lessons known (``count_min`` to ``count_max``), or ``refresh_ms`` after the last
    snapshot, whichever comes first: a lesson after a pause is in use at once, and of a stream of them nobody
    waits longer than that.
    """

    refresh_ms: int = 500
    count_max: int = 1000
    count_min: int = 1
    part: int = 20

    def due(self, *, fresh: int, known: int, waited_ms: int) -> bool:
        """Whether it is time.

        Example:
            >>> Cadence().due(fresh=5, known=100, waited_ms=0)
            True
            >>> Cadence().due(fresh=5, known=1000, waited_ms=0)
            False
        """
        enough = max(self.count_min, min(self.count_max, known // self.part))
        return fresh >= enough or waited_ms >= self.refresh_ms


@dataclass(slots=True, frozen=True)
class Retention:
    """How long rewards are kept: in the models and, customer by customer, in the ledger that takes them back.

    Both let go of the same epochs, the oldest first: of those older than ``days``, and of further ones while
    there are more than ``lessons_max`` rewards. The newest epoch always stays.
    """

    days: float = 1095.0
    lessons_max: int = 20_000_000
    every: int = 1024
    """Rewards between two looks; counted on the log, so that reading it again lets go at the same places."""


@dataclass(slots=True, frozen=True)
class Shelf:
    """Which earlier committees stay on the topic ``models``, to go back to: the first, then every ``every``-th.

    ``count`` of them stay; what was pinned or is on trial lies under a key of its own and stays in any case.
    """

    every: int = 20
    count: int = 50

    def keeps(self, version: int) -> bool:
        """Whether a version is put on the shelf."""
        return version % self.every == 1 % self.every

    def leaves(self, version: int) -> int | None:
        """The version that gives way to it, if any.

        Example:
            >>> shelf = Shelf(every=10, count=3)
            >>> [v for v in range(1, 60) if shelf.keeps(v)], shelf.leaves(31), shelf.leaves(21)
            ([1, 11, 21, 31, 41, 51], 1, None)
        """
        gone = version - self.every * self.count
        return gone if gone > 0 else None


@dataclass(slots=True)
class Progress:
    """Of one model: the last version, lessons taken, those not yet published, and from when on they wait.

    ``since_ms`` is when it was last published, or of one not yet published when the first lesson came.
    """

    version: int = 0
    known: int = 0
    fresh: int = 0
    since_ms: int | None = None
    wanted: bool = False
