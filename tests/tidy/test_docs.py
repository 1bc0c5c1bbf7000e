"""The documents say what the code says."""

import re
from pathlib import Path

from schemas.errors import CODES
from schemas.topics import ALL

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_stage_table_equals_the_code() -> None:
    """Each row of the README's stage table is the «Stage» line of its module."""
    rows = dict(re.findall(r"^\| \*\*(\d(?:–\d)?) [^|]*\*\* \| `([^`]+)` \|", README, re.MULTILINE))
    assert len(rows) >= 8
    for stage, module in rows.items():
        text = (ROOT / module).read_text()
        stated = re.search(r"^Stage: (.+?) of 8\.", text, re.MULTILINE)
        assert stated, f"{module} does not state its stage"
        first, _, last = stage.partition("–")
        assert first in stated.group(1)
        assert not last or last in stated.group(1)


def test_error_codes_equal_the_table() -> None:
    """The README explains every error code, and no other."""
    section = README.split("## Errors", 1)[1].split("\n## ", 1)[0]
    explained = set(re.findall(r"^\| `([a-z]+\.[a-z-]+)` \|", section, re.MULTILINE))
    assert explained == CODES


def test_topics_are_documented() -> None:
    """The README names every topic."""
    section = README.split("## Topics", 1)[1].split("\n## ", 1)[0]
    assert set(ALL) <= set(re.findall(r"`([a-z-]+)`", section))


def test_paths_in_the_map_exist() -> None:
    """Every path that the README's map of the source names is there."""
    section = README.split("## Map of the source", 1)[1].split("\n## ", 1)[0]
    for path in re.findall(r"^\| `([a-z_/.]+)` \|", section, re.MULTILINE):
        assert (ROOT / path).exists(), path
