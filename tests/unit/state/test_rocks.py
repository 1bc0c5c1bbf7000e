"""The RocksDB store: what a crash keeps, what damage does, what is not written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from schemas.customer import Customer
from schemas.errors import StateError
from state import rocks
from state.identity import (
    AHEAD_VERSION,
    FORMAT_VERSION,
    Identity,
    check_identity,
    encode_identity,
)
from state.outbox import OutboxEntry
from state.rocks import RocksStore
from state.rocks_engine import RocksEngine, RocksOptions
from state.store import CustomerCache, ShardBatch

IDENTITY = Identity(topic_prefix="", shard_count=8, seed="a")
LOG = ("customer-events", 3)


def open_store(path: Path) -> RocksStore:
    return RocksStore(path, shard=3, engine=RocksEngine(), cache=CustomerCache(), identity=IDENTITY)


def commit_for_ever(path: Path) -> None:
    """Count up in one customer, the position and the outbox, a batch a number, saying each."""
    store = open_store(path)
    for count in range(1_000_000):
        batch = ShardBatch(
            customers={"c-1": Customer("c-1", decision_count=count, timers={"x": count})},
            positions={LOG: count},
            outbox=[OutboxEntry(count, "offers", b"c-1", b"%d" % count)],
            delivered=[count - 1] if count else [],
        )
        store.commit(batch)
        os.write(1, b"%d\n" % count)


def test_kill_keeps_whole_batches(tmp_path: Path) -> None:
    """After kill -9 every acknowledged batch is there, and nothing of half a batch."""
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.unit.state.test_rocks import commit_for_ever\n"
        "commit_for_ever(Path(sys.argv[1]))\n"
    )
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", program, str(tmp_path / "shard")]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        said = [worker.stdout.readline() for _ in range(200)]
        worker.send_signal(signal.SIGKILL)
        said += worker.stdout.readlines()
    # The last line may be cut short by the kill.
    acknowledged = int([line for line in said if line.endswith(b"\n")][-1])
    store = open_store(tmp_path / "shard")
    count = store.positions()[LOG]
    record = store.customer("c-1")
    assert record is not None
    assert count in (acknowledged, acknowledged + 1)
    assert record.decision_count == count
    assert store.next_due_ms() == count
    assert [entry.sequence for entry in store.outbox()] == [count]
    assert store.next_sequence == count + 1
    store.close()


def test_refused_batch_leaves_no_trace(tmp_path: Path) -> None:
    """A batch with a record that can't be encoded changes nothing, in the cache neither."""
    store = open_store(tmp_path / "shard")
    store.commit(ShardBatch(customers={"c-1": Customer("c-1")}, positions={LOG: 1}))
    bad = Customer("c-1", slots={"x": object()})
    with pytest.raises(TypeError):
        store.commit(ShardBatch(customers={"c-1": bad}, positions={LOG: 2}))
    assert store.customer("c-1") == Customer("c-1")
    assert store.positions() == {LOG: 1}
    store.close()


def test_what_lies_ahead_shuts_out_a_release_that_would_take_it_twice(tmp_path: Path) -> None:
    """For as long as there is any: the shard's format says so, and a proper close takes it back."""

    def told(path: Path) -> int:
        database = RocksEngine().open(path)
        content: bytes = database.get(rocks.IDENTITY)
        database.close()
        return int(orjson.loads(content)["format"])

    path = tmp_path / "shard"
    store = open_store(path)
    store.commit(ShardBatch(positions={LOG: 5}, ahead={LOG: frozenset({7, 300})}))
    store.close()
    assert told(path) == AHEAD_VERSION > FORMAT_VERSION
    store = open_store(path)
    assert store.ahead() == {LOG: frozenset({7, 300})}
    store.commit(ShardBatch(positions={LOG: 301}, ahead={LOG: frozenset()}))
    assert store.ahead() == {}
    store.close()
    assert told(path) == FORMAT_VERSION
    content = encode_identity(IDENTITY, shard=3, version=AHEAD_VERSION + 1)
    with pytest.raises(StateError, match="shard has format 3, this release reads up to 2"):
        check_identity(content, IDENTITY, what="shard", shard=3)


def test_damaged_file_is_corrupt(tmp_path: Path) -> None:
    """A flipped byte in a data file is found, named, and comes with what to do."""
    store = open_store(tmp_path / "shard")
    store.commit(ShardBatch(customers={f"c-{n}": Customer(f"c-{n}") for n in range(100)}))
    store.close()
    open_store(tmp_path / "shard").close()
    tables = list((tmp_path / "shard").glob("*.sst"))
    assert tables
    for table in tables:
        damaged = bytearray(table.read_bytes())
        damaged[len(damaged) // 4] ^= 0xFF
        table.write_bytes(damaged)
    with pytest.raises(StateError, match=r"state\.corrupt") as caught:
        read_all(tmp_path / "shard")
    assert "backup" in caught.value.hint


def read_all(path: Path) -> None:
    store = open_store(path)
    try:
        for number in range(100):
            store.customer(f"c-{number}")
    finally:
        store.close()


def test_hot_read_is_the_committed_record(tmp_path: Path) -> None:
    """A record that was just committed is read back without a decode."""
    store = open_store(tmp_path / "shard")
    record = Customer("c-1")
    store.commit(ShardBatch(customers={"c-1": record}))
    assert store.customer("c-1") is record
    store.close()


def test_erased_customer_is_gone(tmp_path: Path) -> None:
    """Erasure takes the record and its timers, and a cached copy with them."""
    store = open_store(tmp_path / "shard")
    store.commit(ShardBatch(customers={"c-1": Customer("c-1", timers={"x": 5, "y": 9})}))
    assert store.next_due_ms() == 5
    store.commit(ShardBatch(customers={"c-1": None}))
    assert store.customer("c-1") is None
    assert store.next_due_ms() is None
    store.close()


def test_moved_timer_fires_once(tmp_path: Path) -> None:
    """A timer that moved to an earlier or later instant is due there alone."""
    store = open_store(tmp_path / "shard")
    for due_ms in (50, 20, 70):
        store.commit(ShardBatch(customers={"c-1": Customer("c-1", timers={"x": due_ms})}))
        assert store.next_due_ms() == due_ms
        assert [timer.due_ms for timer in store.due(100, 10)] == [due_ms]
    store.close()


def test_a_shard_that_is_opened_again_has_the_same_options(tmp_path: Path) -> None:
    """It shares the cache of the process, and a file without a key is not looked into."""
    path, cache_bytes = tmp_path / "shard", 3 << 20
    database = RocksEngine().open(path)
    database.put(b"c|1", b"value")
    database.put(b"c|3", b"value")
    database.close()
    database = RocksEngine(RocksOptions(block_cache_bytes=cache_bytes)).open(path)
    assert database.property_int_value("rocksdb.block-cache-capacity") == cache_bytes
    used = database.property_int_value("rocksdb.block-cache-usage")
    assert database.get(b"c|2") is None
    assert database.property_int_value("rocksdb.block-cache-usage") == used
    assert database.get(b"c|3") == b"value"
    assert database.property_int_value("rocksdb.block-cache-usage") > used
    database.close()
