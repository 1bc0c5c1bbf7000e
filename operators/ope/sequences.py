"""Intervals that hold at every step together: look as often as you like and stop when it pleases you.

In: one value a decision, in the order of the decisions. Out: lower and upper bounds at every step.
"""

from dataclasses import dataclass

import numpy as np

from schemas.models import Floats

LAMBDA_MAX = 0.5
PRIOR_MEAN = 0.5
PRIOR_VARIANCE = 0.25
VARIANCE_MIN = 1e-12


@dataclass(frozen=True)
class Sequence:
    """``low`` and ``high`` at every step, shape (…, n)."""

    low: Floats
    high: Floats


def lower(values: Floats, *, alpha: float, variance: float = PRIOR_VARIANCE) -> Floats:
    """Time-uniform lower bounds on a mean, for values that are not negative and have a mean of at most 1.

    With λ predictable and m the mean of what came before, exp(λ(v − μ) − ψ(λ)(v − m)²) with
    ψ(λ) = −log(1 − λ) − λ is a supermartingale for every v ≥ 0 and m ≤ 1: no upper bound on the values
    is needed.

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
    bets, paid = _bet(values, alpha=alpha, variance=variance)
    bounds = (np.cumsum(bets * values, axis=-1) - paid) / np.cumsum(bets, axis=-1)
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
    _check(weights, rewards, np.inf if weight_max is None else weight_max)
    guess = PRIOR_VARIANCE * max(weight_max or 1.0, 1.0)
    low = lower(weights * rewards, alpha=alpha / 2.0, variance=guess)
    if weight_max is None:
        return Sequence(low, 1.0 - lower(weights * (1.0 - rewards), alpha=alpha / 2.0))
    left = np.maximum(1.0 - weights * rewards / weight_max, 0.0)
    return Sequence(low, np.minimum(weight_max * (1.0 - lower(left, alpha=alpha / 2.0)), 1.0))


def at_these_moments(
    weights: Floats, rewards: Floats, ceilings: Floats, *, alpha: float
) -> Sequence:
    """Bounds on what a candidate was worth at the moments met so far, however these came about.

    Nothing is asked of the moments: they may depend on each other and on what was chosen before. The mean is
    weighted by the bets, which favour early moments a little; it moves, so the bounds need not tighten.

    Args:
        weights: π/p of what was chosen, shape (…, n).
        rewards: Within 0..1, shape (…, n).
        ceilings: The largest weight that each moment could have brought, known before the draw: the maximum
            of π/p over all actions, shape (…, n).
        alpha: The chance that the sequence ever misses.

    Returns:
        Bounds within 0..1, shape (…, n).

    Raises:
        ValueError: A reward is outside 0..1, or a weight above its ceiling.

    Source: as `lower`, with values scaled by the largest ceiling so far.
    """
    _check(weights, rewards, ceilings)
    scales = np.maximum.accumulate(np.maximum(ceilings, 1.0), axis=-1)
    shares = weights * rewards / scales
    sides: list[Floats] = []
    for sign, values in ((1.0, shares), (-1.0, np.maximum(1.0 - shares, 0.0))):
        bets, paid = _bet(values, alpha=alpha / 2.0, variance=PRIOR_VARIANCE)
        bets_unscaled = bets / scales
        earned = np.cumsum(bets_unscaled * weights * rewards, axis=-1)
        sides.append((earned - sign * paid) / np.cumsum(bets_unscaled, axis=-1))
    return Sequence(np.clip(sides[0], 0.0, 1.0), np.clip(sides[1], 0.0, 1.0))


def _bet(values: Floats, *, alpha: float, variance: float) -> tuple[Floats, Floats]:
    """The bets λ, made before each value, and what they have cost so far: log(1/α) + Σ ψ(λ)(v − m)²."""
    steps = np.arange(1, values.shape[-1] + 1)
    # Shrunk towards a half, and at most 1, which keeps v − m ≥ −1.
    means = np.minimum((PRIOR_MEAN + np.cumsum(values, axis=-1)) / (steps + 1), 1.0)
    variances = (variance + np.cumsum((values - means) ** 2, axis=-1)) / (steps + 1)
    known = np.maximum(_behind(variances, variance), VARIANCE_MIN)
    log_odds = np.log(1.0 / alpha)
    bets = np.minimum(np.sqrt(2.0 * log_odds / (known * steps * np.log1p(steps))), LAMBDA_MAX)
    misses = (values - _behind(means, PRIOR_MEAN)) ** 2
    paid: Floats = log_odds + np.cumsum((-np.log1p(-bets) - bets) * misses, axis=-1)
    return bets, paid


def _check(weights: Floats, rewards: Floats, ceilings: Floats | float) -> None:
    if rewards.min() < 0.0 or rewards.max() > 1.0:
        raise ValueError("rewards must lie within 0..1: scale them by what they can be at most")
    if (weights > np.asarray(ceilings) * (1.0 + 1e-9)).any():
        raise ValueError("a weight is above what it could be: check the propensities")


def _behind(values: Floats, first: float) -> Floats:
    """One step later: what was known before each step."""
    shifted = np.empty_like(values)
    shifted[..., 0] = first
    shifted[..., 1:] = values[..., :-1]
    return shifted
