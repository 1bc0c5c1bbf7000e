"""A shard into its backups and out of them: checkpoint, carry over, prune; restore where it is not here.

A checkpoint is made beside the shard, on the same file system, so that it is made of links:

    <state directory>/backing-up/shard-0007
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import StateError
from state.backup import Made, Restored, ShardBackups
from state.directory import StateDirectory, shard_path
from state.rocks import RocksStore
from state.snapshot import positions_of

LOG = logging.getLogger(__name__)
SCRATCH = "backing-up"
USELESS = frozenset({"state.backup-damaged", "state.backup-unreachable"})


@contextmanager
def checkpointed(store: RocksStore, directory: Path) -> Iterator[Path]:
    """A folder with what the shard holds now, for as long as the block lasts.

    Args:
        store: The shard, open. It may be closed once the block has begun.
        directory: The state directory that it lies in.

    Raises:
        StateError: ``state.unwritable``.
    """
    folder = shard_path(directory / SCRATCH, store.shard)
    try:
        clear(directory, store.shard)
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            "state.unwritable",
            f"{error.strerror}: {error.filename}",
            hint="the state directory must have room and be writable",
        ) from error
    try:
        store.checkpoint(folder)
        yield folder
    finally:
        clear(directory, store.shard)


def clear(directory: Path, shard: int) -> None:
    """Take away what was left of a checkpoint: it would keep files that the shard has rewritten."""
    shutil.rmtree(shard_path(directory / SCRATCH, shard), ignore_errors=True)


def carry(
    checkpoint: Path,
    backups: ShardBackups,
    *,
    directory: StateDirectory,
    log: str,
    keep: int,
    now_ms: int,
) -> Made:
    """A checkpoint becomes the newest backup, and those that are too many go.

    The positions in the manifest are those inside the checkpoint, whatever the worker has committed since.

    Raises:
        StateError: ``state.backup-unreachable``, ``state.corrupt``.
    """
    made = backups.make(
        checkpoint,
        identity=directory.identity,
        positions=positions_of(checkpoint),
        log=log,
        made_at_ms=now_ms,
    )
    backups.prune(keep=keep, now_ms=now_ms)
    return made


def fetch(
    backups: ShardBackups, directory: StateDirectory, shard: int, *, beyond: int = -1
) -> Restored | None:
    """Put a shard here from its newest whole backup, in place of what is here and has read less of the log.

    Args:
        backups: Of the shard.
        directory: Where it is wanted.
        shard: Its number.
        beyond: How far what is here has come; -1 when nothing is here.

    Returns:
        What was restored; None when no backup has come further.

    Raises:
        StateError: As `ShardBackups.restore_newest`; damaged backups are passed over while there is
            anything else to begin from.
    """
    ours = shard_path(directory.path, shard)
    fresh = ours.with_name(f"{ours.name}.restored")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        restored = backups.restore_newest(fresh, identity=directory.identity, beyond=beyond)
    except StateError as error:
        if error.code not in USELESS or beyond < 0:
            raise
        LOG.warning(
            "no newer backup can be used; what is here is",
            extra={"shard": shard, "cause": str(error)},
        )
        return None
    if restored is not None:
        shutil.rmtree(ours, ignore_errors=True)
        fresh.replace(ours)
        for words in restored.passed:
            LOG.warning("a newer backup was passed over", extra={"shard": shard, "cause": words})
        LOG.info("restored", extra={"shard": shard, "backup": restored.backup.name})
    return restored
