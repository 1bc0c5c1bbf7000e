"""What is wrong in a state directory is named: file by file, and where rows do not fit together, row by row."""

import shutil
from pathlib import Path
from random import Random

import pytest
from rocksdict import WriteBatch

from schemas.customer import Customer
from schemas.errors import StateError
from state import keys
from state.directory import open_directory, open_shards, shard_path
from state.identity import Identity
from state.outbox import OutboxEntry
from state.rocks_engine import RocksEngine
from state.rocks_log import BLOCK_BYTES, log_flaw
from state.sealed import Vault
from state.store import ShardBatch
from state.verify import directory_flaws, shard_flaws, shards_of

IDENTITY = Identity("", 2, "seed")
LOG = ("customer-events", 1)


def written(path: Path, *, vault: Vault | None = None) -> Path:
    """A state directory with a shard: two customers, a timer, an output."""
    home = open_directory(path, identity=IDENTITY, owner="w", vault=vault)
    store = open_shards(home, [1])[1]
    one, other = Customer("c-1", timers={"salary": 9}), Customer("c-2")
    output = OutboxEntry(0, "offers", b"c-1", b"{}")
    store.commit(ShardBatch({"c-1": one, "c-2": other}, {LOG: 7}, outbox=[output]))
    store.close()
    return path


def flaws(path: Path, *, vault: Vault | None = None) -> list[str]:
    found = [*directory_flaws(path), *shard_flaws(path, 1, identity=IDENTITY, vault=vault)]
    return list(map(str, found))


def changed(path: Path, key: bytes, value: bytes | None) -> list[str]:
    """What is found once a row was put or deleted behind the back of the store."""
    database = RocksEngine().open(shard_path(path, 1))
    writes = WriteBatch(raw_mode=True)
    if value is None:
        writes.delete(key)
    else:
        writes.put(key, value)
    database.write(writes)
    database.close()
    return flaws(path)


def test_what_is_whole_has_no_flaw(tmp_path: Path) -> None:
    """Closed, opened again, copied while open; plain and sealed."""
    path = written(tmp_path / "plain")
    assert (flaws(path), shards_of(path)) == ([], [1])
    store = open_shards(open_directory(path, identity=IDENTITY, owner="w"), [1])[1]
    store.commit(ShardBatch({"c-1": None}))
    store.sync()
    shutil.copytree(path, tmp_path / "copy")
    store.close()
    assert flaws(path) == flaws(tmp_path / "copy") == []
    vault = Vault(tmp_path / "keys", masters=[bytes(32)])
    sealed = written(tmp_path / "sealed", vault=vault)
    assert flaws(sealed, vault=vault) == []
    with pytest.raises(StateError, match=r"state\.other-configuration.*is sealed"):
        flaws(sealed)


def test_nothing_is_changed_by_looking(tmp_path: Path) -> None:
    """Every file is the same afterwards, to its time."""
    path = written(tmp_path)
    stats = {file: file.stat() for file in path.rglob("*") if file.is_file()}
    assert flaws(path) == []
    after = {file: file.stat() for file in path.rglob("*") if file.is_file()}
    assert {file: (s.st_mtime_ns, s.st_size) for file, s in stats.items()} == {
        file: (s.st_mtime_ns, s.st_size) for file, s in after.items()
    }


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (keys.customer_key("c-1"), b"\4nonsense", "row c|c-1: customer record fails its checksum"),
        (keys.customer_key("c-1"), None, "row t|9|c-1|salary: wakes c-1 for 'salary'"),
        (keys.timer_key(9, "c-1", "salary"), None, "row t|9|c-1|salary: is missing"),
        (keys.timer_key(9, "c-2", "x"), b"", "row t|9|c-2|x: wakes c-2 for 'x', for which no"),
        (keys.outbox_key(0), b"\1", "row o|0: outbox entry of 1 bytes is too short"),
        (keys.position_key("t", 1), b"1", "row p|o|t|1: has a key or a value that no release"),
        (keys.ahead_key("t", 1), b"", "row p|a|t|1: has a key or a value that no release wrote"),
        (keys.ahead_key(*LOG), keys.pack_offsets([6, 9]), "says that 6 was taken ahead of the"),
        (keys.meta_key("sequence"), keys.pack_offset(0), "row o|0: lies beyond the next sequence"),
        (keys.meta_key("identity"), None, "does not say what it was made under"),
        (b"zz\xff", b"", "row zzff: is of no kind that a release wrote"),
    ],
)
def test_rows_that_do_not_fit_are_named(
    tmp_path: Path, key: bytes, value: bytes | None, words: str
) -> None:
    """Each by its key."""
    found = changed(written(tmp_path), key, value)
    assert any(words in flaw for flaw in found), found
    assert all("shard-0001" in flaw for flaw in found)


def test_a_record_in_anothers_place_is_named(tmp_path: Path) -> None:
    """A value is of one key only."""
    path = written(tmp_path)
    database = RocksEngine().open(shard_path(path, 1))
    value = database.get(keys.customer_key("c-1"))
    database.close()
    found = changed(path, keys.customer_key("c-2"), value)
    assert "shard-0001, row c|c-2: holds the record of another customer, c-1" in found


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    """The manifest of the directory, and what RocksDB can't be without."""
    path = written(tmp_path)
    (path / "manifest.json").unlink()
    (shard_path(path, 1) / "CURRENT").unlink()
    assert flaws(path) == ["manifest.json: is missing", "shard-0001/CURRENT: is missing"]


@pytest.mark.parametrize("pattern", ["*.sst", "*.log", "MANIFEST-*"])
def test_a_file_that_is_lost_is_missed(tmp_path: Path, pattern: str) -> None:
    """Tables by what the manifest says, the write-ahead log by the note of what was safe."""
    path = written(tmp_path / "state")
    store = open_shards(open_directory(path, identity=IDENTITY, owner="w"), [1])[1]
    store.commit(ShardBatch({"c-3": Customer("c-3")}))
    store.sync()
    shutil.copytree(path, tmp_path / "copy")
    store.close()
    (lost,) = shard_path(tmp_path / "copy", 1).glob(pattern)
    lost.unlink()
    found = flaws(tmp_path / "copy")
    assert found
    assert all("shard-0001" in flaw for flaw in found)


def test_another_deployment_is_told(tmp_path: Path) -> None:
    """State that lies under another number of shards."""
    path = written(tmp_path)
    found = [str(flaw) for flaw in shard_flaws(path, 1, identity=Identity("", 64, "seed"))]
    assert found == ["shard-0001: shard-0001: shard_count was 2 and is now 64"]


def test_framing_knows_records_of_many_parts(tmp_path: Path) -> None:
    """A write-ahead log longer than a block is whole; a part that is missing, or twice there, is found."""
    path = tmp_path / "state"
    store = open_shards(open_directory(path, identity=IDENTITY, owner="w"), [1])[1]
    for count in range(3):
        noise = Random(count).randbytes(1 << 16)  # nothing that squeezing makes smaller
        record = Customer("c-1", slots={"x": noise})
        store.commit(ShardBatch({"c-1": record}))
    store.sync()
    content = max(shard_path(path, 1).glob("*.log")).read_bytes()
    store.close()
    assert len(content) > 3 * BLOCK_BYTES
    assert log_flaw(content) is None
    assert log_flaw(content[:-1]) == "breaks off in the middle of a record"
    assert log_flaw(content[: 2 * BLOCK_BYTES]) == "breaks off in the middle of a record"
    without = content[:BLOCK_BYTES] + content[2 * BLOCK_BYTES :]
    twice = content[:BLOCK_BYTES] + content
    assert "out of place" in str(log_flaw(twice)) or "out of place" in str(log_flaw(without))
    flipped = bytearray(content)
    flipped[BLOCK_BYTES + 100] ^= 1
    assert log_flaw(bytes(flipped)) == f"fails the checksum of the record at byte {BLOCK_BYTES}"


@pytest.mark.parametrize("kind", [5, 6, 7, 8, 11])
@pytest.mark.parametrize("pattern", ["*.log", "MANIFEST-*"])
def test_a_record_of_a_recycled_log_is_refused(tmp_path: Path, pattern: str, kind: int) -> None:
    """RocksDB would read on there for ever: whoever opens the shard, or checks it, is told before."""
    path = tmp_path / "state"
    store = open_shards(open_directory(path, identity=IDENTITY, owner="w"), [1])[1]
    store.commit(ShardBatch({"c-1": Customer("c-1")}))
    store.sync()
    shutil.copytree(path, tmp_path / "copy", ignore=shutil.ignore_patterns("LOCK"))
    store.close()
    (victim,) = shard_path(tmp_path / "copy", 1).glob(pattern)
    content = bytearray(victim.read_bytes())
    content[6] = kind
    victim.write_bytes(content)
    assert any(victim.name in flaw for flaw in flaws(tmp_path / "copy"))
    home = open_directory(tmp_path / "copy", identity=IDENTITY, owner="w")
    with pytest.raises(StateError, match=rf"state\.corrupt: shard-0001/{victim.name} .* byte 0"):
        open_shards(home, [1])
