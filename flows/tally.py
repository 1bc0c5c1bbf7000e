"""What a shard counts while it works; `flows.metrics` collects it once a batch, not once an event."""

from collections import Counter
from dataclasses import dataclass, field
from zlib import crc32

from schemas.decisions import SILENCE, Outcome


@dataclass(slots=True)
class Tally:
    """Counts since the last collection. ``latencies_ns`` is the time from decoding to encoded outputs.

    ``dark`` are records whose customer was erased, so that nobody can read them any more.
    """

    events: int = 0
    skipped: int = 0
    dark: int = 0
    duplicates: int = 0
    ticks: int = 0
    spoken: int = 0
    silences: int = 0
    erased: int = 0
    repeated: int = 0
    diverged: int = 0
    withheld: Counter[str] = field(default_factory=Counter)
    degraded: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    latencies_ns: list[int] = field(default_factory=list)

    def count(self, outcome: Outcome, *, latency_ns: int) -> None:
        """Count one decided event."""
        self.events += 1
        self.latencies_ns.append(latency_ns)
        if outcome.duplicate:
            self.duplicates += 1
        if outcome.withheld is not None:
            self.withheld[outcome.withheld.source] += 1
        if outcome.customer is None:
            self.erased += 1
        if outcome.decision is not None:
            if outcome.decision.chosen == SILENCE:
                self.silences += 1
            else:
                self.spoken += 1
            for name in outcome.decision.degraded:
                self.degraded[name] += 1

    def adopted(self, checksum: int, value: bytes | None) -> None:
        """Count an output that the log held already, and whether it was the same."""
        self.repeated += 1
        if checksum != crc32(value or b""):
            self.diverged += 1
