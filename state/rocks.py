"""A shard's store in RocksDB. Only this module, its engine (`state.rocks_engine`) and its check (`state.rocks_check`) know rocksdict.

One RocksDB directory per shard, so that a shard is what is backed up, moved and locked.

Each commit is one WriteBatch through the write-ahead log: it survives ``kill -9`` at once, and the death of
the OS after `RocksStore.sync`; a torn tail of the log is cut at the last whole commit (point-in-time recovery),
but never behind the last sync (`state.synced`).
"""

from collections.abc import Iterator
from pathlib import Path

from rocksdict import CompactOptions, WriteBatch

from schemas.customer import Customer
from state import codec, keys, outbox
from state.changes import SEQUENCE_KEY, changes_of
from state.identity import (
    AHEAD_VERSION,
    FORMAT_VERSION,
    Identity,
    check_identity,
    check_seal,
    check_versions,
    encode_identity,
)
from state.outbox import OutboxEntry
from state.places import Places
from state.rocks_engine import RocksEngine, checkpoint, scan
from state.rocks_errors import translate, translated
from state.rows import PlainRows, Rows
from state.store import CustomerCache, ShardBatch, TopicPartition
from state.synced import SyncedNote
from state.timers import NextDue, Timer

IDENTITY = keys.meta_key("identity")
SEAL = keys.meta_key("seal")
VERSIONS = keys.meta_key("versions")
"""A byte each for the newest versions that records and outputs were ever written in."""
_OURS = bytes([codec.VERSION, outbox.VERSION])
_SCRUBBED = keys.meta_key("scrubbed")


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
        rows: Rows | None = None,
    ) -> None:
        """Open the shard, or make it.

        Args:
            path: Its directory.
            shard: Its number.
            engine: What it shares with other shards.
            cache: Of decoded customers.
            identity: What its state is made under.
            rows: How it is written, by default plainly; closed with the store, or when it does not open.

        Raises:
            StateError: ``state.other-owner``, ``state.other-configuration``, ``state.corrupt``,
                ``state.version-too-new`` or ``state.unwritable``. Disposition: halt.
        """
        self._shard = shard
        self._cache = cache
        self._path = path
        self._closed = False
        self._unsynced = False
        self._identity = identity
        self._marked = False
        self._synced = SyncedNote(path)
        self._rows = rows or PlainRows()
        try:
            self._database = engine.open(path, sealed=bool(self._rows.mark))
        except BaseException:
            self._rows.close()
            raise
        try:
            self._check_identity(identity)
            self._places = Places.read(lambda prefix: self._scan(prefix, start=prefix))
            self._marked = self._get(IDENTITY) == self._told(AHEAD_VERSION)
            sequence = self._get(SEQUENCE_KEY)
            erased = [keys.erased_of(key) for key, _ in self._scan(keys.ERASED, start=keys.ERASED)]
            self._destroy(erased)
        except BaseException:
            self.close()
            raise
        self._next_sequence = 0 if sequence is None else keys.unpack_offset(sequence)
        self._graves = [(key, self._next_sequence) for key in erased]
        self._next_due = NextDue(self._first_due_ms)

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
            data = self._get(self._rows.customer_key(customer))
            if data is not None:
                record = self._rows.record_of(customer, data)
                if record is not None:
                    self._cache.put(self._shard, customer, record, size=len(data))
        return record

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to read, per topic-partition."""
        return dict(self._places.positions)

    def source_positions(self) -> dict[TopicPartition, tuple[int, int]]:
        """The highest (offset, index) seen, per source topic-partition."""
        return dict(self._places.sources)

    def ahead(self) -> dict[TopicPartition, frozenset[int]]:
        """Offsets from the next one on whose effect is in the store."""
        return dict(self._places.ahead)

    def outbox(self) -> list[OutboxEntry]:
        """The undelivered outputs, by sequence."""
        entries, dark = [], []
        for key, value in self._scan(keys.OUTBOX, start=keys.OUTBOX):
            entry = self._rows.entry_of(key, value)
            if entry is None:
                dark.append(key)
            else:
                entries.append(entry)
        self._let_go(dark)
        return entries

    def due(self, now_ms: int, limit: int) -> list[Timer]:
        """At most ``limit`` timers that are due, earliest first."""
        timers: list[Timer] = []
        next_due_ms = self.next_due_ms()
        if next_due_ms is None or next_due_ms > now_ms:
            return timers
        dark: list[bytes] = []
        for key, value in self._scan(keys.TIMERS, start=keys.timers_from(next_due_ms)):
            if keys.timer_due(key) > now_ms or len(timers) >= limit:
                break
            timer = self._rows.timer_of(key, value)
            if timer is None:
                dark.append(key)
            else:
                timers.append(timer)
        if dark:
            self._let_go(dark)
            self._next_due = NextDue(self._first_due_ms)
        return timers

    def next_due_ms(self) -> int | None:
        """When the earliest timer is due."""
        return self._next_due.due_ms()

    def commit(self, batch: ShardBatch) -> None:
        """Write the whole batch or nothing, as one WriteBatch."""
        if batch.empty:
            return
        changes = changes_of(
            batch, rows=self._rows, before=self.customer, next_sequence=self._next_sequence
        )
        writes = WriteBatch(raw_mode=True)
        for key, value in changes.puts:
            writes.put(key, value)
        for key in changes.deletes:
            writes.delete(key)
        marked = self._marked or any(batch.ahead.values())
        if marked and not self._marked:
            writes.put(IDENTITY, self._told(AHEAD_VERSION))
        with translated(f"commit of shard {self._shard}"):
            self._database.write(writes)
        self._marked = marked
        # Only what is written is remembered: a refused batch leaves no trace.
        self._next_sequence = changes.next_sequence
        self._places.note(batch)
        self._remember(batch.customers, changes.sizes)
        self._next_due.track(changes.timers_gone, changes.timers_new)
        self._unsynced = True
        if changes.erased:
            # What is said of an erasure lies in the outbox until it is delivered.
            self._graves += ((key, changes.next_sequence) for key in changes.erased)
            self._destroy(changes.erased)

    def sync(self) -> None:
        """Force the write-ahead log to disk, when something was written since.

        May run on another thread than the one that commits: RocksDB allows it, and what is committed
        while it runs counts as unsynced again.
        """
        if not self._unsynced:
            return
        self._unsynced = False
        try:
            with translated(f"sync of shard {self._shard}"):
                sequence = self._database.latest_sequence_number()
                self._database.flush_wal(sync=True)
            self._synced.write(sequence)
        except BaseException:
            self._unsynced = True
            raise

    @property
    def changes(self) -> int:
        """How many changes were ever written: the same number, the same content."""
        with translated(f"read of shard {self._shard}"):
            return int(self._database.latest_sequence_number())

    def checkpoint(self, into: Path) -> None:
        """Make a folder with what is committed now, for backups. May run on another thread than commits."""
        checkpoint(self._database, into)

    @property
    def erasing(self) -> bool:
        """Whether bytes of who was erased are still on the disk."""
        return bool(self._graves)

    def scrub(self) -> None:
        """Rewrite the files that hold what was deleted, and turn over the write-ahead log and the manifest."""
        said = next(self._scan(keys.OUTBOX, start=keys.OUTBOX), None)
        held = None if said is None else keys.outbox_sequence(said[0])
        graves = [key for key, until in list(self._graves) if held is None or held >= until]
        if not graves:
            return
        noted = WriteBatch(raw_mode=True)
        for key in graves:
            noted.delete(keys.erased_key(key))
        ranges = [(key, key + b"\0") for key in graves]
        ranges += [(kind, kind + b"\xff") for kind in (keys.OUTBOX, keys.TIMERS, keys.ERASED)]
        with translated(f"scrub of shard {self._shard}"):
            self._database.flush()
            for first, end in ranges:
                self._database.compact_range(first, end, CompactOptions())
            self._database.write(noted)
            self._database.flush()
            self._database.compact_range(keys.ERASED, keys.ERASED + b"\xff", CompactOptions())
            # A manifest begins with what stood before the change that opened it: one more change, one more manifest.
            self._database.put(_SCRUBBED, b"")
            self._database.flush()
        # Those that came meanwhile, or whose last words are still to be delivered, stay.
        del self._graves[: len(graves)]

    def close(self) -> None:
        """Sync, flush and give the directory up: the note then says that all of it was safe.

        Where no record was taken ahead an older release may open it again.
        """
        if not self._closed:
            self._closed = True
            self._cache.drop_shard(self._shard)
            self._rows.close()
            try:
                self._unmark()
                self.sync()
            finally:
                self._synced.close()
                with translated(f"close of shard {self._shard}"):
                    self._database.close()

    def _told(self, version: int) -> bytes:
        return encode_identity(self._identity, shard=self._shard, version=version)

    def _unmark(self) -> None:
        if self._marked and not self._places.ahead:
            with translated(f"close of shard {self._shard}"):
                self._database.put(IDENTITY, self._told(FORMAT_VERSION))
            self._marked, self._unsynced = False, True

    def _destroy(self, erased: list[bytes]) -> None:
        """Destroy keys once the erasure can't be lost: the record that it goes by is gone after it."""
        if erased and self._rows.mark:
            self._unsynced = True
            self.sync()
            self._rows.destroy({key: self._get(key) for key in erased})

    def _let_go(self, dark: list[bytes]) -> None:
        """Drop rows of a restored copy whose customers were erased since it was made."""
        if dark:
            writes = WriteBatch(raw_mode=True)
            for key in dark:
                writes.delete(key)
            with translated(f"clearing of shard {self._shard}"):
                self._database.write(writes)

    def _remember(self, customers: dict[str, Customer | None], sizes: dict[str, int]) -> None:
        for customer, record in customers.items():
            if record is None:
                self._cache.drop(self._shard, customer)
            else:
                self._cache.put(self._shard, customer, record, size=sizes[customer])

    def _first_due_ms(self, from_ms: int) -> int | None:
        first = next(self._scan(keys.TIMERS, start=keys.timers_from(from_ms)), None)
        return None if first is None else keys.timer_due(first[0])

    def _check_identity(self, identity: Identity) -> None:
        content = self._get(IDENTITY)
        if content is not None:
            check_identity(content, identity, what=self._path.name, shard=self._shard)
            check_seal(self._get(SEAL) or b"", self._rows.mark, what=self._path.name)
        found = self._get(VERSIONS) or bytes(len(_OURS))
        check_versions(found, _OURS, what=self._path.name)
        if content is not None and found == _OURS:
            return
        first = WriteBatch(raw_mode=True)
        first.put(VERSIONS, _OURS)
        first.put(SEAL, self._rows.mark)
        if content is None:
            first.put(IDENTITY, self._told(FORMAT_VERSION))
        with translated(f"creation of shard {self._shard}"):
            self._database.write(first)

    def _get(self, key: bytes) -> bytes | None:
        # Not under `_translated`: a context manager costs half of what the read does.
        try:
            value: bytes | None = self._database.get(key)
        except Exception as error:
            raise translate(error, f"read of shard {self._shard}") from error
        return value

    def _scan(self, prefix: bytes, *, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        return scan(self._database, prefix, what=f"scan of shard {self._shard}", start=start)
