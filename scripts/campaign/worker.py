"""One worker process of the campaign, and the log that it writes."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.campaign.births import Process

PATIENCE_S = 180.0
BROKER_STATUS = 3
"""What a worker ends with when the brokers refuse it or stay away."""
STATE_STATUS = 4
"""What it ends with when its state can't be gone on with, as when its group went on without it."""


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
        """Start it again if the brokers or its group ended it, as a supervisor does; whether they did."""
        status = self.process.wait(PATIENCE_S)
        if status != BROKER_STATUS and not (status == STATE_STATUS and self.said("state.fenced")):
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
