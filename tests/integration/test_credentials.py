"""Wrong credentials against a broker that really asks for them: flows and commands say so, soon."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection
from flows.kafka.control import ControlReader
from flows.kafka.sink import LogWriter, Push
from flows.records import Parcel, Record
from schemas import topics
from schemas.errors import InputError, TransportError
from scripts.broker.apache import ApacheKafka
from tests.conftest import RAN

USER, PASSWORD = "worker", "right-one"
ROOT = Path(__file__).resolve().parents[2]
ENDS_S_MAX = 60.0
pytestmark = [pytest.mark.broker, pytest.mark.apache]


@pytest.fixture(scope="module")
def guarded(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that asks for a login, with topics made by who has it."""
    with ApacheKafka(tmp_path_factory.mktemp("guarded"), login=(USER, PASSWORD)) as broker:
        pytestconfig.stash[RAN].add(broker.name)
        assert broker.guarded_servers is not None
        kafka_topics.create(connection(broker.guarded_servers, PASSWORD), shards=1)
        yield broker.guarded_servers


def connection(address: str, password: str) -> Connection:
    """As the settings make it."""
    return Connection(
        address,
        security={
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": USER,
            "sasl.password": password,
        },
    )


class Nobody:
    def apply(self, record: Record) -> InputError | None:
        del record
        return None


def refused(record: Record, error: InputError) -> None:
    raise AssertionError(record.place, error)


def parcel() -> Parcel:
    return Parcel(topics.OFFERS, b"c-1", b"{}", (), lambda *_: None)


def poll_on(writer: LogWriter) -> None:
    """Poll until it raises, or the test's patience ends."""
    give_up_at = time.monotonic() + ENDS_S_MAX
    while time.monotonic() < give_up_at:
        writer.poll(0.1)


def flow(name: str, address: str, password: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a flow as an operator does; the credentials come from the environment."""
    settings = folder / "bank.toml"
    settings.write_text(
        f'[kafka]\nbootstrap = "{address}"\npartitions = 1\nsecurity_protocol = "SASL_PLAINTEXT"\n'
        f'sasl_mechanism = "PLAIN"\n[decide]\nstate_directory = "{folder}/state"\n'
        f'[ingest]\nidentity_directory = "{folder}/identity"\n'
    )
    return subprocess.run(
        [sys.executable, "-m", "flows", name, "--config", settings],
        cwd=ROOT,
        env={"MARKET_OF_ONE_SASL_USERNAME": USER, "MARKET_OF_ONE_SASL_PASSWORD": password},
        capture_output=True,
        text=True,
        timeout=ENDS_S_MAX,
        check=False,
    )


@pytest.mark.parametrize("name", ["topics", "decide", "learn"])
def test_a_flow_with_a_wrong_password_ends_and_says_why(
    name: str, guarded: str, tmp_path: Path
) -> None:
    """Status 3 and one line with what to do; the password is nowhere in it."""
    done = flow(name, guarded, "wrong-one", tmp_path)
    assert done.returncode == 3, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "transport.authentication" in done.stderr
    assert "check the user, the password" in last
    assert "wrong-one" not in done.stderr


def test_the_right_password_lets_a_command_in(guarded: str, tmp_path: Path) -> None:
    """The same settings, with the right secret."""
    done = flow("topics", guarded, PASSWORD, tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_writer_is_let_in_or_told(guarded: str) -> None:
    """What is produced with the right password arrives; with a wrong one the first poll that knows raises."""
    writer = LogWriter(connection(guarded, PASSWORD))
    writer.send(parcel())
    assert writer.close() == 0
    writer = LogWriter(connection(guarded, "wrong-one"), Push(close_s_max=0.1))
    writer.send(parcel())
    with pytest.raises(TransportError) as told:
        poll_on(writer)
    assert told.value.code == "transport.authentication"
    assert writer.close() == 1


def test_a_reader_is_let_in_or_told(guarded: str) -> None:
    """Control topics are read whole with the right password; a wrong one ends the wait."""
    counts = dict.fromkeys(topics.CONTROL, 1)
    for password, code in ((PASSWORD, None), ("wrong-one", "transport.authentication")):
        reader = ControlReader(
            connection(guarded, password), counts=counts, keeper=Nobody(), refused=refused
        )
        try:
            if code is None:
                reader.read_whole()
                continue
            with pytest.raises(TransportError) as told:
                reader.read_whole()
            assert told.value.code == code
        finally:
            reader.close()
