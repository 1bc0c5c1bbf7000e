"""Backups of the shards that a worker has open, on a thread of their own beside the one that decides.

The shards take turns, so that not all of them flush at once. A backup that fails is logged and counted, and tried
again at its shard's next turn: it never stops the worker, whose state and log are as safe as before.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Mapping

from flows.metrics import Metrics
from flows.sections import Backup
from schemas import topics
from schemas.errors import StateError
from state.backup import ShardBackups
from state.depot import Depot
from state.directory import StateDirectory, shard_path
from state.handover import Tenancy
from state.rocks import RocksStore
from state.safekeeping import carry, checkpointed, clear, fetch

LOG = logging.getLogger(__name__)


class BackupRun:
    """Backs up open shards from `start` to `stop`."""

    def __init__(
        self,
        depot: Depot,
        stores: Mapping[int, RocksStore],
        *,
        directory: StateDirectory,
        every_s: float,
        keep: int,
        metrics: Metrics,
    ) -> None:
        """Nothing is done before `start`.

        Args:
            depot: Where backups go.
            stores: The shards, open until `stop` has returned.
            directory: Where they lie.
            every_s: From one turn of a shard to its next.
            keep: Backups of each shard.
            metrics: Told of each backup and each failure.
        """
        self._directory = directory
        self._keep = keep
        self._metrics = metrics
        self._stores = stores
        self._backups = {shard: ShardBackups(depot, shard) for shard in stores}
        self._saved: dict[int, int] = {}
        self._pause_s = every_s / max(1, len(stores))
        self._stopped = threading.Event()
        self._using = threading.Lock()
        # A daemon: an object store that does not answer must not keep the process.
        self._thread = threading.Thread(target=self._run, name="backup", daemon=True)

    def start(self) -> None:
        """Begin; the first shard's turn comes after one pause."""
        self._thread.start()

    def stop(self) -> None:
        """Leave the stores alone from now on. A checkpoint that was made is still carried over."""
        self._stopped.set()
        with self._using:
            """Whoever made a checkpoint just now is done with its store."""

    def _run(self) -> None:
        for shard in self._stores:  # what a worker that was killed in the middle has left
            clear(self._directory.path, shard)
        while self._stores:
            for shard in self._stores:
                if self._stopped.wait(self._pause_s):
                    return
                self._take_turn(shard)

    def _take_turn(self, shard: int) -> None:
        began = time.monotonic()
        try:
            made = self._back_up(shard)
        except StateError as error:
            self._metrics.backup_failed()
            LOG.warning("no backup this time", extra={"shard": shard, "cause": str(error)})
        except Exception:
            self._metrics.backup_failed()
            LOG.exception("a backup failed", extra={"shard": shard})
        else:
            if made is not None:
                self._metrics.backed_up(made)
                LOG.info(
                    "backed up",
                    extra={
                        "shard": shard,
                        "carried_bytes": made,
                        "seconds": round(time.monotonic() - began, 3),
                    },
                )

    def _back_up(self, shard: int) -> int | None:
        """How many bytes were carried over; None when nothing has changed, or we were told to stop."""
        with contextlib.ExitStack() as held:
            with self._using:
                if self._stopped.is_set():
                    return None
                store = self._stores[shard]
                changes = store.changes
                if self._saved.get(shard) == changes:
                    return None
                folder = held.enter_context(checkpointed(store, self._directory.path))
            made = carry(
                folder,
                self._backups[shard],
                directory=self._directory,
                log=topics.CUSTOMER_EVENTS,
                keep=self._keep,
                now_ms=time.time_ns() // 1_000_000,
            )
        self._saved[shard] = changes
        return made.carried_bytes


def backup_run(section: Backup, tenancy: Tenancy, *, metrics: Metrics) -> BackupRun | None:
    """Backups as the settings want them; None when there are to be none."""
    depot = section.depot()
    if depot is None:
        return None
    return BackupRun(
        depot,
        tenancy.stores,
        directory=tenancy.home,
        every_s=section.every_s,
        keep=section.keep,
        metrics=metrics,
    )


def restore_absent(section: Backup, directory: StateDirectory, shards: Iterable[int]) -> None:
    """Restore the shards that are not here and have a backup.

    Raises:
        StateError: As `state.safekeeping.fetch`. Disposition: halt.
    """
    depot = section.depot()
    absent = [shard for shard in shards if not shard_path(directory.path, shard).is_dir()]
    if depot is not None:
        for shard in absent:
            fetch(ShardBackups(depot, shard), directory, shard)
