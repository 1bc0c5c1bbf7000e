"""How far a shard is known to be safe on the disk: a note beside RocksDB's files, in words of RocksDB's own count.

The write-ahead log is recovered up to the first place that can't be read, so a byte that rots in the middle of
it would silently give an older shard. Each sync writes down the sequence number that it made safe; a shard that
opens below its note has lost what was safe, and is refused. The note is overwritten in place, within one sector
and without a sync of its own: one that is older than it might be says less, and never what is not so.
"""

import os
import re
from pathlib import Path
from zlib import crc32

from schemas.errors import StateError

NAME = "SYNCED"
_FORM = re.compile(rb"(\d{20}) ([0-9a-f]{8})\n")


class SyncedNote:
    """The note of one shard, open for as long as the shard is."""

    def __init__(self, shard: Path) -> None:
        """In the folder of a shard, which is there."""
        self._path = shard / NAME
        self._file = -1

    def write(self, sequence: int) -> None:
        """Everything up to ``sequence`` is safe.

        Raises:
            StateError: ``state.unwritable``.
        """
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
            os.pwrite(self._file, _encode(sequence), 0)
        except OSError as error:
            raise StateError(
                "state.unwritable",
                f"{error.strerror}: {self._path}",
                hint="check the disk's free space, rights and health",
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def safe_up_to(shard: Path) -> int | None:
    """What the note in a shard's folder says; None without one.

    Raises:
        StateError: ``state.corrupt``: it is not what was written.
    """
    try:
        content = (shard / NAME).read_bytes()
    except FileNotFoundError:
        return None
    if not content:
        return None  # the machine died before the first note was on the disk
    form = _FORM.fullmatch(content)
    if form is None or content != _encode(int(form[1])):
        raise StateError(
            "state.corrupt",
            f"{shard.name}/{NAME} is not what was written",
            hint=f"check the disk, and the state with scripts/state verify; without {NAME} the shard opens as it is",
        )
    return int(form[1])


def check_synced(shard: Path, *, noted: int | None, found: int) -> None:
    """Refuse a shard that is older than what was safe.

    Args:
        shard: Its folder.
        noted: From `safe_up_to`.
        found: The sequence number that it opened at.

    Raises:
        StateError: ``state.corrupt``. Disposition: halt.

    Example:
        >>> check_synced(Path("shard-0007"), noted=None, found=5)
        >>> check_synced(Path("shard-0007"), noted=5, found=5)
    """
    if noted is not None and found < noted:
        raise StateError(
            "state.corrupt",
            f"{shard.name} holds {found} changes and {noted} were safe: its write-ahead log is damaged or cut",
            hint=f"restore the newest backup (scripts/state restore); or delete {shard.name}/{NAME} to go on from "
            "the older state: the log is read again from there",
        )


def _encode(sequence: int) -> bytes:
    digits = b"%020d" % sequence
    return b"%s %08x\n" % (digits, crc32(digits))
