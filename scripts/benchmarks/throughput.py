"""Events per second of CPU through the whole `decide` flow, beside a loop that only parses and writes.

Both read the same payments from the same topic of one broker. CPU is the process's own (user and system),
counted from the moment it has taken in the customers' past to that when all is decided on and safe on the disk.
"""

import argparse
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.benchmarks.lab import Lab, lab
from scripts.benchmarks.latency import DIRECT, SETTINGS, take_past
from scripts.benchmarks.load import Load


def main(argv: list[str]) -> int:
    """Run both and print the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench throughput", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=8000)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prefer", choices=("auto", "apache", "embedded"), default="auto")
    parser.add_argument("--broker", help="address of a running broker with empty topics")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args(argv)
    with lab(options.prefer, options.broker) as place:
        rows = measure(place, options)
    if options.json:
        print(json.dumps(rows))
        return 0
    table = Table(title=f"{options.events:,} payments of {options.customers:,} customers")
    for column in ("", "events/s of wall", "events/s of CPU", "µs of CPU an event"):
        table.add_column(column, justify="right")
    for name, row in rows.items():
        table.add_row(
            name,
            f"{row['per_wall_s']:,.0f}",
            f"{row['per_cpu_s']:,.0f}",
            f"{1e6 / row['per_cpu_s']:.0f}",
        )
    ratio = rows["decide"]["per_cpu_s"] / rows["bare"]["per_cpu_s"]
    table.add_row("decide / bare", "", f"{ratio:.3f}x", "")
    Console().print(table)
    return 0


def measure(place: Lab, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Events per second of wall and of CPU, by contender."""
    config = place.configure(
        SETTINGS.format(
            bootstrap=place.bootstrap, partitions=options.partitions, directory=place.directory
        )
    )
    place.run("-m", "flows", "topics", "--config", str(config))
    place.topics({"echo-out": options.partitions})
    load = Load(options.customers, seed=options.seed)
    rows = {}
    with place.process("decide", "-m", "flows", "decide", "--config", str(config)) as child:
        take_past(place, load)
        cpu_s, began = cpu_of(child.pid), time.perf_counter()
        producer = place.producer(**{"linger.ms": 20})
        for _ in range(options.events):
            role, key, value = load.everyday(datetime.now(UTC))
            producer.produce(role, value, key)
            producer.poll(0)
        producer.flush(60)
        place.wait_until_taken(DIRECT)
        rows["decide"] = _row(
            options.events, time.perf_counter() - began, cpu_of(child.pid) - cpu_s
        )
    rows["bare"] = _bare(place, options.events)
    return rows


def _bare(place: Lab, count: int) -> dict[str, float]:
    arguments = ("-m", "scripts.benchmarks.echo", place.bootstrap, "transactions", "echo-out")
    with place.process("bare", *arguments, str(count)) as child:
        child.wait(600)
    report = json.loads((place.directory / "bare.log").read_text().splitlines()[-1])
    return _row(report["passed"], report["wall_s"], report["cpu_s"])


def _row(events: int, wall_s: float, cpu_s: float) -> dict[str, float]:
    return {"per_wall_s": events / wall_s, "per_cpu_s": events / cpu_s}


def cpu_of(pid: int) -> float:
    """Seconds of CPU, user and system, that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
