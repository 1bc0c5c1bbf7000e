"""What is measured, for Prometheus: counts and latencies, never a customer."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from flows.records import Record
from flows.tally import Tally

MILLISECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1,
    0.25, 0.5, 1.0, 5.0,
)  # fmt: skip
"""Buckets in seconds. Bytewax's own begin at half a millisecond and jump to five."""


class Metrics:
    """The metrics of a worker, in a registry of its own so that a process may have several."""

    def __init__(self, flow: str) -> None:
        self.registry = CollectorRegistry()
        prefix = f"market_of_one_{flow}"
        self._events = Counter(
            f"{prefix}_events", "Events, by what became of them", ["fate"], registry=self.registry
        )
        self._withheld = Counter(
            f"{prefix}_withheld", "Events without consent", ["source"], registry=self.registry
        )
        self._dead = Counter(
            f"{prefix}_dead_letters", "Records refused", ["code"], registry=self.registry
        )
        self._degraded = Counter(
            f"{prefix}_degraded", "Failures of plug-ins", ["plug_in"], registry=self.registry
        )
        self._decide = Histogram(
            f"{prefix}_seconds",
            "From decoding an event to its encoded outputs",
            buckets=MILLISECONDS,
            registry=self.registry,
        )
        self._age = Histogram(
            f"{prefix}_read_age_seconds",
            "Age of the newest record of a batch, by the log's clock, once it is committed",
            buckets=MILLISECONDS,
            registry=self.registry,
        )
        self._in_flight = Gauge(
            f"{prefix}_in_flight", "Outputs not yet acknowledged", registry=self.registry
        )

        self._backups = Counter(
            f"{prefix}_backups",
            "Backups of shards, by how they ended",
            ["fate"],
            registry=self.registry,
        )
        self._backup_bytes = Counter(
            f"{prefix}_backup_bytes", "Bytes that backups carried over", registry=self.registry
        )

    def serve(self, port: int, *, host: str = "127.0.0.1") -> None:
        """Answer scrapes on a port."""
        start_http_server(port, addr=host, registry=self.registry)

    def read(self, records: Sequence[Record], *, now_ms: int) -> None:
        """Note how old a batch was when it had been decided."""
        self._age.observe(max(0, now_ms - records[-1].timestamp_ms) / 1000)

    def in_flight(self, count: int) -> None:
        """Note how many outputs wait for an acknowledgement."""
        self._in_flight.set(count)

    def refused(self, code: str) -> None:
        """Count one record that can't be used."""
        self._dead.labels(code).inc()

    def translated(self, count: int) -> None:
        """Count events that `ingest` put on the customers' log."""
        self._events.labels("written").inc(count)

    def backed_up(self, carried_bytes: int) -> None:
        """Count one backup of a shard."""
        self._backups.labels("made").inc()
        self._backup_bytes.inc(carried_bytes)

    def backup_failed(self) -> None:
        """Count one backup that was not made."""
        self._backups.labels("failed").inc()

    def collect(self, tally: Tally) -> None:
        """Take over a shard's counts, and set them to zero."""
        for fate in ("events", "skipped", "dark", "duplicates", "ticks", "spoken", "silences", "erased",
                     "repeated", "diverged"):  # fmt: skip
            count = getattr(tally, fate)
            if count:
                self._events.labels(fate).inc(count)
                setattr(tally, fate, 0)
        for counter, counts in (
            (self._withheld, tally.withheld),
            (self._dead, tally.dead_letters),
            (self._degraded, tally.degraded),
        ):
            for label, count in counts.items():
                counter.labels(label).inc(count)
            counts.clear()
        for latency_ns in tally.latencies_ns:
            self._decide.observe(latency_ns / 1e9)
        tally.latencies_ns.clear()
