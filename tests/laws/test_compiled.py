"""A compiled module does what its source does, to the bit."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from scripts.bootstrap import ROOT
from scripts.compiled import build, finder


def twin(**environment: str) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if name != finder.INTERPRETED}
    done = subprocess.run(
        [sys.executable, "-m", "tests.twin"],
        cwd=ROOT,
        env={**kept, "PYTHONHASHSEED": "0", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_compiled_and_interpreted_say_and_store_the_same_bits() -> None:
    """Books of random movements, all that a shard says and stores, and all of a small town."""
    interpreted = twin(**{finder.INTERPRETED: "1"})
    assert interpreted["compiled"] == []
    compiled = twin()
    if not compiled["compiled"]:
        pytest.skip("nothing is compiled here: there is no C compiler")
    assert sorted(compiled["compiled"]) == sorted(build.modules(ROOT))
    for part in ("books", "lives", "town"):
        assert compiled[part] == interpreted[part], part
