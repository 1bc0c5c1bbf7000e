"""The acts on identities that a worker of `ingest` has read, and what became of each, as lines of JSON."""

import sys
from pathlib import Path

import orjson

from schemas.errors import StateError
from state.links import LinkStore


def run(path: Path) -> int:
    """Print the audit of one file; 2 if there is none."""
    if not path.is_file():
        sys.stderr.write(f"{path} is no file: see ingest.identity_directory\n")
        return 2
    try:
        store = LinkStore(path)
    except StateError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for position, act, outcome in store.audit():
        line = {"position": position, "act": orjson.loads(act), "outcome": outcome}
        sys.stdout.write(orjson.dumps(line).decode() + "\n")
    store.close()
    return 0
