"""Serves a module compiled in place of the very source that it was made of; all else is imported as ever.

It is copied beside the environment's packages and loaded when its Python starts, so that every worker, command and
test has what is compiled. Standard library only. A module is served only while all sources that were compiled
together, and the shapes that they rely on, are, byte by byte, what they were then: an edited source is simply
interpreted.

Set ``MARKET_OF_ONE_INTERPRETED=1`` to import the sources whatever there is.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

INTERPRETED = "MARKET_OF_ONE_INTERPRETED"
MANIFEST = "manifest.json"


class CompiledFinder:
    """A finder on `sys.meta_path`.

    ``libraries`` is module → shared library, with what compiled modules share among themselves; ``sources`` is
    module → SHA-256 of its source.
    """

    def __init__(self, libraries: Mapping[str, Path], sources: Mapping[str, str]) -> None:
        """Nothing is read before a module is asked for."""
        self._libraries = libraries
        self._sources = sources
        self._same: dict[Path, bool] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The compiled module, or None: then the next finder takes the source."""
        del target
        library = self._libraries.get(fullname)
        if library is None or (fullname in self._sources and not self._serves(fullname, path)):
            return None
        return spec_from_file_location(fullname, library)

    def _serves(self, fullname: str, path: Sequence[str] | None) -> bool:
        places = list(path or ())
        if not places:
            return False
        # The folder that holds the top-level package.
        root = Path(places[0], *[".."] * fullname.count(".")).resolve()
        same = self._same.get(root)
        if same is None:
            same = self._same[root] = all(
                _sha256(root / source_of(module)) == known
                for module, known in self._sources.items()
            )
        return same


def source_of(module: str) -> Path:
    """Where a module's source lies, from the repository's root."""
    return Path(*module.split(".")).with_suffix(".py")


def install(folder: Path) -> None:
    """Serve what a folder's manifest names; nothing if there is none, or a manifest that can't be read."""
    if os.environ.get(INTERPRETED):
        return
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        libraries = {name: folder / file for name, file in manifest["libraries"].items()}
        finder = CompiledFinder(libraries, manifest["sources"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return
    if libraries:
        sys.meta_path.insert(0, finder)


def _sha256(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
