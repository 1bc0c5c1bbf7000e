"""Taking shards over: the newest free copy moves, a held one is left alone."""

import shutil
from pathlib import Path

import pytest

from schemas.customer import Customer
from schemas.errors import StateError
from state.directory import shard_path
from state.handover import Tenancy, take
from state.identity import Identity
from state.sealed import Vault
from state.store import ShardBatch

IDENTITY = Identity("", 4, "seed")
LOG = "customer-events"


def taken(root: Path, worker: str, *shards: int, keys: Path | None = None) -> Tenancy:
    vault = None if keys is None else Vault(keys, masters=[bytes(32)])
    return take(root, worker=worker, shards=shards, identity=IDENTITY, log=LOG, vault=vault)


def go_to(tenancy: Tenancy, shard: int, position: int) -> None:
    tenancy.stores[shard].commit(ShardBatch(positions={(LOG, shard): position}))


def end(tenancy: Tenancy) -> None:
    for store in tenancy.stores.values():
        store.close()
    tenancy.release()


def at(tenancy: Tenancy, shard: int) -> int:
    return tenancy.stores[shard].positions().get((LOG, shard), 0)


def test_a_shard_that_was_given_up_moves_as_it_is(tmp_path: Path) -> None:
    """The new owner goes on where the old one ended, which keeps no copy."""
    first = taken(tmp_path, "worker-0", 1, 2)
    go_to(first, 1, 7)
    end(first)
    second = taken(tmp_path, "worker-1", 1)
    assert at(second, 1) == 7
    assert not shard_path(tmp_path / "worker-0", 1).exists()
    assert shard_path(tmp_path / "worker-0", 2).exists()
    end(second)


def test_what_another_holds_is_left_alone(tmp_path: Path) -> None:
    """A paused worker keeps its copy; the new owner begins with what it has, or with nothing."""
    paused = taken(tmp_path, "worker-0", 1)
    go_to(paused, 1, 7)
    other = taken(tmp_path, "worker-1", 1)
    assert at(other, 1) == 0
    go_to(paused, 1, 8)
    go_to(other, 1, 9)
    end(other)
    end(paused)
    third = taken(tmp_path, "worker-2", 1)
    assert at(third, 1) == 9
    end(third)


def test_who_takes_a_sealed_shard_over_reads_it(tmp_path: Path) -> None:
    """Key rings are everybody's: the new owner opens what the old one sealed, and erases it for both."""
    root, keys = tmp_path / "state", tmp_path / "keys"
    paused = taken(root, "worker-0", 1, keys=keys)
    paused.stores[1].commit(ShardBatch(customers={"c-1": Customer("c-1"), "c-2": Customer("c-2")}))
    end(paused)
    shutil.copytree(root / "worker-0", tmp_path / "old" / "worker-0")
    second = taken(root, "worker-1", 1, keys=keys)
    assert second.stores[1].customer("c-1") == Customer("c-1")
    second.stores[1].commit(ShardBatch(customers={"c-1": None}, erased={"c-1"}))
    end(second)
    awake = taken(tmp_path / "old", "worker-0", 1, keys=keys)
    assert awake.stores[1].customer("c-1") is None
    assert awake.stores[1].customer("c-2") == Customer("c-2")
    end(awake)


def test_the_older_copy_is_not_taken(tmp_path: Path) -> None:
    """One's own copy stays when it is the newest."""
    old, new = taken(tmp_path, "worker-0", 1), taken(tmp_path, "worker-1", 1)
    go_to(old, 1, 3)
    go_to(new, 1, 5)
    end(old)
    end(new)
    again = taken(tmp_path, "worker-1", 1)
    assert at(again, 1) == 5
    end(again)


def test_two_workers_of_one_name_are_refused(tmp_path: Path) -> None:
    """The second is told, and nothing that it opened stays locked."""
    first = taken(tmp_path, "worker-0", 1)
    with pytest.raises(StateError, match=r"state\.other-owner"):
        taken(tmp_path, "worker-0", 0, 1)
    end(first)
    end(taken(tmp_path, "worker-0", 0, 1))
