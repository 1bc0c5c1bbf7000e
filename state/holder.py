"""Who has a shard open: asked of the lock that RocksDB holds, without taking it."""

import fcntl
import os
import sys
from pathlib import Path
from struct import Struct

from schemas.errors import StateError

LOCK = "LOCK"
_LINUX, _DARWIN = Struct("hhqqi4x"), Struct("qqihh")
"""Of ``struct flock``: type, whence, start, length, process; on Darwin the first two stand last."""


def holder_of(shard: Path) -> int | None:
    """The id of another process that has the shard open; None when none has.

    A process must not ask for shards of its own: looking at a lock file gives its own locks up (POSIX).
    """
    try:
        file = os.open(shard / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        if sys.platform == "darwin":
            asked = _DARWIN.pack(0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
            *_, pid, kind, _ = _DARWIN.unpack(fcntl.fcntl(file, fcntl.F_GETLK, asked))
        else:
            asked = _LINUX.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, *_, pid = _LINUX.unpack(fcntl.fcntl(file, fcntl.F_GETLK, asked))
    finally:
        os.close(file)
    return None if kind == fcntl.F_UNLCK else int(pid)


def refuse_held(shard: Path, *, action: str) -> None:
    """Raise when another process has the shard open.

    Raises:
        StateError: ``state.other-owner`` names the process. Disposition: halt.
    """
    pid = holder_of(shard)
    if pid is not None:
        raise StateError(
            "state.other-owner",
            f"{shard.name} is open in process {pid}: no {action} meanwhile",
            hint="stop its worker first; scripts/state inspect, backups and verify --only backups work beside it",
        )
