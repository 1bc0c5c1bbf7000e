"""One worker process of the campaign, and the log that it writes."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.campaign.births import Process

PATIENCE_S = 180.0
WANTS_AGAIN = {3: "acknowledged without an offset", 4: "state.fenced"}
"""Status → what a worker says that by design ends and begins again: nobody knows whether a record was written, or its
group went on without it."""


class LabError(RuntimeError):
    """Something that no fault explains; the text says what was seen."""


@dataclass(slots=True)
class Worker:
    """One worker process and the file that it writes its log to."""

    flow: str
    process: Process
    log: Path
    log_from: int
    begin: Callable[[], Process]
    begun: bool = False

    def said(self, words: str) -> bool:
        """Whether it wrote this since it started."""
        return self.count(words) > 0

    def count(self, words: str) -> int:
        """How often it wrote this since it started."""
        with self.log.open("rb") as file:
            file.seek(self.log_from)
            return file.read().count(words.encode())

    @property
    def up(self) -> bool:
        """Whether it has begun its work."""
        self.begun = self.begun or self.said('"deciding"') or self.said('"ingesting"')
        return self.begun

    @property
    def gone(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def again(self) -> bool:
        """Start it again as a supervisor does, if it ended for a reason that is known to want it; whether it did."""
        words = WANTS_AGAIN.get(self.process.wait(PATIENCE_S))
        if words is None or not self.said(words):
            return False
        self.log_from, self.begun = self.log.stat().st_size, False
        self.process = self.begin()
        return True

    def kill(self) -> None:
        """End it with kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end, and wait; its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)
