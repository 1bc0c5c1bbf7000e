"""Errors of estimates, and the choice among some of less and less variance and more and more bias.

In: Estimates. Out: their standard errors; the one that SLOPE takes.
"""

from collections.abc import Sequence

import numpy as np

from operators.ope.estimators import Estimate
from schemas.models import Floats, Integers

Z_95 = 1.959963984540054
KEEP = 6.0**0.5 - 1.0


def standard_error(terms: Floats, clusters: Integers | None = None) -> float:
    """The standard error of the mean of terms, independent between clusters only.

    Example:
        >>> round(standard_error(np.array([0.0, 1.0, 0.0, 1.0])), 4)
        0.2887
        >>> round(standard_error(np.array([0.0, 0.0, 1.0, 1.0]), np.array([1, 1, 2, 2])), 4)
        0.5

    Source: Liang & Zeger 1986, with the correction G / (G − 1) for few clusters.
    """
    centred = terms - terms.mean()
    if clusters is not None:
        _, places = np.unique(clusters, return_inverse=True)
        centred = np.bincount(places, weights=centred)
    groups = len(centred)
    if groups < 2:  # noqa: PLR2004 - one cluster says nothing about the spread between clusters
        return float("inf")
    return float(np.sqrt((centred**2).sum() * groups / (groups - 1))) / len(terms)


def choose(estimates: Sequence[Estimate], clusters: Integers | None = None) -> Estimate:
    """The last estimate that agrees with all before it, within their errors.

    Args:
        estimates: From the least biased to the one of least variance.
        clusters: As in `standard_error`.

    Source: Su, Srinath & Krishnamurthy 2020, "Adaptive estimator selection for off-policy evaluation":
        the largest i with |θ_i − θ_j| ≤ e_i + (√6 − 1)·e_j for all j < i; e is the half-width at 95 %,
        kept from growing along the way.
    """
    half = float("inf")
    tried: list[tuple[float, float]] = []
    chosen = estimates[0]
    for estimate in estimates:
        half = min(half, Z_95 * standard_error(estimate.terms, clusters))
        if any(abs(estimate.value - value) > half + KEEP * error for value, error in tried):
            break
        tried.append((estimate.value, half))
        chosen = estimate
    return chosen
