"""Writing to the log, as far as it needs no broker: patience, back-pressure, closing."""

from dataclasses import replace
from typing import cast

import pytest

from flows.kafka.client import Connection
from flows.kafka.seal import TopicSeal
from flows.kafka.sink import LogWriter, Push
from flows.partition import murmur2, shard_of
from flows.progress import Progress
from flows.records import Parcel
from schemas.errors import TransportError

NOWHERE = Connection("127.0.0.1:1")
PARCEL = Parcel("offers", b"c-1", b"{}", (), lambda *_: None)


def test_a_parcel_that_can_not_be_delivered_stops_the_writer() -> None:
    """After its time a parcel is given up aloud: it stays in the outbox, and the worker ends."""
    writer = LogWriter(NOWHERE, Push(deliver_s_max=0.3, close_s_max=0.1))
    writer.send(PARCEL)

    def wait() -> None:
        while True:
            writer.poll(0.1)

    with pytest.raises(TransportError, match=r"transport\.sink"):
        wait()
    writer.close()


class Unplaced:
    """A report of a record that is taken for written though no broker said where."""

    def partition(self) -> int:
        return 3

    def offset(self) -> None:
        return None


def test_a_record_that_nobody_knows_to_be_written_ends_the_worker() -> None:
    """It is not counted as delivered: who begins again looks at the log, and writes it if it isn't there."""
    heard: list[int] = []
    parcel = Parcel("offers", b"c-1", b"{}", (), lambda _, __, offset: heard.append(offset))
    writer = LogWriter(NOWHERE, Push(deliver_s_max=60.0, close_s_max=0.1))
    writer.in_flight = 1
    writer._acknowledged(parcel, None, Unplaced())  # type: ignore[arg-type]
    with pytest.raises(TransportError, match="nothing of where the record lies"):
        writer.poll()
    assert not heard
    assert writer.close() == 0


def test_where_twice_does_no_harm_it_is_written_again() -> None:
    """A source's record, say: copies are known by their ids."""
    writer = LogWriter(NOWHERE, Push(deliver_s_max=60.0, close_s_max=0.1), twice=True)
    writer.in_flight = 1
    writer._acknowledged(PARCEL, None, Unplaced())  # type: ignore[arg-type]
    assert writer.in_flight == 0
    writer.poll()
    assert writer.in_flight == 1
    assert writer.close() == 1


def test_reading_stops_while_too_much_is_in_flight() -> None:
    """There is room below the bound and none at it."""
    writer = LogWriter(NOWHERE, Push(in_flight_max=2, deliver_s_max=60.0, close_s_max=0.1))
    assert writer.room(0.0)
    writer.send(PARCEL)
    assert writer.room(0.0)
    writer.send(PARCEL)
    assert not writer.room(0.01)
    assert writer.close() == 2


class Placed:
    """A report of a record that lies on the log."""

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 7


class Noting(LogWriter):
    """Notes what goes to the client, which is the real one."""

    def __init__(self, *, hold_s: float, connection: Connection = NOWHERE) -> None:
        push = Push(first=frozenset({"offers"}), hold_s=hold_s, in_flight_max=4, close_s_max=0.1)
        super().__init__(connection, push)
        self.given: list[str] = []
        self.sealed: list[bytes | None] = []

    def _produce(self, parcel: Parcel, sent: Parcel, *, patience_s: float) -> None:
        super()._produce(parcel, sent, patience_s=patience_s)
        self.given.append(parcel.topic)
        self.sealed.append(sent.value)


def test_what_somebody_waits_for_goes_out_alone() -> None:
    """The rest follows when that has arrived, passes nothing that is held, and is in flight all the while."""
    writer = Noting(hold_s=1000.0)
    for topic in ("offers", "decisions", "impact"):
        writer.send(replace(PARCEL, topic=topic))
    writer.poll()
    assert (writer.given, writer.in_flight) == (["offers"], 3)
    writer._acknowledged(PARCEL, None, Placed())  # type: ignore[arg-type]
    writer.send(replace(PARCEL, topic="insights"))
    assert (writer.given, writer.in_flight) == (["offers"], 3)
    writer.poll()
    assert writer.given == ["offers", "decisions", "impact", "insights"]
    writer.send(PARCEL)
    assert not writer.room(0.0)
    assert writer.close() == 4


def test_what_nobody_waits_for_does_not_wait_for_ever() -> None:
    """However many offers are on their way."""
    writer = Noting(hold_s=0.0)
    writer.send(PARCEL)
    writer.send(replace(PARCEL, topic="decisions"))
    assert writer.given == ["offers"]
    writer.poll()
    assert writer.given == ["offers", "decisions"]
    writer.close()


class Turned:
    """A seal whose key an erasure turns over."""

    key = b"old"

    def closed(self, parcel: Parcel) -> Parcel:
        return replace(parcel, value=self.key)


def test_what_is_held_back_is_sealed_already() -> None:
    """Else an erasure meanwhile would leave what was said before it under a key that stays."""
    seal = Turned()
    connection = replace(NOWHERE, seal=cast("TopicSeal", seal))
    writer = Noting(hold_s=0.0, connection=connection)
    writer.send(PARCEL)
    writer.send(replace(PARCEL, topic="decisions"))
    seal.key = b"new"
    writer.poll()
    assert writer.sealed == [b"old", b"old"]
    writer.close()


def test_closing_sends_what_is_held_back() -> None:
    """It is safe in the outbox either way, and on the log with the others if there is a broker."""
    writer = Noting(hold_s=1000.0)
    writer.send(PARCEL)
    writer.send(replace(PARCEL, topic="decisions"))
    assert writer.close() == 2
    assert writer.given == ["offers", "decisions"]


def test_closing_is_bounded_and_says_what_is_left() -> None:
    """Closing waits no longer than allowed and never raises."""
    writer = LogWriter(NOWHERE, Push(deliver_s_max=60.0, close_s_max=0.1))
    writer.send(PARCEL)
    assert writer.close() == 1
    assert writer.in_flight == 0


def test_a_full_queue_is_waited_for_and_then_given_up() -> None:
    """The producer's own queue is bounded; when it stays full, that is the broker's trouble."""
    writer = LogWriter(NOWHERE, Push(in_flight_max=1, deliver_s_max=0.3, close_s_max=0.1))

    def fill() -> None:
        for _ in range(5):
            writer.send(PARCEL)

    with pytest.raises(TransportError, match=r"transport\.sink"):
        fill()
    writer.close()


def test_positions_wait_for_the_slowest_record() -> None:
    """A group's position never passes a record that is not acknowledged, and skips what makes nothing."""
    progress = Progress()
    slow = progress.opened(("messages", 0), 3, parts=2)
    fast = progress.opened(("messages", 0), 4)
    progress.opened(("messages", 0), 5, parts=0)
    fast()
    slow()
    assert progress.positions() == {("messages", 0): 3}
    slow()
    assert progress.positions() == {("messages", 0): 6}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-longer-string", -1486304829)],
)
def test_the_partitioner_is_javas(text: str, expected: int) -> None:
    """Values from Apache Kafka's own test of the hash."""
    assert murmur2(text.encode()) == expected & 0xFFFFFFFF
    assert 0 <= shard_of(text, shards=7) < 7
