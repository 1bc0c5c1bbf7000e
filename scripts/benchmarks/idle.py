"""CPU of each flow while nothing comes, as a share of one core.

The flows run against a broker with their topics and, where it is asked for, customers with a past. Measured is
the CPU that the kernel counted for each process (user and system), so a busy machine changes it little.
"""

import argparse
import json
import time
from contextlib import ExitStack

from rich.console import Console
from rich.table import Table

from scripts.benchmarks.lab import DEADLINE_S, Lab, lab
from scripts.benchmarks.latency import SETTINGS, take_past
from scripts.benchmarks.load import Load
from scripts.benchmarks.throughput import cpu_of

FLOWS = ("decide", "ingest", "learn", "measure")
AIM = 0.03
LOOK_S, BUSY = 2.0, 0.05
"""A flow that takes more than this share for so long has not come to rest."""


def main(argv: list[str]) -> int:
    """Measure and print; 1 if a flow takes more than the aim."""
    parser = argparse.ArgumentParser(prog="scripts/bench idle", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long to look at them")
    parser.add_argument("--partitions", type=int, default=16)
    parser.add_argument("--customers", type=int, default=500, help="with a past; 0: none")
    parser.add_argument("--prefer", choices=("auto", "apache", "embedded"), default="auto")
    parser.add_argument("--broker", help="address of a running broker with empty topics")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args(argv)
    with lab(options.prefer, options.broker) as place:
        shares = measure(place, options)
    if options.json:
        print(json.dumps({**shares}))
    else:
        table = Table(title=f"idle, {options.partitions} partitions, {options.seconds:g} s")
        for column in ("flow", "share of a core"):
            table.add_column(column, justify="right")
        for name, share in shares.items():
            table.add_row(name, f"{100 * share:.2f} %")
        Console().print(table)
    return 1 if max(shares.values()) > AIM else 0


def measure(place: Lab, options: argparse.Namespace) -> dict[str, float]:
    """Seconds of CPU a second, by flow."""
    config = place.configure(
        SETTINGS.format(
            bootstrap=place.bootstrap, partitions=options.partitions, directory=place.directory
        )
    )
    place.run("-m", "flows", "topics", "--config", str(config))
    with ExitStack() as running:
        pids = {
            name: running.enter_context(
                place.process(name, "-m", "flows", name, "--config", str(config))
            ).pid
            for name in FLOWS
        }
        if options.customers:
            take_past(place, Load(options.customers, seed=1))
        _rest(pids)
        return _shares(pids, options.seconds)


def _rest(pids: dict[str, int]) -> None:
    """Wait until all have begun and done what there was to do; one that never rests is measured as it is."""
    deadline = time.monotonic() + DEADLINE_S
    while max(_shares(pids, LOOK_S).values()) > BUSY and time.monotonic() < deadline:
        pass


def _shares(pids: dict[str, int], seconds: float) -> dict[str, float]:
    before, began = {name: cpu_of(pid) for name, pid in pids.items()}, time.monotonic()
    time.sleep(seconds)  # what is measured is a span of time
    took = time.monotonic() - began
    return {name: (cpu_of(pid) - before[name]) / took for name, pid in pids.items()}
