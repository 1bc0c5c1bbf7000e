"""Which file of a RocksDB is damaged: RocksDB itself says mostly that something is.

Everything is looked at in a mirror, a folder of our own with links to the files and copies of those that RocksDB
may write to, so that the shard is left as it is, by a hair.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rocksdict import Options, Rdict

from schemas.errors import StateError
from state.rocks_engine import RocksEngine, Still
from state.rocks_errors import translated
from state.rocks_log import log_flaw

TABLES, LOGS, MANIFESTS = "*.sst", "*.log", "MANIFEST-*"
CURRENT, OWN_ID, DIALECT = "CURRENT", "IDENTITY", "rocksdict-config.json"
DIALECT_WRITTEN = b'{"raw_mode":true,"prefix_extractors":{}}'
"""What rocksdict writes at each opening; it takes nothing from it where it is told the options."""
ONE_BYTE_MAX = 128
"""Lengths from here on take more than one byte in a manifest."""


@contextmanager
def mirrored(shard: Path) -> Iterator[tuple[Path, Path]]:
    """A folder with the files of a shard under their names, and one for notes.

    Raises:
        OSError: A file can't be read.
    """
    with TemporaryDirectory(prefix="market-of-one-check-") as scratch:
        mirror, notes = Path(scratch) / shard.name, Path(scratch) / "notes"
        mirror.mkdir()
        notes.mkdir()
        for path in shard.glob(TABLES):
            (mirror / path.name).symlink_to(path.absolute())
        for pattern in (LOGS, MANIFESTS, CURRENT, OWN_ID):
            for path in shard.glob(pattern):
                shutil.copyfile(path, mirror / path.name)
        yield mirror, notes


@contextmanager
def opened(shard: Path, *, whole: bool) -> Iterator[Still]:
    """A shard to be read, in a mirror; with ``whole`` a torn write-ahead log is refused.

    Raises:
        StateError: ``state.corrupt`` or ``state.unwritable``.
    """
    with mirrored(shard) as (mirror, notes):
        still = RocksEngine().still(mirror, notes=notes, whole=whole)
        try:
            yield still
        finally:
            still.database.close()


def table_flaw(table: Path) -> str | None:
    """What is wrong with one table, in words: RocksDB reads every block of it; None where it is whole.

    Raises:
        StateError: ``state.unwritable``: it can't be looked at here.
    """
    with TemporaryDirectory(prefix="market-of-one-check-") as scratch:
        alone, notes = Path(scratch) / "alone", Path(scratch) / "notes"
        alone.mkdir()
        notes.mkdir()
        (alone / table.name).symlink_to(table.absolute())
        with translated(f"check of {table.name}"):
            Rdict.repair(str(alone), Options(raw_mode=True))
        try:
            still = RocksEngine().still(alone, notes=notes)
        except StateError as error:
            return error.detail
        try:
            if not still.database.live_files():
                return "is no table that can be read"
            return "holds a block that fails its checksum" if still.mismatches() else None
        finally:
            still.database.close()


def framing_flaws(shard: Path) -> Iterator[tuple[str, str]]:
    """What is wrong with the write-ahead logs: name, and what it is in words."""
    for path in sorted(shard.glob(LOGS)):
        flaw = log_flaw(path.read_bytes())
        if flaw is not None:
            yield path.name, flaw


def facts_flaws(shard: Path) -> Iterator[tuple[str, str]]:
    """What is wrong with the small files that say what belongs to a shard: name, and what it is in words."""
    current = shard / CURRENT
    if not current.is_file():
        yield CURRENT, "is missing"
        return
    named = current.read_bytes()
    manifests = {f"{path.name}\n".encode(): path for path in shard.glob(MANIFESTS)}
    if named not in manifests:
        yield CURRENT, "names no manifest that is there"
        return
    content = manifests[named].read_bytes()
    flaw = log_flaw(content)
    if flaw is not None or not content:
        yield manifests[named].name, flaw or "is empty"
        return
    own_id = shard / OWN_ID  # a backup has none: RocksDB writes it anew
    if own_id.is_file() and not _named(own_id.read_bytes(), content):
        yield OWN_ID, f"is not what {manifests[named].name} names"
    dialect = shard / DIALECT
    if dialect.is_file() and dialect.read_bytes() != DIALECT_WRITTEN:
        yield DIALECT, "is not what was written"


def _named(own_id: bytes, manifest: bytes) -> bool:
    """Whether a manifest holds this text: its length stands before it."""
    return 0 < len(own_id) < ONE_BYTE_MAX and bytes([len(own_id)]) + own_id in manifest
