"""What the RocksDBs of a process share, and the options that each is opened with.

Up to 64 of them live in one process: they share one block cache and one budget of write buffers, so memory is
bounded by `RocksOptions` and not by the number of shards.
"""

from dataclasses import dataclass
from pathlib import Path

from rocksdict import (
    AccessType,
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    DBRecoveryMode,
    Options,
    Rdict,
    WriteBufferManager,
)

from state.rocks_errors import translated


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


class RocksEngine:
    """What the shards of one process share: a block cache and a budget of write buffers."""

    def __init__(self, options: RocksOptions | None = None) -> None:
        self._options = options or RocksOptions()
        self._cache = Cache(self._options.block_cache_bytes)
        # Never stall: a full budget flushes the largest buffer while writes go on.
        self._buffers = WriteBufferManager(self._options.write_buffers_bytes, allow_stall=False)

    def open(self, path: Path) -> Rdict:
        """Open or create one RocksDB.

        Raises:
            StateError: ``state.other-owner``, ``state.corrupt`` or ``state.unwritable``.
        """
        with translated(f"open of {path.name}"):
            return Rdict(str(path), options=self._database_options())

    def follow(self, path: Path, *, notes: Path) -> Rdict:
        """Open one RocksDB beside the process that writes it, to read what it has committed.

        ``notes`` is a folder of our own for RocksDB's log; nothing in ``path`` is changed or locked.

        Raises:
            StateError: ``state.corrupt`` or ``state.unwritable``.
        """
        options = self._database_options()
        # Every file stays open, so that one that the writer compacts away can still be read.
        options.set_max_open_files(-1)
        with translated(f"read of {path.name}"):
            return Rdict(str(path), options=options, access_type=AccessType.secondary(str(notes)))

    def _database_options(self) -> Options:
        table = BlockBasedOptions()
        table.set_block_cache(self._cache)
        table.set_cache_index_and_filter_blocks(True)
        table.set_pin_l0_filter_and_index_blocks_in_cache(True)
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
        options.set_compression_type(DBCompressionType.lz4())
        options.set_wal_recovery_mode(DBRecoveryMode.point_in_time())
        # A manifest names the first and last key of each file, also of files that are gone: each is short-lived.
        options.set_max_manifest_file_size(1)
        options.set_keep_log_file_num(2)
        options.set_max_log_file_size(1 << 20)
        return options


def caught_up(database: Rdict, action: str) -> None:
    """Let what `RocksEngine.follow` opened see everything that was committed by now.

    Raises:
        StateError: ``state.corrupt`` or ``state.unwritable``.
    """
    with translated(action):
        database.try_catch_up_with_primary()
