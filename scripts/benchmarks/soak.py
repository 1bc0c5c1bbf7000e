"""Memory of a worker over very many events and customers: flat, or not.

Records take the worker's own way (decode, decide, commit to RocksDB, outputs acknowledged, timers, syncs on a
thread of their own), all shards in this process. What is left out: the broker and its client, and Bytewax.
"""

import argparse
import json
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import IO

from flows import settings as settings_module
from flows.assembly import world_of
from flows.intake import shard_decode
from flows.metrics import Metrics
from flows.records import Record
from flows.settings import Settings
from flows.shard import Shard
from flows.worker import dismiss_collector
from flows.zones import load_airports
from operators.contracts import World
from operators.decide import decide
from scripts.benchmarks.crowd import Crowd
from state.directory import open_directory, open_shards
from state.identity import Identity
from state.store import CustomerCache

ROUND = 128
"""Records of a shard, on average, that are there to read together: a worker that is behind."""
FLAT = 1.05
"""Once the customers have come, the later half of the way may need so much of what the earlier half needed."""
COME = 0.95
"""So many of them have come by then."""
SAMPLES_MIN = 10
MIB = 1 << 20
PAGE = 4096


@dataclass(slots=True, frozen=True)
class Sample:
    """What the process needed after so many events."""

    events: int
    rss_bytes: int
    customers: int
    cached: int


class Soak:
    """All shards of one worker, and their memory."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        """Open the shards in an empty directory."""
        shards = settings.kafka.partitions
        own = settings.decide
        self.cache = CustomerCache(capacity=own.lru_customers, bytes_max=own.lru_bytes)
        identity = Identity(settings.kafka.topic_prefix, shards, settings.rules.seed)
        home = open_directory(directory, identity=identity, owner="soak")
        decode = shard_decode(settings.limits, load_airports())
        self._world: World = world_of(settings)
        self._metrics = Metrics("decide")
        self._shards = [
            Shard(store, decode=decode, decide=decide, shards=shards)
            for store in open_shards(home, range(shards), cache=self.cache).values()
        ]
        self._disk = ThreadPoolExecutor(max_workers=1)
        self.samples: list[Sample] = []
        self.said = 0

    def live(
        self, crowd: Crowd, *, sync_s: float, every: int, until: float, told: IO[str] | None
    ) -> None:
        """Take the whole log, or what of it can be taken until then; ``told`` hears of each sample."""
        waiting: list[list[Record]] = [[] for _ in self._shards]
        gathered = taken = sampled = 0
        sync_at = time.monotonic() + sync_s
        for record in crowd.records():
            waiting[record.partition].append(record)
            gathered += 1
            if gathered < ROUND * len(self._shards):
                continue
            self._round(waiting, now_ms=record.timestamp_ms)
            taken, gathered = taken + gathered, 0
            if time.monotonic() >= sync_at:
                self._disk.submit(self._sync).result()
                sync_at = time.monotonic() + sync_s
            if taken - sampled >= every:
                sampled = taken
                self._sample(taken, crowd, told)
            if time.monotonic() >= until:
                break
        self._round(waiting, now_ms=0)
        self._sample(taken + gathered, crowd, told)

    def close(self) -> None:
        """Give the shards up."""
        self._disk.shutdown()
        for shard in self._shards:
            shard.close()

    def _sample(self, events: int, crowd: Crowd, told: IO[str] | None) -> None:
        sample = Sample(events, resident(), crowd.come, len(self.cache))
        self.samples.append(sample)
        if told is not None:
            print(json.dumps(asdict(sample)), file=told, flush=True)

    def _round(self, waiting: list[list[Record]], *, now_ms: int) -> None:
        for shard, records in zip(self._shards, waiting, strict=True):
            entries = shard.process(records, world=self._world, hold=True) if records else []
            records.clear()
            entries += shard.tick(now_ms, world=self._world)
            for offset, entry in enumerate(entries):
                shard.acknowledge(entry.sequence, entry.topic, shard.number, self.said + offset)
            self.said += len(entries)
            self._metrics.collect(shard.tally)

    def _sync(self) -> None:
        for shard in self._shards:
            shard.sync()


def resident() -> int:
    """Bytes of this process in memory (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


def main(arguments: list[str]) -> int:
    """Run it; 1 when memory grew."""
    parser = argparse.ArgumentParser(prog="scripts/bench soak", description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--customers", type=int, default=500_000)
    parser.add_argument("--days", type=int, default=60, help="of the events' own time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--config", type=Path, help="settings of a deployment")
    parser.add_argument("--directory", type=Path, help="where the state goes; removed at the end")
    parser.add_argument("--plot", type=Path, help="write the curve there, .svg or .png")
    parser.add_argument(
        "--samples", type=argparse.FileType("w"), help="write the samples there, as JSON lines"
    )
    parser.add_argument("--minutes", type=float, default=1e6, help="end sooner, after so long")
    options = parser.parse_args(arguments)
    settings = settings_module.load(options.config)
    if options.directory is not None:
        options.directory.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="soak-", dir=options.directory))
    crowd = Crowd(
        customers=options.customers,
        events=options.events,
        shards=settings.kafka.partitions,
        days=options.days,
        seed=options.seed,
    )
    soak = Soak(settings, directory)
    dismiss_collector()
    began, cpu = time.perf_counter(), time.process_time()
    try:
        soak.live(
            crowd,
            sync_s=settings.decide.wal_sync_ms / 1000,
            every=options.events // 500,
            until=time.monotonic() + options.minutes * 60,
            told=options.samples,
        )
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        soak.close()
        disk = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if options.plot is not None:
        plot(soak.samples, options.plot)
    taken = soak.samples[-1].events
    print(
        f"{taken:,} of {options.events:,} events, {crowd.come:,} customers, {soak.said:,} outputs,"
        f" {took_s:,.0f} s, {taken / cpu_s:,.0f} events/s of CPU, {disk / MIB:,.0f} MiB of state"
    )
    return report(soak.samples)


def report(samples: list[Sample]) -> int:
    """Print memory by fifths of the way; 1 when it went on growing after the customers had come.

    The verdict is over medians: a compaction needs some tens of MiB while it runs, and gives them back.
    """
    fifths = [samples[len(samples) * n // 5 : len(samples) * (n + 1) // 5] for n in range(5)]
    largest = [max((sample.rss_bytes for sample in fifth), default=0) for fifth in fifths]
    for number, (fifth, most) in enumerate(zip(fifths, largest, strict=True), start=1):
        if fifth:
            last = fifth[-1]
            print(
                f"fifth {number}: at most {most / MIB:7,.1f} MiB,"
                f" {last.customers:9,} customers, {last.cached:7,} of them in the cache"
            )
    come = [s.rss_bytes for s in samples if s.customers >= COME * samples[-1].customers]
    if len(come) < SAMPLES_MIN:
        print("too short to tell whether memory is flat: most customers came at the end")
        return 1
    earlier, later = median(come[: len(come) // 2]), median(come[len(come) // 2 :])
    flat = later <= earlier * FLAT
    few = next(s for s in samples if s.customers >= samples[-1].customers / 2)
    print(
        f"{'flat' if flat else 'memory grew'}: {later / earlier:.3f} of what it was when {COME:.0%} of the customers had"
        f" come, {later / few.rss_bytes:.2f} of what it was with {few.customers:,} customers"
    )
    return 0 if flat else 1


def plot(samples: list[Sample], path: Path) -> None:
    """Memory over events, and beside it how many customers there were."""
    import matplotlib as mpl  # noqa: PLC0415 - only who wants a picture waits for it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    figure, axis = plt.subplots(figsize=(8, 4))
    millions = [sample.events / 1e6 for sample in samples]
    axis.plot(millions, [sample.rss_bytes / MIB for sample in samples], label="resident, MiB")
    axis.set(xlabel="million events", ylabel="MiB", ylim=(0, None))
    other = axis.twinx()
    other.plot(millions, [sample.customers / 1e3 for sample in samples], "--", color="0.6")
    other.set_ylabel("thousand customers (dashed)")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
