"""Backups of shards: what was written once is kept once, and a manifest, written last, makes them a whole.

    shard-0007/files/<sha-256>                         the files of RocksDB, each by what is in it
    shard-0007/backups/<position>-<made at, ms>.json   what belongs together, with every digest and size

A checkpoint of RocksDB is hard links to files that never change, so a backup carries over only what is new
since the last one. Without its manifest a backup does not exist; with one it is whole, unless something
was lost or changed since, which `verify` names and `restore` refuses. The newest backup is the one that has
read most of the log: the log is truth, and is read again from the positions inside. Key rings are never in a
backup, so what is sealed stays dark in it, and an erasure reaches it.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from schemas.errors import StateError
from state.depot import Depot, Kept
from state.identity import Identity
from state.manifest import (
    Backup,
    BackupFile,
    damaged,
    decode_manifest,
    encode_manifest,
    no_backup,
)
from state.store import TopicPartition

READ_BYTES = 1 << 20
DATA = ".sst"
"""What is large and never changes. All else is small, and is carried over each time: damage there heals."""
GRACE_MS = 3_600_000
"""Files that no manifest names are left for this long: another worker may be about to name them."""


@dataclass(slots=True, frozen=True)
class Made:
    """A backup that was made, and how many bytes of it were new."""

    backup: Backup
    carried_bytes: int


@dataclass(slots=True, frozen=True)
class Restored:
    """A backup that was put back, and why newer ones were passed over."""

    backup: Backup
    passed: tuple[str, ...]


class ShardBackups:
    """The backups of one shard."""

    def __init__(self, depot: Depot, shard: int) -> None:
        """Of a place and a shard; remembers the digests of files that it has read."""
        self._depot = depot
        self._shard = shard
        self._folder = f"shard-{shard:04d}"
        self._digests: dict[tuple[str, int, int], str] = {}

    def make(
        self,
        checkpoint: Path,
        *,
        identity: Identity,
        positions: dict[TopicPartition, int],
        log: str,
        made_at_ms: int,
    ) -> Made:
        """Carry a checkpoint over: first what is in it, then the manifest.

        Args:
            checkpoint: A folder that nobody writes to, such as `state.rocks.RocksStore.checkpoint` makes.
            identity: What the state was made under.
            positions: Inside the checkpoint: the next offset per topic-partition.
            log: The topic by whose position one backup is newer than another.
            made_at_ms: Now, for people and for `prune`.

        Raises:
            StateError: ``state.backup-unreachable``: there is no new backup.
        """
        there = self._sizes()
        files, carried = self._files(checkpoint), 0
        for file in files:
            where = self._where(file)
            if there.get(where) != file.size or not file.name.endswith(DATA):
                self._depot.put(where, checkpoint / file.name)
                there[where] = file.size
                carried += file.size
        position = positions.get((log, self._shard), 0)
        backup = Backup(
            name=f"{position:020d}-{made_at_ms}",
            shard=self._shard,
            identity=identity,
            position=position,
            positions=tuple((*spot, at) for spot, at in sorted(positions.items())),
            made_at_ms=made_at_ms,
            files=files,
        )
        self._depot.put(self._manifest(backup.name), encode_manifest(backup))
        return Made(backup, carried)

    def names(self) -> list[str]:
        """The backups there are, oldest first, whole or not."""
        kept = self._depot.list(f"{self._folder}/backups")
        return [one.name.rpartition("/")[2].removesuffix(".json") for one in kept]

    def read(self, name: str) -> Backup:
        """The manifest of a backup.

        Raises:
            StateError: ``state.no-backup``, ``state.backup-damaged`` or ``state.version-too-new``.
        """
        content = self._depot.read(self._manifest(name))
        if content is None:
            raise no_backup(f"shard {self._shard} has no backup {name}")
        return decode_manifest(content, what=self._manifest(name), shard=self._shard, name=name)

    def missing(self, backup: Backup) -> list[str]:
        """What a backup has lost, in words: files that are not there or have another length."""
        there = self._sizes()
        return [
            f"{self._where(file)} ({file.name}) "
            + ("is missing" if self._where(file) not in there else "has another length")
            for file in backup.files
            if there.get(self._where(file)) != file.size
        ]

    def verify(self) -> Iterator[str]:
        """Everything that is wrong with the backups of the shard, in words; each file is read once."""
        seen: dict[str, str | None] = {}
        for name in self.names():
            try:
                backup = self.read(name)
            except StateError as error:
                yield error.detail
                continue
            if encode_manifest(backup) != self._depot.read(self._manifest(name)):
                yield f"{self._manifest(name)} says the same in other bytes than were written"
            for file in backup.files:
                where = self._where(file)
                if where not in seen:
                    seen[where] = self._flaw(where, size=file.size)
                if seen[where] is not None:
                    yield f"backup {name}: {where} ({file.name}) {seen[where]}"
        # What no manifest names yet, or any more, may be named by the next.
        for kept in self._depot.list(f"{self._folder}/files"):
            if kept.name not in seen and (flaw := self._flaw(kept.name)) is not None:
                yield f"{kept.name}, which no backup names, {flaw}"

    def restore(self, backup: Backup, into: Path, *, identity: Identity) -> None:
        """Put the files of a backup into a folder that does not exist yet: all of them or none.

        Raises:
            StateError: ``state.backup-damaged`` names what is missing or changed;
                ``state.other-configuration``; ``state.unwritable``. Disposition: halt.
        """
        if backup.identity != identity:
            raise StateError(
                "state.other-configuration",
                f"backup {backup.name} of shard {backup.shard} was made under another configuration",
                hint="restore it under the topic prefix, partitions and seed that it was made with",
            )
        if into.exists():
            raise StateError(
                "state.unwritable",
                f"{into} is there already",
                hint="stop its worker, and move the folder away first",
            )
        lost = self.missing(backup)
        if lost:
            raise damaged(
                f"backup {backup.name} of shard {backup.shard} is not whole: {'; '.join(lost)}"
            )
        draft = into.with_name(f"{into.name}.restoring")
        shutil.rmtree(draft, ignore_errors=True)
        try:
            draft.mkdir(parents=True)
            for file in backup.files:
                self._fetch(file, draft / file.name)
            draft.replace(into)
        except OSError as error:
            raise StateError(
                "state.unwritable",
                f"{error.strerror}: {error.filename}",
                hint="the state directory must have room and be writable",
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def restore_newest(
        self, into: Path, *, identity: Identity, beyond: int = -1
    ) -> Restored | None:
        """Put the newest backup that is whole into a folder that does not exist yet.

        Args:
            into: The folder.
            identity: What it must have been made under.
            beyond: Backups that have not read more of the log than this are not asked for.

        Returns:
            What was restored; None when there is no backup to be asked for.

        Raises:
            StateError: As `restore`; ``state.backup-damaged`` when there are backups and none is whole.
        """
        passed: list[str] = []
        for name in reversed(self.names()):
            if _position(name) <= beyond:
                break
            try:
                backup = self.read(name)
                self.restore(backup, into, identity=identity)
            except StateError as error:
                if error.code != "state.backup-damaged":
                    raise
                passed.append(error.detail)
            else:
                return Restored(backup, tuple(passed))
        if passed:
            raise damaged(f"no backup of shard {self._shard} is whole: {'; '.join(passed)}")
        return None

    def prune(self, *, keep: int, now_ms: int) -> int:
        """Keep the newest backups and what they need; the number of objects taken away."""
        names = self.names()
        gone = names[:-keep]
        try:
            needed = {self._where(f) for name in names[-keep:] for f in self.read(name).files}
        except StateError as error:
            if error.code == "state.backup-unreachable":
                raise
            return 0  # nobody knows what a damaged manifest needs, so nothing is taken away
        for name in gone:
            self._depot.delete(self._manifest(name))
        kept = self._depot.list(f"{self._folder}/files")
        surplus = [one.name for one in kept if _old(one, needed, now_ms)]
        for name in surplus:
            self._depot.delete(name)
        return len(gone) + len(surplus)

    def _files(self, checkpoint: Path) -> tuple[BackupFile, ...]:
        known, self._digests = self._digests, {}
        files = []
        for path in sorted(p for p in checkpoint.iterdir() if p.is_file()):
            stat = path.stat()
            # A link to a file that never changes is the same file in each checkpoint.
            key = (path.name, stat.st_size, stat.st_ino)
            digest = known.get(key) if path.suffix == DATA else None
            self._digests[key] = digest or _digest_of(path)
            files.append(BackupFile(path.name, stat.st_size, self._digests[key]))
        return tuple(files)

    def _flaw(self, where: str, *, size: int | None = None) -> str | None:
        pieces = self._depot.stream(where)
        if pieces is None:
            return "is missing"
        found, digest = _poured(pieces, lambda _: None)
        if size is not None and found != size:
            return f"has {found} bytes and not {size}"
        same = where.endswith(f"/{digest}")
        return None if same else "holds other bytes than were written"

    def _fetch(self, file: BackupFile, into: Path) -> None:
        with into.open("wb") as out:
            _, digest = _poured(self._depot.stream(self._where(file)) or (), out.write)
            out.flush()
            os.fsync(out.fileno())
        if digest != file.digest:
            raise damaged(f"{self._where(file)} ({file.name}) holds other bytes than were written")

    def _sizes(self) -> dict[str, int]:
        return {kept.name: kept.size for kept in self._depot.list(f"{self._folder}/files")}

    def _where(self, file: BackupFile) -> str:
        return f"{self._folder}/files/{file.digest}"

    def _manifest(self, name: str) -> str:
        return f"{self._folder}/backups/{name}.json"


def shards_in(depot: Depot) -> list[int]:
    """The shards that have backups."""
    folders = {kept.name.partition("/")[0] for kept in depot.list("")}
    return sorted(int(name.removeprefix("shard-")) for name in folders if name.startswith("shard-"))


def _position(name: str) -> int:
    """How far a backup has read, as its name says: a name that says nothing is asked for first."""
    digits = name.partition("-")[0]
    return int(digits) if digits.isdecimal() else 1 << 63


def _old(kept: Kept, needed: set[str], now_ms: int) -> bool:
    return kept.name not in needed and kept.at_ms < now_ms - GRACE_MS


def _poured(pieces: Iterable[bytes], into: Callable[[bytes], object]) -> tuple[int, str]:
    """How many bytes went by, and their digest."""
    size, digest = 0, sha256()
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
        into(piece)
    return size, digest.hexdigest()


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return _poured(iter(lambda: file.read(READ_BYTES), b""), lambda _: None)[1]
