"""The archive of Kafka's classes: written by one orderly stop, read by later starts, never half there."""

from pathlib import Path

import pytest

from scripts.broker import classes, jars


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache with jars in it, on a machine with a Java."""
    folder = tmp_path / "cache" / "jars"
    folder.mkdir(parents=True)
    monkeypatch.setattr(jars, "fetch", lambda: folder)
    monkeypatch.setattr(jars, "java_version", lambda: 'openjdk version "21.0.1"')
    return folder.parent


def test_the_first_stop_writes_it_and_later_starts_read_it(cache: Path, tmp_path: Path) -> None:
    """Who may not write it does without until it is there."""
    broker = tmp_path / "broker"
    broker.mkdir()
    assert classes.options(broker, write=False) == []
    assert classes.options(broker, write=True) == [
        f"-XX:ArchiveClassesAtExit={broker / 'classes.jsa'}"
    ]
    (broker / "classes.jsa").write_bytes(b"classes")
    classes.keep(broker)
    assert not (broker / "classes.jsa").exists()
    assert classes.archive().read_bytes() == b"classes"
    assert [path.name for path in cache.iterdir() if path.is_dir()] == ["jars"]
    for write in (False, True):
        assert classes.options(broker, write=write) == [
            f"-XX:SharedArchiveFile={classes.archive()}"
        ]


@pytest.mark.usefixtures("cache")
def test_the_first_archive_stays(tmp_path: Path) -> None:
    """A running JVM maps it, so another is not put over it; a stop that left none changes nothing."""
    for name, content in (("first", b"one"), ("second", b"two")):
        broker = tmp_path / name
        broker.mkdir()
        classes.keep(broker)
        (broker / "classes.jsa").write_bytes(content)
        classes.keep(broker)
        assert not list(broker.iterdir())
    assert classes.archive().read_bytes() == b"one"


@pytest.mark.usefixtures("cache")
def test_another_java_has_another_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade the old one is not read any more."""
    before = classes.archive()
    monkeypatch.setattr(jars, "java_version", lambda: 'openjdk version "21.0.2"')
    assert classes.archive() != before
