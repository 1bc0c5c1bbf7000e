"""The state directory of a worker: its manifest, and the shards in it.

    manifest.json         what the state was made under; never changes
    shard-0007/           one shard (RocksDB), locked by the worker that has it open
    shard-0007.owner      who that is, for people

Shards are locked one by one, so workers on one machine may share a directory, and a shard moves between
machines as a folder. What decides where a customer's data lies (prefix, shard count, seed) can't change
under existing state: every shard carries the same facts, and refuses to open under others.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import StateError
from state.identity import Identity, check_identity, encode_identity
from state.rocks import RocksStore
from state.rocks_engine import RocksEngine
from state.sealed import Vault
from state.store import CustomerCache

MANIFEST = "manifest.json"


@dataclass(slots=True, frozen=True)
class StateDirectory:
    """A directory whose manifest was checked by `open_directory`; its shards are sealed by ``vault``, if any."""

    path: Path
    identity: Identity
    owner: str
    vault: Vault | None = None


def open_directory(
    path: Path, *, identity: Identity, owner: str, vault: Vault | None = None
) -> StateDirectory:
    """Check the manifest, or write it when the directory is new.

    Args:
        path: Made when absent.
        identity: What this worker runs under.
        owner: Names this worker to people, such as ``worker-3@host``.
        vault: What seals the shards; None when they are plain.

    Raises:
        StateError: ``state.other-configuration``, ``state.corrupt``, ``state.version-too-new`` or
            ``state.unwritable``. Disposition: halt.
    """
    manifest = path / MANIFEST
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not manifest.exists():
            _refuse_orphans(path)
            _write_manifest(manifest, identity)
        content = manifest.read_bytes()
    except OSError as error:
        raise StateError(
            "state.unwritable",
            f"{error.strerror}: {error.filename}",
            hint="decide.state_directory must be a directory that the worker may write",
        ) from error
    check_identity(content, identity, what=MANIFEST)
    return StateDirectory(path, identity, owner, vault)


def open_shards(
    directory: StateDirectory,
    shards: Iterable[int],
    *,
    cache: CustomerCache | None = None,
    engine: RocksEngine | None = None,
) -> dict[int, RocksStore]:
    """Open the shards that this worker owns; all of them or none.

    Args:
        directory: From `open_directory`.
        shards: Their numbers, each in 0..shard_count-1.
        cache: Of decoded customers; by default one of 20,000 for these shards.
        engine: What RocksDB shares; by default one for these shards. A worker that opens shards more
            than once gives the same cache and engine each time.

    Raises:
        StateError: ``state.other-owner`` names the worker that holds a shard; also as `RocksStore`.
            Disposition: halt.
        ValueError: A number is not of this deployment.
    """
    engine = engine or RocksEngine()
    # Not `or`: an empty cache is false, and the caller's is to be shared.
    cache = CustomerCache() if cache is None else cache
    opened: dict[int, RocksStore] = {}
    try:
        for shard in shards:
            opened[shard] = _open_shard(directory, shard, engine=engine, cache=cache)
    except BaseException:
        for store in opened.values():
            store.close()
        raise
    return opened


def shard_path(directory: Path, shard: int) -> Path:
    """Where a shard lies.

    Example:
        >>> shard_path(Path("state"), 7).as_posix()
        'state/shard-0007'
    """
    return directory / f"shard-{shard:04d}"


def _open_shard(
    directory: StateDirectory, shard: int, *, engine: RocksEngine, cache: CustomerCache
) -> RocksStore:
    if not 0 <= shard < directory.identity.shard_count:
        message = f"shard {shard} is not one of {directory.identity.shard_count}"
        raise ValueError(message)
    path = shard_path(directory.path, shard)
    owner_file = path.with_suffix(".owner")
    vault = directory.vault
    try:
        store = RocksStore(
            path,
            shard=shard,
            engine=engine,
            cache=cache,
            identity=directory.identity,
            rows=None if vault is None else vault.rows(shard),
        )
    except StateError as error:
        if error.code != "state.other-owner":
            raise
        holder = owner_file.read_text().strip() if owner_file.exists() else "an unknown process"
        raise StateError(
            error.code, f"shard {shard} is held by {holder}", hint=error.hint
        ) from error
    owner_file.write_text(f"{directory.owner} (process {os.getpid()})\n")
    return store


def _refuse_orphans(path: Path) -> None:
    if next(path.glob("shard-*/"), None) is not None:
        raise StateError(
            "state.corrupt",
            f"{path} holds shards and no {MANIFEST}",
            hint=f"restore {MANIFEST} beside the shards, or start with an empty directory: "
            "the log is then read from its beginning",
        )


def _write_manifest(manifest: Path, identity: Identity) -> None:
    draft = manifest.with_name(f"{MANIFEST}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(encode_identity(identity))
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails where a rename would replace: the first of two new workers wins, the other checks.
        os.link(draft, manifest)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
