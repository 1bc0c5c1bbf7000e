"""Exact propensities from scores, in closed form, for many decisions at once.

Only plus, minus, times and division of numbers on grids: the same bits on every machine.
"""

from collections.abc import Callable

import numpy as np

from schemas.models import Floats

SHORTLIST = 10
Shares = Callable[[Floats, int], Floats]
"""Scores (n, 1 + members, arms), the mean model's first, and lessons so far to shares (n, arms)."""


def voted(scores: Floats, lessons: int = 0) -> Floats:
    """The share of members that put an arm first; ties go to the lowest arm.

    Example:
        >>> voted(np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [5.0, 5.0]]])).tolist()
        [[0.75, 0.25]]
    """
    del lessons
    count, rows, arms = scores.shape
    first = scores[:, 1:].argmax(axis=2)
    places = first + arms * np.arange(count)[:, None]
    votes = np.bincount(places.ravel(), minlength=count * arms).reshape(count, arms)
    shares: Floats = votes / (rows - 1)
    return shares


def inverse_gap(scores: Floats, lessons: int, *, gain: float = 100.0) -> Floats:
    """1 / (K + g·gap) for all but the best, which takes the rest; g = gain·sqrt(lessons).

    Source: Foster & Rakhlin 2020, "Beyond UCB", algorithm 1.
    """
    mean = scores[:, 0]
    best = mean.argmax(axis=1)
    gaps = mean.max(axis=1, keepdims=True) - mean
    shares: Floats = 1.0 / (mean.shape[1] + gain * float(lessons) ** 0.5 * gaps)
    rows = np.arange(len(mean))
    shares[rows, best] = 0.0
    shares[rows, best] = 1.0 - shares.sum(axis=1)
    return shares


def fair_merit(scores: Floats, lessons: int = 0, *, gain: float = 50.0) -> Floats:
    """Each arm in proportion to its merit f = 1 / (1 + gain·gap): nobody is shut out who is nearly as good.

    Example:
        >>> fair_merit(np.array([[[2.0, 2.0, 1.0]]]), gain=1.0).tolist()
        [[0.4, 0.4, 0.2]]

    Source: Wang, Bai, Sun & Joachims 2021, "Fairness of exposure in stochastic bandits", with rational f.
    """
    del lessons
    mean = scores[:, 0]
    merit = 1.0 / (1.0 + gain * (mean.max(axis=1, keepdims=True) - mean))
    shares: Floats = merit / merit.sum(axis=1, keepdims=True)
    return shares


def greedy(scores: Floats, lessons: int = 0) -> Floats:
    """All on the best of the mean model."""
    del lessons
    shares: Floats = np.eye(scores.shape[2])[scores[:, 0].argmax(axis=1)]
    return shares


def uniform(scores: Floats, lessons: int = 0) -> Floats:
    """The same for all."""
    del lessons
    count, _, arms = scores.shape
    return np.full((count, arms), 1.0 / arms)


def floored(shares: Floats, mean: Floats, *, floor: float, shortlist: int = SHORTLIST) -> Floats:
    """Keep a floor of probability for the arms on a short list: the best by the mean model.

    A floor over hundreds of arms proves nothing about any of them; over ten it does.

    Args:
        shares: Probabilities, shape (n, arms).
        mean: Scores of the mean model, same shape.
        floor: The probability spread evenly over the short list, 0..1.
        shortlist: How many arms are on it, at most.
    """
    if not floor:
        return shares
    listed = min(shortlist, mean.shape[1])
    ranked = np.argsort(-mean, axis=1, kind="stable")[:, :listed]
    result: Floats = (1.0 - floor) * shares
    np.put_along_axis(
        result, ranked, np.take_along_axis(result, ranked, axis=1) + floor / listed, axis=1
    )
    return result


SHARES: dict[str, Shares] = {
    "committee": voted,
    "inverse_gap": inverse_gap,
    "fair_merit": fair_merit,
    "greedy": greedy,
    "uniform": uniform,
}
"""Policies over one learner's scores, by name."""
