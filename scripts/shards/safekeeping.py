"""`scripts/state backup | backups | restore`: for shards whose worker does not run; a worker does it by itself."""

import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from schemas import topics
from schemas.base import stamp
from schemas.errors import ConfigError, StateError
from scripts.shards.place import Place
from state.backup import ShardBackups, shards_in
from state.directory import open_directory, open_shards, shard_path
from state.holder import refuse_held
from state.manifest import Backup, no_backup
from state.safekeeping import carry, checkpointed


def back_up(options: Namespace) -> int:
    """Back shards up, one after the other."""
    place = Place(options)
    depot, home = place.depot(), place.home
    shards = place.shards(home)
    directory = open_directory(
        home, identity=place.settings.identity, owner="scripts/state", vault=place.vault
    )
    keep = options.keep or place.settings.backup.keep
    for shard in shards:
        refuse_held(shard_path(home, shard), action="backup")
        store = open_shards(directory, [shard])[shard]
        try:
            with checkpointed(store, home) as folder:
                made = carry(
                    folder,
                    ShardBackups(depot, shard),
                    directory=directory,
                    log=topics.CUSTOMER_EVENTS,
                    keep=keep,
                    now_ms=_now_ms(),
                )
        finally:
            store.close()
        print(
            f"shard {shard}: backup {made.backup.name}, {made.backup.size:,} bytes, {made.carried_bytes:,} of them new"
        )
    sys.stderr.write(f"{len(shards)} shards are backed up to {place.address}\n")
    return 0


def listed(options: Namespace) -> int:
    """The backups there are, oldest first; 1 when there is none."""
    place = Place(options)
    found = list(_found(place))
    for shard, name, backup, missing in found:
        facts = _facts(shard, name, backup, missing)
        print(orjson.dumps(facts).decode() if options.json else _line(facts))
    if not found:
        sys.stderr.write(f"no backups in {place.address}\n")
    return 0 if found else 1


def restore(options: Namespace) -> int:
    """Put shards back that are not here, each from a whole backup."""
    place = Place(options)
    depot, home = place.depot(), place.target
    backed_up = shards_in(depot)
    shards = backed_up if options.shards is None else sorted(set(options.shards))
    if options.name and len(shards) != 1:
        raise ConfigError(
            "config.bad-value", "a backup is of one shard", hint="say which with --shards N"
        )
    missing = sorted(set(shards) - set(backed_up))
    if missing or not shards:
        what = f"shard {missing[0]}" if missing else "any shard"
        raise no_backup(f"{place.address} holds no backup of {what}")
    _refuse_present(home, shards)
    directory = open_directory(home, identity=place.settings.identity, owner="scripts/state")
    for shard in shards:
        backups, into = ShardBackups(depot, shard), shard_path(home, shard)
        if options.name:
            backup = backups.read(options.name)
            backups.restore(backup, into, identity=directory.identity)
            passed: tuple[str, ...] = ()
        else:
            restored = backups.restore_newest(into, identity=directory.identity)
            if restored is None:
                raise no_backup(f"{place.address} holds no backup of shard {shard}")
            backup, passed = restored.backup, restored.passed
        for words in passed:
            sys.stderr.write(f"shard {shard}: a newer backup was passed over: {words}\n")
        print(
            f"shard {shard}: backup {backup.name}; the log is read again from {backup.position:,}"
        )
    sys.stderr.write(f"{len(shards)} shards are restored into {home}\n")
    return 0


def _refuse_present(home: Path, shards: list[int]) -> None:
    """A shard that is here is not replaced, and then none is restored."""
    for shard in shards:
        path = shard_path(home, shard)
        if path.exists():
            refuse_held(path, action="restore")
            raise StateError(
                "state.unwritable",
                f"{path} is there already",
                hint="stop its worker, and move the folder away first; or restore others with --shards",
            )


def _found(place: Place) -> Iterator[tuple[int, str, Backup | None, list[str]]]:
    """Shard, name, manifest if it can be read, and what is missing."""
    depot = place.depot()
    asked = place.options.shards
    for shard in shards_in(depot):
        if asked is not None and shard not in asked:
            continue
        backups = ShardBackups(depot, shard)
        for name in backups.names():
            try:
                backup = backups.read(name)
            except StateError as error:
                yield shard, name, None, [error.detail]
            else:
                yield shard, name, backup, backups.missing(backup)


def _facts(shard: int, name: str, backup: Backup | None, missing: list[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"shard": shard, "name": name, "missing": missing}
    if backup is not None:
        facts |= {
            "position": backup.position,
            "made_at": stamp(backup.made_at_ms),
            "files": len(backup.files),
            "bytes": backup.size,
        }
    return facts


def _line(facts: dict[str, Any]) -> str:
    whole = "; ".join(facts["missing"]) or "whole"
    if "position" not in facts:
        return f"shard {facts['shard']}: backup {facts['name']}: {whole}"
    return (
        f"shard {facts['shard']}: backup {facts['name']}: log read to {facts['position']:,}; made at {facts['made_at']}; "
        f"{facts['files']:,} files, {facts['bytes']:,} bytes; {whole}"
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
