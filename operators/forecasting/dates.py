"""The first day below a threshold, if one comes: a distribution over days that was learnt from days that came.

The horizon is cut into thirty steps. What speaks for a step is how many scenarios fall below in it for the first
time, what falls due in it, and how far the balance lies above the threshold: close to it the day comes soon,
far above it late. One set of weights serves all customers and thresholds; before any is learnt, the scenarios
speak alone.

Source: conditional logit over alternatives, McFadden 1974; the day told minimises the expected error, where any
error beyond `CAP_DAYS` counts the same (a bounded loss, Huber 1981).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from operators.forecasting import exact
from schemas.models import LogitHead

Floats = NDArray[np.float64]
STEPS = 30
FEATURES = 1 + 2 * STEPS
"""How many numbers are kept of one question: the distance to the threshold, then a pair for each step."""
CAP_SHARE = 1 / 3
"""Of the horizon: a day told that is further off helps nobody, however far."""
HALF = 0.5
"""The share of the distribution that the range told holds."""
PENALTY = 10.0
ROWS_MIN = 40
BANDWIDTH = 0.15
"""Width of the smoothed crossing, in months of own spending."""
_FLOOR = np.array(0.003)
"""The share of scenarios that a step has in any case."""
_STEPS_MAX = 25
_HALVINGS_MAX = 12
_STEP_SMALL = 1e-4
_GRID = 2.0**20
_NOTHING, _HALF, _ONE = np.array(0.0), np.array(0.5), np.array(1.0)
_AFTER = np.arange(1.0, STEPS + 1) / STEPS
_LOG_AFTER = exact.log(np.arange(1.0, STEPS + 1))
_PRIOR = (0.85, 0.0, 0.0, 0.0, 0.0, 0.0)
UNLEARNT = LogitHead(
    centre=np.zeros(len(_PRIOR)),
    scale=np.ones(len(_PRIOR)),
    weights=np.array(_PRIOR),
    cross=None,
    months=0,
    rows=0,
)
"""What serves before any day came: the scenarios, a little less sure than they are."""


def seen(
    paths: Floats, inside: NDArray[np.bool_] | None, *, due: Floats, above: Floats, scale: Floats
) -> Floats:
    """What is known of the day, shape (n, 61).

    Args:
        paths: Scenarios by day, relative to the balance, minor units, shape (n, K, H); H is a multiple of 30.
        inside: Which scenarios lie within the history, shape (n, K); None if all do.
        due: Regular flows by day, minor units, shape (n, H).
        above: The balance above the threshold, minor units, shape (n,).
        scale: A month of own spending, minor units, shape (n,).
    """
    size, days = due.shape
    each = days // STEPS
    below = np.minimum.accumulate(paths, 2)
    if each > 1:
        below = below[:, :, each - 1 :: each].copy()
    np.add(below, above[:, None, None], below)
    np.divide(below, (2 * BANDWIDTH * scale)[:, None, None], below)
    np.subtract(_HALF, below, below)
    np.maximum(below, _NOTHING, out=below)
    np.minimum(below, _ONE, out=below)
    if inside is None:
        share = np.add.reduce(below, 1)
        np.divide(share, below.shape[1], share)
    else:
        np.multiply(below, inside[:, :, None], below)
        share = np.add.reduce(below, 1)
        np.divide(share, np.maximum(np.add.reduce(inside, 1), 1)[:, None], share)
    made = np.empty((size, FEATURES))
    made[:, 0] = exact.asinh(2 * above / scale)
    made[:, 1] = share[:, 0]
    np.subtract(share[:, 1:], share[:, :-1], made[:, 2 : 1 + STEPS])
    out = np.add.reduce(np.minimum(due, _NOTHING).reshape(size, STEPS, each), 2)
    np.divide(out, -scale[:, None], out)
    np.minimum(out, _ONE, out=made[:, 1 + STEPS :])
    return made


def chances(head: LogitHead, x: Floats) -> Floats:
    """P(step | a first day below comes), shape (n, 30), from what was `seen`; the same bits on any machine."""
    bent = _bent(x)
    np.multiply(bent, head.weights / head.scale, bent)
    score: Floats = np.add.reduce(bent, 2)
    np.subtract(score, np.maximum.reduce(score, 1)[:, None], score)
    made = exact.exp(score)
    np.divide(made, np.add.reduce(made, 1)[:, None], made)
    return made


def likely(chances: Floats, *, days: int) -> tuple[int, int, int]:
    """The first day below, in days from today, and the days between which it lies as likely as not.

    Args:
        chances: Of the steps of one horizon, shape (30,).
        days: The horizon, a multiple of 30.

    Returns:
        (earliest, likeliest, latest) with 1 ≤ earliest ≤ likeliest ≤ latest ≤ days.
    """
    each = days // STEPS
    daily = chances if each == 1 else np.repeat(chances / each, each)
    gain, order, apart = _apart(days)
    # On a grid, so that the last bit of a sum never decides between two days.
    worth = np.rint(np.add.reduce(gain * daily, 1) * _GRID)
    (best,) = (worth == worth.max()).nonzero()
    day = best.item((best.size - 1) // 2)
    held = np.add.accumulate(daily.take(order[day]))
    # As many as hold less than the half, and one more.
    width = apart[day].item(min(int(held.searchsorted(HALF)), days - 1))
    return max(1, day + 1 - width), day + 1, min(days, day + 1 + width)


@lru_cache(maxsize=8)
def _apart(days: int) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Of each day of the horizon, three arrays of shape (days, days).

    What a day told is worth where another one comes; all days in the order of their distance, and the distances.
    """
    apart = np.abs(np.arange(days)[:, None] - np.arange(days))
    order = np.argsort(apart, axis=1, kind="stable")
    return (
        np.maximum(CAP_SHARE * days - apart, 0.0),
        order,
        np.take_along_axis(apart, order, axis=1),
    )


def fit(x: Floats, step: Floats, *, months: int) -> LogitHead:
    """The head that fits the days that came best.

    Args:
        x: What was `seen`, shape (n, 61).
        step: The step in which the first day below came, 0..29, shape (n,).
        months: How many different months the rows are from.
    """
    bent = _bent(x)
    bent -= bent.mean(axis=1, keepdims=True)
    scale = np.sqrt((bent * bent).mean(axis=(0, 1))) + 1e-9
    bent /= scale
    came = bent[np.arange(len(x)), step.astype(np.int64)]
    prior = np.array(_PRIOR) * scale
    weights = prior.copy()
    loss = _loss(bent, came, weights, prior=prior)
    for _ in range(_STEPS_MAX):
        score = bent @ weights
        p = np.exp(score - score.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        mean = (p[:, :, None] * bent).sum(axis=1)
        slope = (came - mean).sum(axis=0) - PENALTY * (weights - prior)
        flat = bent.reshape(-1, bent.shape[2])
        bend = (flat * p.reshape(-1, 1)).T @ flat - mean.T @ mean
        bend[np.diag_indices_from(bend)] += PENALTY
        move = np.linalg.solve(bend, slope)
        for _ in range(_HALVINGS_MAX):
            reached = _loss(bent, came, weights + move, prior=prior)
            if reached <= loss:
                break
            move = move / 2
        weights, loss = weights + move, reached
        if np.abs(move).max() < _STEP_SMALL:
            break
    return LogitHead(
        centre=np.zeros(len(weights)),
        scale=scale,
        weights=np.rint(weights * _GRID) / _GRID,
        cross=None,
        months=months,
        rows=len(step),
    )


def _bent(x: Floats) -> Floats:
    """The features of each step, shape (n, 30, 6), from what was `seen`."""
    above, due = x[:, :1], x[:, 1 + STEPS :]
    share = np.maximum(x[:, 1 : 1 + STEPS], _NOTHING)
    np.add(share, _FLOOR, share)
    made = np.empty((len(x), STEPS, len(_PRIOR)))
    made[:, :, 0] = exact.log(share)
    made[:, :, 1] = due
    made[:, :, 2] = _AFTER
    made[:, :, 3] = _LOG_AFTER
    np.multiply(above, _AFTER, made[:, :, 4])
    np.multiply(above, _LOG_AFTER, made[:, :, 5])
    return made


def _loss(bent: Floats, came: Floats, weights: Floats, *, prior: Floats) -> float:
    """The penalised negative log likelihood."""
    score = bent @ weights
    top = score.max(axis=1)
    total = np.log(np.exp(score - top[:, None]).sum(axis=1)) + top
    apart = weights - prior
    return float((total - came @ weights).sum() + 0.5 * PENALTY * (apart * apart).sum())
