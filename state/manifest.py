"""What a manifest says of a backup, and its bytes: JSON under a digest of its own."""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import orjson

from schemas.errors import StateError
from state.identity import Identity

FORMAT_VERSION = 1
DAMAGED_HINT = (
    "restore an older backup (scripts/state backups lists them); delete a damaged file, and the next backup "
    "carries it over anew; without any backup the log is read from its beginning"
)


@dataclass(slots=True, frozen=True)
class BackupFile:
    """One file of a shard: its name, how long it is, and its SHA-256."""

    name: str
    size: int
    digest: str


@dataclass(slots=True, frozen=True)
class Backup:
    """One backup. ``position`` is the next offset of the customers' log."""

    name: str
    shard: int
    identity: Identity
    position: int
    positions: tuple[tuple[str, int, int], ...]
    made_at_ms: int
    files: tuple[BackupFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)


def encode_manifest(backup: Backup) -> bytes:
    """JSON to lie beside the files.

    Example:
        >>> one = Backup("0-5", 7, Identity("", 64, "a"), 0, (), 5, (BackupFile("CURRENT", 16, "ab"),))
        >>> decode_manifest(encode_manifest(one), what="it", shard=7, name="0-5") == one
        True
    """
    body: dict[str, Any] = {"format": FORMAT_VERSION, **asdict(backup)}
    return orjson.dumps({**body, "digest": _digest(body)}, option=orjson.OPT_INDENT_2)


def decode_manifest(content: bytes, *, what: str, shard: int, name: str) -> Backup:
    """What `encode_manifest` wrote; ``what`` names it in the error.

    Raises:
        StateError: ``state.backup-damaged`` or ``state.version-too-new``.
    """
    try:
        body = orjson.loads(content)
        digest = body.pop("digest")
        version = int(body["format"])
        if digest != _digest(body) or (body["shard"], body["name"]) != (shard, name):
            raise damaged(f"{what} holds other facts than were written")
        if version > FORMAT_VERSION:
            raise StateError(
                "state.version-too-new",
                f"{what} has format {version}, this release reads up to {FORMAT_VERSION}",
                hint="restore with the release that made it, or a newer one",
            )
        del body["format"]
        return Backup(
            **{
                **body,
                "identity": Identity(**body["identity"]),
                "positions": tuple(map(tuple, body["positions"])),
                "files": tuple(BackupFile(**file) for file in body["files"]),
            }
        )
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise damaged(f"{what} can't be read") from error


def damaged(detail: str) -> StateError:
    """A backup is not what was written."""
    return StateError("state.backup-damaged", detail, hint=DAMAGED_HINT)


def no_backup(detail: str) -> StateError:
    """There is no such backup."""
    return StateError("state.no-backup", detail, hint="scripts/state backups lists what there is")


def _digest(body: dict[str, Any]) -> str:
    return sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
