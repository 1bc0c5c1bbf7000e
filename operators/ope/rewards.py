"""What a reward is expected to be, by context and action, always learnt without the row that it is for.

In: Log. Out: expectations of shape (n, K), cross-fitted.
"""

from dataclasses import dataclass

import numpy as np

from operators.ope.log import Log
from schemas.models import Floats, Integers

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
SHARED_PENALTY = 1.0
HELD_OUT = 3
"""One of so many training rows judges the penalties."""


@dataclass(frozen=True)
class Expectation:
    """``weights`` shape (K, 1 + d): an intercept and slopes for each action; answers stay in low..high."""

    weights: Floats
    low: float
    high: float

    def predict(self, contexts: Floats) -> Floats:
        """The expected rewards, shape (n, K), for contexts (n, d) or (n, K, d)."""
        slopes = self.weights[:, 1:]
        if contexts.ndim == 2:  # noqa: PLR2004 - one context for all actions
            raw = contexts @ slopes.T
        else:
            raw = np.einsum("nkd,kd->nk", contexts, slopes)
        expected: Floats = np.clip(raw + self.weights[:, 0], self.low, self.high)
        return expected


def fit(log: Log, rows: Integers, *, penalty: float) -> Expectation:
    """Ridge with slopes shared by all actions, and each action's departure from them.

    Minimises sum (r − (β + γ_a)·[1, x])² + penalty·sum |γ_a|² + |β|². An action that was hardly ever chosen
    is expected to be like the others; the departures are eliminated, so the cost is K solves of size d + 1.

    Args:
        log: Where the rows are from.
        rows: Which of them to learn from, shape (m,).
        penalty: How much a departure costs.

    Source: Hoerl & Kennard 1970; pooling as in Evgeniou & Pontil 2004, "Regularized multi-task learning".
    """
    taken, rewards = log.actions[rows], log.rewards[rows]
    seen = log.contexts[rows] if log.contexts.ndim == 2 else log.contexts[rows, taken]  # noqa: PLR2004
    x = np.hstack([np.ones((len(rows), 1)), seen])
    width = x.shape[1]
    grams = np.zeros((log.action_count, width, width))
    sums = np.zeros((log.action_count, width))
    for action in np.unique(taken):
        part = x[taken == action]
        grams[action] = part.T @ part
        sums[action] = part.T @ rewards[taken == action]
    ridge = penalty * np.eye(width)
    # With γ_a = (G_a + λI)⁻¹(s_a − G_a β) put in, what is left is one system in β.
    solved = np.linalg.solve(grams + ridge, np.concatenate([grams, sums[..., None]], axis=2))
    shrink, own = solved[..., :width], solved[..., width]
    left = (grams - grams @ shrink).sum(axis=0) + SHARED_PENALTY * np.eye(width)
    right = (sums - np.einsum("kij,kj->ki", grams, own)).sum(axis=0)
    shared = np.linalg.solve(left, right)
    weights = shared + own - shrink @ shared
    return Expectation(weights, float(rewards.min()), float(rewards.max()))


def cross_fit(log: Log, *, folds: int = 3, seed: int = 0) -> Floats:
    """Expected rewards of all actions, each row's from a model that never saw its fold.

    Clusters stay together. The penalty is chosen inside the training rows, so that the row itself has no
    say in it either.

    Args:
        log: What to learn from.
        folds: Into how many parts the log is dealt; a log of one cluster gives expectations of 0.
        seed: Deals the folds.

    Returns:
        Shape (n, K).
    """
    parts = deal(log, folds=folds, seed=seed)
    expected = np.zeros((len(log), log.action_count))
    for part in np.unique(parts):
        rows = np.flatnonzero((parts != part) & ~log.settled_here)
        if not len(rows):
            continue
        mine = np.flatnonzero(parts == part)
        model = fit(
            log, rows, penalty=_penalty(log, rows, parts=deal(log, folds=HELD_OUT, seed=~seed))
        )
        expected[mine] = model.predict(log.contexts[mine])
    expected[:, list(log.settled)] = 0.0
    return expected


def deal(log: Log, *, folds: int, seed: int) -> Integers:
    """Which fold each row belongs to, shape (n,): clusters are dealt whole."""
    clusters = np.arange(len(log)) if log.clusters is None else log.clusters
    names, places = np.unique(clusters, return_inverse=True)
    order = np.random.Generator(np.random.Philox(key=seed % 2**64)).permutation(len(names))
    parts: Integers = (order % folds)[places]
    return parts


def _penalty(log: Log, rows: Integers, *, parts: Integers) -> float:
    """The penalty that predicts a held-out part of the training rows best; the largest if there is none."""
    held, kept = rows[parts[rows] == 0], rows[parts[rows] != 0]
    if not len(held) or not len(kept):
        return PENALTIES[-1]
    taken = log.actions[held]
    errors: dict[float, float] = {}
    for penalty in PENALTIES:
        expected = fit(log, kept, penalty=penalty).predict(log.contexts[held])
        misses = log.rewards[held] - expected[np.arange(len(held)), taken]
        errors[penalty] = float((misses**2).mean())
    return min(errors, key=errors.__getitem__)
