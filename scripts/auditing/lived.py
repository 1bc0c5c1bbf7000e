"""Customers who live through real shards on a disk, with backups; then one of them is erased.

state/      the shards, as a worker leaves them
keys/       the key rings, where the shards are sealed
backup-1/   a copy of the shards from before the erasure
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import orjson

from flows import settings as settings_module
from flows.assembly import world_of
from flows.intake import shard_decode
from flows.records import Record
from flows.shard import Shard
from flows.zones import load_airports
from operators.decide import decide
from schemas.topics import CUSTOMER_EVENTS
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


def live_and_erase(folder: Path, *, events: int, sealed: bool, plant: str = "") -> list[str]:
    """Let them live; returns the words that told the customer who was erased.

    Args:
        folder: Empty; what is in it at the end is to be looked through.
        events: How many.
        sealed: Whether the shards are sealed.
        plant: Of `PLANTS`: what is left behind on purpose.
    """
    vault = Vault(folder / "keys", masters=[MASTER]) if sealed else None
    home = open_directory(
        folder / "state", identity=Identity("", SHARDS, "a"), owner="w", vault=vault
    )
    crowd = Crowd(customers=CUSTOMERS, events=events, shards=SHARDS, days=60, seed=3)
    records = list(crowd.records())
    half = len(records) // 2
    who = _busiest(records)
    words = [who, f"{who}-a", *_transactions(records, who)]
    _take(home, records[:half], erase="")
    shutil.copytree(folder / "state", folder / "backup-1")
    last = _take(home, records[half:], erase=who)
    if plant:
        PLANTS[plant](folder, who)
    # After the erasure the others live on.
    _take(home, [_record("soak-9999999", {"kind": "app.opened"}, last)], erase="")
    return words


def _take(home: StateDirectory, records: list[Record], *, erase: str) -> Record:
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
        for number, shard in shards.items():
            some = [r for r in records[start : start + ROUND] if r.partition == number]
            for entry in shard.process(some, world=world, hold=True) if some else ():
                said += 1
                shard.acknowledge(entry.sequence, entry.topic, number, said)
    for shard in shards.values():
        shard.settle()
        shard.sync()
        shard.store.scrub()
        shard.close()
    return records[-1]


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
        (),
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


PLANTS: dict[str, Callable[[Path, str], None]] = {
    "log": _plant_in_log,
    "backup": _plant_in_backup,
    "name": _plant_in_name,
}
"""What may be left behind on purpose, to see that it is found."""
