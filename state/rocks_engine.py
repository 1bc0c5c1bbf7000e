"""What the RocksDBs of a process share, and the options that each is opened with.

Up to 64 of them live in one process: they share one block cache and one budget of write buffers, so memory is
bounded by `RocksOptions` and not by the number of shards.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rocksdict import (
    AccessType,
    BlockBasedOptions,
    Cache,
    Checkpoint,
    DBCompressionType,
    DBRecoveryMode,
    Options,
    Rdict,
    WriteBufferManager,
)

from schemas.errors import StateError
from state.codec import RESTORE_HINT
from state.rocks_errors import translated
from state.rocks_log import stumbling_block
from state.synced import check_synced, safe_up_to

Database = Rdict
"""What is open, for modules that pass it on."""
FAMILY = "default"
"""Named with its options each time: rocksdict opens a family that is not named with those of the OPTIONS file, in
which neither the shared cache nor the filter stands."""

PROBES_MAX = 8
_MISMATCHES = re.compile(r"block\.checksum\.mismatch\.count COUNT : (\d+)")


@dataclass(slots=True, frozen=True)
class RocksOptions:
    """How much memory all shards of a process may use together, in bytes."""

    block_cache_bytes: int = 64 << 20
    write_buffers_bytes: int = 64 << 20
    write_buffer_bytes: int = 4 << 20
    """Of one shard; when full it is flushed to a file."""
    open_files_per_shard: int = 64
    bloom_bits_per_key: int = 10
    background_jobs: int = 2


@dataclass(slots=True, frozen=True)
class Still:
    """A folder that is open to be read, and the options with RocksDB's own counts."""

    database: Database
    options: Options

    def mismatches(self) -> int:
        """Blocks whose checksum did not fit, those that RocksDB can do without (filters) too."""
        found = _MISMATCHES.search(self.options.get_statistics() or "")
        return int(found[1]) if found else 0


class RocksEngine:
    """What the shards of one process share: a block cache and a budget of write buffers."""

    def __init__(self, options: RocksOptions | None = None) -> None:
        self._options = options or RocksOptions()
        self._cache = Cache(self._options.block_cache_bytes)
        # Never stall: a full budget flushes the largest buffer while writes go on.
        self._buffers = WriteBufferManager(self._options.write_buffers_bytes, allow_stall=False)

    def open(self, path: Path, *, sealed: bool = False) -> Rdict:
        """Open or create one RocksDB; what is ``sealed`` does not get smaller by compression.

        Raises:
            StateError: ``state.other-owner``, ``state.corrupt`` or ``state.unwritable``.
        """
        noted = safe_up_to(path)
        if (path / "CURRENT").is_file():
            # First without touching anything: RocksDB, once it writes, drops what it can't read of its log.
            with TemporaryDirectory(prefix="market-of-one-open-") as notes:
                self.probe(path, notes=Path(notes), noted=noted, why="open")
        options = self._database_options(sealed=sealed)
        with translated(f"open of {path.name}"):
            database = Rdict(str(path), options=options, column_families={FAMILY: options})
        return _checked(database, path, noted=noted)

    def still(self, path: Path, *, notes: Path, whole: bool = False, why: str = "read") -> Still:
        """Open a folder without its lock, to read what lies there; every file is looked into at once.

        Args:
            path: The folder. One that is written meanwhile may be refused: see `follow`.
            notes: A folder of our own for RocksDB's log.
            whole: Refuse a write-ahead log that breaks off in the middle of a record, too.
            why: Names in an error what it is opened for.

        Raises:
            StateError: ``state.corrupt`` or ``state.unwritable``.
        """
        _refuse_stumbling_blocks(path)
        options = self._database_options()
        options.create_if_missing(create_if_missing=False)
        options.set_max_open_files(-1)
        options.set_db_log_dir(str(notes))
        options.enable_statistics()
        if whole:
            options.set_wal_recovery_mode(DBRecoveryMode.absolute_consistency())
        with translated(f"{why} of {path.name}"):
            database = Rdict(
                str(path),
                options=options,
                column_families={FAMILY: options},
                access_type=AccessType.read_only(),
            )
        return Still(database, options)

    def follow(self, path: Path, *, notes: Path) -> Rdict:
        """Open one RocksDB beside the process that writes it, to read what it has committed.

        ``notes`` is a folder of our own for RocksDB's log; nothing that the writer needs is changed or locked.

        Raises:
            StateError: ``state.corrupt`` or ``state.unwritable``.
        """
        self.probe(path, notes=notes)
        options = self._database_options()
        # Every file stays open, so that one that the writer compacts away can still be read.
        options.set_max_open_files(-1)
        noted = safe_up_to(path)  # before: the writer goes on meanwhile
        with translated(f"read of {path.name}"):
            database = Rdict(
                str(path),
                options=options,
                column_families={FAMILY: options},
                access_type=AccessType.secondary(str(notes)),
            )
            database.try_catch_up_with_primary()
        return _checked(database, path, noted=noted)

    def probe(
        self, path: Path, *, notes: Path, noted: int | None = None, why: str = "read"
    ) -> None:
        """Refuse a folder with a damaged file, or one that is older than its note, and leave it as it is.

        A follower would pass a damaged file over in favour of an older state.

        Raises:
            StateError: ``state.corrupt`` or ``state.unwritable``.
        """
        for left in reversed(range(PROBES_MAX)):
            before = _names(path)
            try:
                database = self.still(path, notes=notes, why=why).database
                _checked(database, path, noted=noted).close()
            except StateError:
                # A file that the writer took away is no damage: what there is by now is looked at.
                if left == 0 or _names(path) == before:
                    raise
            else:
                return

    def _database_options(self, *, sealed: bool = False) -> Options:
        table = BlockBasedOptions()
        table.set_block_cache(self._cache)
        table.set_cache_index_and_filter_blocks(True)
        table.set_pin_l0_filter_and_index_blocks_in_cache(True)
        # Every key is written out: a search for bytes (`scripts/audit erasure`) finds what is there.
        table.set_block_restart_interval(1)
        table.set_bloom_filter(self._options.bloom_bits_per_key, block_based=False)
        options = Options(raw_mode=True)
        options.create_if_missing(create_if_missing=True)
        options.set_block_based_table_factory(table)
        options.set_write_buffer_manager(self._buffers)
        options.set_write_buffer_size(self._options.write_buffer_bytes)
        options.set_max_write_buffer_number(3)
        options.set_max_total_wal_size(4 * self._options.write_buffer_bytes)
        options.set_max_open_files(self._options.open_files_per_shard)
        options.set_max_background_jobs(self._options.background_jobs)
        options.set_compression_type(
            DBCompressionType.none() if sealed else DBCompressionType.lz4()
        )
        options.set_wal_recovery_mode(DBRecoveryMode.point_in_time())
        # A manifest names the first and last key of each file, also of files that are gone: each is short-lived.
        options.set_max_manifest_file_size(1)
        options.set_keep_log_file_num(2)
        options.set_max_log_file_size(1 << 20)
        return options


def scan(
    database: Database, prefix: bytes, *, what: str, start: bytes | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """The rows whose keys begin with ``prefix``, by key; ``what`` names the scan in an error.

    Raises:
        StateError: ``state.corrupt`` or ``state.unwritable``.
    """
    with translated(what):
        cursor = database.iter()
        cursor.seek(prefix if start is None else start)
        while cursor.valid():
            key: bytes = cursor.key()
            if not key.startswith(prefix):
                return
            yield key, cursor.value()
            cursor.next()
        # A cursor that met damage just ends: its status tells it from the end of the data.
        cursor.status()


def checkpoint(database: Rdict, into: Path) -> None:
    """Make a folder with the files of a database as it is now; files that never change are links.

    May run on another thread than the one that writes.

    Raises:
        StateError: ``state.unwritable``.
    """
    with translated(f"checkpoint {into.name}"):
        # A checkpoint flushes what is in memory too, but holds up all Python threads meanwhile.
        database.flush()
        Checkpoint(database).create_checkpoint(str(into))


def _refuse_stumbling_blocks(path: Path) -> None:
    """Raise where RocksDB would not come back from reading.

    Raises:
        StateError: ``state.corrupt``.
    """
    for file in sorted((*path.glob("*.log"), *path.glob("MANIFEST-*"))):
        with contextlib.suppress(FileNotFoundError):  # its writer was done with it
            at = stumbling_block(file.read_bytes())
            if at is not None:
                raise StateError(
                    "state.corrupt",
                    f"{path.name}/{file.name} holds a record that was never written, at byte {at}",
                    hint=RESTORE_HINT,
                )


def _names(path: Path) -> set[str]:
    """What the writer's files are called: each name is used once."""
    try:
        return {entry.name for entry in path.iterdir()}
    except OSError:
        return set()


def _checked(database: Rdict, path: Path, *, noted: int | None) -> Rdict:
    """The database, closed again when it is older than its note."""
    try:
        check_synced(path, noted=noted, found=database.latest_sequence_number())
    except BaseException:
        database.close()
        raise
    return database


def caught_up(database: Rdict, action: str) -> None:
    """Let what `RocksEngine.follow` opened see everything that was committed by now.

    Raises:
        StateError: ``state.corrupt`` or ``state.unwritable``.
    """
    with translated(action):
        database.try_catch_up_with_primary()
