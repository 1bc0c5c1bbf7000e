"""`scripts/faults`: break everything around real workers on a real Apache Kafka, and see that nothing is lost or doubled.

After each fault the state must be that of an uninterrupted run over the same log, byte for byte; every
output must be there once; dead letters only for what was bad. Exit status 0 when every fault was survived.
"""

import argparse
import json
import logging
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from schemas.errors import MarketOfOneError
from scripts.bootstrap import ROOT
from scripts.broker import jars
from scripts.broker.apache import ApacheKafka
from scripts.broker.process import Broker, BrokerError
from scripts.campaign.births import Births, Nursery, Started
from scripts.campaign.faults import FAULTS
from scripts.campaign.lab import Lab
from scripts.campaign.scales import FULL, SHORT, Scale
from scripts.campaign.stream import Stream
from scripts.campaign.verdict import Verdict, judge
from scripts.campaign.worker import LabError

ALONE = frozenset({"broker-restart", "broker-silent"})
"""What breaks the broker, which the scenarios that run beside it share."""
TOGETHER = 3
"""Scenarios of the short campaign at a time: most of each is waiting for processes to start and for the broker."""


@dataclass(slots=True, frozen=True)
class Place:
    """What scenarios share."""

    broker: Broker
    births: Births
    directory: Path


@dataclass(slots=True, frozen=True)
class Broken:
    """A scenario whose workers have ended, before it is judged."""

    fault: str
    lab: Lab
    done: str
    seconds: float
    verdict: Verdict


@dataclass(slots=True, frozen=True)
class Row:
    """One line of the table."""

    fault: str
    done: str
    seconds: float
    verdict: Verdict


def main() -> int:
    """Run the campaign; 0 if every fault was survived."""
    asked = _parser().parse_args()
    lack = jars.missing()
    if lack is not None:
        print(f"faults: needs Apache Kafka itself: {lack}", file=sys.stderr)
        return 2
    logging.getLogger("flows").setLevel(logging.ERROR)  # our own clients hear of every outage too
    directory: Path = asked.dir.resolve()
    shutil.rmtree(directory, ignore_errors=True)
    scales = SHORT if asked.short else FULL
    try:
        with (
            Nursery() if asked.short else nullcontext(Started()) as births,
            ApacheKafka(directory / "broker", brief=asked.short) as broker,
        ):
            place = Place(broker, births, directory)
            rows = _run(place, asked, names=asked.only or list(scales), scales=scales)
            broker.kill()  # nobody needs its logs in order
    except BrokerError as error:
        print(f"faults: {error}", file=sys.stderr)
        return 1
    survived = all(row.verdict.survived for row in rows)
    if asked.json:
        print(json.dumps([_plain(row) for row in rows]))
    else:
        _print(rows, asked.seed)
    if survived and not asked.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return 0 if survived else 1


def _run(
    place: Place,
    asked: argparse.Namespace,
    *,
    names: Sequence[str],
    scales: dict[str, Scale],
) -> list[Row]:
    """The scenarios, those that leave the broker in peace some at a time; rows in the order of the names."""

    def broken(name: str) -> Broken:
        scale = _scaled(asked, scales.get(name, FULL[name]))
        return strike(place, name=name, scale=scale, seed=asked.seed)

    def one(name: str) -> Row:
        return verdict_on(broken(name))

    alone = [name for name in names if name in ALONE]
    # Beside others, the longest wait first.
    peaceful = sorted(
        (name for name in names if name not in ALONE),
        key=lambda name: -scales.get(name, FULL[name]).lasts_s,
    )
    with ThreadPoolExecutor(asked.together or (TOGETHER if asked.short else 1)) as pool:
        # On this thread, since a broker that is started again ends with the thread that started it; and first,
        # while it has few logs to open.
        rows: dict[str, Future[Row]] = {}
        for name in alone:
            # What has come of the last one is read from the broker, too.
            wait(rows.values())
            rows[name] = pool.submit(verdict_on, broken(name))
        rows |= {name: pool.submit(one, name) for name in peaceful}
        return [rows[name].result() for name in names]


def strike(place: Place, *, name: str, scale: Scale, seed: int) -> Broken:
    """One fault over topics of its own."""
    print(f"faults: {name} …", file=sys.stderr, flush=True)
    began = time.monotonic()
    stream = Stream(seed, count=scale.records, customers=scale.customers, apart_s=scale.apart_s)
    lab = Lab(place.broker, place.directory, name=name, stream=stream, births=place.births)
    done, verdict = "", Verdict()
    try:
        done = FAULTS[name](lab, scale, random.Random(f"{seed}/{name}"))
    except (LabError, MarketOfOneError) as error:
        verdict.wrong.append(str(error))
    except BaseException:
        lab.close()
        raise
    return Broken(name, lab, done, time.monotonic() - began, verdict)


def verdict_on(broken: Broken) -> Row:
    """What has come of it."""
    began = time.monotonic()
    verdict = broken.verdict
    try:
        if verdict.survived:
            verdict = judge(broken.lab)
    except (LabError, MarketOfOneError, subprocess.CalledProcessError) as error:
        verdict.wrong.append(str(error))
    finally:
        broken.lab.close()
    return Row(broken.fault, broken.done, broken.seconds + time.monotonic() - began, verdict)


def _scaled(asked: argparse.Namespace, scale: Scale) -> Scale:
    return replace(scale, records=asked.records or scale.records, times=asked.times or scale.times)


def _plain(row: Row) -> dict[str, object]:
    return {
        "fault": row.fault,
        "done": row.done,
        "survived": row.verdict.survived,
        "wrong": row.verdict.wrong,
        "seconds": round(row.seconds, 1),
        **row.verdict.counts,
    }


def _print(rows: list[Row], seed: int) -> None:
    table = Table(title=f"faults × survived, seed {seed}", show_lines=True)
    for column in ("fault", "what was done", "events", "ticks", "decisions", "offers", "s"):
        table.add_column(
            column, justify="left" if column in {"fault", "what was done"} else "right"
        )
    table.add_column("survived")
    for row in rows:
        counts = row.verdict.counts
        table.add_row(
            row.fault,
            row.done,
            *(f"{counts[name]:,}" for name in ("events", "ticks", "decisions", "offers")),
            f"{row.seconds:.0f}",
            "[green]yes[/]"
            if row.verdict.survived
            else "[red]no[/]: " + "; ".join(row.verdict.wrong),
        )
    Console().print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a small campaign, under a minute")
    parser.add_argument("--only", nargs="+", choices=list(FAULTS), help="these faults only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int, help="records of the stream, for each fault")
    parser.add_argument("--times", type=int, help="how often each fault strikes")
    parser.add_argument("--together", type=int, metavar="N", help="scenarios at a time")
    parser.add_argument("--json", action="store_true", help="one JSON list instead of a table")
    parser.add_argument("--keep", action="store_true", help="leave logs and state where they are")
    parser.add_argument(
        "--dir", type=Path, default=ROOT / ".run" / "faults", help="for the broker, logs and state"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
