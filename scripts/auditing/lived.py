"""Customers who live through real shards on a disk, with backups; then one of them is erased.

state/      the shards, as a worker leaves them
keys/       the key rings, where the shards are sealed
backup-1/   a copy of the shards from before the erasure
topics/     the customers' log and what was said, as it lies on the brokers
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson

from flows import outputs
from flows import settings as settings_module
from flows.assembly import world_of
from flows.intake import shard_decode
from flows.kafka.seal import TopicSeal
from flows.records import Parcel, Record
from flows.shard import Shard
from flows.zones import load_airports
from operators.decide import decide
from schemas import topics
from schemas.topics import CUSTOMER_EVENTS
from scripts.auditing.logs import dump
from scripts.benchmarks.crowd import Crowd
from state.directory import StateDirectory, open_directory, open_shards
from state.identity import Identity
from state.rows import PlainRows
from state.sealed import Vault
from state.store import CustomerCache

SHARDS = 4
CUSTOMERS = 400
ROUND = 64
MASTER = bytes(range(32))


class Brokers:
    """What brokers would hold of the topics: each record as it lies there, sealed or not."""

    def __init__(self, seal: TopicSeal | None) -> None:
        """Nothing was written yet."""
        self._seal = seal
        self._held: list[Record] = []

    def written(self, parcel: Parcel, place: Record) -> Record:
        """Take a record in; how a reader finds it, at the partition, offset and time of ``place``."""
        closed = parcel if self._seal is None else self._seal.closed(parcel)
        raw = replace(
            place,
            topic=closed.topic,
            offset=len(self._held) if closed.topic != CUSTOMER_EVENTS else place.offset,
            key=closed.key,
            value=closed.value,
            headers=closed.headers,
        )
        self._held.append(raw)
        return raw if self._seal is None else self._seal.opened(raw)

    def read(self) -> list[Record]:
        """Everything, as a reader with the key rings finds it."""
        return self._held if self._seal is None else list(map(self._seal.opened, self._held))

    def close(self, folder: Path) -> None:
        """Write everything down as it lies there."""
        dump(self._held, folder)
        if self._seal is not None:
            self._seal.close()


def live_and_erase(folder: Path, *, events: int, sealed: bool, plant: str = "") -> list[str]:
    """Let them live; returns the words that told the customer who was erased.

    Args:
        folder: Empty; what is in it at the end is to be looked through.
        events: How many.
        sealed: Whether the shards and the topics are sealed.
        plant: Of `PLANTS`: what is left behind on purpose.
    """
    vault = Vault(folder / "keys", masters=[MASTER]) if sealed else None
    home = open_directory(
        folder / "state", identity=Identity("", SHARDS, "a"), owner="w", vault=vault
    )
    brokers = Brokers(seal_of(folder) if sealed else None)
    crowd = Crowd(customers=CUSTOMERS, events=events, shards=SHARDS, days=60, seed=3)
    records = list(crowd.records())
    half = len(records) // 2
    who = _busiest(records)
    words = [who, f"{who}-a", *_transactions(records, who)]
    _take(home, brokers, records[:half], erase="")
    shutil.copytree(folder / "state", folder / "backup-1")
    last = _take(home, brokers, records[half:], erase=who)
    if plant:
        PLANTS[plant](folder, who)
    # After the erasure the others live on.
    _take(home, brokers, [_record("soak-9999999", {"kind": "app.opened"}, last)], erase="")
    brokers.close(folder / "topics")
    return words


def seal_of(folder: Path) -> TopicSeal:
    """What seals and opens the topics, as another process than the one with the shards has it."""
    keys = folder / "keys"
    roles = (CUSTOMER_EVENTS, *topics.OUTPUTS)
    return TopicSeal(keys, Vault(keys, masters=[MASTER]), shards=SHARDS, roles=roles)


def _take(home: StateDirectory, brokers: Brokers, records: list[Record], *, erase: str) -> Record:
    """Decide on some records as a worker does, from its start to its end; who is erased is so at the end."""
    settings = settings_module.load(environment={})
    world = world_of(settings)
    stores = open_shards(home, range(SHARDS), cache=CustomerCache())
    shards = {
        number: Shard(
            store,
            decode=shard_decode(settings.limits, load_airports()),
            decide=decide,
            shards=SHARDS,
        )
        for number, store in stores.items()
    }
    said = 0
    if erase:
        last = next(r for r in reversed(records) if r.key == erase.encode())
        end = max(r.offset for r in records if r.partition == last.partition)
        body = {"kind": "erasure.requested"}
        records = [*records, _record(erase, body, last, offset=end + 1)]
    for start in range(0, len(records), ROUND):
        found = [brokers.written(_parcel(r), r) for r in records[start : start + ROUND]]
        for number, shard in shards.items():
            some = [r for r in found if r.partition == number]
            for entry in shard.process(some, world=world, hold=True) if some else ():
                said += 1
                out = Parcel(entry.topic, entry.key, entry.value, entry.headers, _heard)
                brokers.written(out, some[-1])
                shard.acknowledge(entry.sequence, entry.topic, number, said)
    for shard in shards.values():
        shard.settle()
        shard.sync()
        shard.store.scrub()
        shard.close()
    return records[-1]


def _parcel(record: Record) -> Parcel:
    return Parcel(record.topic, record.key, record.value, record.headers, _heard)


def _heard(_topic: str, _partition: int, _offset: int) -> None:
    """These brokers take everything at once."""


def _record(name: str, body: dict[str, str], like: Record, *, offset: int | None = None) -> Record:
    fields = orjson.loads(like.value or b"{}")
    at = like.offset + 1 if offset is None else offset
    value = {"event_id": f"x{at}", "customer": name, "at": fields["at"], **body}
    return Record(
        CUSTOMER_EVENTS,
        like.partition,
        at,
        name.encode(),
        orjson.dumps(value),
        ((outputs.KIND, body["kind"].encode()),),
        like.timestamp_ms,
    )


def _busiest(records: list[Record]) -> str:
    """Whom most is known of."""
    counts: dict[bytes, int] = {}
    for record in records:
        counts[record.key or b""] = counts.get(record.key or b"", 0) + 1
    return max(counts, key=lambda key: (counts[key], key)).decode()


def _transactions(records: list[Record], who: str) -> list[str]:
    bodies = (orjson.loads(r.value or b"{}") for r in records if r.key == who.encode())
    return [body["transaction_id"] for body in bodies if "transaction_id" in body]


def _plant_in_log(folder: Path, who: str) -> None:
    """A write-ahead log that was never turned over."""
    shard = min((folder / "state").glob("shard-*/"))
    (shard / "000001.log.kept").write_bytes(PlainRows().customer_key(who))


def _plant_in_backup(folder: Path, who: str) -> None:
    """A note beside a backup."""
    (folder / "backup-1" / "export.json").write_bytes(orjson.dumps({"customer": who}))


def _plant_in_name(folder: Path, who: str) -> None:
    """A file that is called after the customer."""
    (folder / "state" / f"{who}.tmp").touch()


def _plant_in_topic(folder: Path, who: str) -> None:
    """A record that somebody wrote as it was, beside those that are sealed."""
    record = Record(topics.OFFERS, 0, 0, who.encode(), b"{}", (), 0)
    dump([record], folder / "topics" / "planted")


PLANTS: dict[str, Callable[[Path, str], None]] = {
    "log": _plant_in_log,
    "backup": _plant_in_backup,
    "name": _plant_in_name,
    "topic": _plant_in_topic,
}
"""What may be left behind on purpose, to see that it is found."""
