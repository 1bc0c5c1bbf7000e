"""Estimators between the model and the weights; how far is chosen from the log.

In: Sample. Out: Estimate with the lever chosen. The lever ∞ trusts the weights, 0 trusts the model.
"""

from collections.abc import Callable

import numpy as np

from operators.ope.estimators import Estimate, mean_of
from operators.ope.levers import choose
from operators.ope.log import Sample
from schemas.models import Floats

QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Levers on trial besides ∞ and 0: these quantiles of the weights that were met."""

Terms = Callable[[Sample, float], Floats]
"""The terms of an estimate with the lever given, shape (n,)."""


def switched(sample: Sample, lever: float) -> Floats:
    """The residual counts only where the weight is at most the lever.

    Source: Wang, Agarwal & Dudík 2017, "Optimal and adaptive off-policy evaluation" (SWITCH-DR).
    """
    kept = np.where(sample.weights <= lever, sample.weights, 0.0)
    terms: Floats = sample.baseline + kept * sample.residuals
    return terms


def shrunk(sample: Sample, lever: float) -> Floats:
    """The weight w becomes λw / (w² + λ), largest near sqrt(λ).

    Source: Su, Dimakopoulou, Krishnamurthy & Dudík 2020, "Doubly robust off-policy evaluation with
        shrinkage" (optimistic).
    """
    weights = sample.weights
    if np.isfinite(lever):
        weights = lever * weights / np.maximum(weights * weights + lever, np.finfo(np.float64).tiny)
    terms: Floats = sample.baseline + weights * sample.residuals
    return terms


def blended(sample: Sample, lever: float) -> Floats:
    """Each action by weight up to the lever M, and the model for the part that the weight leaves over.

    sum_a π·q·(1 − min(1, M·p/π)) + min(w, M)·r. It needs p of every action.

    Source: Su, Wang, Santacatterina & Joachims 2019, "CAB: continuous adaptive blending".

    Raises:
        ValueError: The log has the probability of the chosen action only.
    """
    logged = sample.log.logged
    if logged is None:
        raise ValueError("cab needs the probabilities of all actions: log them all")
    weights, shares = sample.weights, sample.shares
    if np.isfinite(lever):
        left = np.maximum(shares - lever * logged, 0.0)
    else:
        left = np.where(logged > 0.0, 0.0, shares)
    terms: Floats = (left * sample.expected).sum(axis=1)
    return terms + np.minimum(weights, lever) * sample.log.rewards


class Blend:
    """A family of estimators by one lever, chosen by its estimated error."""

    def __init__(self, name: str, terms: Terms, *, needs_all: bool = False, power: int = 1) -> None:
        """Name the family; ``power`` is 2 where the lever is compared with squared weights."""
        self.name = name
        self.needs_all = needs_all
        self._terms = terms
        self._power = power

    def levers(self, sample: Sample) -> tuple[float, ...]:
        """What is on trial, from ∞ (least bias) to 0 (least variance)."""
        seen = sample.weights[sample.weights > 0.0]
        if not len(seen):
            return (0.0,)
        quantiles = sorted({float(q) for q in np.quantile(seen, QUANTILES)}, reverse=True)
        return (np.inf, *(value**self._power for value in quantiles), 0.0)

    def at(self, sample: Sample, lever: float) -> Estimate:
        """The estimate with the lever given."""
        return mean_of(self._terms(sample, lever), lever)

    def estimate(self, sample: Sample) -> Estimate:
        """The estimate whose lever promises the least error."""
        return choose(
            [self.at(sample, lever) for lever in self.levers(sample)], sample.log.clusters
        )


SWITCH_DR = Blend("switch_dr", switched)
DR_OS = Blend("dr_os", shrunk, power=2)
CAB = Blend("cab", blended, needs_all=True)
