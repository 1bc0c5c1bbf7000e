"""Shows a tally: full screen on a terminal, a line every few seconds elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from scripts.console import render
from scripts.console.tally import Tally
from scripts.console.words import plain_line

REFRESH_S = 0.25
LINE_S = 5.0


class Screen:
    """A context: inside it, `show` may be called as often as one likes."""

    def __init__(self, tally: Tally, *, plain: bool, console: Console | None = None) -> None:
        """Look whether there is a terminal."""
        self._tally = tally
        self._console = console or Console()
        self._live: Live | None = None
        if not plain and self._console.is_terminal:
            self._live = Live(console=self._console, screen=True, auto_refresh=False)
        self._due_s = 0.0

    def __enter__(self) -> Self:
        """Take the screen."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back as it was."""
        if self._live is not None:
            self._live.stop()

    def show(self, now_s: float) -> None:
        """Show the tally if it is time; ``now_s`` is monotonic."""
        if now_s < self._due_s:
            return
        if self._live is None:
            if not self._tally.events.total:
                return
            self._due_s = now_s + LINE_S
            print(plain_line(self._tally), flush=True)
            return
        self._due_s = now_s + REFRESH_S
        size = self._console.size
        self._live.update(render(self._tally, width=size.width, height=size.height), refresh=True)
