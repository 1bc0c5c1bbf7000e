"""How far an estimate may be off, for one number of decisions.

In: the terms of an estimate. Out: its standard error, its 95 % interval.
"""

import numpy as np

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


def bias_bound(differences: Floats, clusters: Integers | None = None) -> float:
    """How far off on average something may be: the mean of its differences from what is unbiased, at 95 %."""
    return abs(float(differences.mean())) + Z_95 * standard_error(differences, clusters)


def interval(
    value: float,
    error: float,
    *,
    effective: float,
    span: tuple[float, float],
    bias: float = 0.0,
) -> tuple[float, float]:
    """The 95 % interval of a mean of rewards.

    Where rewards are rare, most logs hold too few of them to show how far off they are. As for a plain share,
    the remedy is to count what could have been met in as many decisions as the log is worth. That widens the
    normal interval, and never narrows it.

    Args:
        value: The estimate.
        error: Its standard error.
        effective: How many decisions the log is worth (`operators.ope.overlap`).
        span: The least and the largest reward there can be.
        bias: How far off it may be on average; both sides move out by so much.

    Example:
        >>> low, high = interval(0.0, 0.0, effective=100.0, span=(0.0, 1.0))
        >>> round(low, 4), round(high, 4)
        (0.0, 0.037)

    Source: Wilson 1927, with the effective number of decisions (Kish 1965) and the error that was measured.
    """
    width = span[1] - span[0]
    extra = Z_95**2 / max(effective, 1e-9)
    middle = (value + extra * (span[0] + width / 2.0)) / (1.0 + extra)
    half = (
        Z_95 * np.sqrt(error**2 + extra * width**2 / (4.0 * max(effective, 1e-9))) / (1.0 + extra)
    )
    low, high = min(value - Z_95 * error, middle - half), max(value + Z_95 * error, middle + half)
    return float(low - bias), float(high + bias)
