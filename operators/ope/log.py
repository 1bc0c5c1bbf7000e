"""What was chosen, with which probability, and what came of it: the log that other policies are judged by.

In: arrays of n decisions over K actions. Out: a checked `Log`, a `Sample` for one candidate policy.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from schemas.models import Floats, Integers

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Log:
    """Decisions in the order in which they were made.

    ``actions`` shape (n,), 0..K−1; ``rewards`` shape (n,); ``propensities`` shape (n,), above 0: the exact
    probability of what was chosen. ``logged`` shape (n, K), all probabilities, 0 where an action was not
    allowed; None where only the chosen one's was written down. ``contexts`` shape (n, d), or (n, K, d) where
    each action is seen in its own way; they must not depend on what was chosen. ``clusters`` shape (n,):
    decisions of one number may depend on each other (one customer's, say). ``reward_range`` is the least and
    the largest reward that there can be; None where that is not known. ``settled`` are actions that bring 0
    whatever happens, by definition: saying nothing is never taken up.
    """

    actions: Integers
    rewards: Floats
    propensities: Floats
    contexts: Floats
    action_count: int
    logged: Floats | None = None
    clusters: Integers | None = None
    reward_range: tuple[float, float] | None = None
    settled: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check what everything else rests on.

        Raises:
            ValueError: Shapes differ, a probability is not one, or a reward is no number.
        """
        count = len(self.actions)
        if count == 0:
            raise ValueError("the log holds no decision: record some before you compare policies")
        for name in ("rewards", "propensities", "contexts", "logged", "clusters"):
            values = getattr(self, name)
            if values is not None and len(values) != count:
                raise ValueError(
                    f"{name} has {len(values)} rows and actions {count}: give one a row"
                )
        if self.actions.min() < 0 or self.actions.max() >= self.action_count:
            raise ValueError(f"actions must be 0..{self.action_count - 1}: renumber them")
        if not (np.isfinite(self.rewards).all() and np.isfinite(self.contexts).all()):
            raise ValueError("a reward or a context is no finite number: leave such rows out")
        self._check_range()
        if not ((self.propensities > 0.0) & (self.propensities <= 1.0 + TOLERANCE)).all():
            raise ValueError(
                "a propensity is not in (0, 1]: log the probability with which the action was chosen"
            )
        if self.logged is not None:
            _distribution(self.logged, "logged", (count, self.action_count))
            taken = self.logged[np.arange(count), self.actions]
            if np.abs(taken - self.propensities).max() > TOLERANCE:
                raise ValueError("logged and propensities disagree about what was chosen")

    def _check_range(self) -> None:
        if self.rewards[self.settled_here].any():
            raise ValueError("a settled action has a reward that is not 0: it is not settled")
        if self.reward_range is not None:
            least, most = self.reward_range
            if not least < most or self.rewards.min() < least or self.rewards.max() > most:
                raise ValueError(
                    f"rewards leave their range {least}..{most}: mend one or the other"
                )

    @cached_property
    def settled_here(self) -> NDArray[np.bool_]:
        """Where a settled action was chosen, shape (n,)."""
        return np.isin(self.actions, self.settled)

    @property
    def span(self) -> tuple[float, float]:
        """The range of the rewards, or what was met of it."""
        return self.reward_range or (float(self.rewards.min()), float(self.rewards.max()))

    def __len__(self) -> int:
        """The number of decisions."""
        return len(self.actions)


@dataclass(frozen=True)
class Sample:
    """A log beside a candidate policy and a reward model: all that an estimator looks at.

    ``shares`` shape (n, K): the candidate's probabilities at the same moments. ``expected`` shape (n, K):
    what the reward model expects of each action, made without the row itself.
    """

    log: Log
    shares: Floats
    expected: Floats

    def __post_init__(self) -> None:
        """Check shapes and probabilities.

        Raises:
            ValueError: ``shares`` is no distribution a row, or ``expected`` has another shape.
        """
        shape = (len(self.log), self.log.action_count)
        _distribution(self.shares, "shares", shape)
        if self.expected.shape != shape or not np.isfinite(self.expected).all():
            raise ValueError(f"expected must be finite numbers of shape {shape}")

    @cached_property
    def weights(self) -> Floats:
        """π(a|x) / p(a|x) of what was chosen, shape (n,)."""
        taken: Floats = self.shares[np.arange(len(self.log)), self.log.actions]
        weights: Floats = taken / self.log.propensities
        return weights

    @cached_property
    def doubts(self) -> Floats:
        """The weights with what is settled taken at its expectation, shape (n,): mean 1 too, and tamer.

        What the log has to show of a candidate is only what its open choices bring.
        """
        settled = self.shares[:, list(self.log.settled)].sum(axis=1)
        doubts: Floats = settled + np.where(self.log.settled_here, 0.0, self.weights)
        return doubts

    @cached_property
    def baseline(self) -> Floats:
        """What the reward model expects of the candidate, shape (n,)."""
        baseline: Floats = (self.shares * self.expected).sum(axis=1)
        return baseline

    @cached_property
    def residuals(self) -> Floats:
        """Reward minus what was expected of the action chosen, shape (n,)."""
        residuals: Floats = (
            self.log.rewards - self.expected[np.arange(len(self.log)), self.log.actions]
        )
        return residuals


def _distribution(shares: Floats, name: str, shape: tuple[int, int]) -> None:
    if shares.shape != shape:
        raise ValueError(f"{name} has shape {shares.shape}; it must be {shape}")
    if (
        not np.isfinite(shares).all()
        or shares.min() < -TOLERANCE
        or np.abs(shares.sum(axis=1) - 1.0).max() > TOLERANCE
    ):
        raise ValueError(f"{name} must be probabilities that sum to 1 in every row")
