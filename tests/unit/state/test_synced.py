"""The note of what is safe: a shard that lost it is refused, whatever cut its log."""

import os
import shutil
from pathlib import Path

import pytest

from schemas.customer import Customer
from schemas.errors import StateError
from state import synced
from state.directory import open_directory, open_shards, shard_path
from state.identity import Identity
from state.rocks import RocksStore
from state.store import ShardBatch

IDENTITY = Identity("", 2, "seed")
LOG = ("customer-events", 1)


def opened(path: Path) -> RocksStore:
    return open_shards(open_directory(path, identity=IDENTITY, owner="w"), [1])[1]


def batch(count: int) -> ShardBatch:
    return ShardBatch({f"c-{count}": Customer(f"c-{count}")}, {LOG: count})


def as_killed(path: Path, into: Path) -> Path:
    """A copy of a state directory that is open: what kill -9 leaves."""
    shutil.copytree(path, into, ignore=shutil.ignore_patterns("LOCK"))
    return shard_path(into, 1)


def log_of(shard: Path) -> Path:
    return max(shard.glob("*.log"))


def test_what_was_not_synced_may_be_lost(tmp_path: Path) -> None:
    """A log that is cut behind nothing but unsynced commits opens at an earlier whole commit."""
    store = opened(tmp_path / "state")
    store.commit(batch(1))
    store.sync()
    store.commit(batch(2))
    shard = as_killed(tmp_path / "state", tmp_path / "copy")
    store.close()
    log = log_of(shard)
    os.truncate(log, log.stat().st_size - 1)
    again = opened(tmp_path / "copy")
    assert again.positions() == {LOG: 1}
    again.close()


def test_what_was_synced_is_missed(tmp_path: Path) -> None:
    """A log that lost something safe is refused with both ways out, and goes on without its note."""
    store = opened(tmp_path / "state")
    for count in (1, 2, 3):
        store.commit(batch(count))
    store.sync()
    shard = as_killed(tmp_path / "state", tmp_path / "copy")
    store.close()
    log = log_of(shard)
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    with pytest.raises(
        StateError, match=r"state\.corrupt.*restore the newest backup.*delete"
    ) as refused:
        opened(tmp_path / "copy")
    assert "shard-0001/SYNCED" in refused.value.hint
    (shard / synced.NAME).unlink()
    again = opened(tmp_path / "copy")
    assert again.positions().get(LOG, 0) < 3
    again.close()


@pytest.mark.parametrize("content", [b"1", b"00000000000000000003 00000000\n", b"x" * 30])
def test_a_damaged_note_is_named(tmp_path: Path, content: bytes) -> None:
    """What is no note is not believed."""
    store = opened(tmp_path)
    store.commit(batch(1))
    store.sync()
    store.close()
    (shard_path(tmp_path, 1) / synced.NAME).write_bytes(content)
    with pytest.raises(
        StateError, match=r"state\.corrupt: shard-0001/SYNCED is not what was written"
    ):
        opened(tmp_path)


def test_a_note_that_never_reached_the_disk_says_nothing(tmp_path: Path) -> None:
    """An empty file, as the death of a machine leaves one, is no note."""
    store = opened(tmp_path)
    store.commit(batch(1))
    store.close()
    (shard_path(tmp_path, 1) / synced.NAME).write_bytes(b"")
    again = opened(tmp_path)
    assert again.positions() == {LOG: 1}
    again.close()
