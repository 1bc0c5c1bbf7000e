"""Regret in lifetime value when value comes late: labels that are estimated and revised, against clicks and waiting.

Five learners meet the same customers of a simulated bank (`scripts.evaluation.lifetimes`) for so many periods. A decision
matures after ``--horizon`` periods: what came until then, and the value function for what is still to come. All are the
product's learner and policy; they differ in when they hear which label:

    click     clicked or not, at once
    wait      the value, once it has matured
    first     what the first signs say of the value (a surrogate), at once, for good
    revised   the same, revised with each period's signs and with what matured decisions brought beyond theirs
              (`operators.value.unseen`), and at maturity the value itself
    oracle    the value, at once

`valid`: the signs tell all that is to come. `late`: a part of the value falls due just before maturity and shows in no sign.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time

import numpy as np

from operators.bandits.committee import PosteriorCommittee
from operators.bandits.ridge import Levers, PosteriorRidge
from operators.contracts import Alternatives
from operators.value.lstd import ValueSums, discounted, solve, transitions
from operators.value.surrogate import Labels, Surrogate
from operators.value.unseen import Unseen
from schemas.base import DAY_MS
from schemas.decisions import SILENCE, Lesson
from schemas.models import Floats, Integers, Models
from schemas.rules import Rules
from scripts.evaluation.lifetimes import (
    ACTION,
    CONTEXT,
    COST,
    DISCOUNT,
    OFFERS,
    PERIOD_DAYS,
    Bank,
    Cohort,
    Course,
)

LABELS = ("click", "wait", "first", "revised", "oracle")
NAMES = (SILENCE, *(f"offer-{number:02}" for number in range(1, OFFERS + 1)))
ORDER = (*range(1, OFFERS + 1), 0)
"""Alternatives come by id, silence last."""
LAG_MIN, LAG_MAX, LAG_SHARE = 10, 1000, 20
"""A snapshot decides until the next, which comes after a twentieth of the decisions so far, within bounds."""
HISTORY = 2000
RIDGE = 1.0
RIDGE_VALUE = 1.0
DISCOUNT_DAY = DISCOUNT ** (1.0 / PERIOD_DAYS)


@dataclass(slots=True)
class Open:
    """A cohort that has not matured: what it was told and what came of it."""

    cohort: Cohort
    arms: Integers
    course: Course
    period: int
    first: int


def main(argv: Sequence[str]) -> int:
    """Run the evaluation; the exit status is 0."""
    options = _parser().parse_args(argv)
    started = process_time()
    result: dict[str, object] = {}
    for world, late in (("valid", False), ("late", True)):
        regrets = {}
        for label in options.labels:
            shares = [
                Simulation(seed, label, late=late, options=options).run()
                for seed in range(options.seed, options.seed + options.seeds)
            ]
            total = np.array([share.sum() / options.periods for share in shares])
            half = options.periods // 2
            second = float(np.mean([share[half:].mean() for share in shares]))
            regrets[label] = {
                "regret": round(float(total.mean()), 2),
                "se": round(float(total.std(ddof=1) / len(total) ** 0.5), 2)
                if len(total) > 1
                else 0.0,
                "second_half": round(second, 2),
            }
            words = f"{total.mean():6.2f} %, second half {second:6.2f} %"
            print(f"{world:6} {label:8} {words} of the regret of choosing at random", flush=True)
        result[world] = regrets
    result |= {
        "seed": options.seed,
        "seeds": options.seeds,
        "periods": options.periods,
        "horizon": options.horizon,
        "decisions": options.periods * options.customers,
        "floor": options.floor,
        "cpu_s": round(process_time() - started, 1),
    }
    if options.json:
        print(json.dumps(result))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/evaluate value",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1, help="the first bank")
    parser.add_argument("--seeds", type=int, default=1, help="how many banks")
    parser.add_argument("--periods", type=int, default=12)
    parser.add_argument("--horizon", type=int, default=4, help="periods until a decision matures")
    parser.add_argument("--customers", type=int, default=2500, help="decisions a period")
    parser.add_argument("--floor", type=float, default=0.01, help="probability spread evenly")
    parser.add_argument(
        "--spread", type=float, default=0.5, help="how far members lie from the mean"
    )
    parser.add_argument("--labels", nargs="+", choices=LABELS, default=LABELS)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser


class Simulation:
    """One learner in one bank."""

    def __init__(self, seed: int, label: str, *, late: bool, options: argparse.Namespace) -> None:
        """Draw the bank, and learn the surrogate and the value function from its history."""
        self._label, self._options = label, options
        self._horizon: int = options.horizon
        self._bank = Bank(seed, horizon=self._horizon, late=late)
        names = tuple(f"x{i}" for i in range(CONTEXT)), tuple(f"a{i}" for i in range(ACTION))
        levers = Levers(
            ridge=RIDGE,
            ridge_main=RIDGE,
            ridge_offset=RIDGE,
            spread=options.spread,
            floor=options.floor,
            half_life_days=36_500.0,
            prior=(),
        )
        self._ridge = PosteriorRidge(*names, actions=NAMES, levers=levers)
        self._unseen = Unseen(*names, actions=NAMES, levers=levers)
        self._committee = PosteriorCommittee()
        self._actions = tuple(tuple(row) for row in self._bank.actions.tolist())
        self._labels = Labels()
        self._surrogate = Surrogate(2 * self._horizon + 4, horizons=self._horizon)
        self._values = ValueSums.zero(2)
        self._open: list[Open] = []
        self._version = 0
        self._weights: Floats = np.zeros((2, 1))
        cohort, course = self._bank.history(HISTORY)
        self._see(course)
        self._mature(cohort, course, np.zeros(HISTORY))

    def run(self) -> Floats:
        """The regret of each period, in per cent of choosing at random over all of them; shape (periods,)."""
        regrets, uniform = [], []
        for period in range(self._options.periods):
            cohort = self._bank.cohort(self._options.customers)
            truth = self._bank.truth(cohort)
            arms = self._live(cohort, period)
            best = truth.max(axis=1)
            regrets.append(float((best - truth[np.arange(len(arms)), arms]).sum()))
            uniform.append(float((best[:, None] - truth).mean(axis=1).sum()))
            self._pass(period)
        return 100.0 * np.array(regrets) / np.mean(uniform)

    def _live(self, cohort: Cohort, period: int) -> Integers:
        """Decide for a cohort, batch by batch, and teach what each first sign says."""
        count, known = len(cohort.base), period * len(cohort.base)
        arms = np.zeros(count, dtype=np.int64)
        contexts = [tuple(row) for row in cohort.contexts.tolist()]
        start = 0
        while start < count:
            size = max(LAG_MIN, min(LAG_MAX, (known + start) // LAG_SHARE))
            batch = range(start, min(start + size, count))
            self._decide(contexts, batch, arms, first=known)
            if self._label != "wait":
                part = np.array(batch)
                self._teach_first(_some(cohort, part), arms[part], period, known + start)
            start = batch.stop
        course = self._bank.live(cohort, arms)
        self._open.append(Open(cohort, arms, course, period, known))
        return arms

    def _decide(
        self, contexts: list[tuple[float, ...]], batch: range, arms: Integers, *, first: int
    ) -> None:
        self._version += 1
        models = Models(committee=self._ridge.snapshot(self._version))
        rules = Rules()
        ids = tuple(NAMES[arm] for arm in ORDER)
        features = tuple(self._actions[arm] for arm in ORDER)
        for index in batch:
            alternatives = Alternatives(
                ids, (contexts[index],) * len(ids), features, f"d{first + index}"
            )
            chosen = self._committee.choose(alternatives, models=models, rules=rules).action
            arms[index] = NAMES.index(chosen)

    def _teach_first(self, cohort: Cohort, arms: Integers, period: int, first: int) -> None:
        course = self._bank.live(cohort, arms)
        cost = np.where(arms > 0, COST, 0.0)
        match self._label:
            case "click":
                labels = course.clicks
            case "oracle":
                labels = self._value(cohort, course, cost)
            case _:
                labels = self._estimate(Open(cohort, arms, course, period, first), 0)
        self._teach(Open(cohort, arms, course, period, first), labels)

    def _pass(self, period: int) -> None:
        """A period ends: signs of the open cohorts are read, and the oldest of them matures."""
        for held in self._open:
            horizon = period - held.period
            cost = np.where(held.arms > 0, COST, 0.0)
            if horizon == self._horizon - 1:
                self._see(held.course)
                realised = self._value(held.cohort, held.course, cost)
                if self._label in {"wait", "revised"}:
                    self._teach(held, realised, close=True)
                if self._label == "revised":
                    self._miss(held, realised)
                self._mature(held.cohort, held.course, cost)
            elif horizon > 0 and self._label == "revised":
                self._teach(held, self._estimate(held, horizon))
        self._open = [held for held in self._open if period - held.period < self._horizon - 1]

    def _estimate(self, held: Open, horizon: int) -> Floats:
        """What the signs at a horizon foretell, and what matured ones brought beyond theirs; less the cost."""
        evidence = self._evidence(held.cohort, held.course, horizon)
        label = self._surrogate.estimate(horizon, evidence) - np.where(held.arms > 0, COST, 0.0)
        if self._label != "revised":
            return label
        told = [NAMES[arm] for arm in held.arms]
        return label + self._unseen.expect(
            held.cohort.contexts, self._bank.actions[held.arms], told
        )

    def _miss(self, held: Open, realised: Floats) -> None:
        """Learn what the last signs before maturity had not shown."""
        horizon = self._horizon - 2
        evidence = self._evidence(held.cohort, held.course, horizon)
        told = self._surrogate.estimate(horizon, evidence) - np.where(held.arms > 0, COST, 0.0)
        for index, label in enumerate((realised - told).tolist()):
            self._unseen.mature(self._lesson(held, index, label, None))
        self._unseen.refresh(self._version)

    def _teach(self, held: Open, labels: Floats, *, close: bool = False) -> None:
        for index, label in enumerate(labels.tolist()):
            decision_id = f"d{held.first + index}"
            act = self._labels.close if close else self._labels.revise
            change = act(decision_id, label)
            if change is None:
                continue
            self._ridge.learn(self._lesson(held, index, *change))

    def _lesson(self, held: Open, index: int, label: float, before: float | None) -> Lesson:
        return Lesson(
            lesson_id=f"d{held.first + index}",
            kind="reward",
            customer="",
            at_ms=round(held.period * PERIOD_DAYS * DAY_MS),
            decision_id=f"d{held.first + index}",
            action=NAMES[held.arms[index]],
            context=tuple(held.cohort.contexts[index].tolist()),
            action_features=self._actions[held.arms[index]],
            label=label,
            label_before=before,
        )

    def _value(self, cohort: Cohort, course: Course, cost: Floats) -> Floats:
        """Σ γ^h (margin − cost) + γ^H V(x_H) − V(x_0), shape (n,)."""
        fade = DISCOUNT ** np.arange(self._horizon)
        end = _state(course.levels[:, -1], course.alive[:, -1]) @ self._weights[:, 0]
        begin = _state(cohort.base, np.ones(len(cohort.base))) @ self._weights[:, 0]
        value: Floats = course.margins @ fade - cost + DISCOUNT**self._horizon * end - begin
        return value

    def _see(self, course: Course) -> None:
        """Learn the value function from a cohort's way through its periods."""
        for step in range(self._horizon):
            there = course.alive[:, step] > 0.0
            before = _state(course.levels[:, step], course.alive[:, step])[there]
            after = _state(course.levels[:, step + 1], course.alive[:, step + 1])[there]
            days = np.full(len(after), PERIOD_DAYS)
            faded = discounted(after, days, discount_day=DISCOUNT_DAY)
            self._values.add(transitions(before, faded, course.margins[there, step][:, None]))
        self._weights = solve(self._values, ridge=RIDGE_VALUE)

    def _mature(self, cohort: Cohort, course: Course, cost: Floats) -> None:
        evidence = [self._evidence(cohort, course, h) for h in range(self._horizon)]
        self._surrogate.mature(evidence, self._value(cohort, course, cost) + cost)
        self._surrogate.refresh()

    def _evidence(self, cohort: Cohort, course: Course, horizon: int) -> Floats:
        """What is seen of a cohort at a horizon: one, the base, margins and levels so far, who is there."""
        seen = np.arange(self._horizon) <= horizon
        levels = course.levels[:, :-1] * course.alive[:, :-1]
        alive = course.alive[:, horizon]
        ones = np.ones(len(alive))
        columns = (ones, cohort.base, alive, alive * levels[:, horizon])
        return np.hstack((np.stack(columns, axis=1), course.margins * seen, levels * seen))


def _state(levels: Floats, alive: Floats) -> Floats:
    """φ of a customer: one and the level; nothing of one who left."""
    return np.stack((alive, alive * levels), axis=1)


def _some(cohort: Cohort, part: Integers) -> Cohort:
    return Cohort(
        cohort.contexts[part],
        cohort.base[part],
        cohort.luck_level[part],
        cohort.luck_margin[part],
        cohort.luck_leave[part],
        cohort.luck_click[part],
    )
