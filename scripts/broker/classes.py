"""Kafka's classes as the JVM has read and checked them, in a file that later starts map: half the time and CPU.

An orderly stop writes the file, once per machine and Java; it lies beside the jars in the user's cache. A file
that doesn't fit, of other jars or another Java, is ignored by the JVM itself.

Source: JEP 350, Dynamic CDS Archives.
"""

import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

from scripts.broker import jars

LEFT = "classes.jsa"
"""What a stop leaves in the broker's directory."""


def archive() -> Path:
    """Where the archive of this machine's Java is, or would be."""
    java = sha256(jars.java_version().encode()).hexdigest()[:12]
    return jars.fetch().parent / f"classes-{java}.jsa"


def options(directory: Path, *, write: bool) -> list[str]:
    """Options of a JVM: read the archive if it is there; else, with ``write``, leave one in the directory."""
    kept = archive()
    if kept.exists():
        return [f"-XX:SharedArchiveFile={kept}"]
    return [f"-XX:ArchiveClassesAtExit={directory / LEFT}"] if write else []


def keep(directory: Path) -> None:
    """Put what an orderly stop has left in its place; nothing if there is nothing."""
    left = directory / LEFT
    if not left.exists():
        return
    kept = archive()
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix="classes-") as name:
            shutil.copyfile(left, whole := Path(name) / LEFT)
            whole.replace(kept)  # what is there is whole
    left.unlink()
