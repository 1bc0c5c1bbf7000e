"""The keys of a shard's customers, each wrapped by the master key: one small SQLite file a shard.

It lies apart from the state, on storage that every worker reaches which may own the shard, and no backup of the
state holds it: a copy of the state is dark without it, and destroying a key darkens every copy ever made.
The file names no customer: a key is found by a keyed hash. What is on topics has keys of its own, under another
hash (`topic_tag`): a topic is written before the state knows of an erasure, and read after it. Wrapping is AES key wrap (RFC 3394), by `cryptography`.

No write-ahead mode, which works on one machine only; a key is forced to disk before anything is sealed with it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from secrets import token_bytes

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from schemas.errors import StateError
from state.key_cache import DataKey, KeyCache
from state.ring_sums import watch

KEY_BYTES = 32
ID_BYTES = 8
TAG_BYTES = 16
FORMAT_VERSION = 2
BUSY_S = 30.0
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (
    tag BLOB NOT NULL, turn INTEGER NOT NULL, id BLOB NOT NULL, wrapped BLOB NOT NULL,
    PRIMARY KEY (tag, turn)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS destroyed (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parted (tag BLOB PRIMARY KEY, turn INTEGER NOT NULL) WITHOUT ROWID;
"""
_RING_HINT = (
    "put the key ring back from its own backup; without it, empty the state directory: "
    "the log is then read from its beginning"
)


def topic_tag(tag: bytes) -> bytes:
    """What stands for a customer on topics, by the tag that stands for them in the state."""
    return blake2b(tag, person=b"topics", digest_size=TAG_BYTES).digest()


class KeyRing:
    """The file of one shard. Of two processes that make a customer's first key, the first one's holds."""

    def __init__(
        self, path: Path, *, shard: int, masters: Sequence[bytes], cache: KeyCache | None = None
    ) -> None:
        """Open or make it.

        Args:
            path: The file.
            shard: Whose it is.
            masters: Master keys of 32 bytes: the first wraps, any of them unwraps.
            cache: Of keys in clear.

        Raises:
            StateError: ``state.unwritable``, ``state.corrupt``, ``state.version-too-new``, or
                ``state.other-configuration`` when no master key of these wrapped it, or it is another shard's.
        """
        self._path, self._shard, self._masters = path, shard, tuple(masters)
        self._cache = cache or KeyCache(capacity=1024)
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Used by one thread at a time, though not always by the one that opened it.
            self._db = sqlite3.connect(
                path, isolation_level=None, timeout=BUSY_S, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=DELETE")
            self._db.execute("PRAGMA synchronous=FULL")
            # What is deleted is overwritten, so that no page keeps a key that was destroyed.
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.executescript(_TABLES)
            self._begin()
            watch(self._db, version=FORMAT_VERSION)
            self._version, self._seen = 0, self._turned()
        self._pepper = self._unwrapped(self._fact("pepper"))
        self.own = DataKey(self._fact("ring"), self._unwrapped(self._fact("own")))
        """The shard's own key, for what belongs to no customer."""

    @property
    def ring(self) -> bytes:
        """What names the ring; random."""
        return self.own.id

    def tag(self, customer: str) -> bytes:
        """The keyed hash of a customer, which stands for the id wherever it would be written in clear."""
        return blake2b(customer.encode(), key=self._pepper, digest_size=TAG_BYTES).digest()

    def find(self, tag: bytes) -> DataKey | None:
        """The customer's key, the newest if there are more; None without one."""
        key = self._cache.get(self._shard, tag)
        if key is None:
            with self._translated():
                row = self._db.execute(
                    "SELECT id, wrapped FROM keys WHERE tag = ? ORDER BY turn DESC LIMIT 1", (tag,)
                ).fetchone()
            if row is not None:
                key = DataKey(row[0], self._unwrapped(row[1]))
                self._cache.put(self._shard, tag, key)
        return key

    def named(self, tag: bytes, key_id: bytes) -> DataKey | None:
        """The customer's key of this id; None when it was destroyed.

        Raises:
            StateError: ``state.corrupt``: it is lost. Disposition: halt.
        """
        key = self.find(tag)
        if key is not None and key.id == key_id:
            return key
        with self._translated():
            row = self._db.execute(
                "SELECT wrapped FROM keys WHERE tag = ? AND id = ?", (tag, key_id)
            ).fetchone()
            gone = self._db.execute("SELECT 1 FROM destroyed WHERE id = ?", (key_id,)).fetchone()
        if row is None and gone is None:
            raise StateError(
                "state.corrupt",
                f"{self._path.name} does not hold the key of a sealed row",
                hint=_RING_HINT,
            )
        return None if row is None else DataKey(key_id, self._unwrapped(row[0]))

    def obtain(self, tags: Iterable[bytes], *, anew: Iterable[bytes] = ()) -> None:
        """See to it that customers have keys, on the disk; new ones are made together.

        Args:
            tags: Who needs a key.
            anew: Who needs another than before: what they had is about to be destroyed.
        """
        renewed = list(anew)
        missing = [tag for tag in tags if self.find(tag) is None]
        if not missing and not renewed:
            return
        with self._translated(), self._transaction():
            for tag in missing:
                self._make(tag, only_first=True)
            for tag in renewed:
                self._make(tag, only_first=False)
        for tag in renewed:
            self._cache.drop(self._shard, tag)

    def part(self, tag: bytes) -> int:
        """Another key from now on for what is written on topics; what was written before is about to go dark.

        Returns:
            The turn up to which keys are to be destroyed, for `note_parting` once the erasure is decided.
        """
        with self._translated(), self._transaction():
            turn = self._last_turn(tag)
            self._make(tag, only_first=False)
            self._turn_over()
        self._cache.drop(self._shard, tag)
        return turn

    def note_parting(self, turns: Mapping[bytes, int | None]) -> None:
        """Note, before an erasure is written, which keys of topics end with it.

        Args:
            turns: Tag → the turn up to which they end, as `part` said; None for all that there are.
        """
        with self._translated(), self._transaction():
            for tag, turn in turns.items():
                ends = self._last_turn(tag) if turn is None else turn
                self._db.execute("INSERT OR REPLACE INTO parted VALUES (?, ?)", (tag, ends))

    def destroy(self, kept: Mapping[bytes, bytes | None]) -> None:
        """Destroy customers' keys for good, and those of topics that were to end with them.

        Their ids are remembered, to tell a destroyed key from a lost one.

        Args:
            kept: Tag → the id of the one key that stays, None to destroy all.
        """
        with self._translated(), self._transaction():
            for tag, key_id in kept.items():
                self._destroy("tag = ? AND id <> ?", (tag, key_id or b""))
                on_topics = topic_tag(tag)
                until = "tag = ? AND turn <= (SELECT turn FROM parted WHERE tag = ?)"
                self._destroy(until, (on_topics, on_topics))
            self._turn_over()
        for tag in kept:
            self._cache.drop(self._shard, tag)
            self._cache.drop(self._shard, topic_tag(tag))

    def refresh(self) -> None:
        """Forget the keys in clear when another process has made or destroyed some that they depend on."""
        with self._translated():
            (version,) = self._db.execute("PRAGMA data_version").fetchone()
            if version == self._version:
                return
            self._version = version
            turned = self._turned()
        if turned != self._seen:
            self._seen = turned
            self._cache.drop_shard(self._shard)

    def rewrap(self) -> int:
        """Wrap every key by the first master key; returns how many were wrapped by another.

        Once it returns, the other master keys open nothing any more.
        """
        changed = 0
        with self._translated(), self._transaction():
            for name in ("pepper", "own"):
                self._db.execute(
                    "UPDATE facts SET value = ? WHERE name = ?",
                    (self._rewrapped(self._fact(name)), name),
                )
            rows = self._db.execute("SELECT wrapped, tag, turn FROM keys").fetchall()
            for wrapped, *place in rows:
                again = self._rewrapped(wrapped)
                if again != wrapped:
                    changed += 1
                    self._db.execute(
                        "UPDATE keys SET wrapped = ? WHERE tag = ? AND turn = ?", (again, *place)
                    )
        return changed

    def counts(self) -> tuple[int, int]:
        """How many keys there are, and how many were destroyed."""
        with self._translated():
            held = self._db.execute("SELECT count(*) FROM keys").fetchone()[0]
            gone = self._db.execute("SELECT count(*) FROM destroyed").fetchone()[0]
        return int(held), int(gone)

    def close(self) -> None:
        """Give the file up, and forget its keys."""
        self._cache.drop_shard(self._shard)
        self._db.close()

    def _begin(self) -> None:
        """What a new ring holds; of two processes that make one the first holds."""
        new = {
            "format": FORMAT_VERSION.to_bytes(4, "big"),
            "shard": self._shard.to_bytes(4, "big"),
            "ring": token_bytes(ID_BYTES),
            "pepper": aes_key_wrap(self._masters[0], token_bytes(KEY_BYTES)),
            "own": aes_key_wrap(self._masters[0], token_bytes(KEY_BYTES)),
        }
        with self._transaction():
            if self._db.execute("SELECT 1 FROM facts").fetchone() is None:
                self._db.executemany("INSERT INTO facts VALUES (?, ?)", list(new.items()))
        version = int.from_bytes(self._fact("format"), "big")
        if version > FORMAT_VERSION:
            raise StateError(
                "state.version-too-new",
                f"{self._path.name} has format {version}",
                hint="start the release that wrote it, or a newer one",
            )
        shard = int.from_bytes(self._fact("shard"), "big")
        if shard != self._shard:
            raise StateError(
                "state.other-configuration",
                f"{self._path.name} is the key ring of shard {shard}, not {self._shard}",
                hint="give every shard its own file back",
            )

    def _destroy(self, which: str, values: tuple[bytes, bytes]) -> None:
        self._db.execute(
            f"INSERT OR IGNORE INTO destroyed SELECT id FROM keys WHERE {which}",  # noqa: S608 - ours
            values,
        )
        self._db.execute(f"DELETE FROM keys WHERE {which}", values)  # noqa: S608 - ours

    def _turned(self) -> bytes:
        row = self._db.execute("SELECT value FROM facts WHERE name = 'turned'").fetchone()
        return b"" if row is None else bytes(row[0])

    def _turn_over(self) -> None:
        """Tell who holds keys in clear that some are not the newest, or not there, any more."""
        again = int.from_bytes(self._turned(), "big") + 1
        self._db.execute(
            "INSERT OR REPLACE INTO facts VALUES ('turned', ?)", (again.to_bytes(8, "big"),)
        )

    def _last_turn(self, tag: bytes) -> int:
        """The newest turn that there is or was: none is given twice, since what ended with it may be destroyed again."""
        (turn,) = self._db.execute(
            "SELECT max(coalesce((SELECT max(turn) FROM keys WHERE tag = ?), 0), "
            "coalesce((SELECT turn FROM parted WHERE tag = ?), 0))",
            (tag, tag),
        ).fetchone()
        return int(turn)

    def _make(self, tag: bytes, *, only_first: bool) -> None:
        held = self._db.execute("SELECT 1 FROM keys WHERE tag = ?", (tag,)).fetchone()
        # Another process may have made the first in the meantime.
        if not (held and only_first):
            wrapped = aes_key_wrap(self._masters[0], token_bytes(KEY_BYTES))
            self._db.execute(
                "INSERT INTO keys VALUES (?, ?, ?, ?)",
                (tag, self._last_turn(tag) + 1, token_bytes(ID_BYTES), wrapped),
            )

    def _fact(self, name: str) -> bytes:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise StateError(
                "state.corrupt", f"{self._path.name} has no fact {name}", hint=_RING_HINT
            )
        return bytes(row[0])

    def _unwrapped(self, wrapped: bytes) -> bytes:
        for master in self._masters:
            try:
                return aes_key_unwrap(master, wrapped)
            except InvalidUnwrap:
                continue
        raise StateError(
            "state.other-configuration",
            f"{self._path.name} was wrapped by another master key",
            hint="set MARKET_OF_ONE_MASTER_KEY (or state.master_key_file) to the one that it was made under; "
            "the new one and the old one, separated by a comma, work together",
        )

    def _rewrapped(self, wrapped: bytes) -> bytes:
        # Key wrap has no randomness: the same key gives the same bytes.
        return aes_key_wrap(self._masters[0], self._unwrapped(wrapped))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = "unwritable" if isinstance(error, sqlite3.OperationalError) else "corrupt"
            raise StateError(f"state.{code}", f"{self._path}: {error}", hint=_RING_HINT) from error
        except OSError as error:
            raise StateError(
                "state.unwritable",
                f"{error.strerror}: {error.filename}",
                hint="state.key_directory must be a directory that the worker may write",
            ) from error
