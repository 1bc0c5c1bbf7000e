"""A shard's store in RocksDB. The only module that knows rocksdict.

One RocksDB directory per shard, so that a shard is what is backed up, moved and locked. Up to 64 of them
live in one process: they share one block cache and one budget of write buffers, so memory is bounded by
`RocksOptions` and not by the number of shards.

Each commit is one WriteBatch through the write-ahead log: it survives ``kill -9`` at once, and the death of
the OS after `RocksStore.sync`; a torn tail of the log is cut at the last whole commit (point-in-time recovery).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
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
    WriteBatch,
    WriteBufferManager,
)

from schemas.customer import Customer
from schemas.errors import StateError
from state import keys
from state.changes import SEQUENCE_KEY, changes_of
from state.codec import RESTORE_HINT, decode
from state.identity import Identity, check_identity, encode_identity
from state.outbox import OutboxEntry, decode_entry
from state.store import CustomerCache, ShardBatch, TopicPartition
from state.timers import NextDue, Timer

_IDENTITY = keys.meta_key("identity")
_LOCKED = re.compile(r"lock hold by|lock file")


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
        with _translated(f"open of {path.name}"):
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
        with _translated(f"read of {path.name}"):
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
        options.set_keep_log_file_num(2)
        options.set_max_log_file_size(1 << 20)
        return options


class RocksStore:
    """One shard in one RocksDB directory; see `state.store.ShardStore` for the promises."""

    def __init__(
        self,
        path: Path,
        *,
        shard: int,
        engine: RocksEngine,
        cache: CustomerCache,
        identity: Identity,
    ) -> None:
        """Open the shard, or make it; ``identity`` is what its state is made under.

        Raises:
            StateError: ``state.other-owner``, ``state.other-configuration``, ``state.corrupt``,
                ``state.version-too-new`` or ``state.unwritable``. Disposition: halt.
        """
        self._shard = shard
        self._cache = cache
        self._path = path
        self._closed = False
        self._database = engine.open(path)
        try:
            self._check_identity(identity)
            self._positions = {
                keys.topic_partition(key): keys.unpack_offset(value)
                for key, value in self._scan(keys.POSITIONS, start=keys.POSITIONS)
            }
            self._source_positions = {
                keys.topic_partition(key): keys.unpack_source_position(value)
                for key, value in self._scan(keys.SOURCE_POSITIONS, start=keys.SOURCE_POSITIONS)
            }
            sequence = self._get(SEQUENCE_KEY)
        except BaseException:
            self.close()
            raise
        self._next_sequence = 0 if sequence is None else keys.unpack_offset(sequence)
        self._next_due = NextDue(self._first_due_ms)
        self._unsynced = False

    @property
    def shard(self) -> int:
        """Its number."""
        return self._shard

    @property
    def next_sequence(self) -> int:
        """The first outbox sequence that was never used."""
        return self._next_sequence

    def customer(self, customer: str) -> Customer | None:
        """The record of a customer: from the cache, or decoded once."""
        record = self._cache.get(self._shard, customer)
        if record is None:
            data = self._get(keys.customer_key(customer))
            if data is not None:
                record = decode(data)
                self._cache.put(self._shard, customer, record)
        return record

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to read, per topic-partition."""
        return dict(self._positions)

    def source_positions(self) -> dict[TopicPartition, tuple[int, int]]:
        """The highest (offset, index) seen, per source topic-partition."""
        return dict(self._source_positions)

    def outbox(self) -> list[OutboxEntry]:
        """The undelivered outputs, by sequence."""
        return [
            decode_entry(keys.outbox_sequence(key), value)
            for key, value in self._scan(keys.OUTBOX, start=keys.OUTBOX)
        ]

    def due(self, now_ms: int, limit: int) -> list[Timer]:
        """At most ``limit`` timers that are due, earliest first."""
        timers: list[Timer] = []
        next_due_ms = self.next_due_ms()
        if next_due_ms is None or next_due_ms > now_ms:
            return timers
        for key, _value in self._scan(keys.TIMERS, start=keys.timers_from(next_due_ms)):
            due_ms, customer, name = keys.timer_of(key)
            if due_ms > now_ms or len(timers) >= limit:
                break
            timers.append(Timer(due_ms, customer, name))
        return timers

    def next_due_ms(self) -> int | None:
        """When the earliest timer is due."""
        return self._next_due.due_ms()

    def commit(self, batch: ShardBatch) -> None:
        """Write the whole batch or nothing, as one WriteBatch."""
        if batch.empty:
            return
        changes = changes_of(batch, before=self.customer, next_sequence=self._next_sequence)
        writes = WriteBatch(raw_mode=True)
        for key, value in changes.puts:
            writes.put(key, value)
        for key in changes.deletes:
            writes.delete(key)
        with _translated(f"commit of shard {self._shard}"):
            self._database.write(writes)
        # Only what is written is remembered: a refused batch leaves no trace.
        self._next_sequence = changes.next_sequence
        self._positions.update(batch.positions)
        self._source_positions.update(batch.source_positions)
        self._remember(batch.customers)
        self._next_due.track(changes.timers_gone, changes.timers_new)
        self._unsynced = True

    def sync(self) -> None:
        """Force the write-ahead log to disk, when something was written since.

        May run on another thread than the one that commits: RocksDB allows it, and what is committed
        while it runs counts as unsynced again.
        """
        if not self._unsynced:
            return
        self._unsynced = False
        try:
            with _translated(f"sync of shard {self._shard}"):
                self._database.flush_wal(sync=True)
        except BaseException:
            self._unsynced = True
            raise

    def close(self) -> None:
        """Flush and give the directory up."""
        if not self._closed:
            self._closed = True
            self._cache.drop_shard(self._shard)
            with _translated(f"close of shard {self._shard}"):
                self._database.close()

    def _remember(self, customers: dict[str, Customer | None]) -> None:
        for customer, record in customers.items():
            if record is None:
                self._cache.drop(self._shard, customer)
            else:
                self._cache.put(self._shard, customer, record)

    def _first_due_ms(self, from_ms: int) -> int | None:
        first = next(self._scan(keys.TIMERS, start=keys.timers_from(from_ms)), None)
        return None if first is None else keys.timer_of(first[0])[0]

    def _check_identity(self, identity: Identity) -> None:
        content = self._get(_IDENTITY)
        if content is not None:
            check_identity(content, identity, what=self._path.name, shard=self._shard)
            return
        with _translated(f"creation of shard {self._shard}"):
            self._database.put(_IDENTITY, encode_identity(identity, shard=self._shard))

    def _get(self, key: bytes) -> bytes | None:
        # Not under `_translated`: a context manager costs half of what the read does.
        try:
            value: bytes | None = self._database.get(key)
        except Exception as error:
            raise _translate(error, f"read of shard {self._shard}") from error
        return value

    def _scan(self, prefix: bytes, *, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        with _translated(f"scan of shard {self._shard}"):
            cursor = self._database.iter()
            cursor.seek(start)
            while cursor.valid():
                key: bytes = cursor.key()
                if not key.startswith(prefix):
                    return
                yield key, cursor.value()
                cursor.next()
            # A cursor that met damage just ends: its status tells it from the end of the data.
            cursor.status()


def caught_up(database: Rdict, action: str) -> None:
    """Let what `RocksEngine.follow` opened see everything that was committed by now.

    Raises:
        StateError: ``state.corrupt`` or ``state.unwritable``.
    """
    with _translated(action):
        database.try_catch_up_with_primary()


@contextmanager
def _translated(action: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise _translate(error, action) from error


def _translate(error: Exception, action: str) -> Exception:
    """What RocksDB's status means; rocksdict knows one class, Exception itself, so its words must tell."""
    if type(error) is not Exception:
        return error
    words = str(error)
    if words.startswith("Corruption"):
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
