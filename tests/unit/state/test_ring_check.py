"""A byte that rots in a key ring is named, or changes nothing that is taken from it; and looking changes nothing."""

import shutil
import sqlite3
from pathlib import Path
from random import Random

import pytest

from schemas.errors import StateError
from state.keyring import KeyRing, topic_tag
from state.ring_check import ring_flaws
from state.ring_sums import COLUMNS, sum_of

MASTER, OTHER = bytes(range(32)), bytes(range(1, 33))
SHARD = 3
WHO = [f"customer-{n}" for n in range(40)]
Rows = dict[str, list[tuple[object, ...]]]


def made(folder: Path) -> Path:
    """A ring that has lived: keys made, made anew, parted with, destroyed, wrapped again."""
    path = folder / "keys-0003.sqlite"
    ring = KeyRing(path, shard=SHARD, masters=[MASTER])
    tags = [ring.tag(name) for name in WHO]
    ring.obtain([*tags, *map(topic_tag, tags)])
    ring.obtain([], anew=tags[:5])
    ring.note_parting({topic_tag(tags[7]): None})
    ring.part(topic_tag(tags[8]))
    ring.destroy(dict.fromkeys(tags[5:9]))
    ring.rewrap()
    ring.close()
    return path


def rows(path: Path) -> Rows:
    with sqlite3.connect(path) as database:
        return {
            table: database.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()  # noqa: S608
            for table, columns in COLUMNS.items()
        }


def flaws(path: Path, *, master: bytes = MASTER, shard: int = SHARD) -> list[str]:
    return ring_flaws(path, shard=shard, masters=[master])


def test_a_ring_that_lived_is_whole(tmp_path: Path) -> None:
    """Whatever was done to it, and no byte of it is touched by looking."""
    path = made(tmp_path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert flaws(path) == []
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_any_byte_that_rots_is_named_or_means_nothing(tmp_path: Path) -> None:
    """Flipped one at a time, drawn over the whole file; what is not named reads as it was."""
    path, draw = made(tmp_path), Random(7)
    content, written = path.read_bytes(), rows(path)
    named = 0
    for at in draw.sample(range(len(content)), 250):
        damaged = bytearray(content)
        damaged[at] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        if flaws(path):
            named += 1
        else:
            assert rows(path) == written, at
    assert named > 50


@pytest.mark.parametrize("table", COLUMNS)
def test_a_row_that_changed_behind_our_back_is_named(tmp_path: Path, table: str) -> None:
    """Each table has a sum of its own: an id, a tag, a turn, a fact."""
    path, column = made(tmp_path), COLUMNS[table][-1]
    with sqlite3.connect(path) as database:
        database.create_function("summed", -1, lambda before, *_: before)
        (value,) = database.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()  # noqa: S608
        other = value + 1 if isinstance(value, int) else bytes([value[0] ^ 1, *value[1:]])
        change = f"UPDATE {table} SET {column} = ? WHERE {column} = ?"  # noqa: S608
        database.execute(change, (other, value))
    assert f"holds other {table} than were written" in flaws(path)


def test_a_ring_that_is_cut_or_gone_is_named(tmp_path: Path) -> None:
    """And none is made in its place."""
    path = made(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert flaws(path)
    path.write_bytes(b"")
    assert flaws(path)
    path.unlink()
    assert flaws(path) == ["is missing: what it sealed can't be read"]
    assert not path.exists()


def test_another_master_key_or_shard_is_no_damage(tmp_path: Path) -> None:
    """It is said what to set, or where the file belongs."""
    path = made(tmp_path)
    with pytest.raises(StateError, match="another master key"):
        flaws(path, master=OTHER)
    with pytest.raises(StateError, match="of another shard than 4"):
        flaws(path, shard=4)


def test_a_ring_of_the_first_format_gets_its_sums(tmp_path: Path) -> None:
    """By whoever opens it next; until then its keys are checked, and its rows can't be."""
    path = made(tmp_path)
    with sqlite3.connect(path) as database:
        database.create_function("summed", -1, lambda before, *_: before)
        for table in COLUMNS:
            for act in ("insert", "update", "delete"):
                database.execute(f"DROP TRIGGER sum_{table}_{act}")
        database.execute("DROP TABLE sums")
        database.execute("UPDATE facts SET value = x'00000001' WHERE name = 'format'")
    first = tmp_path / "first.sqlite"
    shutil.copyfile(path, first)
    assert flaws(first) == []
    KeyRing(path, shard=SHARD, masters=[MASTER]).close()
    with sqlite3.connect(path) as database:
        kept = dict(database.execute("SELECT name, sum FROM sums").fetchall())
        assert kept == {table: sum_of(database, table) for table in COLUMNS}
    assert flaws(path) == []
    ring = KeyRing(path, shard=SHARD, masters=[MASTER])
    ring.obtain([ring.tag("somebody new")])
    ring.close()
    assert flaws(path) == []
