"""`scripts/contracts`: the contract of all topics, as an AsyncAPI 3.0 document made from the code.

scripts/contracts check                exit status 1 if the kept document is not what the code says
scripts/contracts write                keep it anew; refused where it breaks others, unless asyncapi.VERSION says so
scripts/contracts compare OLD [NEW]    what breaks from one document to another, or to the code
scripts/contracts print                to standard output, for a generator or a registry
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import orjson

from schemas import asyncapi
from schemas.evolution import breaks, major

KEPT = Path(__file__).resolve().parents[2] / "schemas" / "asyncapi.json"


def main() -> int:
    """Do what the first argument says; 0 if all is well, 1 for a difference or a break, 2 for what can't be read."""
    options = _parser().parse_args()
    kept: Path = options.kept
    try:
        match options.task:
            case "print":
                sys.stdout.buffer.write(rendered())
                return 0
            case "check":
                return _check(kept)
            case "write":
                return _write(kept)
            case _:
                old = _load(options.old)
                new = asyncapi.document() if options.new is None else _load(options.new)
                return _say(breaks(old, new))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def rendered() -> bytes:
    """The document as it is kept."""
    return orjson.dumps(asyncapi.document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _check(kept: Path) -> int:
    if kept.read_bytes() == rendered():
        print(f"{kept.name} is what the code says")
        return 0
    _say(breaks(_load(kept), asyncapi.document()))
    print(f"{kept.name} is not what the code says: scripts/contracts write")
    return 1


def _write(kept: Path) -> int:
    new = asyncapi.document()
    if kept.exists():
        old = _load(kept)
        found = breaks(old, new)
        if found and major(new) <= major(old):
            _say(found)
            print(
                "nothing was written: mend it, or raise the first number of schemas.asyncapi.VERSION"
            )
            return 1
    kept.write_bytes(rendered())
    print(f"{kept.name} is written")
    return 0


def _say(found: list[str]) -> int:
    for one in found:
        print(one)
    print(f"{len(found)} breaks")
    return 1 if found else 0


def _load(path: Path) -> Any:
    document = orjson.loads(path.read_bytes())
    if not isinstance(document, dict) or not {
        "channels",
        "operations",
        "components",
        "info",
    } <= set(document):
        message = f"{path}: not an AsyncAPI 3.0 document with channels, operations and components"
        raise ValueError(message)
    return document


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/contracts", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kept", type=Path, default=KEPT, help="the document that is kept")
    tasks = parser.add_subparsers(dest="task", required=True)
    for name in ("check", "write", "print"):
        tasks.add_parser(name)
    compare = tasks.add_parser("compare")
    compare.add_argument("old", type=Path)
    compare.add_argument("new", type=Path, nargs="?")
    return parser
