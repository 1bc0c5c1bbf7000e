"""Take over shards from workers that are gone: each worker has a folder of its own, and a lock for each shard.

    <root>/<worker>/shard-0007          what that worker knew of the shard
    <root>/<worker>/shard-0007.lock     held for as long as it may write there

A worker that is paused still holds its locks, so nothing of its is touched: whoever takes over makes the
shard from an older copy, or from the log. A worker that gave a shard up, or is dead, has let go of the lock;
then the newest copy moves into the new owner's folder as it is.
"""

import fcntl
import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from schemas.errors import StateError
from state.backup import ShardBackups
from state.depot import Depot
from state.directory import StateDirectory, open_directory, open_shards, shard_path
from state.identity import Identity
from state.rocks import RocksStore
from state.rocks_engine import RocksEngine
from state.safekeeping import fetch
from state.sealed import Vault
from state.store import CustomerCache


@dataclass(slots=True)
class Tenancy:
    """Shards of a directory that are open, and locked where they may move; who uses ``stores`` closes them first."""

    home: StateDirectory
    stores: dict[int, RocksStore]
    _locks: ExitStack = field(default_factory=ExitStack)

    def release(self) -> None:
        """Let others have the folders."""
        self._locks.close()


def take(
    root: Path,
    *,
    worker: str,
    shards: Iterable[int],
    identity: Identity,
    log: str,
    cache: CustomerCache | None = None,
    vault: Vault | None = None,
    depot: Depot | None = None,
) -> Tenancy:
    """Open shards in the worker's own folder, each from the newest copy that nobody holds, or its newest backup.

    Args:
        root: The folder that the workers of a machine share.
        worker: Names this one for good.
        shards: Their numbers.
        identity: What the state is made under.
        log: The topic by whose position a copy is newer than another.
        cache: Of decoded customers.
        vault: What seals the shards; its key rings are the same for all workers.
        depot: Where the backups are, if there are any.

    Raises:
        StateError: As `state.directory.open_shards` and `state.safekeeping.fetch`; ``state.other-owner`` too when this worker's own copy is
            held by another process of the same name. Disposition: halt.
    """
    numbers = sorted(shards)
    locks = ExitStack()
    try:
        home = open_directory(root / worker, identity=identity, owner=worker, vault=vault)
        engine = RocksEngine()
        for number in numbers:
            locks.enter_context(_own_lock(home, number))
            at = _fetch(root, home, number, log=log, engine=engine)
            if depot is not None:
                fetch(ShardBackups(depot, number), home, number, beyond=at)
        return Tenancy(home, open_shards(home, numbers, cache=cache, engine=engine), locks)
    except BaseException:
        locks.close()
        raise


def _own_lock(home: StateDirectory, number: int) -> IO[bytes]:
    lock = _lock(home.path, number)
    if lock is None:
        raise StateError(
            "state.other-owner",
            f"shard {number} of {home.owner} is held by another process",
            hint="give each worker its own decide.worker_ordinal",
        )
    return lock


def _fetch(root: Path, home: StateDirectory, number: int, *, log: str, engine: RocksEngine) -> int:
    """Move a copy here that is newer than ours, if one is free; how far what is here then has come."""
    best, best_at = home, _position(home, number, log=log, engine=engine)
    with ExitStack() as held:
        for folder in sorted(root.iterdir()):
            if folder == home.path or not shard_path(folder, number).is_dir():
                continue
            lock = _lock(folder, number)
            if lock is None:
                continue
            held.enter_context(lock)
            other = open_directory(
                folder, identity=home.identity, owner=home.owner, vault=home.vault
            )
            at = _position(other, number, log=log, engine=engine)
            if at > best_at:
                best, best_at = other, at
        if best is not home:
            ours = shard_path(home.path, number)
            shutil.rmtree(ours, ignore_errors=True)
            shard_path(best.path, number).replace(ours)
    return best_at


def _position(directory: StateDirectory, number: int, *, log: str, engine: RocksEngine) -> int:
    """How far a copy has come; -1 without one."""
    if not shard_path(directory.path, number).is_dir():
        return -1
    (store,) = open_shards(directory, [number], engine=engine).values()
    try:
        return store.positions().get((log, number), 0)
    finally:
        store.close()


def _lock(folder: Path, number: int) -> IO[bytes] | None:
    """The lock on a worker's copy, None while another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = shard_path(folder, number).with_suffix(".lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
