"""Errors of estimates, and the choice among some of less and less variance and more and more bias.

In: Estimates. Out: their standard errors; the one whose error is least, as far as the log can tell.
"""

from collections.abc import Sequence

import numpy as np

from operators.ope.estimators import Estimate
from schemas.models import Floats, Integers

Z_95 = 1.959963984540054


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
    """The one of least estimated mean squared error; the first of equals.

    Bias is seen as the distance from the first, unbiased one. Both rest on the same decisions, so that the
    noise of the distance is that of the terms' differences, which is small where the two are nearly one:
    max(d² − se(d)², 0) + se².

    Args:
        estimates: From the least biased to the one of least variance.
        clusters: As in `standard_error`.

    Source: Su, Dimakopoulou, Krishnamurthy & Dudík 2020, "Doubly robust off-policy evaluation with shrinkage",
        section 5 (model selection by estimated bias and variance), with the bias paired.
    """
    first = estimates[0]
    best, least = first, float("inf")
    for estimate in estimates:
        bias = estimate.value - first.value
        noise = standard_error(estimate.terms - first.terms, clusters)
        error = max(bias**2 - noise**2, 0.0) + standard_error(estimate.terms, clusters) ** 2
        if error < least:
            best, least = estimate, error
    return best
