"""One ridge regression an arm, for arms that have no features of their own.

In: contexts on the grid, the arm that was chosen, its reward. Out: ArmsSnapshot.

The sums are those of `operators.bandits.ridge`, without action features: exact in any order, so workers
merge by addition and a label is revised by b += z·(y_new − y_old). How strong the prior is and how many
of the ordered features count is chosen by the evidence of the lessons themselves, at each doubling.
"""

from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from operators.bandits.grid import EXACT_SQUARES, snap_parameters, snap_rewards
from operators.bandits.normal import normals
from schemas.models import Floats, Integers

PRIOR_COUNT = 6.0
THETA_MAX = 2.0**20
"""A reward may jump where a context hardly moves: that takes large weights of both signs."""
WEIGHED_MIN = 40
"""Lessons an arm before evidence chooses; until then the widest features keep looking around."""
RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


@dataclass(slots=True, frozen=True)
class ArmLevers:
    """The governed settings of a disjoint learner.

    ``spreads`` are the members' distances from the mean, each for an equal share of the members: some look
    around in earnest, most stay close. ``ridge`` is the prior precision until evidence chooses one of
    ``RIDGES``; ``sizes`` are the numbers of leading features among which it chooses.
    """

    sizes: tuple[int, ...]
    spreads: tuple[float, ...] = (1.0, 0.1, 0.1, 0.1)
    members: int = 64
    ridge: float = 1.0


@dataclass(slots=True, frozen=True)
class ArmsSnapshot:
    """What decides until the next snapshot: ``theta`` has shape (1 + members, arms, features), mean first."""

    version: int
    digest: str
    theta: Floats
    lessons: int

    def scores(self, rows: Floats) -> Floats:
        """Scores of shape (n, 1 + members, arms): the mean model's first."""
        count, arms, size = self.theta.shape
        flat = rows[:, :size] @ self.theta.reshape(count * arms, size).T
        scores: Floats = flat.reshape(len(rows), count, arms)
        return scores


@dataclass(slots=True)
class ArmSums:
    """Exact sums of one arm: Σ z z', Σ z y, n and Σ y²."""

    gram: Floats
    moment: Floats
    count: int = 0
    squares: float = 0.0


@dataclass(slots=True)
class DisjointRidge:
    """The learner: an arm's reward is linear in the (lifted) context.

    Source: Li et al. 2010, "disjoint" model; Bishop 2006, 3.5 (evidence), with an inverse-gamma noise.
    """

    arms: int
    levers: ArmLevers
    lessons: int = 0
    ridge: float = 0.0
    size: int = 0
    sums: list[ArmSums] = field(default_factory=list)
    _weighed: int = 0

    def __post_init__(self) -> None:
        """Begin with nothing learnt."""
        widest = max(self.levers.sizes)
        self.ridge, self.size = self.ridge or self.levers.ridge, self.size or max(self.levers.sizes)
        self.sums = [
            ArmSums(np.zeros((widest, widest)), np.zeros(widest)) for _ in range(self.arms)
        ]

    def learn(self, rows: Floats, arms: Integers, rewards: Floats) -> None:
        """Take lessons: rows of shape (n, features) on the grid.

        Raises:
            OverflowError: The sums left the range in which a float is exact.
        """
        rewards = snap_rewards(rewards)
        for arm in np.unique(arms).tolist():
            chosen = arms == arm
            z, y, sums = rows[chosen], rewards[chosen], self.sums[arm]
            sums.gram += z.T @ z
            sums.moment += z.T @ y
            sums.count += len(y)
            sums.squares += float(y @ y)
            if max(float(sums.gram.diagonal().max()), sums.squares) >= EXACT_SQUARES:
                message = "an arm holds too many lessons to be exact: begin a new epoch"
                raise OverflowError(message)
        self.lessons += len(rewards)

    def revise(self, rows: Floats, arms: Integers, *, before: Floats, after: Floats) -> None:
        """Replace labels that were learnt: b += z·(new − old), exactly."""
        before, after = snap_rewards(before), snap_rewards(after)
        for row, arm, old, new in zip(
            rows, arms.tolist(), before.tolist(), after.tolist(), strict=True
        ):
            self.sums[arm].moment += row * (new - old)
            self.sums[arm].squares += new * new - old * old

    def merge(self, other: "DisjointRidge") -> None:
        """Add what another worker learnt, exactly."""
        for mine, theirs in zip(self.sums, other.sums, strict=True):
            mine.gram += theirs.gram
            mine.moment += theirs.moment
            mine.count += theirs.count
            mine.squares += theirs.squares
        self.lessons += other.lessons

    def snapshot(self, version: int) -> ArmsSnapshot:
        """Draw the members from the posterior; at each doubling of lessons weigh the evidence anew."""
        if self.lessons >= max(2 * self._weighed, WEIGHED_MIN * self.arms):
            self._weighed = self.lessons
            self.ridge, self.size = self._best()
        levers, size = self.levers, self.size
        noise = normals(levers.members * self.arms * size, key=version)
        noise = noise.reshape(self.arms, size, levers.members)
        spreads = np.repeat(levers.spreads, -(-levers.members // len(levers.spreads)))
        spreads = spreads[: levers.members]
        theta = np.empty((1 + levers.members, self.arms, size))
        for arm, sums in enumerate(self.sums):
            a = sums.gram[:size, :size] + self.ridge * np.eye(size)
            lower = np.linalg.cholesky(a)
            mean = np.linalg.solve(a, sums.moment[:size])
            rss = max(sums.squares - float(mean @ sums.moment[:size]), 0.0)
            scale = ((PRIOR_COUNT + rss / 2.0) / (PRIOR_COUNT + sums.count / 2.0)) ** 0.5
            theta[0, arm] = mean
            if levers.members:
                drawn = np.linalg.solve(lower.T, noise[arm])
                theta[1:, arm] = mean + (scale * spreads[:, None]) * drawn.T
        rounded = snap_parameters(theta.reshape(-1, size), bound=THETA_MAX).reshape(theta.shape)
        digest = sha256(f"{version}:{self.lessons}".encode() + rounded.astype("<f8").tobytes())
        return ArmsSnapshot(version, digest.hexdigest()[:32], rounded, self.lessons)

    def _best(self) -> tuple[float, int]:
        options = [(self._evidence(size), size) for size in sorted(set(self.levers.sizes))]
        best = max(
            (value, -place, size) for values, size in options for place, value in enumerate(values)
        )
        return RIDGES[-best[1]], best[2]

    def _evidence(self, size: int) -> list[float]:
        """Log marginal likelihood of all lessons by ridge, up to what doesn't depend on the choice."""
        totals = [0.0] * len(RIDGES)
        for sums in self.sums:
            if not sums.count:
                continue
            values, vectors = np.linalg.eigh(sums.gram[:size, :size])
            values = np.maximum(values, 0.0)
            turned = vectors.T @ sums.moment[:size]
            for place, ridge in enumerate(RIDGES):
                rss = max(sums.squares - float(turned @ (turned / (values + ridge))), 0.0)
                fit = (PRIOR_COUNT + sums.count / 2.0) * np.log(PRIOR_COUNT + rss / 2.0)
                totals[place] -= float(0.5 * np.log1p(values / ridge).sum() + fit)
        return totals
