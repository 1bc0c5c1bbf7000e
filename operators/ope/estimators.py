"""Estimators that need no lever: by weighting, by a model, and by both.

In: Sample. Out: Estimate. Each is a mean of terms, or linearised as one, so that one rule gives intervals.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from operators.ope.intervals import bias_bound
from operators.ope.log import Sample
from schemas.models import Floats


@dataclass(frozen=True)
class Estimate:
    """What a candidate policy is worth a decision.

    ``terms`` shape (n,): their mean is ``value``, and their spread over independent decisions is its
    error. ``lever`` is the hyper-parameter that was chosen from the log, None where there is none. ``bias``
    is how far off the value may be on average, as far as the log can tell.
    """

    value: float
    terms: Floats
    lever: float | None = None
    bias: float = 0.0


class Estimator(Protocol):
    """Estimates a candidate's worth from another policy's log."""

    name: str
    needs_all: bool
    """Whether it needs the probabilities of all actions in the log, not only of the one chosen."""

    def estimate(self, sample: Sample) -> Estimate:
        """The estimate; pure, and the same for the same sample."""
        ...


def mean_of(terms: Floats, lever: float | None = None) -> Estimate:
    """The estimate that is the mean of its terms."""
    return Estimate(float(terms.mean()), terms, lever)


class InversePropensity:
    """mean(w·r): unbiased where the log supports the candidate, and wild where weights are large.

    Source: Horvitz & Thompson 1952; for bandits Li et al. 2011.
    """

    name = "ips"
    needs_all = False

    def estimate(self, sample: Sample) -> Estimate:
        """Weigh every reward."""
        return mean_of(sample.weights * sample.log.rewards)


class SelfNormalised:
    """sum(w·r) / sum(w): stays within the rewards; biased by less than its error.

    Source: Swaminathan & Joachims 2015; the terms are linearised as in Cochran 1977, 6.3.
    """

    name = "snips"
    needs_all = False

    def estimate(self, sample: Sample) -> Estimate:
        """Weigh, and divide by the weight there was; without any weight the answer is 0."""
        weights, rewards = sample.weights, sample.log.rewards
        total = float(weights.sum())
        if total <= 0.0:
            return mean_of(np.zeros(len(weights)))
        value = float((weights * rewards).sum()) / total
        return Estimate(value, value + weights * (rewards - value) * (len(weights) / total))


class DirectMethod:
    """mean(sum_a π·q): as good as the reward model, whose bias the weighted residuals tell."""

    name = "dm"
    needs_all = False

    def estimate(self, sample: Sample) -> Estimate:
        """Believe the model."""
        corrections = sample.weights * sample.residuals
        return replace(mean_of(sample.baseline), bias=bias_bound(corrections, sample.log.clusters))


class DoublyRobust:
    """mean(sum_a π·q + w·(r − q)): unbiased like weighting, with the model taking the noise out.

    Source: Dudík, Langford & Li 2011; cross-fitting: Chernozhukov et al. 2018.
    """

    name = "dr"
    needs_all = False

    def estimate(self, sample: Sample) -> Estimate:
        """Correct the model by the weighted residuals."""
        return mean_of(sample.baseline + sample.weights * sample.residuals)
