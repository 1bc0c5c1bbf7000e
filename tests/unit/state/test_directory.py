"""A state directory: who may open it, under what, and what an operator is told."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.customer import Customer
from schemas.errors import StateError
from state.directory import MANIFEST, open_directory, open_shards, shard_path
from state.identity import Identity
from state.store import CustomerCache, ShardBatch, ShardStore

IDENTITY = Identity(topic_prefix="", shard_count=8, seed="a")


def open_one(path: Path, *, shard: int = 3, owner: str = "worker-0@here") -> ShardStore:
    directory = open_directory(path, identity=IDENTITY, owner=owner)
    return open_shards(directory, [shard])[shard]


def test_shards_keep_their_content_apart(tmp_path: Path) -> None:
    """Two shards of one directory hold what was committed to each, over a restart."""
    directory = open_directory(tmp_path / "state", identity=IDENTITY, owner="worker-0")
    stores = open_shards(directory, [0, 7])
    stores[7].commit(ShardBatch(customers={"c-1": Customer("c-1")}))
    for store in stores.values():
        store.close()
    again = open_shards(directory, [0, 7])
    assert again[7].customer("c-1") == Customer("c-1")
    assert again[0].customer("c-1") is None
    for store in again.values():
        store.close()
        store.close()


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(IDENTITY, shard_count=16), "shard_count was 8 and is now 16"),
        (replace(IDENTITY, seed="b"), "seed was 'a' and is now 'b'"),
        (replace(IDENTITY, topic_prefix="uk."), "topic_prefix was '' and is now 'uk.'"),
    ],
)
def test_other_configuration_is_refused(tmp_path: Path, other: Identity, words: str) -> None:
    """State made under another prefix, shard count or seed is not opened, and the error says which."""
    open_directory(tmp_path, identity=IDENTITY, owner="worker-0")
    with pytest.raises(StateError, match=words) as caught:
        open_directory(tmp_path, identity=other, owner="worker-0")
    assert caught.value.code == "state.other-configuration"
    assert caught.value.hint


def test_a_shard_in_another_place_is_refused(tmp_path: Path) -> None:
    """A shard's folder moved under another number, or from another deployment, does not open."""
    open_one(tmp_path / "a").close()
    shard_path(tmp_path / "a", 3).rename(shard_path(tmp_path / "a", 4))
    with pytest.raises(StateError, match="shard was 3 and is now 4") as caught:
        open_one(tmp_path / "a", shard=4)
    assert caught.value.code == "state.other-configuration"


def test_second_owner_is_refused_by_name(tmp_path: Path) -> None:
    """A shard that a live process holds is refused to others, with the holder's name."""
    store = open_one(tmp_path, owner="worker-5@there")
    program = (
        "import sys; from pathlib import Path; from tests.unit.state.test_directory import open_one\n"
        "from schemas.errors import StateError\n"
        "try: open_one(Path(sys.argv[1]))\n"
        "except StateError as error: print(error)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    root = Path(__file__).parents[3]
    said = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    assert said.startswith("state.other-owner: shard 3 is held by worker-5@there (process ")
    store.close()
    open_one(tmp_path).close()


def test_all_shards_or_none(tmp_path: Path) -> None:
    """When one shard can't be opened, those opened before it are given up again."""
    held = open_one(tmp_path, shard=1)
    directory = open_directory(tmp_path, identity=IDENTITY, owner="worker-1")
    with pytest.raises(StateError, match=r"state\.other-owner"):
        open_shards(directory, [0, 1])
    open_shards(directory, [0])[0].close()
    held.close()


def test_shard_number_is_checked(tmp_path: Path) -> None:
    """A shard that the deployment does not have is a bug of the caller."""
    with pytest.raises(ValueError, match="shard 8 is not one of 8"):
        open_one(tmp_path, shard=8)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "x"}'])
def test_unreadable_manifest_is_corrupt(tmp_path: Path, content: bytes) -> None:
    """A manifest that is not ours is never overwritten."""
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(StateError, match=r"state\.corrupt"):
        open_directory(tmp_path, identity=IDENTITY, owner="worker-0")
    assert (tmp_path / MANIFEST).read_bytes() == content


def test_edited_manifest_is_corrupt(tmp_path: Path) -> None:
    """A manifest whose digest was changed by hand is refused."""
    open_directory(tmp_path, identity=IDENTITY, owner="worker-0")
    manifest = tmp_path / MANIFEST
    manifest.write_text(manifest.read_text().replace(IDENTITY.digest, "0" * 64))
    with pytest.raises(StateError, match=r"state\.corrupt"):
        open_directory(tmp_path, identity=IDENTITY, owner="worker-0")


def test_newer_manifest_is_refused(tmp_path: Path) -> None:
    """The directory of a later release is not touched."""
    (tmp_path / MANIFEST).write_bytes(b'{"format": 99}')
    with pytest.raises(StateError, match=r"state\.version-too-new"):
        open_directory(tmp_path, identity=IDENTITY, owner="worker-0")


def test_shards_without_manifest_are_refused(tmp_path: Path) -> None:
    """A lost manifest is not made anew over existing shards."""
    open_one(tmp_path).close()
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(StateError, match=r"state\.corrupt"):
        open_directory(tmp_path, identity=IDENTITY, owner="worker-0")


def test_a_file_in_the_way_is_unwritable(tmp_path: Path) -> None:
    """A path that can't be a directory is named."""
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match=r"state\.unwritable"):
        open_directory(tmp_path / "state", identity=IDENTITY, owner="worker-0")


def test_cache_is_shared_and_given_back(tmp_path: Path) -> None:
    """Shards share the caller's cache; a closed shard leaves nothing in it."""
    cache = CustomerCache(capacity=4)
    directory = open_directory(tmp_path, identity=IDENTITY, owner="worker-0")
    stores = open_shards(directory, [0, 1], cache=cache)
    for store in stores.values():
        store.commit(ShardBatch(customers={"c-1": Customer("c-1", since_ms=store.shard)}))
    assert len(cache) == 2
    stores[0].close()
    assert len(cache) == 1
    held = stores[1].customer("c-1")
    assert held is not None
    assert held.since_ms == 1
    stores[1].close()
