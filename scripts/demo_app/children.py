"""The flows as child processes: their logs go to files, and none outlives us."""

import contextlib
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.bootstrap import ROOT

FLOWS: tuple[str, ...] = ("ingest", "decide", "learn", "measure")
STOP_S_MAX = 15.0
READY_S_MAX = 90.0
TAIL_LINES = 25


class ChildError(RuntimeError):
    """A flow that ended by itself; the text shows the end of its log."""


class Children:
    """The four flows over one settings file."""

    def __init__(self, directory: Path, *, environment: Mapping[str, str]) -> None:
        """Know where logs go and what the children inherit."""
        self.directory = directory
        self._environment = dict(environment)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, flow: str, *, settings: Path, metrics_port: int) -> None:
        """Start one flow."""
        command = [sys.executable, "-m", "flows", flow, "--config", str(settings)]
        setpriv = shutil.which("setpriv")
        if setpriv:
            command = [setpriv, "--pdeathsig", "KILL", "--", *command]
        environment = {**self._environment, "MARKET_OF_ONE_METRICS_PORT": str(metrics_port)}
        with self._log(flow).open("wb") as log:
            self._running[flow] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for us: we end the flows in their order. Not a session: Linux shares the processors out by it.
                process_group=0,
            )

    def check(self) -> None:
        """Raise if a flow has ended.

        Raises:
            ChildError: With the flow, its exit code, and the end of its log.
        """
        for flow, child in self._running.items():
            code = child.poll()
            if code is not None:
                raise ChildError(
                    f"the flow {flow} ended with exit code {code}; the end of its log"
                    f" ({self._log(flow)}):\n{self.tail(flow)}"
                )

    def wait_for(self, port: int) -> None:
        """Wait until a flow's metrics answer, which they do once it is set up.

        Raises:
            ChildError: A flow ended meanwhile.
        """
        self._until(lambda: scrape(port) is not None)

    def wait_for_word(self, flow: str, word: str) -> None:
        """Wait until a flow's log says something.

        Raises:
            ChildError: A flow ended meanwhile.
        """
        self._until(lambda: word in self.tail(flow))

    def _until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_S_MAX
        while time.monotonic() < deadline:
            self.check()
            if ready():
                return
            time.sleep(0.1)
        raise ChildError(
            f"the flows were not ready within {READY_S_MAX:.0f} s: see {self.directory}"
        )

    def stop(self) -> None:
        """Ask all to end, and end by force those that don't."""
        for child in self._running.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_S_MAX
        for child in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(deadline - time.monotonic(), 0.1))
            if child.poll() is None:
                child.kill()
                child.wait()
        self._running.clear()

    def tail(self, flow: str) -> str:
        """The end of a flow's log."""
        try:
            lines = self._log(flow).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join("  " + line for line in lines[-TAIL_LINES:]) or "  (empty)"

    def _log(self, flow: str) -> Path:
        return self.directory / f"{flow}.log"


def scrape(port: int) -> str | None:
    """What a Prometheus endpoint on this machine says, None if it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1.0) as answer:
            body: bytes = answer.read()
            return body.decode()
    except (urllib.error.URLError, OSError):
        return None


def withheld_in(metrics: str) -> dict[str, int]:
    """Events without consent by source, out of the text of `decide`'s metrics.

    Example:
        >>> withheld_in('market_of_one_decide_withheld_total{source="app"} 3.0')
        {'app': 3}
    """
    found = {}
    for line in metrics.splitlines():
        if line.startswith("market_of_one_decide_withheld_total{"):
            labels, _, value = line.rpartition(" ")
            found[labels.split('"')[1]] = int(float(value))
    return found


def count_in(metrics: str, name: str) -> int:
    """A count of a flow's metrics, over all its labels.

    Example:
        >>> count_in('read_total{fate="events"} 3.0', "read_total")
        3
    """
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in metrics.splitlines()
        if line.partition(" ")[0].partition("{")[0] == name
    )
