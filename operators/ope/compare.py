"""Judge candidate policies by a log: estimates with intervals, a sequence, overlap, and a refusal where due.

In: Log, candidates' shares. Out: a Finding for each candidate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from operators.ope import ESTIMATORS
from operators.ope.intervals import Z_95, interval, standard_error
from operators.ope.log import Log, Sample
from operators.ope.overlap import Overlap, overlap, reasons
from operators.ope.rewards import cross_fit
from operators.ope.sequences import at_these_moments, of_policy
from schemas.models import Floats

DEFAULT = "dr"
ALPHA = 0.05
NOTHING = 1e-12
"""The last bits of sums that are nothing."""


@dataclass(frozen=True)
class Worth:
    """An estimate with its 95 % interval for this many decisions, and the lever that was chosen."""

    value: float
    low: float
    high: float
    lever: float | None = None


@dataclass(frozen=True)
class Finding:
    """What a log says of a candidate.

    ``worths`` by estimator, a decision; empty where refused. ``gain`` is the doubly robust worth minus that
    of the log's own policy at the same decisions. ``sequence`` holds at any time, None where the range of
    the rewards is not known. ``refused`` are the reasons why the log can't tell, with what to do.
    """

    candidate: str
    overlap: Overlap
    refused: tuple[str, ...]
    worths: Mapping[str, Worth] = field(default_factory=dict)
    gain: Worth | None = None
    sequence: tuple[float, float] | None = None

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` than the log's own policy, ``undecided``, or ``cannot tell``."""
        if self.refused or self.gain is None:
            return "cannot tell"
        if self.gain.low > NOTHING:
            return "better"
        return "worse" if self.gain.high < -NOTHING else "undecided"


def compare(
    log: Log,
    candidates: Mapping[str, Floats],
    *,
    names: Sequence[str] = (),
    expected: Floats | None = None,
    seed: int = 0,
    insist: bool = False,
) -> list[Finding]:
    """Judge each candidate.

    Args:
        log: What was recorded.
        candidates: The candidates' probabilities at the same moments, shape (n, K), by name.
        names: The actions' names, for the words of a refusal.
        expected: What a reward model of one's own expects of each action, shape (n, K), made without the
            rewards of the log; by default one is cross-fitted to it.
        seed: Deals the folds of the reward model.
        insist: Estimate even where the log can't tell; the reasons are given beside it.

    Returns:
        In the candidates' order.

    Raises:
        ValueError: A candidate's shares are no probabilities.
    """
    if expected is None:
        expected = cross_fit(log, seed=seed)
    findings: list[Finding] = []
    for name, shares in candidates.items():
        sample = Sample(log, shares, expected)
        found = overlap(sample)
        refused = reasons(sample, found, names=names)
        if refused and not insist:
            findings.append(Finding(name, found, refused))
            continue
        findings.append(
            Finding(
                candidate=name,
                overlap=found,
                refused=refused,
                worths=worths(sample, found.effective),
                gain=_gain(sample),
                sequence=_sequence(sample),
            )
        )
    return findings


def worths(sample: Sample, effective: float) -> dict[str, Worth]:
    """Every estimator's answer; those that need all probabilities are left out where the log lacks them.

    Args:
        sample: What to estimate from.
        effective: How many decisions the log is worth for it.
    """
    found: dict[str, Worth] = {}
    for name, estimator in ESTIMATORS.items():
        if estimator.needs_all and sample.log.logged is None:
            continue
        estimate = estimator.estimate(sample)
        low, high = interval(
            estimate.value,
            standard_error(estimate.terms, sample.log.clusters),
            effective=effective,
            span=sample.log.span,
            bias=estimate.bias,
        )
        found[name] = Worth(estimate.value, low, high, estimate.lever)
    return found


def _gain(sample: Sample) -> Worth:
    """Paired with the log's own policy, estimated the same way: what moves both does not count.

    sum_a (π − p)·q + (w − 1)·(r − q), which is nothing where both are one; without all p in the log, the
    rewards themselves stand for its policy. What the candidate does more often than the log is what the log
    may have failed to show; the interval is widened for that part alone.
    """
    log = sample.log
    own = log.rewards
    if log.logged is not None:
        own = (log.logged * sample.expected).sum(axis=1) + sample.residuals
    terms = ESTIMATORS[DEFAULT].estimate(sample).terms - own
    value, error = float(terms.mean()), standard_error(terms, log.clusters)
    low, high = value - Z_95 * error, value + Z_95 * error
    more = np.where(log.settled_here, 0.0, np.maximum(sample.weights - 1.0, 0.0))
    part = min(float(more.mean()), 1.0)
    if part > NOTHING and np.isfinite(error):
        mean = float((more * log.rewards).sum() / more.sum())
        seen = float(more.sum() ** 2 / (more**2).sum())
        wide = interval(mean, error / part, effective=seen, span=log.span)
        low += part * (wide[0] - mean) + Z_95 * error
        high += part * (wide[1] - mean) - Z_95 * error
    return Worth(value, low, high)


def _sequence(sample: Sample) -> tuple[float, float] | None:
    if sample.log.reward_range is None:
        return None
    least, most = sample.log.reward_range
    rewards, logged = (sample.log.rewards - least) / (most - least), sample.log.logged
    weights, shares = sample.weights, sample.shares
    if least == 0.0:
        weights = np.where(sample.log.settled_here, 0.0, weights)
        shares = shares.copy()
        shares[:, list(sample.log.settled)] = 0.0
    if logged is None or shares[logged <= 0.0].any():
        # Without a ceiling the upper side counts what the log can't show as if it were all rewarded.
        found = of_policy(sample.weights, rewards, alpha=ALPHA)
    else:
        ratios = np.divide(shares, logged, out=np.zeros_like(shares), where=logged > 0.0)
        found = at_these_moments(weights, rewards, ratios.max(axis=1), alpha=ALPHA)
    low, high = (float(side[-1]) * (most - least) + least for side in (found.low, found.high))
    return low, high
