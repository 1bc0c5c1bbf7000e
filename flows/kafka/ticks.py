"""When each shard of a worker has its tick: in turn, evenly over the period.

All at once, an event that comes meanwhile would wait for the work of every shard's tick, once a period.
"""

from collections.abc import Iterable


class Rota:
    """Whose tick is due.

    Example:
        >>> rota = Rota([0, 1], period_s=1.0, now_s=10.0)
        >>> rota.due(10.0), rota.due(10.1), rota.due(10.5), rota.due(11.0)
        ([0], [], [1], [0])
    """

    def __init__(self, shards: Iterable[int], *, period_s: float, now_s: float) -> None:
        """The first shard is due at once; times are seconds of a clock that never goes back."""
        self._shards = sorted(shards)
        self._step_s = period_s / max(1, len(self._shards))
        self._next_s = now_s

    def due(self, now_s: float) -> list[int]:
        """The shards whose time has come, each at most once; after a pause nobody's is made up for."""
        if now_s < self._next_s or not self._shards:
            return []
        late_s = now_s - self._next_s
        count = min(1 + int(late_s / self._step_s), len(self._shards))
        # What is late stays in step, unless a whole round was missed.
        whole_round = count == len(self._shards)
        self._next_s = now_s + self._step_s if whole_round else self._next_s + count * self._step_s
        told = self._shards[:count]
        self._shards = [*self._shards[count:], *told]
        return told
