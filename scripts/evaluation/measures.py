"""Measures of probabilistic forecasts: ranking, calibration, quantiles."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def auc(y: Floats, p: Floats) -> float:
    """The chance that a true case is ranked above a false one; ties count half.

    Example:
        >>> auc(np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.2, 0.9]))
        0.75
    """
    _, place, count = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    true, false = float(y.sum()), float(len(y) - y.sum())
    return float((rank[y == 1].sum() - true * (true + 1) / 2) / (true * false))


def ece(y: Floats, p: Floats, bins: int = 10) -> float:
    """Expected calibration error over bins of equal count."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return float(sum(len(b) / len(y) * abs(y[b].mean() - p[b].mean()) for b in parts if len(b)))


def crps(y: Floats, quantiles: Floats, shares: Floats) -> Floats:
    """Twice the mean pinball loss, which approximates the CRPS; shape (n,)."""
    apart = y[:, None] - quantiles
    made: Floats = 2 * np.maximum(shares * apart, (shares - 1) * apart).mean(axis=1)
    return made


def scores(y: Floats, p: Floats) -> dict[str, float | int | None]:
    """AUC, Brier score, ECE, and how many cases."""
    positives = int(y.sum())
    both = 0 < positives < len(y)
    return {
        "auc": round(auc(y, p), 4) if both else None,
        "brier": round(float(((p - y) ** 2).mean()), 5),
        "ece": round(ece(y, p), 4),
        "n": len(y),
        "positives": positives,
    }
