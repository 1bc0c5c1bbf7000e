"""Looking for bytes in files."""

from collections.abc import Iterable
from pathlib import Path


def holding(folder: Path, words: Iterable[bytes]) -> dict[bytes, list[str]]:
    """Word → the files under a folder that hold it; words that none holds are left out."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found: dict[bytes, list[str]] = {word: [] for word in words}
    for path in files:
        data = path.read_bytes()
        for word, places in found.items():
            if word in data:
                places.append(path.relative_to(folder).as_posix())
    return {word: names for word, names in found.items() if names}
