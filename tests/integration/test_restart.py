"""Real worker processes: killed at any moment, stopped with a signal, started wrongly."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from flows import settings as settings_module
from flows.assembly import world_of
from flows.driver import Driver
from flows.intake import shard_decode
from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection, Watch
from flows.kafka.source import Pace, consumer
from flows.partition import shard_of
from flows.zones import Zones
from schemas import topics
from scripts.broker.process import Broker
from state.directory import open_directory, open_shards
from state.identity import Identity
from state.sealed import Vault
from tests.bytes import holding
from tests.kafka_logs import read, write
from tests.streams import morning

SHARDS = 2
KILLS = 5
WAIT_S = 60.0
ROOT = Path(__file__).resolve().parents[2]
# No byte of theirs may occur by chance in an identity file, which is hexadecimal.
CROWD = tuple(f"person-{n}" for n in range(240))
CUSTOMERS = CROWD[:60]


@pytest.fixture
def connection(broker: Broker) -> Connection:
    """Topics of this test's own on a shared broker."""
    made = Connection(broker.bootstrap_servers, prefix=f"restart-{uuid4().hex[:8]}.")
    kafka_topics.create(made, shards=SHARDS)
    return made


@pytest.fixture
def config(connection: Connection, tmp_path: Path) -> Path:
    """The settings file of the worker: small batches, so that a kill finds many of them."""
    path = tmp_path / "worker.toml"
    path.write_text(
        f"""
        [kafka]
        bootstrap = "{connection.bootstrap_servers}"
        topic_prefix = "{connection.prefix}"
        partitions = {SHARDS}
        [decide]
        state_directory = "{tmp_path / "state"}"
        batch_max = 4
        clock = "event"
        wal_sync_ms = 20
        [rules]
        holdout_share = 0.0
        """
    )
    return path


@contextmanager
def worker(config: Path, flow: str = "decide") -> Iterator[subprocess.Popen[bytes]]:
    """A worker process, which does not outlive the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", flow, "--config", str(config)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class Watcher:
    """Reads the decisions as they come, in the log's order."""

    def __init__(self, connection: Connection) -> None:
        watch = Watch(code="transport.source")
        self._reader = consumer(connection, group="watcher", heard=watch.heard, pace=Pace())
        name = connection.topic(topics.DECISIONS)
        self._reader.assign([TopicPartition(name, p, OFFSET_BEGINNING) for p in range(SHARDS)])
        self.ids: list[str] = []

    def wait(self, count: int, process: subprocess.Popen[bytes]) -> None:
        """Until so many lie there; a worker that ends before, or says nothing for long, is an error."""
        give_up_at = time.monotonic() + WAIT_S
        while len(self.ids) < count:
            for message in self._reader.consume(100, 0.01):
                assert message.error() is None
                self.ids.append(orjson.loads(message.value() or b"")["decision_id"])
                give_up_at = time.monotonic() + WAIT_S
            assert time.monotonic() < give_up_at, (
                f"{len(self.ids)} decisions where {count} should be"
            )
            assert process.poll() is None, process.communicate()[1].decode()


def started(process: subprocess.Popen[bytes]) -> None:
    """Wait until a worker has begun its work."""
    assert process.stderr is not None
    for line in process.stderr:
        if orjson.loads(line)["message"] in {"ingesting", "deciding", "following"}:
            return
    raise AssertionError(process.returncode)


def mornings(customers: tuple[str, ...]) -> list[tuple[str, bytes]]:
    return [(customer, value) for customer in customers for value in morning(customer)]


SEALED = """
[state]
encryption = true
key_directory = "{keys}"
master_key = "{master}"
"""


LIVE_CLOCK = 'clock = "wall"\n        small_minor = 1_000_000'
"""By the wall clock records that press pass others, answers are committed ahead of what is held, and offers go first."""


def uninterrupted(config: Path, log: Sequence[tuple[str, bytes]]) -> Driver:
    """What follows from the same log when nobody dies."""
    settings = settings_module.load(config, environment={})
    driver = Driver(
        world_of(settings), decode=shard_decode(settings.limits, Zones(())), shards=SHARDS
    )
    for customer, value in log:
        driver.send(topics.CUSTOMER_EVENTS, value, key=customer)
    return driver


@pytest.mark.parametrize(("sealed", "live"), [(False, False), (True, False), (True, True)])
def test_killed_again_and_again_it_ends_as_if_nothing_had_been(
    connection: Connection, config: Path, tmp_path: Path, *, sealed: bool, live: bool
) -> None:
    """After kill -9 in the middle of work, outputs and state are those of a run without; none is twice."""
    vault = None
    if sealed:
        keys = SEALED.format(keys=tmp_path / "keys", master="ab" * 32)
        config.write_text(config.read_text(encoding="utf-8") + keys, encoding="utf-8")
        vault = Vault(tmp_path / "keys", masters=[bytes.fromhex("ab" * 32)])
    people, log = CUSTOMERS, mornings(CUSTOMERS)
    if live:
        text = config.read_text(encoding="utf-8").replace('clock = "event"', LIVE_CLOCK)
        config.write_text(text, encoding="utf-8")
        start = datetime.now(UTC) - timedelta(hours=1)
        # Side by side: who opens the app passes the payments of all others, which lie before it.
        people = CROWD  # enough for ticks to commit while others wait
        lives = ([(one, value) for value in morning(one, start=start)] for one in people)
        log = [event for together in zip(*lives, strict=True) for event in together]
    expected = uninterrupted(config, log)
    wanted = sorted(one["decision_id"] for one in expected.read(topics.DECISIONS))
    write(connection, topics.CUSTOMER_EVENTS, log)
    watcher = Watcher(connection)
    for kill in range(KILLS):
        with worker(config) as process:
            watcher.wait(len(wanted) * kill // KILLS + 1, process)
            process.send_signal(signal.SIGKILL)
    with worker(config) as process:
        started(process)
        watcher.wait(len(wanted), process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    assert sorted(watcher.ids) == wanted
    for role in topics.OUTPUTS:
        records = read(connection, role, partitions=SHARDS)
        assert sorted(r.value or b"" for r in records) == sorted(
            r.value or b"" for r in expected.records(role)
        ), role
    directory = open_directory(
        tmp_path / "state",
        identity=Identity(connection.prefix, SHARDS, "market-of-one"),
        owner="test",
        vault=vault,
    )
    if sealed:
        assert holding(tmp_path, [one.encode() for one in people[10:]]) == {}
    stores = open_shards(directory, range(SHARDS))
    for customer in people:
        store = stores[shard_of(customer, shards=SHARDS)]
        assert store.customer(customer) == expected.customer(customer)
    for store in stores.values():
        store.close()


def test_a_worker_takes_who_was_erased_off_the_disk(
    connection: Connection, config: Path, tmp_path: Path
) -> None:
    """While it goes on deciding, plain shards are rewritten until no byte of the customer is left, and it says so."""
    rest = "[state]\nscrub_after_s = 0.0\n"
    config.write_text(config.read_text(encoding="utf-8") + rest, encoding="utf-8")
    gone, stays = b"customer-anna", b"customer-ben"
    request = {"kind": "erasure.requested", "event_id": "gone", "customer": gone.decode()}
    erasure = orjson.dumps({**request, "at": "2025-03-03T20:00:00+00:00"})
    log = mornings((gone.decode(), stays.decode()))
    write(connection, topics.CUSTOMER_EVENTS, log)
    with worker(config) as process:
        Watcher(connection).wait(8, process)
        assert holding(tmp_path / "state", [gone, stays]).keys() == {gone, stays}
        write(connection, topics.CUSTOMER_EVENTS, [(gone.decode(), erasure)])
        assert process.stderr is not None
        for line in process.stderr:
            if orjson.loads(line)["message"] == "erased customers are off the disk":
                break
        assert holding(tmp_path / "state", [gone, stays]).keys() == {stays}
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("flow", ["ingest", "decide", "measure"])
def test_a_signal_ends_a_worker_cleanly(
    embedded_broker: Broker, tmp_path: Path, flow: str, number: signal.Signals
) -> None:
    """Status 0, and every line on stderr is JSON."""
    connection = Connection(embedded_broker.bootstrap_servers, prefix=f"stop-{uuid4().hex[:8]}.")
    kafka_topics.create(connection, shards=SHARDS)
    config = tmp_path / "worker.toml"
    config.write_text(
        f'[kafka]\nbootstrap = "{connection.bootstrap_servers}"\n'
        f'topic_prefix = "{connection.prefix}"\npartitions = {SHARDS}\n'
        f'[decide]\nstate_directory = "{tmp_path / "state"}"\n'
    )
    with worker(config, flow) as process:
        started(process)
        process.send_signal(number)
        rest = process.communicate(timeout=WAIT_S)[1]
        assert process.returncode == 0, rest.decode()
    messages = [orjson.loads(line)["message"] for line in rest.splitlines()]
    assert "stopping" in messages


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        ("[kafka]\npartition = 3\n", 2, "config.unknown-key"),
        ('[kafka]\nbootstrap = "127.0.0.1:1"\n', 3, "transport.source"),
    ],
)
def test_a_wrong_start_says_what_to_do_in_one_line(
    tmp_path: Path, content: str, status: int, words: str
) -> None:
    """The status tells the family of the error; the last line is the error with its hint, no traceback."""
    config = tmp_path / "worker.toml"
    config.write_text(content)
    done = subprocess.run(
        [sys.executable, "-m", "flows", "decide", "--config", str(config)],
        cwd=ROOT,
        capture_output=True,
        timeout=WAIT_S,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("MARKET_OF_ONE")},
    )
    assert done.returncode == status
    assert words in done.stderr.decode().splitlines()[-1]
    assert b"Traceback" not in done.stderr


def test_two_workers_can_not_have_one_shard(embedded_broker: Broker, tmp_path: Path) -> None:
    """The second is refused with the state's status, and the first goes on."""
    connection = Connection(embedded_broker.bootstrap_servers, prefix=f"two-{uuid4().hex[:8]}.")
    kafka_topics.create(connection, shards=SHARDS)
    config = tmp_path / "worker.toml"
    config.write_text(
        f'[kafka]\nbootstrap = "{connection.bootstrap_servers}"\n'
        f'topic_prefix = "{connection.prefix}"\npartitions = {SHARDS}\n'
        f'[decide]\nstate_directory = "{tmp_path / "state"}"\n'
    )
    with worker(config) as first:
        started(first)
        with worker(config) as second:
            _, errors = second.communicate(timeout=WAIT_S)
            assert second.returncode == 4
            assert b"state.other-owner" in errors.splitlines()[-1]
        assert first.poll() is None
