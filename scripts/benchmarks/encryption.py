"""What sealing costs: a record sealed and opened, in the state and on a topic, and the whole way of an event with and without.

Both shards run in this process on the same log, turn about in short rounds, each with RocksDB; ratios are of CPU.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from flows import settings as settings_module
from flows.assembly import world_of
from flows.intake import shard_decode
from flows.kafka.seal import TopicSeal
from flows.records import Parcel, Record
from flows.shard import Shard
from flows.worker import dismiss_collector
from flows.zones import load_airports
from operators.contracts import World
from operators.decide import decide
from schemas import topics
from schemas.customer import Customer
from scripts.benchmarks.crowd import Crowd
from state.codec import decode, encode
from state.directory import open_directory, open_shards
from state.identity import Identity
from state.sealed import Vault
from state.store import CustomerCache, ShardBatch

MASTER = bytes(32)
ROUND = 256
REPEATS = 2000


def main(arguments: list[str]) -> int:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench encryption", description=__doc__)
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--cached", type=int, default=20_000, help="customers kept decoded")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    dismiss_collector()
    with tempfile.TemporaryDirectory(prefix="encryption-") as folder:
        home = Path(folder)
        plain = _open(home / "plain", None, cached=options.cached)
        vault = Vault(home / "keys", masters=[MASTER], cached=options.cached)
        sealed = _open(home / "sealed", vault, cached=options.cached)
        crowd = Crowd(
            customers=options.customers, events=options.events, shards=1, days=60, seed=options.seed
        )
        costs = _alternately(plain, sealed, list(crowd.records()))
        record = plain.store.customer("soak-0000000") or Customer("soak-0000000")
        for shard in (plain, sealed):
            shard.close()
        rows = vault.rows(0)
        rows.prepare(ShardBatch(customers={record.customer: record}))
        value, bare = rows.record(record), encode(record)
        seal_us = _micros(lambda: rows.record(record)) - _micros(lambda: encode(record))
        open_us = _micros(lambda: rows.record_of(record.customer, value)) - _micros(
            lambda: decode(bare)
        )
        rows.close()
        topic_us = _on_topic(home / "keys", list(crowd.records())[-1])
    ratios = [with_s / without_s for without_s, with_s in costs]
    without_us, with_us = (sum(pair[n] for pair in costs) / options.events * 1e6 for n in range(2))
    print(f"record of {len(bare):,} bytes, sealed {len(value):,}")
    print(
        f"seal {seal_us:.1f} µs, open {open_us:.1f} µs, beside the codec's {_micros(lambda: encode(record)):.1f} µs"
    )
    print(f"on a topic: seal {topic_us[0]:.1f} µs, open {topic_us[1]:.1f} µs")
    print(
        f"an event {without_us:.0f} µs plain, {with_us:.0f} µs sealed: ×{with_us / without_us:.3f}"
        f" (median of rounds ×{median(ratios):.3f})"
    )
    return 0


def _on_topic(keys: Path, record: Record) -> tuple[float, float]:
    """Microseconds to seal an event for the customers' log, and to open it."""
    vault = Vault(keys, masters=[MASTER])
    seal = TopicSeal(keys, vault, shards=1, roles=[topics.CUSTOMER_EVENTS])
    parcel = Parcel(record.topic, record.key, record.value, record.headers, lambda *_: None)
    closed = seal.closed(parcel)
    lying = replace(record, key=closed.key, value=closed.value, headers=closed.headers)
    costs = _micros(lambda: seal.closed(parcel)), _micros(lambda: seal.opened(lying))
    seal.close()
    return costs


def _open(path: Path, vault: Vault | None, *, cached: int) -> "Lived":
    directory = open_directory(path, identity=Identity("", 1, "a"), owner="bench", vault=vault)
    cache = CustomerCache(capacity=cached)
    (store,) = open_shards(directory, [0], cache=cache).values()
    settings = settings_module.load(environment={})
    decode_record = shard_decode(settings.limits, load_airports())
    return Lived(Shard(store, decode=decode_record, decide=decide, shards=1), world_of(settings))


class Lived:
    """A shard and its world."""

    def __init__(self, shard: Shard, world: World) -> None:
        self._shard, self._world = shard, world
        self.store = shard.store
        self.close = shard.close
        self._said = 0

    def take(self, records: Sequence[Record]) -> float:
        """Seconds of CPU for some records, their outputs acknowledged."""
        began = time.process_time()
        entries = self._shard.process(records, world=self._world, hold=True)
        for entry in entries:
            self._said += 1
            self._shard.acknowledge(entry.sequence, entry.topic, 0, self._said)
        return time.process_time() - began


def _alternately(
    plain: Lived, sealed: Lived, records: Sequence[Record]
) -> list[tuple[float, float]]:
    costs = []
    for number, start in enumerate(range(0, len(records), ROUND)):
        some = records[start : start + ROUND]
        if number % 2:
            after, before = sealed.take(some), plain.take(some)
        else:
            before, after = plain.take(some), sealed.take(some)
        costs.append((before, after))
    return costs


def _micros(action: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(REPEATS):
        action()
    return (time.process_time() - began) / REPEATS * 1e6
