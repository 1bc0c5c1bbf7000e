"""What a worker checks before it takes a shard up: each mismatch is named, with what the operator does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.customer import Customer
from schemas.errors import StateError
from state import codec, outbox
from state.directory import MANIFEST, open_directory, open_shards, shard_path
from state.identity import Identity
from state.rocks import VERSIONS
from state.rocks_engine import RocksEngine
from state.sealed import Vault
from state.store import ShardBatch
from state.synced import NAME, SyncedNote

IDENTITY = Identity("acme.", 4, "seed")
LOG = ("customer-events", 1)


def started(path: Path, *, identity: Identity = IDENTITY, vault: Vault | None = None) -> None:
    """A worker opens its shard, commits, and ends."""
    home = open_directory(path, identity=identity, owner="worker-0@here", vault=vault)
    store = open_shards(home, [1])[1]
    store.commit(ShardBatch({"c-1": Customer("c-1")}, {LOG: 7}))
    store.close()


def put(path: Path, key: bytes, value: bytes) -> None:
    database = RocksEngine().open(shard_path(path, 1))
    database.put(key, value)
    database.close()


def changed(path: Path, pattern: str, change: Callable[[bytes], bytes]) -> None:
    for file in shard_path(path, 1).glob(pattern):
        file.write_bytes(change(file.read_bytes()))


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def newer_codec(path: Path) -> None:
    put(path, VERSIONS, bytes([codec.VERSION + 1, outbox.VERSION]))


def newer_outbox(path: Path) -> None:
    put(path, VERSIONS, bytes([codec.VERSION, outbox.VERSION + 1]))


def newer_directory(path: Path) -> None:
    manifest = path / MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b'"format": 1', b'"format": 2'))


def damaged_table(path: Path) -> None:
    changed(path, "*.sst", lambda content: content[:-1])


def damaged_manifest(path: Path) -> None:
    changed(path, "MANIFEST-*", flipped)


def lost_current(path: Path) -> None:
    changed(path, "CURRENT", lambda _: b"MANIFEST-999999\n")


def lost_log(path: Path) -> None:
    """More was safe than is there."""
    note = SyncedNote(shard_path(path, 1))
    note.write(1_000_000)
    note.close()


def damaged_note(path: Path) -> None:
    changed(path, NAME, flipped)


@pytest.mark.parametrize(
    ("mismatch", "code", "named", "to_do"),
    [
        (newer_codec, "version-too-new", "shard-0001 holds records of version", "newer one"),
        (newer_outbox, "version-too-new", "shard-0001 holds outputs of version", "newer one"),
        (newer_directory, "version-too-new", "manifest.json has format 2", "newer one"),
        (damaged_table, "corrupt", "open of shard-0001", "scripts/state restore"),
        (damaged_manifest, "corrupt", "open of shard-0001", "scripts/state restore"),
        (lost_current, "corrupt", "open of shard-0001", "scripts/state restore"),
        (lost_log, "corrupt", "shard-0001 holds .* changes and 1000000 were safe", "scripts/state"),
        (damaged_note, "corrupt", "shard-0001/SYNCED is not what was written", "scripts/state"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, mismatch: Callable[[Path], None], code: str, named: str, to_do: str
) -> None:
    """By code, thing and remedy, before anything is read or written."""
    started(tmp_path)
    mismatch(tmp_path)
    with pytest.raises(StateError, match=rf"state\.{code}: .*{named}.*\(.*{to_do}") as refused:
        started(tmp_path)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (Identity("other.", 4, "seed"), "topic_prefix was 'acme.' and is now 'other.'"),
        (Identity("acme.", 8, "seed"), "shard_count was 4 and is now 8"),
        (Identity("acme.", 4, "x"), "seed was 'seed' and is now 'x'"),
    ],
)
def test_another_configuration_is_refused(tmp_path: Path, other: Identity, named: str) -> None:
    """By what differs; for the directory, and for a shard that was moved into another."""
    started(tmp_path / "state")
    with pytest.raises(
        StateError, match=rf"state\.other-configuration: {MANIFEST}: {named}.*set it back"
    ):
        started(tmp_path / "state", identity=other)
    moved = tmp_path / "moved"
    open_directory(moved, identity=other, owner="w")
    shard_path(tmp_path / "state", 1).rename(shard_path(moved, 1))
    with pytest.raises(
        StateError, match=rf"state\.other-configuration: shard-0001: {named}.*set it back"
    ):
        started(moved, identity=other)


def test_another_owner_is_refused(tmp_path: Path) -> None:
    """By name and process."""
    home = open_directory(tmp_path, identity=IDENTITY, owner="worker-5@there")
    store = open_shards(home, [1])[1]
    with pytest.raises(
        StateError,
        match=r"state\.other-owner: shard 1 is held by worker-5@there \(process \d+\).*decide\.worker_ordinal",
    ):
        started(tmp_path)
    store.close()


def test_another_seal_is_refused(tmp_path: Path) -> None:
    """Plain state under keys, sealed state without."""
    vault = Vault(tmp_path / "keys", masters=[bytes(32)])
    started(tmp_path / "plain")
    with pytest.raises(StateError, match=r"shard-0001 is not sealed.*state\.encryption off"):
        started(tmp_path / "plain", vault=vault)
    started(tmp_path / "sealed", vault=vault)
    with pytest.raises(StateError, match=r"shard-0001 is sealed.*state\.encryption and the master"):
        started(tmp_path / "sealed")


def test_older_versions_are_taken_up(tmp_path: Path) -> None:
    """A shard that says nothing of versions, or of older ones, opens, and says ours from then on."""
    started(tmp_path)
    put(tmp_path, VERSIONS, bytes([1, 1]))
    started(tmp_path)
    database = RocksEngine().open(shard_path(tmp_path, 1))
    assert database.get(VERSIONS) == bytes([codec.VERSION, outbox.VERSION])
    database.delete(VERSIONS)
    database.close()
    started(tmp_path)


def test_a_refusal_changes_nothing(tmp_path: Path) -> None:
    """What the operator does about it begins with the files as they were."""
    started(tmp_path)
    lost_log(tmp_path)
    files = {p.name: p.read_bytes() for p in shard_path(tmp_path, 1).iterdir()}
    with pytest.raises(StateError, match=r"state\.corrupt"):
        started(tmp_path)
    assert {p.name: p.read_bytes() for p in shard_path(tmp_path, 1).iterdir()} == files
