"""Looking for bytes in files."""

from collections.abc import Iterable
from pathlib import Path


def holding(folder: Path, words: Iterable[bytes]) -> dict[bytes, list[str]]:
    """Word → the files under a folder that hold it; words that none holds are left out."""
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = {word: [name for name, data in files.items() if word in data] for word in words}
    return {word: names for word, names in found.items() if names}
