"""Where a fault happens: a broker, topics of one scenario, the log fed by hand, real workers as processes."""

import contextlib
import shutil
import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from flows import settings as settings_module
from flows.kafka import tail
from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection, Watch
from flows.kafka.sink import LogWriter, Push
from flows.kafka.source import Pace, consumer
from flows.records import Parcel
from flows.settings import Settings
from schemas import topics
from schemas.errors import ConfigError, TransportError
from scripts.broker.process import Broker
from scripts.campaign.births import Births
from scripts.campaign.stream import Sent, Stream
from scripts.campaign.worker import PATIENCE_S, LabError, Worker

SHARDS = 4
FEED_S_MAX = 300.0
FEED_LINGER_MS = 5.0
STEP_S = 0.01
POLL_S = 0.1
DECIDED = (topics.CUSTOMER_EVENTS, *topics.OUTPUTS, *topics.CONTROL)
"""The topics of `decide`; those of `ingest` are made where it runs: each costs the broker as much as a hundred events."""
SETTINGS = """
[kafka]
bootstrap = "{bootstrap}"
topic_prefix = "{prefix}"
partitions = {shards}
[decide]
group = "{prefix}decide"
state_directory = "{state}"
clock = "event"
batch_max = 64
lru_customers = 1000
wal_sync_ms = 50
max_future_s = 31536000
ownership = "{ownership}"
session_timeout_ms = 3000
[backup]
address = "{backup}"
every_s = {backup_s}
keep = 3
[ingest]
group = "{prefix}ingest"
identity_directory = "{state}-identity"
[rules]
holdout_share = 0.05
contacts_per_week = 50
contacts_per_day = 20
marketing_per_week = 50
push_per_week = 50
"""


class Lab:
    """One scenario's own topics and state, on a broker that scenarios share."""

    def __init__(
        self, broker: Broker, directory: Path, *, name: str, stream: Stream, births: Births
    ) -> None:
        """Make the topics and write the settings."""
        self.broker = broker
        self.directory = directory / name
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.stream = stream
        self.start_s = births.start_s
        self._births = births
        self.state = self.directory / "state"
        self.backups = self.directory / "backups"
        self.connection = Connection(broker.bootstrap_servers, prefix=f"{name}.")
        self.bad: list[bytes] = []
        self.fed = 0
        self.supervised = False
        """Whether a worker that ends by design (`WANTS_AGAIN`) is started again, as by a supervisor."""
        self.begun_again = 0
        self.workers: list[Worker] = []
        self._records = iter(stream)
        # A broker that reads its logs again after a kill takes minutes on a busy machine; what is tested are the workers.
        self._writer = LogWriter(
            self.connection, Push(linger_ms=FEED_LINGER_MS, deliver_s_max=FEED_S_MAX), twice=True
        )
        self.config = self.configure()
        self.settings: Settings = settings_module.load(self.config, environment={})
        self.create(DECIDED)
        watch = Watch(code="transport.source")
        self._reader, self._ingest = (
            consumer(self.connection, group=group, heard=watch.heard, pace=Pace())
            for group in (self.settings.decide.group, self.settings.ingest.group)
        )

    def configure(
        self,
        *,
        state: Path | None = None,
        ownership: str = "ordinal",
        backup_s: float = 0.0,
        name: str = "",
    ) -> Path:
        """Write a settings file: by default the scenario's; with ``backup_s`` shards are backed up so often."""
        path = self.directory / f"settings{name}.toml"
        text = SETTINGS.format(
            bootstrap=self.broker.bootstrap_servers,
            prefix=self.connection.prefix,
            shards=SHARDS,
            state=(state or self.state).as_posix(),
            ownership=ownership,
            backup=self.backups.as_posix() if backup_s else "",
            backup_s=backup_s or 1.0,
        )
        path.write_text(text, encoding="utf-8")
        return path

    def start(
        self,
        ordinal: int = 0,
        count: int = 1,
        *,
        flow: str = "decide",
        config: Path | None = None,
        module: str = "flows",
        environment: Mapping[str, str] | None = None,
    ) -> Worker:
        """Start a worker; it ends with us whatever happens."""
        log = self.directory / f"{flow}-{ordinal}.log"
        log.touch()
        log_from = log.stat().st_size
        begin = partial(
            self._births.born,
            (module, flow, "--config", str(config or self.config)),
            environment={
                "PATH": "/usr/bin:/bin",
                "MARKET_OF_ONE_WORKER_ORDINAL": str(ordinal),
                "MARKET_OF_ONE_WORKER_COUNT": str(count),
                **(environment or {}),
            },
            log=log,
        )
        worker = Worker(flow, begin(), log, log_from, begin)
        self.workers = [one for one in self.workers if not one.gone]
        self.workers.append(worker)
        return worker

    def create(self, roles: Collection[str]) -> None:
        """Make topics and wait until the broker, which may just have come back, knows them."""
        self.until(
            lambda: self._created(roles), "the topics were not made", patience_s=PATIENCE_S / 3
        )

    def feed(self, count: int, *, roles: bool = False) -> int:
        """Write the stream's next records on the customers' log, or each on its own topic; how many."""
        batch = list(islice(self._records, count))
        self.write(batch, roles=roles)
        self.bad += [one.value for one in batch if one.bad]
        self.fed += len(batch)
        return len(batch)

    def write(self, records: Iterable[Sent], *, roles: bool = False) -> None:
        """Write records and let acknowledgements in."""
        for one in records:
            role = one.topic if roles else topics.CUSTOMER_EVENTS
            self._writer.send(Parcel(role, one.key.encode(), one.value, (), lambda *_: None))
        self._writer.poll()

    def settle(self) -> None:
        """Wait until what was written is acknowledged."""
        self.until(self._acknowledged, "the records were not acknowledged")

    def until(
        self, done: Callable[[], bool], words: str, *, patience_s: float = PATIENCE_S
    ) -> None:
        """Wait for something.

        Raises:
            LabError: It did not happen in time.
        """
        give_up_at = time.monotonic() + patience_s
        while not done():
            if time.monotonic() > give_up_at:
                raise LabError(f"{words} within {patience_s:.0f} s: see {self.directory}")
            time.sleep(STEP_S)

    def ready(self, *workers: Worker) -> None:
        """Wait until workers have begun.

        Raises:
            LabError: One ended instead, or did not begin in time.
        """
        self.until(
            lambda: all(worker.up or self._lost(worker) for worker in workers),
            "a worker did not begin",
        )

    def follow(self, *workers: Worker) -> None:
        """Wait until everything that is on the log now was decided on."""
        self.settle()
        ends = self.ends()
        self.until(lambda: self._reached(ends, workers), "the log was not decided on")

    def drain(self, *workers: Worker) -> None:
        """Wait until everything on the log was decided on, then stop the workers cleanly.

        Raises:
            LabError: A worker ended by itself, or not cleanly.
        """
        self.follow(*workers)
        self.ready(*workers)
        for worker in workers:
            status = worker.stop()
            if self._again(worker):
                self.ready(worker)
                status = worker.stop()
            if status not in (0, -signal.SIGTERM):  # the latter: it had not begun to listen yet
                raise LabError(f"a worker ended with {status}: see {worker.log}")

    def ends(self) -> dict[int, int]:
        """Where the customers' log ends, by partition."""
        spots = [(topics.CUSTOMER_EVENTS, shard) for shard in range(SHARDS)]
        try:
            found = tail.offsets_at(self.connection, spots, OffsetSpec.latest())
        except TransportError:  # a broker that was stopped may look for its leaders for a while
            found = tail.offsets_at(self.connection, spots, OffsetSpec.latest())
        return {partition: end for (_, partition), end in found.items()}

    def positions(self) -> dict[int, int]:
        """How far the workers say they are, by shard."""
        name = self.connection.topic(topics.CUSTOMER_EVENTS)
        wanted = [TopicPartition(name, shard) for shard in range(SHARDS)]
        try:
            places = self._reader.committed(wanted, timeout=10)
        except KafkaException:
            return {}
        return {place.partition: place.offset for place in places}

    def forget(self) -> None:
        """Take back what workers said, before one begins again further back: none may run."""
        name = self.connection.topic(topics.CUSTOMER_EVENTS)
        places = [TopicPartition(name, shard, 0) for shard in range(SHARDS)]
        self._reader.commit(offsets=places, asynchronous=False)

    def good(self) -> int:
        """How many of the records fed can become an event."""
        return self.fed - len(self.bad)

    def ingested(self) -> int:
        """How many records of the sources ingest has said that it is through with."""
        roles = self.settings.ingest.topics
        wanted = [
            TopicPartition(self.connection.topic(role), shard)
            for role in roles
            for shard in range(SHARDS)
        ]
        time.sleep(POLL_S)
        places = self._ingest.committed(wanted, timeout=10)
        return sum(max(place.offset, 0) for place in places)

    def close(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            if not worker.gone:
                worker.process.send_signal(signal.SIGCONT)
                worker.kill()
        self._writer.close()
        self._reader.close()
        self._ingest.close()

    def _lost(self, worker: Worker) -> bool:
        if worker.gone and not self._again(worker):
            raise LabError(
                f"a worker ended by itself with {worker.process.returncode}: see {worker.log}"
            )
        return False

    @property
    def supervision(self) -> str:
        """How often a supervisor was needed, to be added to what was done."""
        return f", {self.begun_again} × a worker began again" if self.begun_again else ""

    def _again(self, worker: Worker) -> bool:
        """Start a worker again that the brokers ended, if somebody would."""
        again = self.supervised and worker.again()
        self.begun_again += again
        return again

    def _reached(self, ends: Mapping[int, int], workers: Sequence[Worker]) -> bool:
        for worker in workers:
            self._lost(worker)
        time.sleep(POLL_S)
        positions = self.positions()
        return all(positions.get(shard, -1) >= end for shard, end in ends.items() if end)

    def _acknowledged(self) -> bool:
        self._writer.poll(STEP_S)
        return self._writer.in_flight == 0

    def _created(self, roles: Collection[str]) -> bool:
        with contextlib.suppress(TransportError, ConfigError):
            kafka_topics.create(self.connection, shards=SHARDS, roles=roles)
            kafka_topics.check(self.connection, roles=roles, shards=SHARDS)
            return True
        time.sleep(POLL_S)
        return False
