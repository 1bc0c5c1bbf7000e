"""How long from an event on `transactions` to the offer that it causes, beside a bare echo.

Rounds alternate on one broker: the same events at the same rate, once through a process that only
consumes and produces, once through the whole `decide` flow with RocksDB. A sample is the time from the
producer's call to the moment a consumer has the offer (the echoed record), in one process, one clock.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from confluent_kafka import Consumer, Producer
from rich.console import Console
from rich.table import Table

from flows.worker import dismiss_collector
from scripts.benchmarks.lab import DEADLINE_S, Lab, lab
from scripts.benchmarks.load import Load
from scripts.benchmarks.staged import SLOW_S
from scripts.benchmarks.stations import BENCH, Answer, Seen, tables

SETTINGS = """
[kafka]
bootstrap = "{bootstrap}"
partitions = {partitions}
[ingest]
topics = ["feedback"]
identity_directory = "{directory}/identity"
[decide]
direct_topics = ["transactions"]
state_directory = "{directory}/state"
[rules]
holdout_share = 0.0
control_share = 0.0
contacts_per_week = 100
contacts_per_day = 20
marketing_per_week = 100
push_per_week = 100
"""
DIRECT, BESIDE = "transactions", "customer-events"
"""What is timed, and where the rest goes that a customer's past is made of: at each fetch a broker looks through all
topic-partitions that a worker reads, empty ones too, so nothing else is read directly."""
EXPENSE_SHARE = 20
"""One event in so many is a large expense, which the worker answers; the others only fold."""
SETTLING = 500
BURST_S = 0.005
BURST = 1
"""The load wakes every so many seconds, or when an answer comes, and sends what is due."""
STAGES = "stages.json"
QUANTILES = (50.0, 99.0, 99.9)


def main(argv: list[str]) -> int:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench latency", description=__doc__)
    parser.add_argument("--rate", type=int, default=1000, help="events per second (default 1000)")
    parser.add_argument("--seconds", type=float, default=15, help="length of a round")
    parser.add_argument(
        "--warm-up",
        type=float,
        default=25,
        help="seconds of each before anything is timed; the broker's JVM compiles itself for half a minute",
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--customers", type=int, default=8000)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prefer", choices=("auto", "apache", "embedded"), default="auto")
    parser.add_argument("--broker", help="address of a running broker with empty topics")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument(
        "--stages", action="store_true", help="also where the milliseconds go; costs a little"
    )
    options = parser.parse_args(argv)
    with lab(options.prefer, options.broker) as place:
        seen = measure(place, options)
        report = place.directory / STAGES
        stages = tables(seen["decide"], report) if report.exists() else []
    samples = {name: [answer.ms for answer in found.answers] for name, found in seen.items()}
    silent = [name for name, ms in samples.items() if not ms]
    if silent:
        sys.exit(f"no answer came from: {', '.join(silent)}")
    figures = {
        name: {f"p{q:g}_ms": round(float(np.percentile(ms, q)), 2) for q in QUANTILES}
        | {"samples": len(ms)}
        for name, ms in samples.items()
    }
    if options.json:
        print(json.dumps({"rate": options.rate, **figures}))
    else:
        _print(figures, options.rate)
    for table in stages:
        Console(file=sys.stderr).print(table)
    return 0


def measure(place: Lab, options: argparse.Namespace) -> dict[str, Seen]:
    """What the bench saw of each contender, all rounds together."""
    config = place.configure(
        SETTINGS.format(
            bootstrap=place.bootstrap, partitions=options.partitions, directory=place.directory
        )
    )
    place.run("-m", "flows", "topics", "--config", str(config))
    place.topics({"echo-in": options.partitions, "echo-out": options.partitions})
    load = Load(options.customers, seed=options.seed)
    seen = {"echo": Seen(), "decide": Seen()}
    flow = ["flows"]
    if options.stages:
        flow = ["scripts.benchmarks.staged", str(place.directory / STAGES)]
    with (
        place.process("decide", "-m", *flow, "decide", "--config", str(config)),
        place.process(
            "echo", "-m", "scripts.benchmarks.echo", place.bootstrap, "echo-in", "echo-out"
        ),
    ):
        offers, echoed = place.consumer("offers"), place.consumer("echo-out")
        take_past(place, load)
        spare = iter(load.names)
        producer = place.producer()
        _settle(load, producer, offers, echoed)
        warm_up = argparse.Namespace(rate=options.rate, seconds=options.warm_up)
        ways = ((echoed, "echo-in", "echo"), (offers, "transactions", "decide"))
        for consumer, topic, _ in ways:
            _round(load, producer, consumer, warm_up, iter(()), topic=topic, seen=Seen())
        for _ in range(options.rounds):
            for consumer, topic, name in ways:
                _round(load, producer, consumer, options, spare, topic=topic, seen=seen[name])
        offers.close()
        echoed.close()
    return seen


def take_past(place: Lab, load: Load) -> None:
    """Give every customer a past, and wait until the worker has taken it in.

    Consents first: nothing orders one topic against another, and what comes before its consent is withheld.
    """
    producer = place.producer(**{"linger.ms": 20})
    for part in (load.contracts, load.payments):
        for role, key, value in part(datetime.now(UTC)):
            producer.produce(role if role == DIRECT else BESIDE, value, key)
            producer.poll(0)
        producer.flush(DEADLINE_S)
        place.wait_until_taken(DIRECT, BESIDE)


def _settle(load: Load, producer: Producer, *consumers: Consumer) -> None:
    """Connect the producer to every partition of both topics before anything is timed."""
    for _ in range(SETTLING):
        _, key, value = load.everyday(datetime.now(UTC))
        for topic in ("echo-in", "transactions"):
            producer.produce(topic, value, key)
    producer.flush(DEADLINE_S)
    for consumer in consumers:
        while consumer.poll(1.0) is not None:
            pass


def _round(
    load: Load,
    producer: Producer,
    consumer: Consumer,
    options: argparse.Namespace,
    spare: Iterator[str],
    *,
    topic: str,
    seen: Seen,
) -> None:
    """One round: paced events out, answers in, in one loop and one clock."""
    sent: dict[str, float] = {}
    count = int(options.rate * options.seconds)
    events = list(_events(load, spare, count))  # made before: the clock is not for making JSON
    dismiss_collector()  # nor for looking through them: the worker has no collector either
    begin = looked_at = time.perf_counter()
    produced = 0
    while produced < count or (sent and time.perf_counter() < begin + options.seconds + 5):
        now = time.perf_counter()
        if now - looked_at > BURST_S + SLOW_S:
            seen.pauses.append((looked_at, now - looked_at, BENCH))
        looked_at = now
        # In small bursts: a loop that wakes for each event would itself be the load of a core.
        while produced < count and begin + produced / options.rate <= now:
            name, key, value = events[produced]
            if name is not None:
                sent[name] = time.perf_counter()
            producer.produce(topic, value, key)
            produced += 1
        producer.poll(0)
        for message in consumer.consume(BURST, BURST_S):
            name = (message.key() or b"").decode()
            started = sent.pop(name, None)
            if started is not None and message.error() is None:
                seen.answers.append(Answer(name, started, time.perf_counter()))
    producer.flush(10)


def _events(
    load: Load, spare: Iterator[str], count: int
) -> Iterator[tuple[str | None, bytes, bytes]]:
    """Who makes a large expense (None: nobody does), key, value."""
    for index in range(count):
        name = next(spare, None) if index % EXPENSE_SHARE == 0 else None
        at = datetime.now(UTC)
        if name is not None:
            _, key, value = load.payment(name, at, amount_minor=-180_000)
        else:
            _, key, value = load.everyday(at)
        yield name, key, value


def _print(figures: dict[str, dict[str, float]], rate: int) -> None:
    table = Table(title=f"event on the log → answer readable, {rate} events/s, milliseconds")
    for column in ("", "p50", "p99", "p99.9", "samples"):
        table.add_column(column, justify="right")
    for name, row in figures.items():
        table.add_row(name, *(f"{value:g}" for value in row.values()))
    echo, decide = figures["echo"], figures["decide"]
    table.add_row(
        "decide / echo", *(f"{decide[key] / echo[key]:.2f}x" for key in list(echo)[:3]), ""
    )
    table.add_row(
        "decide - echo", *(f"{decide[key] - echo[key]:+.2f}" for key in list(echo)[:3]), ""
    )
    Console().print(table)
