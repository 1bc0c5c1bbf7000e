"""Limits that a machine keeps: small files and functions, nothing unfinished, no sleep in a test."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "operators", "state", "flows", "scripts", "tests")
FILE_LINES_MAX = 350
FUNCTION_LINES_MAX = 70
SOURCES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_limits(path: Path) -> None:
    """No file and no function outgrows its limit, and every module says what it is."""
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= FILE_LINES_MAX
    if text.strip() and "tests" not in path.relative_to(ROOT).parts:
        assert ast.get_docstring(tree), "a module says in its first line what it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_nothing_unfinished(path: Path) -> None:
    """No mark of unfinished work, and no path of one machine."""
    text = path.read_text()
    unfinished = "|".join(["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"])
    assert not re.search(rf"\b({unfinished})\b", text)
    assert not re.search(r"/(home|root|work)/\w", text)


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if "tests" in p.relative_to(ROOT).parts], ids=str
)
def test_no_test_sleeps(path: Path) -> None:
    """A test waits for a condition, never for time to pass."""
    called = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    }
    assert not {name for name in called if name == "sleep" or name.endswith(".sleep")}


def test_packages_are_ours() -> None:
    """The four short package names come from this repository and from nowhere else."""
    for package in ("schemas", "operators", "state", "flows"):
        module = __import__(package)
        assert Path(str(module.__file__)).is_relative_to(ROOT)
