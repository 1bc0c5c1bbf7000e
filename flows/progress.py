"""Up to where `ingest` may forget its sources: it reads on before what it wrote is acknowledged."""

from functools import partial

from flows.records import Spot


class Progress:
    """Up to where each partition is done: everything before was acknowledged.

    Example:
        >>> progress = Progress()
        >>> first, second = progress.opened(("messages", 0), 7), progress.opened(("messages", 0), 8)
        >>> second(); progress.positions()
        {('messages', 0): 7}
        >>> first(); progress.positions()
        {('messages', 0): 9}
    """

    def __init__(self) -> None:
        self._open: dict[Spot, dict[int, int]] = {}
        self._next: dict[Spot, int] = {}

    def opened(self, spot: Spot, offset: int, *, parts: int = 1) -> "partial[None]":
        """A record was read that makes ``parts`` records; call what comes back once for each."""
        self._next[spot] = offset + 1
        if parts:
            self._open.setdefault(spot, {})[offset] = parts
        return partial(self._done, spot, offset)

    def positions(self) -> dict[Spot, int]:
        """The next offset to read after a restart, by partition."""
        return {
            spot: next(iter(self._open.get(spot) or ()), following)
            for spot, following in self._next.items()
        }

    def _done(self, spot: Spot, offset: int) -> None:
        open_here = self._open[spot]
        open_here[offset] -= 1
        if not open_here[offset]:
            del open_here[offset]
