"""When the next event is due: by a rate of real time, and by simulated time if a speed-up is given."""

from collections.abc import Iterator

from scripts.town.stage import Emitted

BURST_S = 0.25
"""How much of a delay is made up for; a longer one is time lost, lest a burst follow it."""
HISTORY_PRICE = 0.1
"""What a record of before the start costs of the rate: a first copy comes as fast as it is read."""
CONTRACT_MS = 86_400_000
CONTRACT_S = 2.0
"""The first day of history holds who the customers are and what they agreed to; Kafka orders nothing across topics, so
what follows waits until that is known, or it would be withheld."""


class Pacer:
    """Hands out the events that are due."""

    def __init__(
        self,
        events: Iterator[Emitted],
        *,
        rate: float,
        speed_up: float | None,
        live_from_ms: int = 0,
    ) -> None:
        """Pace at most ``rate`` events a second, and no simulated instant before its time.

        Args:
            events: In order of time.
            rate: Events a second of real time.
            speed_up: Simulated over real time; None where the rate alone tells.
            live_from_ms: What is of before is history, which goes ten times as fast; the rest waits until it is taken
                in, as a bank goes live when its first copy lies there, and not behind it.
        """
        self._events = events
        self._live_from_ms = live_from_ms
        self._rate = rate
        self._speed_up = speed_up
        self._credit = 0.0
        self._last_s: float | None = None
        self._origin: tuple[float, int] | None = None
        self._copied_from: tuple[float, int] | None = None
        self._next: Emitted | None = None
        self.copied = False
        """All of the history is sent, and the world's own time waits until it is ``taken_in``."""
        self.taken_in = False
        self.finished = False

    def due(self, now_s: float) -> Iterator[Emitted]:
        """The events due at a monotonic instant; lazily, so that what is heard between them counts."""
        since_s = 0.0 if self._last_s is None else now_s - self._last_s
        self._last_s = now_s
        self._credit = min(self._credit + since_s * self._rate, max(self._rate * BURST_S, 1.0))
        while self._credit >= 1.0 and not self.finished:
            record = self._next or next(self._events, None)
            self._next = None
            if record is None:
                self.finished = True
                return
            if not self._timely(record, now_s):
                self._next = record
                return
            self._credit -= HISTORY_PRICE if record.at_ms < self._live_from_ms else 1.0
            yield record

    def _timely(self, record: Emitted, now_s: float) -> bool:
        if record.at_ms < self._live_from_ms:
            if self._copied_from is None:
                self._copied_from = (now_s, record.at_ms)
            began_s, began_ms = self._copied_from
            return record.at_ms < began_ms + CONTRACT_MS or now_s >= began_s + CONTRACT_S
        if self._copied_from is not None and not self.taken_in:
            self.copied = True
            return False
        if self._speed_up is None:
            return True
        if self._origin is None:
            self._origin = (now_s, record.at_ms)
        began_s, began_ms = self._origin
        return record.at_ms <= began_ms + (now_s - began_s) * 1000 * self._speed_up
