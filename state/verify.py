"""Everything that is wrong in a state directory, each finding with the file or row that it lies in.

What a shard's worker takes anything from is looked at: each byte of the tables, the write-ahead log and the
manifest by RocksDB's checksums, CURRENT, IDENTITY and the note of what is safe against what they stand for, and each
row by its own checksum (or its seal) and against the others. RocksDB's own log (LOG), its OPTIONS, the locks and the
notes on owners are for people: nothing is taken from them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import StateError
from state.contents import Contents, readable
from state.directory import MANIFEST, shard_path
from state.identity import Identity, check_identity, check_seal, decode_identity, encode_identity
from state.rocks import IDENTITY, SEAL
from state.rocks_check import (
    LOGS,
    MANIFESTS,
    TABLES,
    facts_flaws,
    framing_flaws,
    opened,
    table_flaw,
)
from state.rocks_engine import Database, Still, scan
from state.rows import PlainRows, Rows
from state.sealed import Vault
from state.synced import NAME, check_synced, safe_up_to

SHARDS = "shard-[0-9][0-9][0-9][0-9]"


@dataclass(slots=True, frozen=True, order=True)
class Flaw:
    """Something wrong: where, and what it is in words."""

    place: str
    words: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.place}: {self.words}"


def shards_of(directory: Path) -> list[int]:
    """The shards that lie in a state directory."""
    found = (path for path in directory.glob(SHARDS) if path.is_dir())
    return sorted(int(path.name.removeprefix("shard-")) for path in found)


def directory_flaws(directory: Path) -> Iterator[Flaw]:
    """What is wrong with the directory itself."""
    manifest = directory / MANIFEST
    try:
        content = manifest.read_bytes()
        if encode_identity(decode_identity(content, what=MANIFEST)) != content:
            yield Flaw(MANIFEST, "holds other bytes than were written")
    except FileNotFoundError:
        yield Flaw(MANIFEST, "is missing")
    except StateError as error:
        yield Flaw(MANIFEST, error.detail)


def shard_flaws(
    directory: Path, shard: int, *, identity: Identity | None, vault: Vault | None = None
) -> Iterator[Flaw]:
    """What is wrong with one shard, whose worker does not run.

    Args:
        directory: The state directory.
        shard: Its number.
        identity: What it must have been made under; None when nobody knows.
        vault: What seals it, if anything does.

    Raises:
        StateError: ``state.other-configuration`` when it is sealed otherwise; ``state.version-too-new``;
            ``state.unwritable`` when it can't be looked at.
    """
    path = shard_path(directory, shard)
    files = [*file_flaws(directory, shard)]
    if files:
        # A row can't be told from its remains while the file around it is damaged.
        yield from files
        return
    rows: Rows = PlainRows() if vault is None else vault.rows(shard)
    try:
        with opened(path, whole=True) as still:
            yield from _row_flaws(still.database, path, identity, rows)
    finally:
        rows.close()


def file_flaws(directory: Path, shard: int) -> Iterator[Flaw]:
    """Damaged files of a shard whose rows can't be opened, as its keys are not to be had. Raises as `shard_flaws`."""
    path = shard_path(directory, shard)
    yield from (Flaw(f"{path.name}/{name}", words) for name, words in _files(path))


def _files(path: Path) -> Iterator[tuple[str, str]]:
    """Damaged files of a shard, each by its name."""
    found = [*facts_flaws(path), *_note_flaws(path)]
    yield from found
    try:
        with opened(path, whole=True) as still:
            _read_all(still, path)
            return
    except StateError as error:
        if error.code != "state.corrupt" and not found:
            raise
        cause = error.detail
    told = [*framing_flaws(path)]
    for table in sorted(path.glob(TABLES)):
        flaw = table_flaw(table)
        if flaw is not None:
            told.append((table.name, flaw))
    if not told and not found:
        # Every record that is there is whole, and there were more: one was cut between two records, or is gone.
        suspects = [*path.glob(LOGS), *path.glob(MANIFESTS)]
        told.append((" or ".join(sorted(one.name for one in suspects)), cause))
    yield from told


def _read_all(still: Still, path: Path) -> None:
    """Read every block, and compare with the note.

    Raises:
        StateError: ``state.corrupt``.
    """
    what = f"read of {path.name}"
    for _ in scan(still.database, b"", what=what):
        pass
    if still.mismatches():
        raise StateError("state.corrupt", f"{what}: a block fails its checksum")
    check_synced(path, noted=_noted(path), found=still.database.latest_sequence_number())


def _noted(path: Path) -> int | None:
    try:
        return safe_up_to(path)
    except StateError:
        return None  # told of already


def _note_flaws(path: Path) -> Iterator[tuple[str, str]]:
    note = path / NAME
    try:
        safe_up_to(path)
    except StateError:
        yield NAME, "is not what was written"
    if note.is_file() and not note.stat().st_size:
        yield NAME, "is empty: it does not say how much was safe on the disk"


def _row_flaws(
    database: Database, path: Path, identity: Identity | None, rows: Rows
) -> Iterator[Flaw]:
    check_seal(database.get(SEAL) or b"", rows.mark, what=path.name)
    content: bytes | None = database.get(IDENTITY)
    if content is None:
        yield Flaw(path.name, "does not say what it was made under")
    elif identity is not None:
        try:
            check_identity(content, identity, what=path.name, shard=_number(path))
        except StateError as error:
            yield Flaw(path.name, error.detail)
    contents = Contents(rows)
    for key, value in scan(database, b"", what=f"read of {path.name}"):
        words = contents.take(key, value)
        if words is not None:
            yield Flaw(f"{path.name}, row {readable(key)}", words)
    yield from (
        Flaw(f"{path.name}, row {readable(key)}", words) for key, words in contents.open_ends()
    )


def _number(path: Path) -> int:
    return int(path.name.removeprefix("shard-"))
