"""Backups beside a worker: made on a thread of their own, counted, and never in its way."""

import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.backup import BackupRun, restore_absent
from flows.metrics import Metrics
from flows.sections import Backup
from schemas import topics
from state.backup import ShardBackups
from state.depot import Depot, open_depot
from state.directory import StateDirectory, open_directory, open_shards, shard_path
from state.identity import Identity
from state.rocks import RocksStore
from state.store import ShardBatch

LOG = (topics.CUSTOMER_EVENTS, 0)
SOON_S = 0.001
WAIT_S = 30.0


class Told(Metrics):
    """Metrics that say when a backup was made or failed."""

    def __init__(self) -> None:
        super().__init__("decide")
        self.made = threading.Semaphore(0)
        self.failed = threading.Semaphore(0)

    def backed_up(self, carried_bytes: int) -> None:
        """One was made."""
        super().backed_up(carried_bytes)
        self.made.release()

    def backup_failed(self) -> None:
        """One was not."""
        super().backup_failed()
        self.failed.release()


@pytest.fixture
def home(tmp_path: Path) -> StateDirectory:
    """The state directory of the worker."""
    return open_directory(tmp_path / "state", identity=Identity("", 1, "s"), owner="w")


@pytest.fixture
def store(home: StateDirectory) -> Iterator[RocksStore]:
    """Its one shard."""
    opened = open_shards(home, [0])[0]
    yield opened
    opened.close()


def run_of(depot: Depot, store: RocksStore, home: StateDirectory, told: Metrics) -> BackupRun:
    return BackupRun(depot, {0: store}, directory=home, every_s=SOON_S, keep=2, metrics=told)


def test_what_has_changed_is_backed_up(
    tmp_path: Path, home: StateDirectory, store: RocksStore
) -> None:
    """Again after each change, and after `stop` the store is left alone; then it is restored where it is gone."""
    told = Told()
    address = str(tmp_path / "depot")
    run = run_of(open_depot(address), store, home, told)
    store.commit(ShardBatch(positions={LOG: 1}))
    run.start()
    assert told.made.acquire(timeout=WAIT_S)
    store.commit(ShardBatch(positions={LOG: 2}))
    assert told.made.acquire(timeout=WAIT_S)
    run.stop()
    store.close()
    backups = ShardBackups(open_depot(address), 0)
    assert [backups.read(name).position for name in backups.names()] == [1, 2]
    shutil.rmtree(shard_path(home.path, 0))
    section = Backup(address=address, every_s=1.0, keep=2)
    restore_absent(section, home, [0])
    restore_absent(section, home, [0])
    again = open_shards(home, [0])[0]
    assert again.positions() == {LOG: 2}
    again.close()


def test_a_failure_is_counted_and_tried_again(
    tmp_path: Path, home: StateDirectory, store: RocksStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A place that can't be written is named in the log; when it can, the next turn succeeds."""
    told = Told()
    place = tmp_path / "depot"
    run = run_of(open_depot(str(place)), store, home, told)
    (place / "shard-0000").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        run.start()
        assert told.failed.acquire(timeout=WAIT_S)
        (place / "shard-0000").unlink()
        assert told.made.acquire(timeout=WAIT_S)
    run.stop()
    assert "state.backup-unreachable" in getattr(caplog.records[0], "cause", "")


def test_without_an_address_nothing_is_restored(home: StateDirectory) -> None:
    """The shard begins empty, and the log is read."""
    restore_absent(Backup(address="", every_s=1.0, keep=2), home, [0])
    assert not shard_path(home.path, 0).exists()
