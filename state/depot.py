"""Where backups lie: a directory, or a bucket of an object store, behind the few calls that backups need.

Names are paths with ``/``. A name is written whole or not at all: object stores promise it, and the local
store writes beside the name and renames.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from schemas.errors import StateError

CHUNK_BYTES = 4 << 20
RETRIES_MAX = 5
PATIENCE = timedelta(seconds=15)
"""An object store that does not answer is not waited for longer: a shard may wait to be taken over."""


@dataclass(slots=True, frozen=True)
class Kept:
    """One object: its name, how long it is, and when it was written (ms)."""

    name: str
    size: int
    at_ms: int


class Depot:
    """A place for backups.

    Example:
        >>> depot = Depot(from_url("memory:///"))
        >>> depot.put("a/b", b"bytes")
        >>> depot.read("a/b"), [kept.name for kept in depot.list("a")]
        (b'bytes', ['a/b'])
    """

    def __init__(self, store: ObjectStore) -> None:
        """Keep things in a store of obstore's; `open_depot` makes one of an address."""
        self._store = store

    def put(self, name: str, content: bytes | Path) -> None:
        """Write an object, of bytes or of a file.

        Raises:
            StateError: ``state.backup-unreachable``. Disposition: halt.
        """
        with _reached(f"write of {name}"):
            obstore.put(self._store, name, content)

    def read(self, name: str) -> bytes | None:
        """The bytes of a small object, None when it is not there.

        Raises:
            StateError: ``state.backup-unreachable``.
        """
        return None if (chunks := self.stream(name)) is None else b"".join(chunks)

    def stream(self, name: str) -> Iterator[bytes] | None:
        """An object piece by piece, None when it is not there.

        Raises:
            StateError: ``state.backup-unreachable``.
        """
        try:
            with _reached(f"read of {name}"):
                found = obstore.get(self._store, name).stream(min_chunk_size=CHUNK_BYTES)
        except FileNotFoundError:
            return None
        return _pieces(map(bytes, found), name)

    def list(self, folder: str) -> list[Kept]:
        """Everything below a folder, by name; empty when there is none.

        Raises:
            StateError: ``state.backup-unreachable``.
        """
        with _reached(f"list of {folder}"):
            found = [
                Kept(one["path"], one["size"], _ms(one["last_modified"]))
                for batch in obstore.list(self._store, folder)
                for one in batch
            ]
        return sorted(found, key=lambda kept: kept.name)

    def delete(self, name: str) -> None:
        """Take an object away; one that is not there is no error.

        Raises:
            StateError: ``state.backup-unreachable``.
        """
        try:
            with _reached(f"deletion of {name}"):
                obstore.delete(self._store, name)
        except FileNotFoundError:
            return


def open_depot(address: str) -> Depot:
    """The place of backups at a path, or at a URL such as ``s3://bucket/folder``.

    Credentials of an object store come from its own environment variables.

    Raises:
        StateError: ``state.backup-unreachable`` when there can be none at this address. Disposition: halt.
    """
    with _reached(f"backup.address {address!r}"):
        path = address.removeprefix("file://")
        if "://" not in path:
            return Depot(LocalStore(Path(path).absolute(), mkdir=True))
        return Depot(
            from_url(address, retry_config={"max_retries": RETRIES_MAX, "retry_timeout": PATIENCE})
        )


@contextmanager
def _reached(action: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError, ValueError) as error:
        cause = str(error).partition("\n")[0]
        raise StateError(
            "state.backup-unreachable",
            f"{action}: {cause}",
            hint="check backup.address, its rights and its free space; what was backed up before is untouched",
        ) from error


def _pieces(found: Iterator[bytes], name: str) -> Iterator[bytes]:
    with _reached(f"read of {name}"):
        yield from found


def _ms(instant: datetime) -> int:
    return round(instant.astimezone(UTC).timestamp() * 1000)
