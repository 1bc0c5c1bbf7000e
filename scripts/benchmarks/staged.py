"""A flow with a stop-watch at each station of an answer's way, for `scripts/bench latency --stages`.

    python -m scripts.benchmarks.staged FILE decide --config SETTINGS

The product is as it is; the stations are wrapped here, from outside. FILE gets one JSON object at the end:
``answers`` (customer → seconds at each station) and ``slow`` (what held the loop up for long, when and for how
long). All clocks are the machine's monotonic one, so that they compare across processes.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import KafkaError, Message

from flows.decide import DecideFlow
from flows.kafka import source
from flows.kafka.control import ControlReader
from flows.kafka.sink import LogSinkPart, LogWriter
from flows.records import Parcel, Record
from flows.run import main as run_flow
from flows.shard import Shard
from schemas import topics
from state.outbox import OutboxEntry

SLOW_S = 0.003
STATIONS = ("read", "taken", "committed", "sent", "acknowledged")
"""Out of the consumer; its batch's turn; decided on and committed; with the producer; on the log."""
HELD_UP: tuple[tuple[type, str], ...] = (
    (DecideFlow, "turn"),
    (DecideFlow, "rest"),
    (Shard, "process"),
    (Shard, "tick"),
    (Shard, "settle"),
    (Shard, "sync"),
    (LogSinkPart, "write_batch"),
    (LogWriter, "poll"),
    (ControlReader, "poll"),
)
"""What the loop does, but for waiting when there is nothing to read."""


class StopWatch:
    """Where each answer was when."""

    def __init__(self) -> None:
        """Nothing was seen."""
        self.answers: dict[str, dict[str, float]] = {}
        self.slow: list[tuple[float, float, str]] = []
        self._read: dict[bytes, float] = {}

    def attach(self) -> None:
        """Wrap the stations of this process."""
        for owner, name in HELD_UP:
            setattr(owner, name, self._timed(f"{owner.__name__}.{name}", getattr(owner, name)))
        to_record, process = source.to_record, Shard.process
        send, acknowledged = LogWriter.send, LogWriter._acknowledged  # noqa: SLF001 - looked at from outside

        def reading(message: Message, roles: Any) -> Record:
            record = to_record(message, roles)
            if record.key is not None:
                self._read[record.key] = time.perf_counter()
            return record

        def processing(shard: Shard, records: Sequence[Record], **named: Any) -> list[OutboxEntry]:
            taken = time.perf_counter()
            made = process(shard, records, **named)
            for entry in made:
                if entry.topic == topics.OFFERS and entry.key is not None:
                    read = self._read.get(entry.key, taken)
                    stations = {"read": read, "taken": taken, "committed": time.perf_counter()}
                    self.answers[entry.key.decode()] = stations
            return made

        def sending(writer: LogWriter, parcel: Parcel) -> None:
            self._pass("sent", parcel.topic, parcel.key)
            send(writer, parcel)

        def hearing(
            writer: LogWriter, parcel: Parcel, error: KafkaError | None, message: Message
        ) -> None:
            self._pass("acknowledged", parcel.topic, parcel.key)
            acknowledged(writer, parcel, error, message)

        stations: tuple[tuple[object, str, Callable[..., Any]], ...] = (
            (source, "to_record", reading),
            (Shard, "process", processing),
            (LogWriter, "send", sending),
            (LogWriter, "_acknowledged", hearing),
        )
        for where, name, wrapped in stations:
            setattr(where, name, wrapped)

    def write(self, path: Path) -> None:
        """Write down what was seen."""
        path.write_bytes(orjson.dumps({"answers": self.answers, "slow": self.slow}))

    def _pass(self, station: str, role: str, key: bytes | None) -> None:
        if role == topics.OFFERS and key is not None and key.decode() in self.answers:
            self.answers[key.decode()][station] = time.perf_counter()

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                took = time.perf_counter() - began
                if took > SLOW_S:
                    self.slow.append((began, took, name))

        return timed


def main() -> int:
    """Run the flow and write down where its answers were."""
    path, *arguments = sys.argv[1:]
    watch = StopWatch()
    watch.attach()
    try:
        return run_flow(arguments)
    finally:
        watch.write(Path(path))


if __name__ == "__main__":
    sys.exit(main())
