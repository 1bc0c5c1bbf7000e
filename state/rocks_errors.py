"""What RocksDB's errors mean for us."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import StateError
from state.codec import RESTORE_HINT

_LOST = re.compile(r"No such file or directory: While open")
"""One of its own files is not there."""
_LOCKED = re.compile(r"lock hold by|lock file")


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Around what RocksDB is asked to do; ``action`` names it in the error.

    Raises:
        StateError: ``state.corrupt``, ``state.other-owner`` or ``state.unwritable``.
    """
    try:
        yield
    except Exception as error:
        raise translate(error, action) from error


def translate(error: Exception, action: str) -> Exception:
    """What RocksDB's status means; rocksdict knows one class, Exception itself, so its words must tell."""
    if type(error) is not Exception:
        return error
    words = str(error)
    if words.startswith("Corruption") or _LOST.search(words):
        return StateError("state.corrupt", f"{action}: {words}", hint=RESTORE_HINT)
    if _LOCKED.search(words):
        return StateError(
            "state.other-owner",
            f"{action}: it is open already",
            hint="one worker owns a shard at a time: stop the other one, or give each worker its own "
            "decide.worker_ordinal",
        )
    return StateError(
        "state.unwritable",
        f"{action}: {words}",
        hint="check the disk's free space, rights and health; nothing of the batch was kept",
    )
