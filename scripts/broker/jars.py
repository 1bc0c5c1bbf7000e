"""Apache Kafka's jars, fetched once by Maven into the user's cache."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from scripts.broker.process import BrokerError

KAFKA_VERSION = "4.4.0"
LOG4J_VERSION = "2.25.5"  # the one that Kafka brings; the binding below has to match it
JAVA_MIN = 17
_COPY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = f"""\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>market-of-one</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


def missing() -> str | None:
    """Say what this machine lacks for Apache Kafka, or None if it lacks nothing."""
    if _java_major() < JAVA_MIN:
        return f"no Java {JAVA_MIN} or later"
    if not _jars().is_dir() and shutil.which("mvn") is None:
        return "no Maven to fetch it with"
    return None


def java() -> str:
    """The Java to run: JAVA_HOME's, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin", "java")) if home else "java"


def fetch() -> Path:
    """Have the jars in the cache; the first call downloads them (some 40 MB).

    Returns:
        The folder of jars.

    Raises:
        BrokerError: Java or Maven is missing, or Maven failed; with the end of its output.
    """
    jars = _jars()
    lack = missing()
    if lack:
        raise BrokerError(
            f"Apache Kafka can't run here: {lack}. Install a Java {JAVA_MIN} runtime and Maven"
            " (Debian, Ubuntu: apt-get install default-jre-headless maven), or use the embedded broker."
        )
    if jars.is_dir():
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with (jars.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two first starts at once: one downloads, the other waits
        if not jars.is_dir():
            _download(jars)
    return jars


def _download(jars: Path) -> None:
    """Download beside the place, then rename: what is there is whole."""
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="download-") as name:
        folder = Path(name)
        (folder / "pom.xml").write_text(_POM, encoding="utf-8")
        # Strict checksums: a damaged or tampered download fails here and not inside a JVM.
        command = ["mvn", "-B", "-ntp", "--strict-checksums", _COPY_PLUGIN]
        done = subprocess.run(
            [*command, "-DoutputDirectory=jars", "-DincludeScope=runtime"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise BrokerError(
                "Maven couldn't fetch Apache Kafka; check that it reaches a Maven repository"
                f" (its settings.xml), then run again. Its last words:\n{tail}"
            )
        (folder / "jars").rename(jars)


def _jars() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "market-of-one" / f"kafka-{KAFKA_VERSION}" / "jars"


def _java_major() -> int:
    """The major version, 0 if there is none."""
    found = re.search(r'version "(\d+)', java_version())
    return int(found[1]) if found else 0


def java_version() -> str:
    """What Java says that it is, nothing if there is none."""
    return _said_by(java())


@cache
def _said_by(program: str) -> str:
    """Asked once: an answer takes a tenth of a second, and each start of a broker wants it."""
    try:
        return subprocess.run(
            [program, "-version"], capture_output=True, text=True, check=False
        ).stderr
    except OSError:
        return ""
