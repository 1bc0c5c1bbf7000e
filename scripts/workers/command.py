"""`scripts/cluster`: workers of the `decide` flow on this machine, that come, go and die.

    scripts/cluster up 3 --config bank.toml     three workers, which share the shards
    scripts/cluster status                      who lives, and how far each shard is behind
    scripts/cluster kill 1                      kill -9 the worker 1; under a group the others take over
    scripts/cluster rescale 2                   go on with two workers
    scripts/cluster down                        end them all, cleanly

With `decide.ownership = "ordinal"` a rescale ends all workers and starts the new number of them; with
"group" only the difference, and the group deals the shards out anew.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from confluent_kafka.admin import OffsetSpec
from rich.console import Console
from rich.table import Table

from flows import settings as settings_module
from flows.access import connection_of
from flows.ingest import committed
from flows.kafka import tail
from flows.settings import Settings
from schemas import topics
from schemas.errors import MarketOfOneError
from scripts.bootstrap import ROOT

STOP_S_MAX = 20.0
STEP_S = 0.05


class Cluster:
    """The workers that a folder knows of: a file with their process ids, and their logs."""

    def __init__(self, directory: Path) -> None:
        """Read what an earlier command left."""
        self.directory = directory
        self._file = directory / "workers.json"
        facts: dict[str, Any] = {"config": None, "pids": {}}
        if self._file.exists():
            facts = json.loads(self._file.read_text(encoding="utf-8"))
        self.config: str | None = facts["config"]
        self.pids: dict[int, int] = {int(number): pid for number, pid in facts["pids"].items()}

    @property
    def settings(self) -> Settings:
        """What the workers run under."""
        return settings_module.load(Path(self.config) if self.config else None)

    def alive(self, number: int) -> bool:
        """Whether a worker's process is there, and is still ours: process ids come round again."""
        try:
            words = Path(f"/proc/{self.pids[number]}/cmdline").read_bytes().split(b"\0")
        except (OSError, KeyError):
            return False
        return b"flows" in words and b"decide" in words

    def start(self, count: int) -> None:
        """Start the workers from 0 to ``count`` that don't live."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            if not self.alive(number):
                self.pids[number] = self._spawn(number, count)
        self._keep()

    def end(self, numbers: list[int], *, how: signal.Signals = signal.SIGTERM) -> None:
        """Signal workers, and wait until they are gone."""
        for number in numbers:
            if self.alive(number):
                os.kill(self.pids[number], how)
        give_up_at = time.monotonic() + STOP_S_MAX
        while any(self.alive(number) for number in numbers) and time.monotonic() < give_up_at:
            time.sleep(STEP_S)
        for number in numbers:
            if self.alive(number):
                os.kill(self.pids[number], signal.SIGKILL)
            self.pids.pop(number, None)
        self._keep()

    def _spawn(self, number: int, count: int) -> int:
        command = [sys.executable, "-m", "flows", "decide"]
        command += ["--config", self.config] if self.config else []
        with (self.directory / f"worker-{number}.log").open("ab") as log:
            child = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={
                    **os.environ,
                    "MARKET_OF_ONE_WORKER_ORDINAL": str(number),
                    "MARKET_OF_ONE_WORKER_COUNT": str(count),
                },
            )
        return child.pid

    def _keep(self) -> None:
        facts = {"config": self.config, "pids": self.pids}
        self._file.write_text(json.dumps(facts), encoding="utf-8")


def main() -> int:
    """Do what the command line says; 0 if all is well."""
    asked = _parser().parse_args()
    cluster = Cluster(asked.dir.resolve())
    try:
        if asked.verb == "up":
            cluster.config = str(asked.config.resolve()) if asked.config else None
            cluster.start(asked.workers)
        elif asked.verb == "kill":
            if not cluster.alive(asked.worker):
                return _fail(f"worker {asked.worker} does not run: see scripts/cluster status")
            cluster.end([asked.worker], how=signal.SIGKILL)
        elif asked.verb == "rescale":
            _rescale(cluster, asked.workers)
        elif asked.verb == "down":
            cluster.end(list(cluster.pids))
            return 0
        _status(cluster)
    except MarketOfOneError as error:
        return _fail(str(error))
    return 0


def _rescale(cluster: Cluster, count: int) -> None:
    by_group = cluster.settings.decide.ownership == "group"
    cluster.end([n for n in cluster.pids if not by_group or n >= count])
    cluster.start(count)


def _status(cluster: Cluster) -> None:
    table = Table("worker", "process", "state", "log", title="workers")
    for number, pid in sorted(cluster.pids.items()):
        life = "runs" if cluster.alive(number) else "[red]gone[/]"
        table.add_row(str(number), str(pid), life, str(cluster.directory / f"worker-{number}.log"))
    Console().print(table)
    lag = _lag(cluster.settings)
    print(f"behind the end of the log: {sum(lag.values())} records in {len(lag)} shards")


def _lag(settings: Settings) -> dict[int, int]:
    """Records that each shard is behind, as the group knows."""
    connection = connection_of(settings)
    spots = [(topics.CUSTOMER_EVENTS, shard) for shard in range(settings.kafka.partitions)]
    ends = tail.offsets_at(connection, spots, OffsetSpec.latest())
    places = committed(connection, group=settings.decide.group, spots=spots)
    return {spot[1]: ends[spot] - (places[spot] or 0) for spot in spots}


def _fail(words: str) -> int:
    print(f"cluster: {words}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dir", type=Path, default=ROOT / ".run" / "cluster", help="logs, ids")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="start workers")
    up.add_argument("workers", type=int)
    up.add_argument("--config", type=Path, help="settings of the deployment")
    verbs.add_parser("status", help="who lives, and how far the shards are")
    kill = verbs.add_parser("kill", help="kill -9 one worker")
    kill.add_argument("worker", type=int)
    rescale = verbs.add_parser("rescale", help="go on with another number of workers")
    rescale.add_argument("workers", type=int)
    verbs.add_parser("down", help="end all workers")
    return parser


if __name__ == "__main__":
    sys.exit(main())
