"""Intervals that hold at every step together: look as often as you like and stop when it pleases you.

In: one value a decision, in the order of the decisions. Out: lower and upper bounds at every step.
"""

from dataclasses import dataclass

import numpy as np

from schemas.models import Floats

LAMBDA_MAX = 0.5
PRIOR_MEAN = 0.5
PRIOR_VARIANCE = 0.25


@dataclass(frozen=True)
class Sequence:
    """``low`` and ``high`` at every step, shape (…, n); each is the best so far, so they only tighten."""

    low: Floats
    high: Floats


def lower(values: Floats, *, alpha: float, variance: float = PRIOR_VARIANCE) -> Floats:
    """Time-uniform lower bounds on a mean, for values that are not negative and have a mean of at most 1.

    With λ predictable and m the mean of what came before, exp(λ(v − μ) − ψ(λ)(v − m)²) with
    ψ(λ) = −log(1 − λ) − λ is a supermartingale for every v ≥ 0 and m ≤ 1: no upper bound on the values
    is needed. Where the mean drifts, the bound is on its average weighted by λ.

    Args:
        values: Shape (…, n), a sequence along the last axis.
        alpha: The chance that any of the bounds ever lies above the mean.
        variance: A guess at the variance of a value; a bad one costs width, never validity.

    Returns:
        Bounds, shape (…, n), not decreasing along the last axis.

    Source: Howard, Ramdas, McAuliffe & Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence
        sequences"; Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting",
        theorem 2 (predictable plug-in); for weights without a bound: Waudby-Smith, Wu, Ramdas,
        Karampatziakis & Mineiro 2022, "Anytime-valid off-policy inference".
    """
    steps = np.arange(1, values.shape[-1] + 1)
    # Shrunk towards a half, and at most 1, which keeps v − m ≥ −1.
    means = np.minimum((PRIOR_MEAN + np.cumsum(values, axis=-1)) / (steps + 1), 1.0)
    before = _behind(means, PRIOR_MEAN)
    spread = (values - before) ** 2
    variances = (variance + np.cumsum((values - means) ** 2, axis=-1)) / (steps + 1)
    variances = _behind(variances, variance)
    log_odds = np.log(1.0 / alpha)
    bets = np.sqrt(2.0 * log_odds / (np.maximum(variances, 1e-12) * steps * np.log1p(steps)))
    bets = np.minimum(bets, LAMBDA_MAX)
    gained = np.cumsum(bets * values, axis=-1)
    paid = np.cumsum((-np.log1p(-bets) - bets) * spread, axis=-1)
    bounds = (gained - paid - log_odds) / np.cumsum(bets, axis=-1)
    best: Floats = np.maximum.accumulate(np.maximum(bounds, 0.0), axis=-1)
    return best


def bounded(values: Floats, *, alpha: float) -> Sequence:
    """Bounds on the mean of values within 0..1, shape (…, n); ``alpha`` is spent half on either side."""
    return Sequence(lower(values, alpha=alpha / 2.0), 1.0 - lower(1.0 - values, alpha=alpha / 2.0))


def of_policy(
    weights: Floats, rewards: Floats, *, alpha: float, weight_max: float | None = None
) -> Sequence:
    """Bounds on a candidate policy's mean reward from another policy's log.

    Args:
        weights: π/p of what was chosen, shape (…, n), with exact propensities that may change with time.
        rewards: Within 0..1, shape (…, n).
        alpha: The chance that the sequence ever misses.
        weight_max: A bound on the weights that was known beforehand (from floors, say). With it the upper
            side stays tight where rewards are rare; without it that side rests on w·(1 − r), whose mean
            is 1 minus what is looked for.

    Returns:
        Bounds within 0..1, shape (…, n).

    Raises:
        ValueError: A reward is outside 0..1, or a weight above ``weight_max``.
    """
    if rewards.min() < 0.0 or rewards.max() > 1.0:
        raise ValueError("rewards must lie within 0..1: scale them by what they can be at most")
    guess = PRIOR_VARIANCE * max(weight_max or 1.0, 1.0)
    low = lower(weights * rewards, alpha=alpha / 2.0, variance=guess)
    if weight_max is None:
        return Sequence(low, 1.0 - lower(weights * (1.0 - rewards), alpha=alpha / 2.0))
    if weights.max() > weight_max * (1.0 + 1e-9):
        raise ValueError(f"a weight of {weights.max():g} is above weight_max {weight_max:g}")
    scaled = np.minimum(weights * rewards / weight_max, 1.0)
    high = weight_max * (1.0 - lower(1.0 - scaled, alpha=alpha / 2.0))
    return Sequence(low, np.minimum(high, 1.0))


def _behind(values: Floats, first: float) -> Floats:
    """One step later: what was known before each step."""
    shifted = np.empty_like(values)
    shifted[..., 0] = first
    shifted[..., 1:] = values[..., :-1]
    return shifted
