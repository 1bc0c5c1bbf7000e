"""Taken up or not, over time and by arm, with intervals: the worth of choosing well, as it shows."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import mean, stdev

ARMS: tuple[str, ...] = ("committee", "control")
JUDGED_MAX = 20_000
Z_95 = 1.959964
PAIRS_MIN = 30
"""Fewer moments than these tell nothing."""
BARS = "▁▂▃▄▅▆▇█"


def arm_of(decision_arm: str) -> str:
    """The arm that the console shows: random ``control``, ``holdout``, and all else is the committee's."""
    return decision_arm if decision_arm in {"control", "holdout"} else "committee"


@dataclass(slots=True)
class Said:
    """One thing said: when (simulated), by which arm, and whether it was taken up."""

    arm: str
    at_ms: int
    completed: bool = False


@dataclass(slots=True, frozen=True)
class Judged:
    """What was true at one moment in which something could have been said; no learner sees it.

    Chances are P(taken up) of what was said (None: silence), of an even draw among what the rules allowed,
    and of the best of it. Worths are chance times worth to customer and bank, EUR, where silence is worth 0.
    """

    arm: str
    chance: float | None
    chance_even: float
    chance_best: float
    worth_eur: float
    worth_even_eur: float
    worth_best_eur: float


@dataclass(slots=True)
class Acceptance:
    """All that was said, by decision id, in order; and the newest judgements."""

    said: dict[str, Said] = field(default_factory=dict)
    judged: deque[Judged] = field(default_factory=lambda: deque(maxlen=JUDGED_MAX))

    def count(self, arm: str) -> tuple[int, int]:
        """Completed and said, of an arm."""
        of_arm = [said for said in self.said.values() if said.arm == arm]
        return sum(said.completed for said in of_arm), len(of_arm)

    def chances(self, arm: str, *, last: int) -> tuple[float, float, float] | None:
        """Mean true chances of the last things said by an arm: said, even draw, best allowed."""
        rows = [j for j in self.judged if j.arm == arm and j.chance is not None][-last:]
        if not rows:
            return None
        return (
            sum(j.chance or 0.0 for j in rows) / len(rows),
            sum(j.chance_even for j in rows) / len(rows),
            sum(j.chance_best for j in rows) / len(rows),
        )

    def worths(self, arm: str, *, last: int) -> tuple[float, float, float] | None:
        """Mean true worth, EUR, of an arm's last moments: as chosen, even draw, best allowed."""
        rows = [j for j in self.judged if j.arm == arm][-last:]
        if not rows:
            return None
        return (
            sum(j.worth_eur for j in rows) / len(rows),
            sum(j.worth_even_eur for j in rows) / len(rows),
            sum(j.worth_best_eur for j in rows) / len(rows),
        )

    def lifts(self, arm: str) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """What choosing adds to an even draw at the same moments, as (mean, half of the 95 % interval).

        First the chance of being taken up, where something was said; then the worth, EUR, of every moment.
        Paired, so that neither the luck of who was asked nor that of who answered counts.
        """
        rows = [j for j in self.judged if j.arm == arm]
        chances = [j.chance - j.chance_even for j in rows if j.chance is not None]
        if len(chances) < PAIRS_MIN:
            return None
        return paired(chances), paired([j.worth_eur - j.worth_even_eur for j in rows])

    def series(self, arm: str, *, bins: int) -> list[float | None]:
        """Shares completed in equal spans of simulated time, oldest first; None where nothing was said.

        All arms share the spans, so that they can be read one below the other.
        """
        if not self.said or bins < 1:
            return []
        instants = [said.at_ms for said in self.said.values()]
        first, span = min(instants), max(max(instants) - min(instants), 1)
        completed, told = [0] * bins, [0] * bins
        for said in self.said.values():
            if said.arm == arm:
                place = min(bins * (said.at_ms - first) // (span + 1), bins - 1)
                told[place] += 1
                completed[place] += said.completed
        return [c / t if t else None for c, t in zip(completed, told, strict=True)]


def paired(differences: Sequence[float]) -> tuple[float, float]:
    """Mean and half of the normal 95 % interval of paired differences.

    Example:
        >>> mean, half = paired([1.0, 2.0, 3.0])
        >>> round(mean, 2), round(half, 2)
        (2.0, 1.13)
    """
    return mean(differences), Z_95 * stdev(differences) / sqrt(len(differences))


def wilson(completed: int, said: int) -> tuple[float, float]:
    """The 95 % interval of a share.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    Example:
        >>> low, high = wilson(10, 100)
        >>> round(low, 3), round(high, 3)
        (0.055, 0.174)
    """
    if said == 0:
        return 0.0, 1.0
    share, z2 = completed / said, Z_95**2
    middle = (share + z2 / (2 * said)) / (1 + z2 / said)
    half = Z_95 / (1 + z2 / said) * sqrt(share * (1 - share) / said + z2 / (4 * said**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def spark(shares: Sequence[float | None], *, top: float) -> str:
    """Shares as a line of bars, the full height at ``top``.

    Example:
        >>> spark([0.0, 0.1, None, 0.2], top=0.2)
        '▁▅·█'
    """
    steps = len(BARS) - 1
    return "".join(
        "·" if share is None else BARS[round(min(share / top, 1.0) * steps) if top > 0 else 0]
        for share in shares
    )
