"""How likely a customer is to take something up: a logistic model that learns from sums.

Stage: 8 of 8. In: contexts with yes or no. Out: a probability, as a feature for who chooses.

While the mean stands still, gradient and curvature are sums of numbers on a grid, so workers' parts add up
to the same bits in any order (below 500,000 answers a refresh). A refresh takes one Newton step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.bandits.grid import snap_context
from schemas.models import Floats

SIGMA_STEPS = 2.0**20
CURVATURE_STEPS = 2.0**10
LOGIT_MAX = 30.0


@dataclass(slots=True)
class Evidence:
    """What a worker adds up at one frozen mean: gradient (d,), curvature (d, d), how many answers."""

    gradient: Floats
    curvature: Floats
    count: int = 0

    def add(self, other: "Evidence") -> None:
        """Add another worker's part."""
        self.gradient = self.gradient + other.gradient
        self.curvature = self.curvature + other.curvature
        self.count += other.count


class Propensity:
    """Bayesian logistic regression by Newton steps between snapshots, with forgetting.

    Source: Spiegelhalter & Lauritzen 1990 (Laplace updates of a logistic model); forgetting as in
    Kulhavý & Zarrop 1993: what fades gives way to the prior.
    """

    def __init__(
        self, size: int, *, ridge: float = 4.0, half_life: float = 2000.0, ridge_main: float = 0.01
    ) -> None:
        """Begin with a prior around no effect.

        Args:
            size: Context features (d); the first is the constant.
            ridge: Prior precision of every feature's weight.
            half_life: Answers after which an answer counts half.
            ridge_main: Prior precision of the constant.
        """
        self._prior: Floats = np.full(size, ridge)
        self._prior[0] = ridge_main
        self._precision: Floats = np.diag(self._prior)
        self._half_life = half_life
        self.mean: Floats = np.zeros(size)
        self.lessons = 0

    def predict(self, contexts: Sequence[Sequence[float]]) -> Floats:
        """Probabilities of yes on the 2^-20 grid, shape (rows,), from contexts of shape (rows, d)."""
        return self._sigma(snap_context(contexts))

    def weigh(self, contexts: Sequence[Sequence[float]], answers: Sequence[float]) -> Evidence:
        """The evidence of some answers (1 yes, 0 no) at the mean in use, exact in any order.

        Raises:
            ValueError: Contexts of another size.
        """
        if any(len(row) != len(self.mean) for row in contexts):
            message = f"the model expects {len(self.mean)} context features"
            raise ValueError(message)
        x = snap_context(contexts)
        sigma = self._sigma(x)
        weight = np.rint(sigma * (1.0 - sigma) * CURVATURE_STEPS) / CURVATURE_STEPS
        return Evidence(
            gradient=(sigma - np.array(answers, dtype=np.float64)) @ x,
            curvature=(x * weight[:, None]).T @ x,
            count=len(contexts),
        )

    def refresh(self, evidence: Evidence) -> None:
        """Let older answers fade by what came, take it in, and step to the new mean."""
        keep = 0.5 ** (evidence.count / self._half_life)
        self._precision = (
            keep * self._precision + (1.0 - keep) * np.diag(self._prior) + evidence.curvature
        )
        self.mean = self.mean - np.linalg.solve(self._precision, evidence.gradient)
        self.lessons += evidence.count

    def _sigma(self, x: Floats) -> Floats:
        logits = np.clip(x @ self.mean, -LOGIT_MAX, LOGIT_MAX)
        # The last bits of exp differ between processors; on the grid they don't.
        sigma: Floats = np.rint(SIGMA_STEPS / (1.0 + np.exp(-logits))) / SIGMA_STEPS
        return sigma
