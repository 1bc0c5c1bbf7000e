"""A classification table as logs with a known truth: the right label brings 1, any other nothing.

A classifier is learnt on 30 % of the rows; the log's policy takes its answer with probability .4, the
candidate with .9, and both draw evenly otherwise. The candidate is estimated from what the log's policy chose
on the other 70 %, where its truth is known.

Protocol: Dudík, Langford & Li 2011; its figures: the multi-class example of the Open Bandit Pipeline.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from operators.ope.compare import worths
from operators.ope.log import Log, Sample
from operators.ope.overlap import overlap
from operators.ope.rewards import cross_fit
from schemas.models import Floats, Integers
from scripts.evaluation.tables import read_table

RUNS = 30
TRAIN_SHARE = 0.3
LOGGED_SHARE = 0.4
CANDIDATE_SHARE = 0.9
RIDGE = 1e-4
STEPS = 400


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Estimate on so many logs; the errors by estimator.

    Raises:
        ValueError: Not a classification table.
    """
    table = read_table(_path(options.data), label=options.label)
    runs = options.runs or RUNS
    errors: dict[str, list[float]] = {}
    inside: dict[str, int] = {}
    for number in range(runs):
        sample, truth = _case(table.x, table.labels, len(table.names), seed=options.seed + number)
        for name, worth in worths(sample, overlap(sample).effective).items():
            errors.setdefault(name, []).append((worth.value - truth) / truth)
            inside[name] = inside.get(name, 0) + (worth.low <= truth <= worth.high)
    result: dict[str, Any] = {
        "data": str(options.data),
        "rows": len(table.labels),
        "actions": len(table.names),
        "runs": runs,
        "relative_error": {k: round(float(np.abs(v).mean()), 5) for k, v in errors.items()},
        "sd": {k: round(float(np.abs(v).std()), 5) for k, v in errors.items()},
        "rmse": {k: round(float(np.square(v).mean() ** 0.5), 5) for k, v in errors.items()},
        "interval_holds": {k: round(v / runs, 3) for k, v in inside.items()},
    }
    print(f"{'':10}{'rel. error':>12}{'sd':>9}{'rmse':>9}{'interval holds':>17}")
    for name in errors:
        print(
            f"{name:10}{result['relative_error'][name]:12.4f}{result['sd'][name]:9.4f}"
            f"{result['rmse'][name]:9.4f}{result['interval_holds'][name]:17.0%}"
        )
    return result


def _path(data: str) -> Path:
    if data != "digits":
        return Path(data)
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise ValueError("digits come with scikit-learn, which is not here: give --data FILE")
    return Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"


def _case(x: Floats, labels: Integers, arms: int, *, seed: int) -> tuple[Sample, float]:
    """One log with its candidate, and what the candidate is truly worth on the same rows."""
    source = np.random.default_rng(seed)
    order = source.permutation(len(labels))
    cut = int(TRAIN_SHARE * len(labels))
    train, rest = order[:cut], order[cut:]
    weights = _softmax_regression(x[train], labels[train], arms)
    answers = np.eye(arms)[(_with_one(x[rest]) @ weights).argmax(axis=1)]
    logged = LOGGED_SHARE * answers + (1.0 - LOGGED_SHARE) / arms
    shares = CANDIDATE_SHARE * answers + (1.0 - CANDIDATE_SHARE) / arms
    rows = np.arange(len(rest))
    draws = source.random((len(rest), 1))
    taken = np.minimum((np.cumsum(logged, axis=1) <= draws).sum(axis=1), arms - 1)
    log = Log(
        actions=taken,
        rewards=(taken == labels[rest]).astype(np.float64),
        propensities=logged[rows, taken],
        contexts=x[rest],
        action_count=arms,
        logged=logged,
        reward_range=(0.0, 1.0),
    )
    truth = float(shares[rows, labels[rest]].mean())
    return Sample(log, shares, cross_fit(log, seed=seed)), truth


def _softmax_regression(x: Floats, labels: Integers, arms: int) -> Floats:
    """Multinomial logistic regression by accelerated gradient; weights, shape (1 + d, arms).

    Source: Nesterov 1983; the curvature of the loss is at most half of that of squares (Böhning 1992).
    """
    rows = _with_one(x)
    target = np.eye(arms)[labels]
    step = 1.0 / (0.5 * float(np.linalg.norm(rows, 2)) ** 2 / len(rows) + RIDGE)
    weights = ahead = np.zeros((rows.shape[1], arms))
    for number in range(STEPS):
        scores = rows @ ahead
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        moved = ahead - step * (rows.T @ (shares - target) / len(rows) + RIDGE * ahead)
        ahead = moved + number / (number + 3.0) * (moved - weights)
        weights = moved
    return weights


def _with_one(x: Floats) -> Floats:
    return np.hstack([np.ones((len(x), 1)), x])
