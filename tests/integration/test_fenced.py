"""Who was away for so long that another took its place says so, whatever it was about to do when it learns of it."""

import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from flows.kafka import fenced
from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection
from flows.kafka.fenced import FencedWriter
from flows.kafka.member import Member
from flows.records import Parcel
from schemas.errors import StateError
from scripts.broker.apache import ApacheKafka
from tests.kafka_logs import read

SHARDS = 2
SESSION_MS = 6000
WAIT_S = 30.0
Then = Callable[[FencedWriter], object]


@pytest.fixture(scope="module")
def connection(apache_broker: ApacheKafka) -> Connection:
    """Topics of this test's own; the embedded broker fences nobody."""
    made = Connection(apache_broker.bootstrap_servers, prefix=f"fenced-{uuid4().hex[:8]}.")
    kafka_topics.create(made, shards=SHARDS)
    return made


def unproven(producer: Producer) -> None:
    """No proof of ownership: the producer's name alone is fenced here."""
    del producer


def writer(connection: Connection, name: str) -> FencedWriter:
    return FencedWriter(connection, name=name, fence=unproven, session_ms=SESSION_MS)


def parcel(delivered: list[int], key: bytes = b"c-1") -> Parcel:
    return Parcel("offers", key, b"{}", (), lambda _, __, offset: delivered.append(offset))


def wakes(paused: FencedWriter) -> None:
    """The refusal comes while it waits for acknowledgements, to commit."""
    paused.poll()


def reads(paused: FencedWriter) -> None:
    """It comes between two reads."""
    polled(paused, until=lambda: False)


def writes(paused: FencedWriter) -> None:
    """The client has heard of it, and takes nothing more."""
    give_up_at = time.monotonic() + WAIT_S
    while time.monotonic() < give_up_at:
        paused.send(parcel([]))


@pytest.mark.parametrize(("then", "commit_s"), [(wakes, 0.0), (reads, WAIT_S), (writes, WAIT_S)])
def test_a_writer_whose_name_is_anothers_ends_as_fenced(
    connection: Connection, then: Then, commit_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as a bug; what was not committed was not delivered, and closing is quiet."""
    delivered: list[int] = []
    paused = writer(connection, then.__name__)
    paused.send(parcel(delivered))
    polled(paused, until=lambda: len(delivered) == 1)
    monkeypatch.setattr(fenced, "COMMIT_S", commit_s)
    successor = writer(connection, then.__name__)
    paused.send(parcel(delivered))
    with pytest.raises(StateError, match=r"state\.fenced"):
        then(paused)
    paused.close()
    assert len(delivered) == 1
    assert successor.close() == 0


def test_closing_is_quiet_for_who_was_fenced(connection: Connection) -> None:
    """It may learn of it as late as that; nothing of the open transaction is seen."""
    delivered: list[int] = []
    paused = writer(connection, "closes")
    paused.send(parcel(delivered, b"late"))
    successor = writer(connection, "closes")
    paused.send(parcel(delivered, b"late"))
    paused.close()
    successor.send(parcel(delivered, b"successor"))
    assert successor.close() == 0
    assert len(delivered) == 1
    keys = {record.key for record in read(connection, "offers", partitions=SHARDS)}
    assert b"successor" in keys
    assert b"late" not in keys


def test_a_member_whose_name_is_anothers_ends_as_fenced(connection: Connection) -> None:
    """A worker that was replaced under its own name says so, and does not blame the brokers."""
    paused = owning(connection)
    successor = owning(connection)
    with pytest.raises(StateError, match=r"state\.fenced"):
        polled(paused, until=lambda: False)
    assert successor.shards == frozenset(range(SHARDS))
    successor.close()


def owning(connection: Connection) -> Member:
    """A member that has all shards."""
    member = Member(connection, group="fenced", instance="worker-0", session_ms=SESSION_MS)
    polled(member, until=lambda: len(member.shards) == SHARDS)
    return member


def polled(client: Member | FencedWriter, *, until: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + WAIT_S
    while not until():
        assert time.monotonic() < give_up_at
        client.poll(0.1)
