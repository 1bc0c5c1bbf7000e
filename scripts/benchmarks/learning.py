"""How long from an answer on the log until the workers decide with a snapshot that knows it.

    answer produced → lesson on the log → snapshot on the log → first decision made with it

A broker, `decide` and `learn` at the default cadence; customers answer one after another, others open the
app all the time, and each decision says which snapshot it was made with. One process, one clock.
"""

import argparse
import itertools
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
from confluent_kafka import Consumer, Producer, TopicPartition
from rich.console import Console
from rich.table import Table

from operators.arbitrate import CONTEXT_NAMES
from operators.offers import ACTION_NAMES
from schemas import topics
from schemas.decisions import SILENCE, Lesson
from schemas.models import CommitteeSnapshot
from scripts.benchmarks.lab import DEADLINE_S, Lab, end_of, lab
from scripts.benchmarks.latency import take_past
from scripts.benchmarks.load import Load
from state.models import COMMITTEE, decode_model

SETTINGS = """
[kafka]
bootstrap = "{bootstrap}"
partitions = {partitions}
[ingest]
topics = ["life-events"]
identity_directory = "{directory}/identity"
[decide]
direct_topics = ["transactions", "consents", "profiles", "app-events", "feedback"]
state_directory = "{directory}/state"
[rules]
holdout_share = 0.0
control_share = 0.0
contacts_per_week = 100
contacts_per_day = 20
marketing_per_week = 100
push_per_week = 100
"""
BAR_MS = 1000.0
KNOWN = 4000
"""Lessons that the learner knows beforehand, so that one more is not yet a twentieth."""
LEGS = ("answer → lesson", "lesson → snapshot", "snapshot → decided with", "answer → decided with")
PROBE_S = 0.02
"""How often somebody opens the app: what is seen is no finer than this."""


@dataclass(slots=True)
class Way:
    """One answer on its way: seconds at each station, and the version that first knows it."""

    sent: float
    spot: tuple[int, int] | None = None
    lesson: float = 0.0
    version: int = 0
    snapshot: float = 0.0
    used: float = 0.0

    def legs(self) -> tuple[float, ...]:
        """Milliseconds of each leg, and of the whole."""
        stations = (self.sent, self.lesson, self.snapshot, self.used)
        parts = [(b - a) * 1000 for a, b in itertools.pairwise(stations)]
        return (*parts, (self.used - self.sent) * 1000)


@dataclass(slots=True)
class Watcher:
    """Reads what the flows say, and notes when."""

    consumer: Consumer
    open: dict[str, str] = field(default_factory=dict)
    """Decision → customer, of decisions that said something and can be answered."""
    ways: dict[str, Way] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    done: list[Way] = field(default_factory=list)
    decided: Counter[str] = field(default_factory=Counter)

    def look(self, timeout_s: float) -> None:
        """Take in what came."""
        for message in self.consumer.consume(200, timeout_s):
            if message.error() is not None or message.value() is None:
                continue
            now, topic, value = time.perf_counter(), message.topic(), message.value() or b""
            if topic == topics.LESSONS:
                place = (message.partition() or 0, message.offset() or 0)
                self._lesson(orjson.loads(value), place, now)
            elif topic == topics.DECISIONS:
                self._decision(orjson.loads(value), now)
            elif message.key() == COMMITTEE.encode():
                self._snapshot(value, now)

    def _lesson(self, lesson: dict[str, Any], place: tuple[int, int], now: float) -> None:
        way = self.ways.get(lesson["decision_id"])
        if way is not None and way.spot is None:
            way.spot, way.lesson = place, now

    def _snapshot(self, value: bytes, now: float) -> None:
        snapshot = decode_model(value)
        if not isinstance(snapshot, CommitteeSnapshot):
            return
        self.versions[snapshot.digest] = snapshot.version
        parts = [part.split(":") for part in snapshot.position.split(",") if part]
        reached = {int(partition): int(at) for partition, at in parts}
        for way in self.ways.values():
            if not way.version and way.spot and way.spot[1] < reached.get(way.spot[0], 0):
                way.version, way.snapshot = snapshot.version, now

    def _decision(self, decision: dict[str, Any], now: float) -> None:
        if decision["chosen"] != SILENCE:
            self.open[decision["decision_id"]] = decision["customer"]
        version = self.versions.get(decision["digests"]["model"], 0)
        self.decided[decision["digests"]["model"]] += 1
        for key, way in list(self.ways.items()):
            if 0 < way.version <= version:
                way.used = now
                self.done.append(self.ways.pop(key))


def main(argv: list[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="scripts/bench learning", description=__doc__)
    parser.add_argument("--answers", type=int, default=100)
    parser.add_argument("--rate", type=float, default=2.0, help="answers a second, on average")
    parser.add_argument("--customers", type=int, default=400)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prefer", choices=("auto", "apache", "embedded"), default="auto")
    parser.add_argument("--broker", help="address of a running broker with empty topics")
    parser.add_argument("--json", action="store_true", help="one JSON object in the last line")
    options = parser.parse_args(argv)
    with lab(options.prefer, options.broker) as place:
        done, lost = measure(place, options)
    if not done:
        sys.exit("no answer was learnt from")
    legs = np.array([way.legs() for way in done])
    _print(legs, lost)
    whole = {f"p{q}_ms": round(float(np.percentile(legs[:, -1], q)), 1) for q in (50, 99)}
    if options.json:
        print(json.dumps({"answers": len(done), "lost": lost, **whole}))
    return 0 if whole["p99_ms"] <= BAR_MS and not lost else 1


def measure(place: Lab, options: argparse.Namespace) -> tuple[list[Way], int]:
    """The answers that came into use, and how many did not."""
    config = place.configure(
        SETTINGS.format(
            bootstrap=place.bootstrap, partitions=options.partitions, directory=place.directory
        )
    )
    place.run("-m", "flows", "topics", "--config", str(config))
    producer = place.producer()
    for number in range(KNOWN):
        producer.produce(topics.LESSONS, orjson.dumps(_known(number)), f"known-{number}".encode())
    producer.flush(DEADLINE_S)
    load = Load(options.customers, seed=options.seed)
    with (
        place.process("learn", "-m", "flows", "learn", "--config", str(config)),
        place.process("decide", "-m", "flows", "decide", "--config", str(config)),
    ):
        take_past(place, load)
        watcher = Watcher(_consumer(place))
        _live(load, producer, watcher, options)
        watcher.consumer.close()
    return watcher.done, len(watcher.ways)


def _live(load: Load, producer: Producer, watcher: Watcher, options: argparse.Namespace) -> None:
    """Customers open the app in turn; every now and then one of them takes up what was said."""
    dice, openers = random.Random(options.seed), itertools.cycle(load.names)
    begin = time.perf_counter()
    probe_at, answer_at, answered = begin, begin + 2.0, 0
    end_at = begin + DEADLINE_S + options.answers / options.rate
    while (answered < options.answers or watcher.ways) and time.perf_counter() < end_at:
        now = time.perf_counter()
        if now >= probe_at:
            probe_at = now + PROBE_S
            _say(producer, load.event("app-events", next(openers), _now(), kind="app.opened"))
        if now >= answer_at and answered < options.answers and watcher.open:
            # Memoryless, so that answers fall anywhere in the learner's cadence.
            answer_at, answered = now + dice.expovariate(options.rate), answered + 1
            end_at = now + DEADLINE_S
            decision = dice.choice(list(watcher.open))
            customer = watcher.open.pop(decision)
            watcher.ways[decision] = Way(time.perf_counter())
            kind = {"kind": "feedback.received", "outcome": "completed", "decision_id": decision}
            _say(producer, load.event("feedback", customer, _now(), **kind))
        producer.poll(0)
        watcher.look(0.002)
    producer.flush(DEADLINE_S)


def _say(producer: Producer, event: tuple[str, bytes, bytes]) -> None:
    role, key, value = event
    producer.produce(role, value, key)


def _now() -> datetime:
    return datetime.now(UTC)


def _consumer(place: Lab) -> Consumer:
    consumer = place.consumer(topics.DECISIONS, fetch_wait_ms=10)
    spots = consumer.assignment()
    for role in (topics.LESSONS, topics.MODELS):
        known = consumer.list_topics(role, timeout=10).topics[role].partitions
        spots += [TopicPartition(role, p, end_of(consumer, role, p)) for p in known]
    consumer.assign(spots)
    return consumer


def _known(number: int) -> Lesson:
    draws = random.Random(number)
    return Lesson(
        lesson_id=f"known-{number}",
        kind="reward",
        customer=f"known-{number}",
        at_ms=int(time.time() * 1000),
        action=SILENCE,
        context=(1.0, *(draws.randint(-1024, 1024) / 1024 for _ in CONTEXT_NAMES[1:])),
        action_features=(1.0,) + (0.0,) * (len(ACTION_NAMES) - 1),
        label=0.0,
    )


def _print(legs: Any, lost: int) -> None:
    table = Table(title=f"milliseconds, {len(legs)} answers, {lost} lost")
    table.add_column("leg")
    for title in ("p50", "p90", "p99", "most"):
        table.add_column(title, justify="right")
    for name, column in zip(LEGS, legs.T, strict=True):
        found = [*np.percentile(column, (50, 90, 99)), column.max()]
        table.add_row(name, *(f"{value:,.0f}" for value in found))
    Console(file=sys.stderr, highlight=False).print(table)
