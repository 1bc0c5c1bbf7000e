"""What lies in a shard's directory, for who looks whether somebody is still in it: every row, and unfinished erasures.

Works on any copy of a shard, a backup too, without its lock, its keys or its settings.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from state import keys
from state.codec import legible
from state.rocks_engine import RocksEngine, scan


def shards_under(folder: Path) -> list[Path]:
    """The directories of shards anywhere under a folder, by what RocksDB keeps in each."""
    return sorted(path.parent for path in folder.rglob("CURRENT"))


def rows_of(shard: Path) -> Iterator[tuple[bytes, bytes]]:
    """Every row as it is written; compression is undone, sealing is not.

    Raises:
        StateError: ``state.corrupt`` or ``state.unwritable``.
    """
    with TemporaryDirectory(prefix="market-of-one-read-") as notes:
        database = RocksEngine().follow(shard, notes=Path(notes))
        try:
            for key, value in scan(database, b"", what=f"read of {shard.name}"):
                yield key, legible(value) if key.startswith(keys.CUSTOMERS) else value
        finally:
            database.close()


def unfinished(key: bytes) -> bool:
    """Whether a row says that somebody was erased whose bytes may still be in the files."""
    return key.startswith(keys.ERASED)
