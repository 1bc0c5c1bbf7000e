"""What follows from a log when nothing goes wrong: the outputs, and every shard in a canonical form.

The same shell as in a worker, in this process, over the log as it lies on the broker: no kill, no batch cut
by a fault, every output delivered at once. What the workers left behind is held against it byte for byte.
"""

import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import orjson

from flows import outputs
from flows import settings as settings_module
from flows.access import connection_of
from flows.assembly import world_of
from flows.clock import CLOCK
from flows.encoder import MiniLmEncoder
from flows.intake import shard_decode
from flows.records import Record
from flows.settings import Settings
from flows.shard import Shard
from flows.zones import Zones
from operators.contracts import World
from operators.decide import decide
from schemas import topics
from scripts.bootstrap import ROOT
from scripts.campaign.reading import BATCH, log
from state.codec import encode
from state.directory import open_directory, open_shards
from state.handover import take
from state.identity import Identity
from state.outbox import OutboxEntry
from state.store import ShardStore

FEW = 5_000
"""Records that take less time than two processes need to start."""
FOREVER_MS = 1 << 60
Said = dict[str, str]
"""Id of an output → digest of its key and value."""


@dataclass(slots=True)
class ShardTruth:
    """One shard: its outputs by topic, its state, and how much work it was.

    ``droppable`` are ids of what was said of a customer shortly before their erasure, which takes back what is
    not delivered yet: it may be there or not, but never other bytes.
    """

    said: dict[str, Said] = field(default_factory=dict)
    droppable: list[str] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


def truths(config: Path, shards: Iterable[int], *, records: int) -> dict[int, ShardTruth]:
    """What the log of each shard leads to; many records are worked out in two processes of their own.

    Raises:
        CalledProcessError: One of them failed.
    """
    numbers = list(shards)
    if records < FEW:
        return _truths(config, numbers)
    command = [sys.executable, "-m", "scripts.campaign.truth", str(config)]
    children = [
        subprocess.Popen(
            [*command, *map(str, part)], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        for part in (numbers[::2], numbers[1::2])
        if part
    ]
    found: dict[int, ShardTruth] = {}
    for child in children:
        written, _ = child.communicate()
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, command)
        for number, body in orjson.loads(written).items():
            found[int(number)] = ShardTruth(
                body["said"], body["droppable"], body["state"], Counter(body["counts"])
            )
    return found


def main() -> int:
    """Print the truth of some shards as JSON: CONFIG then shards."""
    config, numbers = Path(sys.argv[1]), [int(word) for word in sys.argv[2:]]
    found = _truths(config, numbers)
    sys.stdout.buffer.write(orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS))
    return 0


def fingerprint(said: Record) -> str:
    """What must be the same of an output: key and value; headers hold a latency that was measured."""
    return sha256((said.key or b"") + b"\0" + (said.value or b"")).hexdigest()[:32]


def state_of(store: ShardStore, customers: Iterable[str]) -> dict[str, str]:
    """A shard in canonical form: each customer's bytes, all timers, positions, what waits to be sent.

    Where outputs were acknowledged is left out: it says where they lie, not what was decided.
    """
    found = {}
    for customer in sorted(customers):
        record = store.customer(customer)
        if record is not None:
            found[f"customer {customer}"] = sha256(encode(record)).hexdigest()[:32]
    for timer in store.due(FOREVER_MS, 1 << 40):
        found[f"timer {timer.customer} {timer.name}"] = str(timer.due_ms)
    for (topic, partition), at in store.positions().items():
        if topic in (CLOCK, topics.CUSTOMER_EVENTS, *topics.SOURCES_IN):
            found[f"position {topic}:{partition}"] = str(at)
    for (topic, partition), place in store.source_positions().items():
        found[f"source {topic}:{partition}"] = str(place)
    for entry in store.outbox():
        found[f"outbox {dict(entry.headers).get(outputs.ID, b'').decode()}"] = entry.topic
    return found


def stored(
    directory: Path, settings: Settings, shards: Iterable[int], customers: Iterable[str]
) -> dict[int, dict[str, str]]:
    """The canonical form of the shards in a state directory that no worker has open."""
    names = list(customers)
    stores = open_shards(
        open_directory(directory, identity=_identity(settings), owner="campaign"), shards
    )
    try:
        return {number: state_of(store, names) for number, store in stores.items()}
    finally:
        for store in stores.values():
            store.close()


def gathered(directory: Path, settings: Settings, shards: Iterable[int]) -> Path:
    """Take over, as a worker would, what the workers of a group left; where it lies then."""
    tenancy = take(
        directory,
        worker="campaign",
        shards=shards,
        identity=_identity(settings),
        log=topics.CUSTOMER_EVENTS,
    )
    for store in tenancy.stores.values():
        store.close()
    tenancy.release()
    return directory / "campaign"


@cache
def _encoder() -> MiniLmEncoder:
    """One for all scenarios of this process: its model takes longer to load than a small log to decide on."""
    return MiniLmEncoder()


def _truths(config: Path, numbers: Sequence[int]) -> dict[int, ShardTruth]:
    settings = settings_module.load(config, environment={})
    world = replace(world_of(settings), encoder=_encoder())
    logs: dict[int, list[Record]] = {number: [] for number in numbers}
    for record in log(connection_of(settings), [topics.CUSTOMER_EVENTS], numbers):
        logs[record.partition].append(record)
    return {number: _truth(settings, number, world, logs[number]) for number in numbers}


def _truth(settings: Settings, number: int, world: World, records: Iterable[Record]) -> ShardTruth:
    truth = ShardTruth()
    customers: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="market-of-one-truth-") as folder:
        place = open_directory(Path(folder), identity=_identity(settings), owner="truth")
        store = open_shards(place, [number])[number]
        shard = Shard(
            store,
            decode=shard_decode(settings.limits, Zones(())),
            decide=decide,
            shards=settings.kafka.partitions,
            event_clock=True,
        )
        lately: deque[list[OutboxEntry]] = deque(maxlen=BATCH)
        # One at a time: in a batch, an erasure would take back what was said before it.
        for record in records:
            customers.add((record.key or b"").decode())
            entries = list(shard.process([record], world=world))
            _deliver(shard, entries, truth)
            if any(b'"erasure.certified"' in (entry.value or b"") for entry in entries):
                truth.droppable += [_id(e) for few in lately for e in few if e.key == record.key]
            lately.append(entries)
        shard.settle()
        truth.state = state_of(store, customers)
        truth.counts.update(
            events=shard.tally.events, skipped=shard.tally.skipped, ticks=shard.tally.ticks
        )
        shard.close()
    return truth


def _deliver(shard: Shard, entries: Sequence[OutboxEntry], truth: ShardTruth) -> None:
    for entry in entries:
        truth.counts[entry.topic] += 1
        record = Record(entry.topic, shard.number, 0, entry.key, entry.value, entry.headers, 0)
        truth.said.setdefault(entry.topic, {})[_id(entry)] = fingerprint(record)
        shard.acknowledge(entry.sequence, entry.topic, shard.number, 0)


def _id(entry: OutboxEntry) -> str:
    return dict(entry.headers)[outputs.ID].decode()


def _identity(settings: Settings) -> Identity:
    return Identity(settings.kafka.topic_prefix, settings.kafka.partitions, settings.rules.seed)


if __name__ == "__main__":
    sys.exit(main())
