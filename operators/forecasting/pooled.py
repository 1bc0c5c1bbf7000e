"""One classifier for all customers and thresholds: a penalised logistic regression on bent features.

Each standardised feature enters as itself and as four hinges, and times the feature that names the threshold,
so that one set of weights fits every threshold. The penalty pulls towards the scenarios' own probability, so
little data changes little. It is refitted by Newton's method on the rows remembered: at the second pass over
the same rows the error that a single pass leaves (it lags behind a base rate that moves) is gone. While the rows
are of few months, probabilities are drawn towards a half as their months can't tell the next one.

Source: ridge logistic regression, le Cessie and van Houwelingen 1992; hinges, Friedman 1991.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from operators.forecasting import exact
from operators.forecasting.months import widening
from schemas.models import LogitHead

Floats = NDArray[np.float64]
KNOTS: tuple[float, ...] = (-1.0, -0.3, 0.3, 1.0)
CLIP = 5.0
_KNOTS = np.array(KNOTS)
_CLIP_LOW, _CLIP_HIGH, _ZERO = np.array(-CLIP), np.array(CLIP), np.array(0.0)
PENALTY = (5.0, 100.0)
"""Of a feature's own weight, and of its bends and crossings."""
PENALTY_CONSTANT = 1e-3
STEPS_MAX = 15
HALVINGS_MAX = 12
STEP_SMALL = 1e-4
WEIGHT_GRID = 2.0**20


def width(features: int, *, crossed: bool) -> int:
    """How many weights a head over so many features has."""
    return 1 + features * (1 + len(KNOTS) + crossed)


def bent(x: Floats, *, centre: Floats, scale: Floats, cross: int | None) -> Floats:
    """The columns of the regression, shape (n, D), from features of shape (n, F)."""
    z = np.subtract(x, centre)
    np.divide(z, scale, z)
    np.maximum(z, _CLIP_LOW, out=z)
    np.minimum(z, _CLIP_HIGH, out=z)
    features, knots = z.shape[1], len(KNOTS)
    made = np.empty((len(z), width(features, crossed=cross is not None)))
    made[:, 0] = 1.0
    made[:, 1 : 1 + features] = z
    until = 1 + features * (1 + knots)
    hinges = np.concatenate([z] * knots, axis=1)
    np.subtract(hinges, _apart(features), hinges)
    np.maximum(hinges, _ZERO, out=made[:, 1 + features : until])
    if cross is not None:
        np.multiply(z, z[:, cross : cross + 1], made[:, until:])
    return made


@lru_cache(maxsize=16)
def _apart(features: int) -> Floats:
    """The knot of each hinge of so many features."""
    made: Floats = np.repeat(_KNOTS, features)
    return made


def probability(head: LogitHead, x: Floats) -> Floats:
    """P(y = 1) for features of shape (n, F), shape (n,); the same bits on any machine."""
    columns = bent(x, centre=head.centre, scale=head.scale, cross=head.cross)
    np.multiply(columns, head.weights, columns)
    return exact.sigmoid(np.add.reduce(columns, 1) / widening(head.months))


def fit(
    x: Floats,
    y: Floats,
    *,
    prior: Floats,
    cross: int | None,
    months: int,
    penalty: tuple[float, float] = PENALTY,
) -> LogitHead:
    """The head that fits rows best.

    Args:
        x: Features, shape (n, F).
        y: 0 or 1, shape (n,).
        prior: Weights that the penalty pulls to, shape (D,), on standardised features.
        cross: The feature that the others' weights may depend on.
        months: How many different months the rows are from.
        penalty: Of a feature's own weight, and of its bends and crossings.
    """
    centre, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    columns = bent(x, centre=centre, scale=scale, cross=cross)
    pull = np.full(columns.shape[1], penalty[1])
    pull[: 1 + x.shape[1]] = penalty[0]
    pull[0] = PENALTY_CONSTANT
    weights = prior.copy()
    loss = _loss(columns, y, weights, pull=pull, prior=prior)
    for _ in range(STEPS_MAX):
        p = 1.0 / (1.0 + np.exp(-np.clip(columns @ weights, -30.0, 30.0)))
        curve = np.maximum(p * (1.0 - p), 1e-6)
        slope = columns.T @ (y - p) - pull * (weights - prior)
        bend = (columns * curve[:, None]).T @ columns
        bend[np.diag_indices_from(bend)] += pull
        step = np.linalg.solve(bend, slope)
        # Newton overshoots where the curve is flat: halve until the loss falls.
        for _ in range(HALVINGS_MAX):
            reached = _loss(columns, y, weights + step, pull=pull, prior=prior)
            if reached <= loss:
                break
            step = step / 2
        weights, loss = weights + step, reached
        if np.abs(step).max() < STEP_SMALL:
            break
    # On a grid, so that a snapshot reads the same wherever it was fitted.
    return LogitHead(
        centre=centre,
        scale=scale,
        weights=np.rint(weights * WEIGHT_GRID) / WEIGHT_GRID,
        cross=cross,
        months=months,
        rows=len(y),
    )


def _loss(columns: Floats, y: Floats, weights: Floats, *, pull: Floats, prior: Floats) -> float:
    """The penalised negative log likelihood."""
    logit = columns @ weights
    apart = weights - prior
    return float((np.logaddexp(0.0, logit) - y * logit).sum() + 0.5 * (pull * apart * apart).sum())
