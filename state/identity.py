"""What state was made under, written beside it and checked before it is used again."""

from dataclasses import asdict, dataclass
from hashlib import sha256

import orjson

from schemas.errors import StateError

FORMAT_VERSION = 1
"""Of a state directory and of the key layout in its shards."""
AHEAD_VERSION = 2
"""Of a shard in which some records were taken ahead of the position: a release that does not look would take them twice."""
_SOURCE_HINT = "restore it from a backup, or start with an empty state directory"


@dataclass(slots=True, frozen=True)
class Identity:
    """What must not change under existing state: it decides which customer lies where, in which arm."""

    topic_prefix: str
    shard_count: int
    seed: str

    @property
    def digest(self) -> str:
        """SHA-256 of it, hexadecimal.

        Example:
            >>> Identity("", 64, "a").digest == Identity("", 64, "b").digest
            False
        """
        return sha256(orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)).hexdigest()


def encode_identity(
    identity: Identity, *, shard: int | None = None, version: int = FORMAT_VERSION
) -> bytes:
    """JSON to lie beside state; with the shard's number when it lies inside one."""
    facts = {"format": version, **asdict(identity), "digest": identity.digest}
    if shard is not None:
        facts["shard"] = shard
    return orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def decode_identity(content: bytes, *, what: str) -> Identity:
    """The identity in what `encode_identity` wrote, for who reads state without a deployment's settings.

    Raises:
        StateError: ``state.corrupt`` or ``state.version-too-new``.

    Example:
        >>> decode_identity(encode_identity(Identity("", 64, "a")), what="it")
        Identity(topic_prefix='', shard_count=64, seed='a')
    """
    try:
        facts = orjson.loads(content)
        identity = Identity(
            str(facts["topic_prefix"]), int(facts["shard_count"]), str(facts["seed"])
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise StateError("state.corrupt", f"{what} can't be read", hint=_SOURCE_HINT) from error
    check_identity(content, identity, what=what)
    return identity


def check_identity(
    content: bytes, identity: Identity, *, what: str, shard: int | None = None
) -> None:
    """Refuse state that was made under another identity; ``what`` names it in the error.

    Raises:
        StateError: ``state.other-configuration`` says what differs; ``state.version-too-new``;
            ``state.corrupt``. Disposition: halt.

    Example:
        >>> check_identity(encode_identity(Identity("", 64, "a")), Identity("", 64, "a"), what="it")
    """
    try:
        facts = orjson.loads(content)
        version = int(facts["format"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise StateError("state.corrupt", f"{what} can't be read", hint=_SOURCE_HINT) from error
    newest = FORMAT_VERSION if shard is None else AHEAD_VERSION
    if version > newest:
        raise StateError(
            "state.version-too-new",
            f"{what} has format {version}, this release reads up to {newest}",
            hint="start the release that wrote it, or a newer one",
        )
    expected = asdict(identity) | ({} if shard is None else {"shard": shard})
    changed = [
        f"{name} was {facts.get(name)!r} and is now {value!r}"
        for name, value in expected.items()
        if facts.get(name) != value
    ]
    if changed:
        raise StateError(
            "state.other-configuration",
            f"{what}: {'; '.join(changed)}",
            hint="set it back, or point decide.state_directory at an empty directory: "
            "the log is then read from its beginning",
        )
    if facts.get("digest") != identity.digest:
        raise StateError(
            "state.corrupt", f"the digest in {what} belongs to other content", hint=_SOURCE_HINT
        )


def check_seal(found: bytes, expected: bytes, *, what: str) -> None:
    """Refuse state that was sealed otherwise: not at all, or with another key ring.

    Raises:
        StateError: ``state.other-configuration``. Disposition: halt.

    Example:
        >>> check_seal(b"", b"", what="it")
    """
    if found == expected:
        return
    detail = "was sealed with another key ring"
    hint = "put the key ring that belongs to it into state.key_directory"
    if not expected:
        detail, hint = "is sealed", "set state.encryption and the master key"
    elif not found:
        detail = "is not sealed"
        hint = (
            "turn state.encryption off, or start with an empty state directory: "
            "the log is then read from its beginning"
        )
    raise StateError("state.other-configuration", f"{what} {detail}", hint=hint)


def check_versions(found: bytes, ours: bytes, *, what: str) -> None:
    """Refuse state that a newer release wrote, before the first record of it is met.

    Args:
        found: A byte each for the newest versions that records and outputs were written in.
        ours: What this release writes.
        what: Names it in the error.

    Raises:
        StateError: ``state.version-too-new``. Disposition: halt.

    Example:
        >>> check_versions(bytes([3, 1]), bytes([4, 1]), what="it")
    """
    for kind, version, newest in zip(("records", "outputs"), found, ours, strict=False):
        if version > newest:
            raise StateError(
                "state.version-too-new",
                f"{what} holds {kind} of version {version}, this release reads up to {newest}",
                hint="start the release that wrote it, or a newer one",
            )
