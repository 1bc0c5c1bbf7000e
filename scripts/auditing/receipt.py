"""``scripts/audit receipt FILE``: whether a receipt has all that the standard asks for, and a sound proof."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from flows import signing
from scripts.auditing import standard


def main(arguments: Sequence[str]) -> int:
    """Check one file; exit status 0 only if nothing is wrong with it."""
    parser = ArgumentParser(prog="scripts/audit receipt", description=__doc__)
    parser.add_argument("file", type=Path, help="a receipt, or a record of the topic transparency")
    parser.add_argument("--key", default="", help="the did:key that it must be signed with")
    options = parser.parse_args(arguments)
    try:
        body: dict[str, Any] = orjson.loads(options.file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        sys.stderr.write(f"{options.file}: {error}\n")
        return 2
    found = flaws(body.get("receipt", body), did=options.key)
    print(
        "\n".join(found) if found else "sound: every mandatory field is there, and the proof holds"
    )
    return 1 if found else 0


def flaws(document: dict[str, Any], *, did: str = "") -> list[str]:
    """What is wrong with a receipt, in words."""
    return [*standard.flaws(document), *signing.flaws(document, did=did)]
