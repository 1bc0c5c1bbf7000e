"""Taken up or not, by arm, with intervals, and the truth beside it: the worth of choosing well, as it shows.

What is counted is counted per customer, since customers were dealt to the arms: a policy that says little, or
has said the best already, has fewer takers per word, and still more takers. What is true is compared at the
same moments: what was chosen, an even draw, and what was taken up most often so far.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt
from statistics import fmean

ARMS: tuple[str, ...] = ("committee", "control")
JUDGED_MAX = 20_000
Z_95 = 1.959964
PAIRS_MIN = 30
"""Fewer moments or customers than these tell nothing."""
POPULAR_PRIOR = (1.0, 15.0)
"""Takers and told that every item begins with, when the most popular one is looked for."""
BARS = "▁▂▃▄▅▆▇█"


def arm_of(decision_arm: str) -> str:
    """The arm that the console shows: random ``control``, ``holdout``, and all else is the committee's."""
    return decision_arm if decision_arm in {"control", "holdout"} else "committee"


@dataclass(slots=True)
class Said:
    """One thing said: by which arm, to whom, what, its worth if taken up, and whether it was."""

    arm: str
    customer: str
    action: str
    worth_eur: float
    completed: bool = False


@dataclass(slots=True)
class Person:
    """What came of all moments of one customer."""

    arm: str
    moments: int = 0
    said: int = 0
    taken: int = 0
    worth_eur: float = 0.0


@dataclass(slots=True, frozen=True)
class Choices:
    """What could have been done at one moment, as chances of being taken up or as worths in EUR.

    ``even`` is the mean over all that was allowed, silence included, which is what the control draws from;
    ``greedy`` is what had been taken up most often so far; ``best`` is the best that was allowed.
    """

    chosen: float
    even: float
    greedy: float
    best: float


@dataclass(slots=True, frozen=True)
class Judged:
    """What was true at one moment in which something could have been said; no learner sees it."""

    arm: str
    chance: Choices
    worth: Choices


@dataclass(slots=True, frozen=True)
class Count:
    """What an arm came to: customers, moments, words, takers, and the worth of what was taken, EUR."""

    customers: int
    moments: int
    said: int
    taken: int
    worth_eur: float


@dataclass(slots=True)
class Acceptance:
    """All that was said, by decision id, in order; what came of it by customer; the newest judgements."""

    said: dict[str, Said] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    judged: deque[Judged] = field(default_factory=lambda: deque(maxlen=JUDGED_MAX))
    _told: Counter[str] = field(default_factory=Counter)
    _takers: Counter[str] = field(default_factory=Counter)

    def moment(self, arm: str, customer: str) -> Person:
        """A moment in which something could have been said."""
        person = self.people.setdefault(customer, Person(arm))
        person.moments += 1
        return person

    def tell(self, decision_id: str, said: Said) -> None:
        """Something was said; the moment was counted before."""
        self.said[decision_id] = said
        self._told[said.action] += 1
        self.people[said.customer].said += 1

    def take(self, decision_id: str) -> bool:
        """It was taken up; False if nothing is known of it, True also when it was counted before."""
        said = self.said.get(decision_id)
        if said is None:
            return False
        if not said.completed:
            said.completed = True
            self._takers[said.action] += 1
            person = self.people[said.customer]
            person.taken += 1
            person.worth_eur += said.worth_eur
        return True

    def popularity(self, action: str) -> float:
        """The share that took an item up, of all who were told so far, drawn a little towards the middle."""
        takers, told = POPULAR_PRIOR
        return (self._takers[action] + takers) / (self._told[action] + told)

    def count(self, arm: str) -> Count:
        """What an arm came to."""
        people = [person for person in self.people.values() if person.arm == arm]
        return Count(
            len(people),
            sum(person.moments for person in people),
            sum(person.said for person in people),
            sum(person.taken for person in people),
            sum(person.worth_eur for person in people),
        )

    def gain(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Committee minus control, per customer, as (difference, half of the 95 % interval).

        First takers, then the worth of what they took, EUR.
        """
        ours, theirs = (
            [person for person in self.people.values() if person.arm == arm] for arm in ARMS
        )
        if min(len(ours), len(theirs)) < PAIRS_MIN:
            return None
        return (
            unpaired([p.taken for p in ours], [p.taken for p in theirs]),
            unpaired([p.worth_eur for p in ours], [p.worth_eur for p in theirs]),
        )

    def lately(self, arm: str, *, last: int) -> tuple[Choices, Choices] | None:
        """Means over an arm's last moments: chances, and worths in EUR."""
        rows = [j for j in self.judged if j.arm == arm][-last:]
        if not rows:
            return None
        return _mean([j.chance for j in rows]), _mean([j.worth for j in rows])

    def lifts(
        self, arm: str, *, over: str = "even"
    ) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """What choosing adds to an even draw (or ``greedy``) at the same moments.

        First the chance of being taken up, then the worth, EUR; each as (mean, half of the 95 % interval).
        Paired, so that neither the luck of who was asked nor that of who answered counts.
        """
        rows = [j for j in self.judged if j.arm == arm]
        if len(rows) < PAIRS_MIN:
            return None
        return (
            paired([j.chance.chosen - getattr(j.chance, over) for j in rows]),
            paired([j.worth.chosen - getattr(j.worth, over) for j in rows]),
        )

    def curves(self, arm: str, *, bins: int) -> list[tuple[Choices, Choices]]:
        """Means of chances and worths over equally many moments each, oldest first."""
        rows = [j for j in self.judged if j.arm == arm]
        bins = max(1, min(bins, len(rows) // PAIRS_MIN))
        edges = [len(rows) * i // bins for i in range(bins + 1)]
        return [
            (_mean([j.chance for j in span]), _mean([j.worth for j in span]))
            for low, high in pairwise(edges)
            if (span := rows[low:high])
        ]


def _mean(rows: Sequence[Choices]) -> Choices:
    return Choices(
        chosen=fmean(row.chosen for row in rows),
        even=fmean(row.even for row in rows),
        greedy=fmean(row.greedy for row in rows),
        best=fmean(row.best for row in rows),
    )


def _variance(values: Sequence[float]) -> float:
    middle = fmean(values)
    return sum((value - middle) ** 2 for value in values) / (len(values) - 1)


def paired(differences: Sequence[float]) -> tuple[float, float]:
    """Mean and half of the normal 95 % interval of paired differences.

    Example:
        >>> mean, half = paired([1.0, 2.0, 3.0])
        >>> round(mean, 2), round(half, 2)
        (2.0, 1.13)
    """
    return fmean(differences), Z_95 * sqrt(_variance(differences) / len(differences))


def unpaired(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """Difference of two means and half of its normal 95 % interval.

    Source: Welch 1947, unequal variances.

    Example:
        >>> difference, half = unpaired([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])
        >>> round(difference, 2), round(half, 2)
        (1.0, 1.6)
    """
    variance = _variance(ours) / len(ours) + _variance(theirs) / len(theirs)
    return fmean(ours) - fmean(theirs), Z_95 * sqrt(variance)


def spark(values: Sequence[float], *, top: float) -> str:
    """Values as a line of bars, the full height at ``top``.

    Example:
        >>> spark([0.0, 0.1, 0.2], top=0.2)
        '▁▅█'
    """
    steps = len(BARS) - 1
    return "".join(
        BARS[round(min(max(value / top, 0.0), 1.0) * steps) if top > 0 else 0] for value in values
    )
