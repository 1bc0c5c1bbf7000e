"""River's policies and learners as challengers on the same streams, one decision at a time."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from river import bandit, linear_model, proba, tree

from schemas.models import Integers
from scripts.evaluation.worlds import World

Rival = Callable[[World, int], Integers]
EPSILON = 0.05


def _contextual(make: Callable[[int], Any]) -> Rival:
    def play(world: World, seed: int) -> Integers:
        policy, arms = make(seed), list(range(world.rewards.shape[1]))
        chosen = np.zeros(len(world.x), dtype=np.int64)
        for step, row in enumerate(world.x.tolist()):
            context = dict(enumerate(row))
            arm = policy.pull(arms, context=context)
            policy.update(arm, context, float(world.rewards[step, arm]))
            chosen[step] = arm
        return chosen

    return play


def _plain(make: Callable[[int], Any]) -> Rival:
    def play(world: World, seed: int) -> Integers:
        policy, arms = make(seed), list(range(world.rewards.shape[1]))
        chosen = np.zeros(len(world.x), dtype=np.int64)
        for step in range(len(world.x)):
            arm = policy.pull(arms)
            policy.update(arm, float(world.rewards[step, arm]))
            chosen[step] = arm
        return chosen

    return play


def _learner(make: Callable[[], Any]) -> Rival:
    """One of River's regressors an arm, with a little chance."""

    def play(world: World, seed: int) -> Integers:
        arms = world.rewards.shape[1]
        models, dice = [make() for _ in range(arms)], random.Random(seed)
        chosen = np.zeros(len(world.x), dtype=np.int64)
        for step, row in enumerate(world.x.tolist()):
            context = dict(enumerate(row))
            if dice.random() < EPSILON:
                arm = dice.randrange(arms)
            else:
                values = [model.predict_one(context) for model in models]
                best = max(values)
                arm = dice.choice([k for k, value in enumerate(values) if value == best])
            models[arm].learn_one(context, float(world.rewards[step, arm]))
            chosen[step] = arm
        return chosen

    return play


def _thompson(seed: int) -> Any:
    gaussian: Any = proba.Gaussian
    return bandit.ThompsonSampling(reward_obj=gaussian(), seed=seed)


RIVALS: dict[str, Rival] = {
    "river-linucb": _contextual(lambda seed: bandit.LinUCBDisjoint(seed=seed)),
    "river-epsilon-greedy": _plain(lambda seed: bandit.EpsilonGreedy(EPSILON, seed=seed)),
    "river-ucb": _plain(lambda seed: bandit.UCB(delta=1.0, seed=seed)),
    "river-thompson": _plain(_thompson),
    "river-bayes-ucb": _plain(lambda seed: bandit.BayesUCB(seed=seed)),
    "river-exp3": _plain(lambda seed: bandit.Exp3(gamma=2 * EPSILON, seed=seed)),
    "river-bayes-linear": _learner(linear_model.BayesianLinearRegression),
    "river-linear": _learner(linear_model.LinearRegression),
    "river-passive-aggressive": _learner(linear_model.PARegressor),
    "river-tree": _learner(tree.HoeffdingTreeRegressor),
}
"""Policies of River by name; the learners act on their best guess, or with 5 % at random."""
