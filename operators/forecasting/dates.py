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
_FLOOR = 0.003
"""The share of scenarios that a step has in any case."""
_STEPS_MAX = 25
_HALVINGS_MAX = 12
_STEP_SMALL = 1e-4
_GRID = 2.0**20
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
    paths: Floats, inside: NDArray[np.bool_], *, due: Floats, above: Floats, scale: Floats
) -> Floats:
    """What is known of the day, shape (n, 61).

    Args:
        paths: Scenarios by day, relative to the balance, minor units, shape (n, K, H); H is a multiple of 30.
        inside: Which scenarios lie within the history, shape (n, K).
        due: Regular flows by day, minor units, shape (n, H).
        above: The balance above the threshold, minor units, shape (n,).
        scale: A month of own spending, minor units, shape (n,).
    """
    size, days = due.shape
    each = days // STEPS
    lows = np.minimum.accumulate(paths, axis=2)[:, :, each - 1 :: each]
    lows = (lows + above[:, None, None]) / (2 * BANDWIDTH * scale[:, None, None])
    below = np.minimum(np.maximum(0.5 - lows, 0.0), 1.0) * inside[:, :, None]
    share = below.sum(axis=1) / np.maximum(inside.sum(axis=1), 1)[:, None]
    made = np.empty((size, FEATURES))
    made[:, 0] = exact.asinh(2 * above / scale)
    made[:, 1 : 1 + STEPS] = np.diff(share, axis=1, prepend=0.0)
    out = -np.minimum(due, 0.0).reshape(size, STEPS, each).sum(axis=2)
    made[:, 1 + STEPS :] = np.minimum(out / scale[:, None], 1.0)
    return made


def chances(head: LogitHead, x: Floats) -> Floats:
    """P(step | a first day below comes), shape (n, 30), from what was `seen`; the same bits on any machine."""
    score = (_bent(x) * (head.weights / head.scale)).sum(axis=2)
    weight = exact.exp(score - score.max(axis=1, keepdims=True))
    made: Floats = weight / weight.sum(axis=1, keepdims=True)
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
    daily = np.repeat(chances / each, each)
    apart = _apart(days)
    # On a grid, so that the last bit of a sum never decides between two days.
    worth = np.rint((np.maximum(CAP_SHARE * days - apart, 0.0) * daily).sum(axis=1) * _GRID)
    best = np.nonzero(worth == worth.max())[0]
    day = int(best[(best.size - 1) // 2])
    order = np.argsort(apart[day], kind="stable")
    held = np.cumsum(daily[order])
    width = int(apart[day][order[min(int((held < HALF).sum()), days - 1)]])
    return max(1, day + 1 - width), day + 1, min(days, day + 1 + width)


@lru_cache(maxsize=8)
def _apart(days: int) -> NDArray[np.int64]:
    """How many days each day of the horizon is from each other, shape (days, days)."""
    made: NDArray[np.int64] = np.abs(np.arange(days)[:, None] - np.arange(days))
    return made


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
    above, share, due = x[:, :1], x[:, 1 : 1 + STEPS], x[:, 1 + STEPS :]
    made = np.empty((len(x), STEPS, len(_PRIOR)))
    made[:, :, 0] = exact.log(np.maximum(share, 0.0) + _FLOOR)
    made[:, :, 1] = due
    made[:, :, 2] = _AFTER
    made[:, :, 3] = _LOG_AFTER
    made[:, :, 4] = above * _AFTER
    made[:, :, 5] = above * _LOG_AFTER
    return made


def _loss(bent: Floats, came: Floats, weights: Floats, *, prior: Floats) -> float:
    """The penalised negative log likelihood."""
    score = bent @ weights
    top = score.max(axis=1)
    total = np.log(np.exp(score - top[:, None]).sum(axis=1)) + top
    apart = weights - prior
    return float((total - came @ weights).sum() + 0.5 * PENALTY * (apart * apart).sum())
