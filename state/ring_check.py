"""Everything that is wrong in a key ring, by itself: its pages, its facts, its rows, its wrapped keys.

A copy is looked at, so that looking changes nothing, not even what a crash left to be rolled back.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from schemas.errors import StateError
from state.keyring import FORMAT_VERSION, ID_BYTES, TAG_BYTES
from state.ring_sums import wrong

FACTS = ("format", "shard", "ring", "pepper", "own")
WRAPPED = ("pepper", "own")
LOOKS = 3
"""How often a ring is looked at before it is called damaged: another process may write to it during the copy."""


def ring_flaws(path: Path, *, shard: int, masters: Sequence[bytes]) -> list[str]:
    """What is wrong with a key ring, in words; nothing when it is whole.

    Args:
        path: The file.
        shard: Whose it has to be.
        masters: Master keys, any of which may have wrapped a key.

    Raises:
        StateError: ``state.other-configuration`` when it is whole and none of the master keys opens it, or it is another
            shard's; ``state.version-too-new``; ``state.unwritable`` when it can't be looked at.
    """
    if not path.is_file():
        return ["is missing: what it sealed can't be read"]
    found: list[str] = []
    for _ in range(LOOKS):
        found = _looked(path, shard=shard, masters=masters)
        if not found:
            break
    return found


def _looked(path: Path, *, shard: int, masters: Sequence[bytes]) -> list[str]:
    with TemporaryDirectory(prefix="market-of-one-ring-") as folder:
        copy = Path(folder) / path.name
        try:
            shutil.copyfile(path, copy)
            journal = path.with_name(path.name + "-journal")
            if journal.is_file():
                shutil.copyfile(journal, copy.with_name(journal.name))
            with closing(sqlite3.connect(copy)) as database:
                return list(_flaws(database, path.name, shard=shard, masters=masters))
        except (
            sqlite3.DatabaseError,
            TypeError,
            ValueError,
        ) as error:  # the latter: of another type or no text
            return [f"can't be read: {error}"]
        except OSError as error:
            raise StateError(
                "state.unwritable",
                f"{error.strerror}: {error.filename}",
                hint="let who checks read state.key_directory, and write where temporary files lie",
            ) from error


def _flaws(
    database: sqlite3.Connection, name: str, *, shard: int, masters: Sequence[bytes]
) -> Iterator[str]:
    damaged = False
    for (words,) in database.execute("PRAGMA integrity_check").fetchall():
        if words != "ok":
            damaged = True
            yield f"is damaged: {words}"
    facts: dict[str, bytes] = dict(database.execute("SELECT name, value FROM facts"))
    for missing in [fact for fact in FACTS if fact not in facts]:
        damaged = True
        yield f"has no fact {missing}"
    for table in wrong(database):
        damaged = True
        yield f"holds other {table} than were written"
    if not damaged:
        _refuse_another(facts, name, shard=shard)
    unopened = [fact for fact in WRAPPED if fact in facts and not _opens(facts[fact], masters)]
    rows = database.execute("SELECT tag, id, wrapped FROM keys").fetchall()
    keys = [row for row in rows if not _opens(row[2], masters)]
    if unopened and not damaged:
        raise StateError(
            "state.other-configuration",
            f"{name} was wrapped by another master key",
            hint="set MARKET_OF_ONE_MASTER_KEY (or state.master_key_file) to the one that it was made under",
        )
    yield from (f"has a fact {fact} that no master key opens" for fact in unopened)
    if keys:
        yield f"holds {len(keys)} of {len(rows)} keys that no master key opens"
    if any(len(tag) != TAG_BYTES or len(key_id) != ID_BYTES for tag, key_id, _ in rows):
        yield "holds keys of another shape"
    back = database.execute("SELECT count(*) FROM keys JOIN destroyed USING (id)").fetchone()[0]
    if back:
        yield f"holds {back} keys that were destroyed"


def _refuse_another(facts: dict[str, bytes], name: str, *, shard: int) -> None:
    version = int.from_bytes(facts["format"], "big")
    if version > FORMAT_VERSION:
        raise StateError(
            "state.version-too-new",
            f"{name} has format {version}",
            hint="check it with the release that wrote it, or a newer one",
        )
    if int.from_bytes(facts["shard"], "big") != shard:
        raise StateError(
            "state.other-configuration",
            f"{name} is the key ring of another shard than {shard}",
            hint="give every shard its own file back",
        )


def _opens(wrapped: bytes, masters: Sequence[bytes]) -> bool:
    for master in masters:
        try:
            aes_key_unwrap(master, wrapped)
        except (InvalidUnwrap, ValueError):
            continue
        return True
    return False
