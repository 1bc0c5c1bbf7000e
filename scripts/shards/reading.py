"""`scripts/state inspect | export`: read beside the worker, which is not disturbed."""

import sys
import time
from argparse import Namespace
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from flows.partition import shard_of
from operators.portability import export as everything
from operators.portability import plain
from schemas import topics
from schemas.base import DAY_MS, stamp
from schemas.customer import Customer
from schemas.errors import StateError
from scripts.shards.place import Place
from state.codec import body_of, encode
from state.contents import Contents
from state.directory import shard_path
from state.holder import holder_of
from state.links import LinkStore
from state.outbox import OutboxEntry
from state.sizes import sizes
from state.snapshot import ShardSnapshot, identity_of

ABSENT = 1
SHOWN_BYTES = 24
INSTANTS = (
    "refusals",
    "withdrawn",
    "objections",
    "vulnerable",
    "products",
    "rests",
    "mistrusted",
    "timers",
)
"""Fields that map something to an instant."""


def inspect(options: Namespace) -> int:
    """What lies in the shards, or in one customer's record."""
    place = Place(options)
    if options.customer:
        return _one(place, options.customer)
    found = [_facts(home, shard, place) for home in place.homes for shard in place.shards(home)]
    if options.json:
        for facts in found:
            print(orjson.dumps(facts).decode())
        return 0
    at = 0
    for home in place.homes:
        made_under = ", ".join(f"{k} {v!r}" for k, v in asdict(identity_of(home)).items())
        print(f"{home}: made under {made_under}")
        for _ in place.shards(home):
            print(_line(found[at]))
            at += 1
    return 0


def export(options: Namespace) -> int:
    """Everything that is held on a customer, as JSON; 1 when nothing is."""
    place = Place(options)
    home, record, shard, contents = _read(place, options.customer)
    linked = list(_links(place, options.customer))
    mine = [entry for entry in contents.outbox if entry.key == options.customer.encode()]
    if record is None and not linked and not mine:
        sys.stderr.write(f"nothing is held on {options.customer!r} in {place.root}\n")
        return ABSENT
    now_ms = time.time_ns() // 1_000_000
    found = {
        **everything(record or Customer(options.customer), now_ms=now_ms),
        "undelivered": list(map(_output, mine)),
        "links": linked,
        "read": {
            "state": str(home),
            "shard": shard,
            "log_read_to": contents.positions.get((topics.CUSTOMER_EVENTS, shard)),
        },
    }
    content = orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if options.out is None:
        sys.stdout.buffer.write(content)
    else:
        options.out.write_bytes(content)
        sys.stderr.write(f"{len(content):,} bytes in {options.out}\n")
    return 0


def _one(place: Place, customer: str) -> int:
    _, record, shard, contents = _read(place, customer)
    if record is None:
        sys.stderr.write(f"nothing is held on {customer!r} in {place.root}\n")
        return ABSENT
    if place.options.sizes:
        return _sizes(place, record)
    if place.options.json:
        print(orjson.dumps(plain(asdict(record)), option=orjson.OPT_INDENT_2).decode())
        return 0
    position = contents.positions.get((topics.CUSTOMER_EVENTS, shard), 0)
    waiting = sum(entry.key == customer.encode() for entry in contents.outbox)
    print(
        f"{customer}: shard {shard} as committed, its log read up to offset {position:,}; "
        f"{len(encode(record)):,} bytes; {waiting} outputs not delivered"
    )
    for line in _lines(_told(record), 0):
        print(line)
    return 0


def _sizes(place: Place, record: Customer) -> int:
    found = sizes(record)
    if place.options.json:
        print(orjson.dumps({name: size._asdict() for name, size in found.items()}).decode())
        return 0
    table = Table("field", "bytes", "adds once squeezed")
    for name, size in found.items():
        table.add_row(name, f"{size.plain:,}", f"{size.added:,}")
    table.add_section()
    table.add_row("record", f"{len(body_of(record)):,}", f"{len(encode(record)):,}")
    Console().print(table)
    return 0


def _read(place: Place, customer: str) -> tuple[Path, Customer | None, int, Contents]:
    """The customer's record from the home that has read most of the shard's log."""
    best: tuple[Path, Customer | None, int, Contents] | None = None
    homes = place.homes
    shard = shard_of(customer, shards=identity_of(homes[0]).shard_count)
    log = (topics.CUSTOMER_EVENTS, shard)
    for home in homes:
        if len(homes) > 1 and not shard_path(home, shard).is_dir():
            continue
        with ShardSnapshot(home, shard=shard, vault=place.vault) as snapshot:
            read = (home, snapshot.customer(customer), shard, snapshot.contents())
        if best is None or read[3].positions.get(log, 0) > best[3].positions.get(log, 0):
            best = read
    if best is None:
        raise StateError(
            "state.unwritable",
            f"no worker in {place.root} holds shard {shard}, which is the customer's",
            hint="name the state directory of the worker that does with --state",
        )
    return best


def _facts(home: Path, shard: int, place: Place) -> dict[str, Any]:
    path = shard_path(home, shard)
    with ShardSnapshot(home, shard=shard, vault=place.vault) as snapshot:
        contents, sealed = snapshot.contents(), snapshot.sealed
    note = path.with_suffix(".owner")
    owner = note.read_text(encoding="utf-8").strip() if note.exists() else "not noted"
    return {
        "shard": shard,
        "log_read_to": contents.positions.get((topics.CUSTOMER_EVENTS, shard), 0),
        "owner": owner,
        "runs": holder_of(path) is not None,
        "codec": {str(v): count for v, count in sorted(contents.versions.items())},
        "sealed": sealed,
        "customers": contents.customers,
        "bytes": contents.record_bytes,
        "mean": contents.record_bytes // max(1, contents.customers),
        "largest": contents.record_bytes_max,
        "outbox": len(contents.outbox),
        "timers": contents.timers,
        "next_due": None if contents.first_due_ms is None else stamp(contents.first_due_ms),
        "on_disk": sum(file.stat().st_size for file in path.iterdir() if file.is_file()),
    }


def _links(place: Place, customer: str) -> Iterator[dict[str, Any]]:
    """Whose account is whose, as the workers of `ingest` on this machine know it."""
    for path in sorted(Path(place.settings.ingest.identity_directory).glob("links-*.sqlite")):
        links = LinkStore(path)
        try:
            yield from map(asdict, links.links_with(customer))
        finally:
            links.close()


def _output(entry: OutboxEntry) -> dict[str, Any]:
    return {
        "topic": entry.topic,
        "value": None if entry.value is None else _text(entry.value),
        "headers": {name: _text(value) for name, value in entry.headers},
    }


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return b64encode(value).decode()


def _line(facts: dict[str, Any]) -> str:
    due = f", next due {facts['next_due']}" if facts["next_due"] else ""
    versions = ", ".join(f"{count:,} of version {v}" for v, count in facts["codec"].items())
    return (
        f"shard {facts['shard']}: log read to {facts['log_read_to']:,}; "
        f"{facts['customers']:,} customers, {facts['bytes']:,} bytes "
        f"(mean {facts['mean']:,}, largest {facts['largest']:,}; {versions or 'no record'})"
        f"{', sealed' if facts['sealed'] else ''}; outbox {facts['outbox']:,}; timers {facts['timers']:,}{due}; "
        f"{facts['on_disk']:,} bytes on disk; owner {facts['owner']}, "
        f"{'which runs' if facts['runs'] else 'which does not run'}"
    )


def _told(record: Customer) -> dict[str, Any]:
    """A record with instants as text, and without what is empty."""
    body = asdict(record)
    for name in INSTANTS:
        body[name] = {key: stamp(at_ms) for key, at_ms in body[name].items()}
    body["touched"] = {
        name: stamp(day * DAY_MS).partition("T")[0] for name, day in record.touched.items()
    }
    return {name: value for name, value in body.items() if value not in ({}, [], b"", "")}


def _lines(value: dict[str, Any], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for name, inner in value.items():
        shown = stamp(inner) if name.endswith("_ms") and isinstance(inner, int) else inner
        if isinstance(shown, dict) and shown:
            yield f"{pad}{name}:"
            yield from _lines(shown, depth + 1)
        else:
            yield f"{pad}{name}: {_short(shown)}"


def _short(value: object) -> str:
    if isinstance(value, bytes):
        more = "…" if len(value) > SHOWN_BYTES else ""
        return f"{len(value)} bytes {value[:SHOWN_BYTES].hex()}{more}"
    return str(value)
