"""Bandit worlds with known rewards: classification tables, mushrooms, the wheel."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.models import Floats
from scripts.evaluation.tables import Table, read_table

EAT_GOOD, EAT_POISON, ILL_SHARE = 5.0, -35.0, 0.5
WHEEL_NEAR, WHEEL_BASE, WHEEL_FAR, WHEEL_NOISE = 1.2, 1.0, 50.0, 0.01


@dataclass(slots=True, frozen=True)
class World:
    """One run's contexts (n, d), what each arm would bring (n, K), and what it brings on average."""

    x: Floats
    rewards: Floats
    means: Floats


Draw = Callable[[int, int], World]
"""Steps and seed to a world."""


def _read(path: Path, label: str) -> Table:
    table = read_table(path, label=label)
    for note in table.notes:
        sys.stderr.write(f"{path.name}: {note}\n")
    return table


def _table(path: Path, label: str) -> Draw:
    table = _read(path, label)

    def draw(steps: int, seed: int) -> World:
        generator = np.random.default_rng(seed)
        count = len(table.labels)
        rounds = -(-steps // count)
        order = np.concatenate([generator.permutation(count) for _ in range(rounds)])[:steps]
        rewards = np.eye(len(table.names))[table.labels[order]]
        return World(table.x[order], rewards, rewards)

    return draw


def _mushroom(path: Path) -> Draw:
    """Eat: +5, or if poisonous +5 or −35 with even chances; don't eat: 0."""
    table = _read(path, "first")
    poisonous = np.array([name.lower().startswith("p") for name in table.names])

    def draw(steps: int, seed: int) -> World:
        generator = np.random.default_rng(seed)
        rows = generator.integers(len(table.labels), size=steps)
        bad = poisonous[table.labels[rows]]
        ill = bad & (generator.random(steps) < ILL_SHARE)
        eaten = np.where(ill, EAT_POISON, EAT_GOOD)
        average = np.where(bad, (EAT_GOOD + EAT_POISON) / 2, EAT_GOOD)
        nothing = np.zeros(steps)
        return World(
            table.x[rows],
            np.stack((nothing, eaten), axis=1),
            np.stack((nothing, average), axis=1),
        )

    return draw


def _wheel(delta: float) -> Draw:
    """A disc: the first arm is best within radius delta, an arm a quadrant far better outside."""

    def draw(steps: int, seed: int) -> World:
        generator = np.random.default_rng(seed)
        radius = np.sqrt(generator.random(steps))
        angle = generator.random(steps) * 2.0 * np.pi
        x = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
        means = np.full((steps, 5), WHEEL_BASE)
        means[:, 0] = WHEEL_NEAR
        quadrant = 1 + 2 * (x[:, 0] < 0.0).astype(int) + (x[:, 1] < 0.0).astype(int)
        far = radius > delta
        means[far, quadrant[far]] = WHEEL_FAR
        return World(x, means + generator.normal(0.0, WHEEL_NOISE, means.shape), means)

    return draw


FORMATS = (
    "csv-label-last",
    "csv-label-first",
    "mushroom",
    "wheel",
    "adult",
    "statlog",
    "covertype",
)


def world_of(form: str, path: Path | None, *, label: str | None, delta: float) -> Draw:
    """The worlds of a format.

    Raises:
        ValueError: No file, or one that isn't of the format.
    """
    if form == "wheel":
        return _wheel(delta)
    if path is None or not path.is_file():
        message = f"--format {form} needs --data FILE" + (f": {path} is none" if path else "")
        raise ValueError(message)
    if form == "mushroom":
        return _mushroom(path)
    usual = {"csv-label-first": "first", "adult": "occupation"}.get(form, "last")
    return _table(path, label or usual)
