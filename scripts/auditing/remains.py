"""Looking for what must be gone: words in any of their guises, in files, in shards and on topics."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.records import Record
from operators.retention import WORDS
from operators.withdrawal import FORGET
from schemas.errors import StateError
from state.remains import rows_of, shards_under, unfinished

CHUNK = 1 << 24
SHORT = 4
"""Words below this length are everywhere."""
LAST_WORDS: frozenset[str] = frozenset(
    {
        "erasure.requested",
        "erasure.certified",
        "erasure",
        "identity.forgotten",
        f"lesson.{FORGET}",
    }
)
"""Types of what an erasure itself says: that it was asked for and done, and what others have to take back."""
_REASONS: tuple[bytes, ...] = tuple(words.encode() for words in WORDS.values())


@dataclass(slots=True, frozen=True, order=True)
class Survivor:
    """A word that was found, and where; ``guise`` is how it was written."""

    place: str
    word: str
    guise: str


def guises(words: Iterable[str]) -> dict[bytes, tuple[str, str]]:
    """Bytes to look for → the word and the guise that they are.

    Raises:
        ValueError: A word is too short to mean anything.

    Example:
        >>> sorted(guise for _, guise in guises(["c-123"]).values())
        ['base64', 'base64', 'base64', 'hexadecimal', 'text', 'utf-16']
    """
    found: dict[bytes, tuple[str, str]] = {}
    for word in words:
        if len(word) < SHORT:
            message = f"{word!r} is too short to look for: at least {SHORT} characters"
            raise ValueError(message)
        raw = word.encode()
        found[raw] = (word, "text")
        found[raw.hex().encode()] = (word, "hexadecimal")
        found[word.encode("utf-16-le")] = (word, "utf-16")
        for shift in range(3):
            # What does not depend on the bytes around it.
            text = b64encode(bytes(shift) + raw)
            begin = (0, 2, 3)[shift]
            end = len(text) - (0, 3, 2)[(shift + len(raw)) % 3]
            found[text[begin:end]] = (word, "base64")
    return {raw: what for raw, what in found.items() if len(raw) >= SHORT}


def in_bytes(data: bytes, sought: Mapping[bytes, tuple[str, str]]) -> set[tuple[str, str]]:
    """The words in some bytes, each with its guise."""
    return {what for raw, what in sought.items() if raw in data}


def in_files(folder: Path, sought: Mapping[bytes, tuple[str, str]]) -> Iterator[Survivor]:
    """The words in the names and the bytes of every file under a folder."""
    overlap = max(map(len, sought))
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found = in_bytes(str(path.relative_to(folder)).encode(), sought)
        with path.open("rb") as file:
            before = b""
            while chunk := file.read(CHUNK):
                found |= in_bytes(before + chunk, sought)
                before = chunk[-overlap:]
        yield from (Survivor(str(path), word, guise) for word, guise in sorted(found))


def in_shards(folder: Path, sought: Mapping[bytes, tuple[str, str]]) -> Iterator[Survivor]:
    """The words in the rows of every shard under a folder, where a file is compressed; and erasures under way."""
    for shard in shards_under(folder):
        found: set[tuple[str, str]] = set()
        try:
            for key, value in rows_of(shard):
                found |= in_bytes(key, sought) | in_bytes(value, sought)
                if unfinished(key):
                    found.add(("(of somebody who was erased)", "bytes that are not off the disk"))
        except StateError as error:
            found.add((str(error), "shard that can't be read"))
        yield from (Survivor(str(shard), word, guise) for word, guise in sorted(found))


def on_topics(
    records: Iterable[Record], sought: Mapping[bytes, tuple[str, str]]
) -> tuple[list[Survivor], int]:
    """The words on topics, and how many records are the last words of an erasure, which may name the customer."""
    found: dict[Survivor, list[int]] = {}
    last_words = 0
    for record in records:
        heads = dict(record.headers)
        whole = b"\0".join(
            (record.key or b"", record.value or b"", *heads.values(), *map(str.encode, heads))
        )
        words = in_bytes(whole, sought)
        if words and _last_words(heads.get("ce_type", b"").decode(), record.value or b""):
            last_words += 1
            continue
        for word, guise in words:
            survivor = Survivor(f"topic {record.topic}, partition {record.partition}", word, guise)
            found.setdefault(survivor, []).append(record.offset)
    told = [
        Survivor(f"{one.place}, {len(at)} records from {min(at)} to {max(at)}", one.word, one.guise)
        for one, at in found.items()
    ]
    return sorted(told), last_words


def _last_words(kind: str, value: bytes) -> bool:
    recalled = kind == "offer.recalled" and any(reason in value for reason in _REASONS)
    return kind in LAST_WORDS or recalled
