"""CPU of one event on its way through a shard: bytes in, decided on, committed to RocksDB, bytes out.

Three kinds: a payment that nobody would remark on; a large one that is answered with an offer; and the same while its
shard holds everyday ones of others, as nearly always in a worker, of which the answer alone is timed. All are taken by a
shard of their own thread as in the worker; what is left out is the broker and its client. With ``--against DIRECTORY``
another checkout of the project does the same, turn about in short rounds, each in a process of its own: a change that
claims to be only faster shows the same digest of all that was said and stored.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median

from flows import settings as settings_module
from flows.assembly import world_of
from flows.intake import shard_decode
from flows.records import Record
from flows.shard import Shard
from flows.worker import dismiss_collector
from flows.zones import load_airports
from operators.decide import decide
from schemas import topics
from scripts.benchmarks.load import Keyed, Load
from state.codec import encode
from state.directory import open_directory, open_shards
from state.identity import Identity
from state.store import CustomerCache

NOW = datetime(2026, 6, 17, 9, tzinfo=UTC)
STEP = timedelta(seconds=2)
TOGETHER = 2
"""Everyday payments that are there to read together; an answered one comes alone."""
SETTLED = 6
"""Everyday payments between two commits: what a shard of eight holds of 1,000 events/s in its 50 ms."""
KINDS = ("everyday", "answered", "answered beside held")
ANSWERED_MINOR = -180_000
ANSWERED_MIN = 0.8
"""A large payment brings an offer but where something is due at the same moment."""
RULES = """
[rules]
holdout_share = 0.0
control_share = 0.0
contacts_per_week = 100
contacts_per_day = 20
marketing_per_week = 100
push_per_week = 100
"""


class Lived:
    """One shard whose customers have a past, and the load that goes on."""

    def __init__(self, folder: Path, *, customers: int, seed: int) -> None:
        """Open a shard in a folder, and let everybody agree and pay for eight weeks."""
        config = folder / "settings.toml"
        config.write_text(RULES, encoding="utf-8")
        settings = settings_module.load(config, environment={})
        home = open_directory(folder / "state", identity=Identity("", 1, "a"), owner="bench")
        (store,) = open_shards(home, [0], cache=CustomerCache(capacity=customers)).values()
        self._world = world_of(settings)
        self._shard = Shard(
            store, decode=shard_decode(settings.limits, load_airports()), decide=decide, shards=1
        )
        self._ends: dict[str, int] = {}
        self._digest = sha256()
        self.said: dict[str, int] = {}
        self._load = load = Load(customers, seed=seed)
        self._at = NOW
        self._spare = iter(load.names)
        for part in (load.contracts, load.payments):
            self._take([self._record(keyed) for keyed in part(NOW)])

    def round(self, kind: str, count: int) -> float:
        """Microseconds of CPU an event, over so many of a kind."""
        if kind == "answered beside held":
            return self._beside_held(count)
        together = TOGETHER if kind == "everyday" else 1
        records = [self._record(self._next(kind)) for _ in range(count)]
        took_ns = 0
        for start in range(0, count, together):
            took_ns += self._take(records[start : start + together])
            if start % SETTLED == 0:
                took_ns += self._settle()
        return (took_ns + self._settle()) / count / 1e3

    def _beside_held(self, count: int) -> float:
        took_ns = 0
        for _ in range(count):
            for _ in range(SETTLED):
                self._take([self._record(self._next("everyday"))])
            took_ns += self._take([self._record(self._next("answered"))])
            self._settle()
        return took_ns / count / 1e3

    def digest(self) -> str:
        """Of all outputs in their order, and of all records."""
        for name in self._load.names:
            record = self._shard.store.customer(name)
            self._digest.update(b"" if record is None else encode(record))
        return self._digest.hexdigest()

    def close(self) -> None:
        """Give the shard up."""
        self._shard.close()

    def _next(self, kind: str) -> Keyed:
        self._at += STEP
        if kind == "everyday":
            return self._load.everyday(self._at)
        return self._load.payment(next(self._spare), self._at, amount_minor=ANSWERED_MINOR)

    def _record(self, keyed: Keyed) -> Record:
        role, key, value = keyed
        offset = self._ends.get(role, 0)
        self._ends[role] = offset + 1
        return Record(role, 0, offset, key, value, (), round(self._at.timestamp() * 1000))

    def _settle(self) -> int:
        """Nanoseconds of CPU for a commit of what is held."""
        began = time.thread_time_ns()
        self._shard.settle()
        return time.thread_time_ns() - began

    def _take(self, records: Sequence[Record]) -> int:
        """Nanoseconds of CPU for some records; what they said is then acknowledged."""
        began = time.thread_time_ns()
        entries = self._shard.process(records, world=self._world, hold=True)
        took_ns = time.thread_time_ns() - began
        for entry in entries:
            self._digest.update(b"%s %s " % (entry.key or b"-", entry.value or b"-"))
            offset = self.said.get(entry.topic, 0)
            self.said[entry.topic] = offset + 1
            self._shard.acknowledge(entry.sequence, entry.topic, 0, offset)
        return took_ns


def main(arguments: list[str]) -> int:
    """Run the rounds and print what an event took."""
    parser = argparse.ArgumentParser(prog="scripts/bench event", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--everyday", type=int, default=512, help="everyday payments a round")
    parser.add_argument("--answered", type=int, default=16, help="answered payments a round")
    parser.add_argument(
        "--customers",
        type=int,
        default=2500,
        help="few of them stay in the processor's caches, and cost half as much",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--against", type=Path, help="another checkout of the project")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--turns", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.turns:
        return _turns(options)
    trees = [Path(__file__).resolve().parents[2], *filter(None, [options.against])]
    found = _alternately(trees, arguments, options.rounds)
    if options.json:
        print(json.dumps([asdict(one) for one in found]))
        return 0
    for kind in KINDS:
        here, *there = (one.costs[kind] for one in found)
        line = f"{kind}: least {min(here):.0f}, median {median(here):.0f} µs of CPU"
        for other in there:
            line += f"; there {min(other):.0f}, {median(other):.0f}"
            ratio = median(a / b for a, b in zip(here, other, strict=True))
            line += f"; least × {min(here) / min(other):.3f}, median of rounds × {ratio:.3f}"
        print(line)
    print(*(f"all that was said and stored: {one.digest}" for one in found), sep="\n")
    return 0


@dataclass(slots=True, frozen=True)
class Found:
    """What one checkout took: kind → µs of CPU an event, by round; and the digest of what it did."""

    costs: dict[str, list[float]]
    digest: str


def _alternately(trees: Sequence[Path], arguments: Sequence[str], rounds: int) -> list[Found]:
    """A process for each checkout; one round of the first, one of the second, and again."""
    processes = [_start(tree, arguments) for tree in trees]
    try:
        for number in range(rounds):
            for process in processes[:: -1 if number % 2 else 1]:
                _ask(process)
        return [Found(**json.loads(_ask(process))) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _start(tree: Path, arguments: Sequence[str]) -> "subprocess.Popen[str]":
    # Its own environment, where the modules that are compiled are those of its own sources.
    own = tree / ".venv" / "bin" / "python"
    python = str(own) if own.exists() else sys.executable
    # -P: the directory of this file is not searched, so that the checkout's own modules are found.
    return subprocess.Popen(
        [python, "-P", __file__, *arguments, "--turns"],
        env={**os.environ, "PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"},
        cwd=tree,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ask(process: "subprocess.Popen[str]") -> str:
    """Let a process take its turn; raises SystemExit when it is gone."""
    if process.stdin is None or process.stdout is None:
        sys.exit("a process without pipes")
    process.stdin.write("\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    return answer or sys.exit("a process of the benchmark ended early; its error is above")


def _turns(options: argparse.Namespace) -> int:
    """Take one round at each line that comes, and say at last what was found."""
    counts = dict.fromkeys(KINDS, options.answered) | {"everyday": options.everyday}
    large = options.answered * options.rounds * (len(KINDS) - 1)
    customers = max(options.customers, large + 1)
    with tempfile.TemporaryDirectory(prefix="event-") as folder:
        lived = Lived(Path(folder), customers=customers, seed=options.seed)
        dismiss_collector()
        costs: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _ in range(options.rounds):
            sys.stdin.readline()
            for kind in KINDS:
                costs[kind].append(lived.round(kind, counts[kind]))
            print("done", flush=True)
        sys.stdin.readline()
        said = lived.said.get(topics.OFFERS, 0)
        if said < ANSWERED_MIN * large:
            sys.exit(
                f"only {said} offers came of the large payments: what was measured is no answer"
            )
        print(json.dumps(asdict(Found(costs, lived.digest()))), flush=True)
        lived.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
