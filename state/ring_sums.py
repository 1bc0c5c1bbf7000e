"""Sums over the tables of a key ring, kept by the database itself, so that a byte that rots in one is found.

SQLite has no checksums. A sum is the exclusive-or of a hash of each row, so a row is added and taken out without
looking at the others: triggers do that with whatever changes a table, in the same transaction. It is against rot, not
against who may write the file: against those stand the wrapped keys.
"""

import sqlite3
from collections.abc import Mapping
from hashlib import blake2b

SUM_BYTES = 8
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "facts": ("name", "value"),
    "keys": ("tag", "turn", "id", "wrapped"),
    "destroyed": ("id",),
    "parted": ("tag", "turn"),
}
"""Table → what is summed of a row."""
Field = bytes | int | str | None


def watch(database: sqlite3.Connection, *, version: int) -> None:
    """Have the sums kept from now on; a ring that has none gets them, and the version that says so.

    Args:
        database: A ring whose tables are there, outside of a transaction.
        version: Of the ring's format.
    """
    database.create_function("summed", -1, summed, deterministic=True)
    # What takes another row's place takes it out of the sum.
    database.execute("PRAGMA recursive_triggers=ON")
    if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'sums'").fetchone():
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'sums'").fetchone():
            _begin(database, version=version)
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def wrong(database: sqlite3.Connection) -> list[str]:
    """The tables whose rows are not those that were written; of a ring without sums none can be told.

    Raises:
        sqlite3.DatabaseError: It can't be read.
    """
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'sums'").fetchone():
        return []
    kept: dict[str, bytes] = dict(database.execute("SELECT name, sum FROM sums"))
    return [table for table in COLUMNS if kept.get(table) != sum_of(database, table)]


def sum_of(database: sqlite3.Connection, table: str) -> bytes:
    """The sum over the rows that are there."""
    made = bytes(SUM_BYTES)
    for row in database.execute(f"SELECT {', '.join(COLUMNS[table])} FROM {table}"):  # noqa: S608 - ours
        made = summed(made, *row)
    return made


def summed(before: bytes, *row: Field) -> bytes:
    """A sum with one row more, or with one less that was in it.

    Example:
        >>> summed(summed(bytes(8), b"a", 1), b"a", 1) == bytes(8) != summed(bytes(8), b"a", 1)
        True
    """
    digest = blake2b(repr(row).encode(), digest_size=SUM_BYTES).digest()
    return bytes(a ^ b for a, b in zip(before, digest, strict=True))


def _begin(database: sqlite3.Connection, *, version: int) -> None:
    database.execute("CREATE TABLE sums (name TEXT PRIMARY KEY, sum BLOB NOT NULL) WITHOUT ROWID")
    database.execute(
        "UPDATE facts SET value = ? WHERE name = 'format'", (version.to_bytes(4, "big"),)
    )
    for table, columns in COLUMNS.items():
        old, new = (", ".join(f"{row}.{c}" for c in columns) for row in ("OLD", "NEW"))
        changes = {
            "INSERT": f"summed(sum, {new})",
            "DELETE": f"summed(sum, {old})",
            "UPDATE": f"summed(summed(sum, {old}), {new})",
        }
        database.execute("INSERT INTO sums VALUES (?, ?)", (table, sum_of(database, table)))
        for act, made in changes.items():
            database.execute(
                f"CREATE TRIGGER sum_{table}_{act.lower()} AFTER {act} ON {table} "  # noqa: S608 - ours
                f"BEGIN UPDATE sums SET sum = {made} WHERE name = '{table}'; END"
            )
