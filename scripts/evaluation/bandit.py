"""Cumulative regret of a policy on a stream with known rewards, in per cent of choosing at random.

The learner sees the reward of what it chose, nothing else. Contexts are standardised; the right label
brings 1, a wrong one 0 (mushrooms and the wheel as published). A snapshot decides until the next, which
comes after max(1, min(1000, n/20)) decisions. `skyline` is the same learner when told all rewards.

Protocol: Riquelme, Tucker & Snoek 2018, "Deep Bayesian Bandits Showdown".
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

from operators.bandits.disjoint import ArmLevers, DisjointRidge
from operators.bandits.lift import Lift
from operators.bandits.shares import SHARES, floored
from operators.draws import uniform
from schemas.models import Floats, Integers
from scripts.evaluation.rivals import RIVALS
from scripts.evaluation.worlds import FORMATS, World, world_of

WIDTH = 128
NARROW = 32
LAG_MAX = 1000
LAG_SHARE = 20
MEMBERS = 64


@dataclass(slots=True, frozen=True)
class Run:
    """Regret of one seed, its skyline's, and that of choosing at random."""

    regret: float
    skyline: float | None
    uniform: float


def main(argv: Sequence[str]) -> int:
    """Run the evaluation; the exit status is 0, or 2 if the data can't be used."""
    options = _parser().parse_args(argv)
    try:
        draw = world_of(options.format, options.data, label=options.label, delta=options.delta)
    except ValueError as error:
        sys.stderr.write(f"scripts/evaluate bandit: {error}\n")
        return 2
    started = process_time()
    runs: list[Run] = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        run = _run(draw(options.steps, seed), seed, options)
        runs.append(run)
        words = "" if run.skyline is None else f", skyline {100 * run.skyline / run.uniform:.2f} %"
        print(f"seed {seed}: {100 * run.regret / run.uniform:.2f} % of uniform regret{words}")
    regrets = np.array([100.0 * run.regret / run.uniform for run in runs])
    result: dict[str, object] = {
        "normalised_regret": round(float(regrets.mean()), 4),
        "se": round(_se(regrets), 4),
        "steps": options.steps,
        "policy": options.policy,
        "floor": options.floor,
        "seeds": len(runs),
        "us_per_step": round((process_time() - started) * 1e6 / (options.steps * len(runs)), 1),
    }
    if all(run.skyline is not None for run in runs):
        skyline = np.array([100.0 * (run.skyline or 0.0) / run.uniform for run in runs])
        result["skyline"] = round(float(skyline.mean()), 4)
        if skyline.mean() > 0.0:
            result["ratio_to_skyline"] = round(float(regrets.mean() / skyline.mean()), 4)
    if options.json:
        print(json.dumps(result))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/evaluate bandit", description=__doc__)
    parser.add_argument("--data", type=Path, help="the table; plain, or packed as gz, bz2, xz, zip")
    parser.add_argument("--format", choices=FORMATS, default="csv-label-last")
    parser.add_argument("--label", help="the label's column by name, if not the format's")
    parser.add_argument("--policy", choices=[*SHARES, *RIVALS], default="committee")
    parser.add_argument("--steps", type=_count, default=2000)
    parser.add_argument("--seeds", type=_count, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--floor", type=_share, default=0.0, help="share spread over a short list")
    parser.add_argument("--delta", type=float, default=0.7, help="radius of the wheel's inner disc")
    parser.add_argument(
        "--no-skyline", action="store_true", help="skip what full information gives"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"{text} is no number of 1 or more"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _share(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 1.0:
        message = f"{text} is no share: it lies in 0..1"
        raise argparse.ArgumentTypeError(message)
    return value


def _se(values: Floats) -> float:
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0


def _run(world: World, seed: int, options: argparse.Namespace) -> Run:
    best = world.means.max(axis=1)
    even = float((best - world.means.mean(axis=1)).sum())
    steps = np.arange(len(best))
    if options.policy in RIVALS:
        chosen = RIVALS[options.policy](world, seed)
        return Run(float((best - world.means[steps, chosen]).sum()), None, even)
    rows = Lift(world.x.shape[1], width=WIDTH, key=seed + 1)(world.x)
    chosen = play(world, rows, policy=options.policy, floor=options.floor, seed=seed)
    regret = float((best - world.means[steps, chosen]).sum())
    if options.no_skyline:
        return Run(regret, None, even)
    known = play(world, rows, policy="greedy", floor=0.0, seed=seed, told_all=True)
    return Run(regret, float((best - world.means[steps, known]).sum()), even)


def play(
    world: World, rows: Floats, *, policy: str, floor: float, seed: int, told_all: bool = False
) -> Integers:
    """Choose, learn and publish as a stream does; the arms chosen, shape (steps,)."""
    inputs, arms = world.x.shape[1], world.rewards.shape[1]
    sizes = tuple(1 + inputs + width for width in (0, NARROW, WIDTH))
    levers = ArmLevers(sizes=sizes, members=MEMBERS if policy == "committee" else 0)
    learner = DisjointRidge(arms, levers)
    chosen = np.zeros(len(rows), dtype=np.int64)
    at, version = 0, 0
    while at < len(rows):
        until = min(len(rows), at + max(1, min(LAG_MAX, at // LAG_SHARE)))
        version += 1
        snapshot = learner.snapshot(version + seed * 1_000_000)
        scores = snapshot.scores(rows[at:until])
        shares = floored(SHARES[policy](scores, snapshot.lessons), scores[:, 0], floor=floor)
        draws = np.array([uniform(f"{seed}:{step}", snapshot.digest) for step in range(at, until)])
        passed = (np.cumsum(shares, axis=1) <= draws[:, None]).sum(axis=1)
        last = arms - 1 - (shares[:, ::-1] > 0.0).argmax(axis=1)
        picked = np.minimum(passed, last)
        chosen[at:until] = picked
        if told_all:
            for arm in range(arms):
                every = np.full(until - at, arm)
                learner.learn(rows[at:until], every, world.rewards[at:until, arm])
        else:
            learner.learn(rows[at:until], picked, world.rewards[np.arange(at, until), picked])
        at = until
    return chosen
