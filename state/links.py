"""Links from source ids to customers, what waits for one, and the record of who linked, merged and split.

One SQLite file a worker of `ingest`, in write-ahead mode (a checkpoint syncs the log first): an act, its audit line, the position behind it and
what it releases are one transaction. Ids come in as pseudonyms; no account number lies here.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from schemas.errors import StateError

_TABLES = """
CREATE TABLE IF NOT EXISTS links (
    holder TEXT NOT NULL, customer TEXT NOT NULL, role TEXT NOT NULL, person TEXT NOT NULL,
    PRIMARY KEY (holder, customer)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_customer ON links (customer);
CREATE TABLE IF NOT EXISTS aliases (customer TEXT PRIMARY KEY, survivor TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS households (customer TEXT PRIMARY KEY, household TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held (
    topic TEXT NOT NULL, part INTEGER NOT NULL, at INTEGER NOT NULL, idx INTEGER NOT NULL,
    holder TEXT NOT NULL, event BLOB NOT NULL,
    released INTEGER, turn INTEGER, customer TEXT, delivered INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, part, at, idx)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS held_by_holder ON held (holder) WHERE released IS NULL;
CREATE TABLE IF NOT EXISTS audit (position INTEGER PRIMARY KEY, act BLOB NOT NULL, outcome TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS forgotten (act TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
FORMAT_VERSION = 1
Place = tuple[str, int, int, int]
"""Topic, partition, offset, index within the message."""


@dataclass(slots=True, frozen=True)
class Link:
    """One customer of a holder. ``person`` is the issuer when the holder is an id of a human being, else empty."""

    holder: str
    customer: str
    role: str
    person: str = ""


@dataclass(slots=True, frozen=True)
class Released:
    """An event that waited: where it came from, what released it (offset, and its turn there), whose it is."""

    place: Place
    released: int
    turn: int
    customer: str
    event: bytes


@dataclass(slots=True, frozen=True)
class Change:
    """What one act does to the links; an act that is refused does nothing and leaves its outcome.

    ``alias`` is customer → who it is now, None to take a merge back. ``forget`` is a customer of whom nothing is
    to be left, in the record of acts either.
    """

    outcome: str = "applied"
    link: Sequence[Link] = ()
    unlink: Sequence[tuple[str, str]] = ()
    alias: Mapping[str, str | None] = field(default_factory=dict)
    households: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forget: str = ""


class LinkStore:
    """The file. Every method that changes something is one transaction."""

    def __init__(self, path: Path | None) -> None:
        """Open or make it; None lies in memory.

        Raises:
            StateError: ``state.unwritable``, ``state.corrupt`` or ``state.version-too-new``.
        """
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            # Forced to disk by `sync`, before positions behind what is held are reported.
            self._db.execute("PRAGMA synchronous=NORMAL")
            # What is deleted is overwritten, so that nobody who was erased is left in a free page.
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.executescript(_TABLES)
            version = self._fact("format") or FORMAT_VERSION
            self._db.execute("INSERT OR IGNORE INTO facts VALUES ('format', ?)", (FORMAT_VERSION,))
        except sqlite3.DatabaseError as error:
            code = "unwritable" if isinstance(error, sqlite3.OperationalError) else "corrupt"
            raise StateError(
                f"state.{code}",
                f"{path}: {error}",
                hint="see ingest.identity_directory; without it, links are read anew from the log",
            ) from error
        except OSError as error:
            raise StateError("state.unwritable", f"{path}: {error.strerror}") from error
        if version > FORMAT_VERSION:
            raise StateError("state.version-too-new", f"{path} has format {version}")

    def sync(self) -> None:
        """Make what was changed survive the death of the machine."""
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Give the file up."""
        self.sync()
        self._db.close()

    @property
    def position(self) -> int:
        """The offset of the topic of acts that comes next."""
        return self._fact("position") or 0

    def links_of(self, holder: str) -> tuple[Link, ...]:
        """The customers of a holder, in order of their ids."""
        rows = self._db.execute(
            "SELECT holder, customer, role, person FROM links WHERE holder = ? ORDER BY customer",
            (holder,),
        )
        return tuple(Link(*row) for row in rows)

    def links_with(self, customer: str) -> tuple[Link, ...]:
        """The holders of a customer."""
        rows = self._db.execute(
            "SELECT holder, customer, role, person FROM links WHERE customer = ? ORDER BY holder",
            (customer,),
        )
        return tuple(Link(*row) for row in rows)

    def aliases(self) -> dict[str, str]:
        """Merged customer → who it is now."""
        return dict(self._db.execute("SELECT customer, survivor FROM aliases"))

    def household_of(self, customer: str) -> str | None:
        """Where a customer lives."""
        row = self._db.execute(
            "SELECT household FROM households WHERE customer = ?", (customer,)
        ).fetchone()
        return None if row is None else str(row[0])

    def audit(self) -> list[tuple[int, bytes, str]]:
        """Every act with its position and outcome (``applied``, or the code and words of a refusal)."""
        return list(self._db.execute("SELECT position, act, outcome FROM audit ORDER BY position"))

    def forgot(self, act: str) -> bool:
        """Whether an act to forget somebody, by its event id, was applied."""
        found = self._db.execute("SELECT 1 FROM forgotten WHERE act = ?", (act,))
        return found.fetchone() is not None

    def hold(self, place: Place, holder: str, event: bytes) -> None:
        """Keep an event until its holder is linked; keeping it twice is keeping it once."""
        self._db.execute(
            "INSERT OR IGNORE INTO held (topic, part, at, idx, holder, event) VALUES (?, ?, ?, ?, ?, ?)",
            (*place, holder, event),
        )

    def holds(self, place: Place) -> bool:
        """Whether the event of this place was held, released since or not."""
        found = self._db.execute(
            "SELECT 1 FROM held WHERE topic = ? AND part = ? AND at = ? AND idx = ?", place
        )
        return found.fetchone() is not None

    def holds_any(self) -> bool:
        """Whether any event was ever held and not yet let go of."""
        return self._db.execute("SELECT 1 FROM held LIMIT 1").fetchone() is not None

    def waiting(self, holder: str | None = None) -> int:
        """How many events wait, of one holder or of all."""
        if holder is None:
            query, given = "SELECT count(*) FROM held WHERE released IS NULL", ()
        else:
            query = "SELECT count(*) FROM held WHERE released IS NULL AND holder = ?"
            given = (holder,)  # type: ignore[assignment]  # one tuple or the other
        return int(self._db.execute(query, given).fetchone()[0])

    def undelivered(self) -> list[Released]:
        """What was released and not acknowledged by the log, in order."""
        rows = self._db.execute(
            "SELECT topic, part, at, idx, released, turn, customer, event FROM held"
            " WHERE released IS NOT NULL AND delivered = 0 ORDER BY released, topic, part, turn"
        )
        return [Released(tuple(row[:4]), *row[4:]) for row in rows]

    def delivered(self, place: Place) -> None:
        """The log has it. The row stays until its source record can't be read again."""
        self._db.execute(
            "UPDATE held SET delivered = 1 WHERE topic = ? AND part = ? AND at = ? AND idx = ?",
            place,
        )

    def purge(self, topic: str, part: int, *, below: int) -> None:
        """Forget what was delivered and lies before an offset that nobody will read again."""
        self._db.execute(
            "DELETE FROM held WHERE delivered = 1 AND topic = ? AND part = ? AND at < ?",
            (topic, part, below),
        )

    def commit(self, change: Change, *, position: int, act: bytes) -> list[Released]:
        """Apply one act; returns what it releases. An act before `position` was applied already."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO audit VALUES (?, ?, ?)", (position, act, change.outcome)
            )
            self._db.execute("INSERT OR REPLACE INTO facts VALUES ('position', ?)", (position + 1,))
            for holder, customer in change.unlink:
                self._db.execute(
                    "DELETE FROM links WHERE holder = ? AND customer = ?", (holder, customer)
                )
            for link in change.link:
                self._db.execute(
                    "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?)",
                    (link.holder, link.customer, link.role, link.person),
                )
            for customer, survivor in change.alias.items():
                self._alias(customer, survivor)
            for household, customers in change.households.items():
                self._db.execute("DELETE FROM households WHERE household = ?", (household,))
                for customer in customers:
                    self._db.execute(
                        "INSERT OR REPLACE INTO households VALUES (?, ?)", (customer, household)
                    )
            if change.forget:
                self._forget(change.forget, act)
            turn = 0
            for link in change.link:
                turn = self._release(link, position, turn)
        if change.forget:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return [one for one in self.undelivered() if one.released == position]

    def _forget(self, customer: str, act: bytes) -> None:
        """Delete every row of a customer, and what acts said of them; that there was an act stays."""
        for query in (
            "DELETE FROM links WHERE customer = ?",
            "DELETE FROM aliases WHERE customer = ?",
            "DELETE FROM aliases WHERE survivor = ?",
            "DELETE FROM households WHERE customer = ?",
            "DELETE FROM held WHERE customer = ?",
        ):
            self._db.execute(query, (customer,))
        self._db.execute(
            "UPDATE audit SET act = ? WHERE instr(act, ?) > 0",
            (b'{"kind":"identity.forgotten"}', f'"{customer}"'.encode()),
        )
        self._db.execute(
            "INSERT OR IGNORE INTO forgotten VALUES (?)", (orjson.loads(act)["event_id"],)
        )

    def _alias(self, customer: str, survivor: str | None) -> None:
        if survivor is None:
            self._db.execute("DELETE FROM aliases WHERE customer = ?", (customer,))
            return
        # Who was merged into it before follows, so that an alias never leads to another.
        self._db.execute("UPDATE aliases SET survivor = ? WHERE survivor = ?", (survivor, customer))
        self._db.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?)", (customer, survivor))

    def _release(self, link: Link, position: int, turn: int) -> int:
        """Every waiting event of a holder gets its turn behind the act, by partition in source order."""
        rows = self._db.execute(
            "SELECT topic, part, at, idx FROM held WHERE holder = ? AND released IS NULL"
            " ORDER BY topic, part, at, idx",
            (link.holder,),
        ).fetchall()
        for place in rows:
            self._db.execute(
                "UPDATE held SET released = ?, turn = ?, customer = ?"
                " WHERE topic = ? AND part = ? AND at = ? AND idx = ?",
                (position, turn, link.customer, *place),
            )
            turn += 1
        return turn

    def _transaction(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def _fact(self, name: str) -> int | None:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])
