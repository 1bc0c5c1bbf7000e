"""What is compiled serves only in place of the very source that it was made of."""

import json
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from scripts.bootstrap import ROOT
from scripts.compiled import build, finder
from scripts.compiled.finder import CompiledFinder

SOURCES = {"pack.fold": "pack/fold.py", "pack.deep.hit": "pack/deep/hit.py"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository of two modules that are to be compiled."""
    for number, file in enumerate(SOURCES.values()):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(f"NUMBER = {number}\n")
    listed = "[tool.market-of-one]\ncompiled = " + json.dumps([*SOURCES])
    (tmp_path / "pyproject.toml").write_text(listed)
    return tmp_path


def finder_of(tree: Path) -> CompiledFinder:
    known = {n: sha256((tree / file).read_bytes()).hexdigest() for n, file in SOURCES.items()}
    libraries = {name: tree / f"{name}.so" for name in (*SOURCES, "shared__mypyc")}
    return CompiledFinder(libraries, known)


def test_the_very_source_is_served_compiled(tree: Path) -> None:
    """Also what the compiled share, which has no source."""
    found = finder_of(tree)
    for name, place in (("pack.fold", "pack"), ("pack.deep.hit", "pack/deep")):
        spec = found.find_spec(name, [str(tree / place)])
        assert spec is not None
        assert spec.origin == str(tree / f"{name}.so")
    assert found.find_spec("shared__mypyc") is not None
    assert found.find_spec("pack.other", [str(tree / "pack")]) is None


def test_one_changed_source_leaves_all_interpreted(tree: Path) -> None:
    """They were compiled together, and call each other without looking."""
    found = finder_of(tree)
    (tree / SOURCES["pack.deep.hit"]).write_text("NUMBER = 7\n")
    assert found.find_spec("pack.fold", [str(tree / "pack")]) is None


def test_another_checkout_is_interpreted(tree: Path, tmp_path: Path) -> None:
    """The same names elsewhere are other sources."""
    other = tmp_path / "elsewhere" / "pack"
    other.mkdir(parents=True)
    assert finder_of(tree).find_spec("pack.fold", [str(other)]) is None
    assert finder_of(tree).find_spec("pack.fold", None) is None


@pytest.mark.parametrize("manifest", [None, "", "[]", '{"libraries": 1}', '{"libraries": {}}'])
def test_a_manifest_that_says_nothing_serves_nothing(
    tmp_path: Path, manifest: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python starts as ever."""
    monkeypatch.delenv(finder.INTERPRETED, raising=False)
    if manifest is not None:
        (tmp_path / finder.MANIFEST).write_text(manifest)
    before = list(sys.meta_path)
    finder.install(tmp_path)
    assert sys.meta_path == before


def test_without_a_compiler_the_sources_serve(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, remembered, and tried again when a source has changed."""
    monkeypatch.delenv(finder.INTERPRETED, raising=False)
    monkeypatch.setenv("CC", str(tmp_path / "no-compiler"))
    prefix = tmp_path / "environment"
    assert not build.current(tree, prefix)
    assert build.build(tree, prefix) == "no C compiler"
    assert build.current(tree, prefix)
    before = list(sys.meta_path)
    finder.install(prefix / build.FOLDER)
    assert sys.meta_path == before
    (tree / SOURCES["pack.fold"]).write_text("NUMBER = 7\n")
    assert not build.current(tree, prefix)


def test_who_asks_for_the_sources_gets_them(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One variable switches both the finder and the compiling off."""
    folder = tmp_path / build.FOLDER
    folder.mkdir()
    (folder / finder.MANIFEST).write_text(
        json.dumps({"digest": "", "why": "", "libraries": {"a": "a.so"}, "sources": {}})
    )
    monkeypatch.setenv(finder.INTERPRETED, "1")
    before = list(sys.meta_path)
    finder.install(folder)
    assert sys.meta_path == before
    assert build.current(tree, tmp_path)


def test_nothing_compiled_counts_on_a_cached_property() -> None:
    """Of a compiled class it is worked out each time, as if it were a plain one."""
    for name in build.modules(ROOT):
        text = ROOT.joinpath(*name.split(".")).with_suffix(".py").read_text()
        assert "@cached_property" not in text, name
