"""CPU of `decide` by kind of event and by stage, over the life of a seeded town, in this process.

Everything is as in the stream (bytes in, stages, learner, snapshots), only the log is a list. The first part
of the town's events is lived through unmeasured, so that records have a past. The digest at the end is that of
everything that was said: a change that claims to be only faster leaves it as it is.
"""

import argparse
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from types import ModuleType
from typing import Any

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from flows.assembly import world_of
from flows.driver import Driver
from flows.learn import Learner
from flows.settings import load
from flows.worker import dismiss_collector
from operators import arbitrate, consent, deliberate, explain, observe, offers, record, sense
from operators.arbitrate import CONTEXT_NAMES
from operators.contracts import World
from operators.decide import decide
from operators.offers import ACTION_NAMES
from schemas import topics
from schemas.customer import Customer
from schemas.decisions import Outcome
from schemas.events import EventBase
from scripts.town.town import Town

STAGES: tuple[tuple[str, ModuleType, str], ...] = (
    ("admit", consent, "admit"),
    ("fold", sense, "fold"),
    ("observe", observe, "observe"),
    ("sense", sense, "notice"),
    ("propose", offers, "propose"),
    ("screen", deliberate, "screen"),
    ("arbitrate", arbitrate, "choose"),
    ("counterfactuals", deliberate, "_without_source"),
    ("counterfactuals", deliberate, "_without_signal"),
    ("tell", explain, "tell"),
    ("write", record, "write"),
)
"""Stage, and the function that is it. A stage inside another is counted as itself and not as the outer one,
but what a counterfactual decides again is counted as that."""
REST = "rest"
WHOLE = frozenset({"counterfactuals"})
QUANTILES = (50.0, 99.0)
LESSONS_MIN = 200
"""Lessons that the learner hears together: its snapshots are not what is measured, and take longer."""


@dataclass(slots=True)
class Cost:
    """Nanoseconds of CPU of one kind's events, in all and by stage."""

    total: list[int] = field(default_factory=list)
    stages: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Patient:
    """The learner, told of lessons many at a time."""

    def __init__(self, actions: Sequence[str]) -> None:
        """Know nothing yet."""
        self._learner = Learner(CONTEXT_NAMES, ACTION_NAMES, actions=actions)
        self._waiting: list[bytes] = []
        self._begun = False

    def hear(self, lessons: Sequence[bytes]) -> Mapping[str, bytes]:
        """What to publish after these."""
        self._waiting += lessons
        if self._begun and len(self._waiting) < LESSONS_MIN:
            return {}
        heard, self._waiting, self._begun = self._waiting, [], True
        return self._learner.hear(heard)


class Watch:
    """Times stages, each without those inside it."""

    def __init__(self) -> None:
        """Nothing runs."""
        self.spent: dict[str, int] = defaultdict(int)
        self._open: list[str] = []
        self._since = 0

    def wrap(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*arguments: Any, **named: Any) -> Any:
            if self._open and self._open[-1] in WHOLE:
                return function(*arguments, **named)
            self._turn()
            self._open.append(stage)
            try:
                return function(*arguments, **named)
            finally:
                self._turn()
                self._open.pop()

        return timed

    def _turn(self) -> None:
        now = time.thread_time_ns()
        self.spent[self._open[-1] if self._open else REST] += now - self._since
        self._since = now

    def begin(self) -> None:
        """An event begins."""
        self.spent = defaultdict(int)
        self._since = time.thread_time_ns()

    def end(self) -> dict[str, int]:
        """What it cost, by stage."""
        self._turn()
        return self.spent


def main(argv: Sequence[str]) -> int:
    """Let the town live and print the tables."""
    parser = argparse.ArgumentParser(prog="scripts/bench cost", description=__doc__)
    parser.add_argument("--customers", type=int, default=60)
    parser.add_argument("--events", type=int, default=12_000, help="in all")
    parser.add_argument("--warm-up", type=int, default=6_000, help="events that are not measured")
    parser.add_argument("--seed", default="cost")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    options = parser.parse_args(argv)
    costs, digest = measure(
        options.seed,
        customers=options.customers,
        events=options.events,
        warm_up=options.warm_up,
    )
    if options.json:
        print(json.dumps({"digest": digest, **{name: row(cost) for name, cost in costs.items()}}))
    else:
        _print(costs, digest)
    return 0


def measure(seed: str, *, customers: int, events: int, warm_up: int) -> tuple[dict[str, Cost], str]:
    """The cost by kind of event (those that ended in a decision apart), and the digest of what was said."""
    world = world_of(load(environment={}))
    watch, costs = Watch(), dict[str, Cost]()
    town = Town(seed, customers)
    learner = Patient([item.id for item in world.catalogue])
    measuring = False

    def timed(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        watch.begin()
        outcome = decide(customer, event, world=world, position=position)
        spent = watch.end()
        if measuring:
            cost = costs.setdefault(kind_of(event, outcome), Cost())
            cost.total.append(sum(spent.values()))
            for stage, took in spent.items():
                cost.stages[stage] += took
        return outcome

    driver = Driver(world, decide=timed, learner=learner.hear, now_ms=town.now_ms)
    told = 0
    dismiss_collector()
    with _watched(watch):
        for index, emitted in enumerate(islice(town, events)):
            measuring = index >= warm_up
            driver.advance_to(max(town.now_ms, driver.now_ms))
            driver.send(emitted.topic, emitted.value(), key=emitted.key)
            said = driver.records(topics.OFFERS)[told:]
            told += len(said)
            for one in said:
                town.offer(orjson.loads(one.value or b"null"), town.now_ms)
    return costs, digest_of(driver)


def kind_of(event: EventBase, outcome: Outcome) -> str:
    """The row of an event: its kind, and what came of it where something did."""
    if outcome.offers:
        return f"{event.kind} → offer"
    return f"{event.kind} → silence" if outcome.decision is not None else event.kind


def digest_of(driver: Driver) -> str:
    """The digest of all outputs, bytes and order."""
    digest = sha256()
    for topic in topics.OUTPUTS:
        for one in driver.records(topic):
            digest.update(b"%s %s " % (one.key or b"-", one.value or b"-"))
    return digest.hexdigest()


def row(cost: Cost) -> dict[str, Any]:
    """A kind's figures: events, µs of CPU an event, and the mean of each stage."""
    micros = np.array(cost.total) / 1e3
    return {
        "events": len(micros),
        "mean_us": round(float(micros.mean()), 1),
        **{f"p{q:g}_us": round(float(np.percentile(micros, q)), 1) for q in QUANTILES},
        "stages_us": {s: round(ns / len(micros) / 1e3, 1) for s, ns in cost.stages.items()},
    }


@contextlib.contextmanager
def _watched(watch: Watch) -> Iterator[None]:
    """Time the stages while this is open."""
    kept = [(module, name, getattr(module, name)) for _, module, name in STAGES]
    for (stage, module, name), (_, _, function) in zip(STAGES, kept, strict=True):
        setattr(module, name, watch.wrap(stage, function))
    try:
        yield
    finally:
        for module, name, function in kept:
            setattr(module, name, function)


def _print(costs: dict[str, Cost], digest: str) -> None:
    rows = {kind: row(cost) for kind, cost in sorted(costs.items())}
    console = Console(highlight=False)
    whole = Table(title="CPU of decide, µs an event")
    for title in ("kind", "events", "mean", *(f"p{q:g}" for q in QUANTILES)):
        whole.add_column(title, justify="left" if title == "kind" else "right")
    for kind, figures in rows.items():
        shown = (figures["mean_us"], *(figures[f"p{q:g}_us"] for q in QUANTILES))
        whole.add_row(kind, f"{figures['events']:,}", *(f"{value:,.0f}" for value in shown))
    console.print(whole)
    stages = [*dict.fromkeys(stage for stage, _, _ in STAGES), REST]
    by_stage = Table(title="by stage, µs an event: those that ended in a decision")
    for title in ("kind", *stages):
        by_stage.add_column(title, justify="left" if title == "kind" else "right")
    for kind, figures in rows.items():
        if "→" in kind:
            by_stage.add_row(kind, *(f"{figures['stages_us'].get(s, 0):,.0f}" for s in stages))
    console.print(by_stage)
    console.print(f"everything that was said: {digest}")
