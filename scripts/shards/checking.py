"""`scripts/state verify`: every byte of the state, its key rings and its backups; what is damaged is named, a line each."""

import itertools
import sys
from argparse import Namespace
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from schemas.errors import StateError
from scripts.shards.place import Place
from state.backup import ShardBackups, shards_in
from state.directory import shard_path
from state.holder import refuse_held
from state.identity import Identity
from state.snapshot import identity_of
from state.verify import directory_flaws, file_flaws, shard_flaws


def verify(options: Namespace) -> int:
    """Check; 1 when anything is damaged."""
    place = Place(options)
    damaged, checked = 0, []
    if options.only != "backups":
        rings = _rings(place)
        for flaw in itertools.chain.from_iterable(rings.values()):
            damaged += 1
            print(flaw)
        if rings:
            checked.append(f"{len(rings)} key rings")
        dark = {shard for shard, flaws in rings.items() if flaws}
        for home in place.homes:
            for flaw in _state(place, home, dark=dark):
                damaged += 1
                print(f"{home}/{flaw}")
            checked.append(f"{len(place.shards(home))} shards in {home}")
    if options.only == "backups" or (options.only is None and place.address):
        count, flaws = _backups(place)
        damaged += flaws
        checked.append(f"{count} backups in {place.address}")
    outcome = f"{damaged} findings" if damaged else "nothing is damaged"
    sys.stderr.write(f"{', '.join(checked)}: {outcome}\n")
    return 1 if damaged else 0


def _rings(place: Place) -> dict[int, list[str]]:
    """Shard → what is wrong with its key ring, of those asked for, or of all that there are or have to be."""
    vault = place.vault
    if vault is None:
        return {}
    there = {shard for home in place.homes for shard in place.shards(home)}
    asked = place.options.shards is not None
    return {
        shard: vault.flaws(shard) for shard in sorted(there if asked else there | {*vault.rings()})
    }


def _state(place: Place, home: Path, *, dark: AbstractSet[int]) -> Iterator[str]:
    """What is wrong; of shards whose keys are not to be had only the files are looked at."""
    yield from map(str, directory_flaws(home))
    identity: Identity | None
    try:
        identity = identity_of(home)
    except StateError:
        identity = None  # told of already
    for shard in place.shards(home):
        refuse_held(shard_path(home, shard), action="check")
        flaws = (
            file_flaws(home, shard)
            if shard in dark
            else shard_flaws(home, shard, identity=identity, vault=place.vault)
        )
        yield from map(str, flaws)


def _backups(place: Place) -> tuple[int, int]:
    depot = place.depot()
    asked = place.options.shards
    count = damaged = 0
    for shard in shards_in(depot):
        if asked is not None and shard not in asked:
            continue
        backups = ShardBackups(depot, shard)
        count += len(backups.names())
        for words in backups.verify():
            damaged += 1
            print(f"{place.address}: {words}")
    return count, damaged
