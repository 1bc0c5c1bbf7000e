"""A shard read beside the worker that has it open."""

from pathlib import Path

import pytest

from schemas.customer import Customer
from schemas.errors import StateError
from state.directory import open_directory, open_shards
from state.identity import Identity
from state.sealed import Vault
from state.snapshot import ShardSnapshot, identity_of
from state.store import ShardBatch, ShardStore

IDENTITY = Identity(topic_prefix="", shard_count=2, seed="a")
LOG = ("customer-events", 1)


def opened(path: Path) -> ShardStore:
    return open_shards(open_directory(path, identity=IDENTITY, owner="w"), [1])[1]


def held(count: int) -> ShardBatch:
    return ShardBatch({"c-1": Customer("c-1", decision_count=count)}, {LOG: count})


def test_a_read_is_of_the_last_refresh(tmp_path: Path) -> None:
    """What is committed after a refresh is seen with the next one, a whole commit at a time."""
    store = opened(tmp_path)
    store.commit(held(1))
    with ShardSnapshot(tmp_path, shard=1) as snapshot:
        store.commit(held(2))
        before = snapshot.customer("c-1")
        assert before is not None
        assert (before.decision_count, snapshot.positions()) == (1, {LOG: 1})
        snapshot.refresh()
        after = snapshot.customer("c-1")
        assert after is not None
        assert (after.decision_count, snapshot.positions()) == (2, {LOG: 2})
        assert list(snapshot.customers()) == ["c-1"]
        assert snapshot.customer("c-2") is None
    store.close()


def test_the_worker_is_not_disturbed(tmp_path: Path) -> None:
    """The lock is free for the worker, which goes on, erases, and leaves no trace to a later read."""
    opened(tmp_path).close()
    with ShardSnapshot(tmp_path, shard=1) as snapshot:
        store = opened(tmp_path)
        store.commit(held(3))
        store.commit(ShardBatch({"c-1": None}))
        snapshot.refresh()
        assert snapshot.customer("c-1") is None
        store.close()
    files = {path.name for path in (tmp_path / "shard-0001").iterdir()}
    store = opened(tmp_path)
    store.close()
    assert "CURRENT" in files


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """A folder without state and a shard of another worker are named."""
    with pytest.raises(StateError, match="holds no manifest"):
        identity_of(tmp_path)
    opened(tmp_path).close()
    assert identity_of(tmp_path) == IDENTITY
    with pytest.raises(StateError, match="holds no shard 0"):
        ShardSnapshot(tmp_path, shard=0)


def test_a_sealed_shard_is_read_with_its_keys(tmp_path: Path) -> None:
    """The key rings open it, an erasure is seen with the next refresh, and without them it is refused."""
    vault = Vault(tmp_path / "keys", masters=[bytes(32)])
    home = open_directory(tmp_path / "state", identity=IDENTITY, owner="w", vault=vault)
    store = open_shards(home, [1])[1]
    store.commit(held(1))
    beside = Vault(tmp_path / "keys", masters=[bytes(32)])
    with ShardSnapshot(tmp_path / "state", shard=1, vault=beside) as snapshot:
        assert snapshot.customer("c-1") == Customer("c-1", decision_count=1)
        assert list(snapshot.customers()) == ["c-1"]
        store.commit(ShardBatch({"c-1": None}, erased={"c-1"}))
        snapshot.refresh()
        assert snapshot.customer("c-1") is None
    with pytest.raises(StateError, match="is sealed"):
        ShardSnapshot(tmp_path / "state", shard=1)
    store.close()
