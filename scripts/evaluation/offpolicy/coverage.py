"""How often the sequences miss: many simulated logs of a policy that keeps changing, looked at after every step.

The log's policy is ε-greedy on what it has seen so far, so that its propensities depend on the past; the
candidate and the truth are fixed. A sequence holds only if it does so at every step.
"""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

from operators.ope.intervals import Z_95
from operators.ope.sequences import Sequence, at_these_moments, of_policy
from schemas.models import Floats

RUNS = 1000
ALPHA = 0.05
FLOOR = 0.2
ARMS = 5
FIRST = 200
"""The usual interval is looked at from so many decisions on."""
SCALES: tuple[float, ...] = (0.02, 0.2, 0.9)
"""Rates of the best arm."""


@dataclass(frozen=True)
class _Logs:
    """``weights``, ``ceilings`` and ``rewards`` of so many logs, shape (runs, steps), and the candidate's truth."""

    weights: Floats
    ceilings: Floats
    rewards: Floats
    truth: float
    weight_max: float


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Simulate; the share of logs that each kind of interval held in, from the first step to the last."""
    runs, steps = options.runs or RUNS, options.steps
    worlds: list[dict[str, Any]] = []
    print(
        f"{'rate':>5}  {'weights':9}{'holds always':>14}{'worst step':>12}{'width':>9}{'usual':>9}"
    )
    for scale in SCALES:
        logs = _simulate(scale, runs=runs, steps=steps, seed=options.seed)
        low, high = _usual(logs)
        usual = (low <= logs.truth) & (logs.truth <= high)
        for kind, found in _sequences(logs).items():
            held = (found.low <= logs.truth) & (logs.truth <= found.high)
            world = {
                "rate": scale,
                "weights": kind,
                "holds_always": float(held.all(axis=1).mean()),
                "worst_step": float(held.mean(axis=0).min()),
                "width": round(float((found.high - found.low)[:, -1].mean()), 4),
                "usual_width": round(float((high - low)[:, -1].mean()), 4),
                "usual_holds_always": float(usual[:, FIRST:].all(axis=1).mean()),
            }
            worlds.append(world)
            print(
                f"{scale:5.2f}  {kind:9}{world['holds_always']:14.1%}"
                f"{world['worst_step']:12.1%}{world['width']:9.4f}{world['usual_width']:9.4f}"
            )
    result = {
        "runs": runs,
        "steps": steps,
        "alpha": ALPHA,
        "coverage": min(world["holds_always"] for world in worlds),
        "coverage_worst_step": min(world["worst_step"] for world in worlds),
        "usual_interval_coverage": min(world["usual_holds_always"] for world in worlds),
        "worlds": worlds,
    }
    print(
        f"held at every step in at least {result['coverage']:.1%} of {runs} logs; the usual interval,"
        f" looked at as often, in {result['usual_interval_coverage']:.1%}"
    )
    return result


def _sequences(logs: _Logs) -> dict[str, Sequence]:
    """By what is known of the weights: nothing, a bound for all time, each moment's own ceiling."""
    weights, rewards = logs.weights, logs.rewards
    return {
        "any": of_policy(weights, rewards, alpha=ALPHA),
        "bounded": of_policy(weights, rewards, alpha=ALPHA, weight_max=logs.weight_max),
        "moments": at_these_moments(weights, rewards, logs.ceilings, alpha=ALPHA),
    }


def _simulate(scale: float, *, runs: int, steps: int, seed: int) -> _Logs:
    source = np.random.default_rng(seed)
    rates = scale * np.array([1.0, 0.7, 0.5, 0.3, 0.1])
    candidate = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    told, taken = np.zeros((runs, ARMS)), np.zeros((runs, ARMS))
    weights, ceilings, rewards = (np.zeros((runs, steps)) for _ in range(3))
    everyone = np.arange(runs)
    for step in range(steps):
        best = ((taken + 1.0) / (told + 2.0)).argmax(axis=1)
        shares = np.full((runs, ARMS), FLOOR / ARMS)
        shares[everyone, best] += 1.0 - FLOOR
        draws = source.random((runs, 1))
        arms = np.minimum((np.cumsum(shares, axis=1) <= draws).sum(axis=1), ARMS - 1)
        won = (source.random(runs) < rates[arms]).astype(np.float64)
        told[everyone, arms] += 1.0
        taken[everyone, arms] += won
        weights[:, step] = candidate[arms] / shares[everyone, arms]
        ceilings[:, step] = (candidate / shares).max(axis=1)
        rewards[:, step] = won
    bound = float(candidate.max()) * ARMS / FLOOR
    return _Logs(weights, ceilings, rewards, float(candidate @ rates), bound)


def _usual(logs: _Logs) -> tuple[Floats, Floats]:
    """The normal interval of every step's inverse-propensity estimate, which promises one look only."""
    values = logs.weights * logs.rewards
    count = np.arange(1, values.shape[1] + 1)
    means = np.cumsum(values, axis=1) / count
    squares = np.cumsum(values**2, axis=1) / count
    half: Floats = Z_95 * np.sqrt(np.maximum(squares - means**2, 0.0) / count)
    return means - half, means + half
