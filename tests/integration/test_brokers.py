"""The brokers that everything else is tested on: they start, serve, die, come back, and never stay behind."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from scripts.broker import jars, launch
from scripts.broker.embedded import EmbeddedBroker
from scripts.broker.process import HOST, Broker, BrokerError, free_port

WAIT_S = 30.0


def make_topic(broker: Broker, topic: str, *, partition_count: int = 1) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    made = admin.create_topics([NewTopic(topic, partition_count, 1)], operation_timeout=WAIT_S)
    made[topic].result(WAIT_S)


def produce(broker: Broker, topic: str, value: bytes) -> None:
    reports: list[KafkaError | None] = []

    def report(error: KafkaError | None, _: Message) -> None:
        reports.append(error)

    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
    producer.produce(topic, value, on_delivery=report)
    assert producer.flush(WAIT_S) == 0
    assert reports == [None]


def consume_first(broker: Broker, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "brokers"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(WAIT_S)
        assert message is not None, f"no record of {topic} within {WAIT_S} s"
        assert message.error() is None
        return message.value()
    finally:
        consumer.close()


def test_a_record_goes_in_and_comes_out(broker: Broker) -> None:
    """What is produced to a topic made through the admin API is consumed as it was."""
    make_topic(broker, "brokers-round-trip")
    produce(broker, "brokers-round-trip", b"hello")
    assert consume_first(broker, "brokers-round-trip") == b"hello"


def test_topics_have_the_partitions_asked_for(broker: Broker) -> None:
    """A shard is a partition, so their number must be exact."""
    make_topic(broker, "brokers-partitions", partition_count=8)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    topics = admin.list_topics("brokers-partitions", timeout=WAIT_S).topics
    assert set(topics["brokers-partitions"].partitions) == set(range(8))


def test_killed_it_is_gone_and_comes_back(own_broker: Broker) -> None:
    """A kill frees the port at once; a start serves on the same address, with the records if it is durable."""
    make_topic(own_broker, "before")
    produce(own_broker, "before", b"kept")
    address, pid = own_broker.bootstrap_servers, own_broker.pid

    own_broker.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, own_broker.port), timeout=WAIT_S)

    own_broker.start()
    assert own_broker.bootstrap_servers == address
    assert own_broker.pid not in {None, pid}
    if own_broker.durable:
        assert consume_first(own_broker, "before") == b"kept"
    make_topic(own_broker, "after")
    produce(own_broker, "after", b"new")
    assert consume_first(own_broker, "after") == b"new"


def test_restarted_it_keeps_its_address(own_broker: Broker) -> None:
    """An orderly restart is a new process on the same address over the same records."""
    make_topic(own_broker, "before")
    produce(own_broker, "before", b"kept")
    address, pid = own_broker.bootstrap_servers, own_broker.pid
    own_broker.restart()
    assert own_broker.bootstrap_servers == address
    assert own_broker.pid not in {None, pid}
    if own_broker.durable:
        assert consume_first(own_broker, "before") == b"kept"


def test_starting_twice_is_starting_once(own_broker: Broker) -> None:
    """A start of a running broker, and a stop of a stopped one, change nothing."""
    pid = own_broker.pid
    assert own_broker.start().pid == pid
    own_broker.stop()
    own_broker.stop()
    assert own_broker.pid is None


def test_it_shares_our_session_and_not_our_group(own_broker: Broker) -> None:
    """Ctrl-C does not reach it, and Linux's autogroup does not hold its threads back behind ours."""
    assert own_broker.pid is not None
    assert os.getsid(own_broker.pid) == os.getsid(0)
    assert os.getpgid(own_broker.pid) == own_broker.pid


@pytest.mark.broker
def test_one_that_outlives_us_leaves_our_session(tmp_path: Path) -> None:
    """The end of a terminal is not the end of a broker that was asked to stay."""
    broker = EmbeddedBroker(tmp_path).start(outlive=True)
    try:
        assert broker.pid is not None
        assert os.getsid(broker.pid) == broker.pid
    finally:
        broker.stop()


@pytest.mark.broker
def test_a_temporary_directory_goes_with_its_broker() -> None:
    """A broker without a given directory leaves nothing on the disk."""
    with EmbeddedBroker() as broker:
        assert broker.log_path.exists()
    assert not broker.directory.exists()


def test_a_taken_port_is_told(embedded_broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Two brokers on one port would answer for each other, so the second refuses to start."""
    with pytest.raises(BrokerError, match="is taken by another program"):
        EmbeddedBroker(tmp_path, port=embedded_broker.port).start()


@pytest.mark.broker
def test_launch_says_which_broker_and_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where Apache Kafka can't run, `auto` takes the embedded broker and says what is lacking."""
    monkeypatch.setattr(jars, "missing", lambda: "no Java 17 or later")
    broker = launch.start_broker("auto")
    try:
        assert isinstance(broker, EmbeddedBroker)
        assert "embedded broker on 127.0.0.1:" in (said := capsys.readouterr().err)
        assert "no Java 17 or later" in said
    finally:
        broker.close()


@pytest.mark.broker
@pytest.mark.parametrize("how", ["return", "SIGTERM", "SIGKILL"])
def test_no_broker_is_left_behind(how: str, tmp_path: Path) -> None:
    """However the starting process ends, its broker ends with it."""
    if how == "SIGKILL" and shutil.which("setpriv") is None:
        pytest.skip("needs setpriv: only Linux can end a child with its killed parent")
    port = free_port()
    code = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from scripts.broker.embedded import EmbeddedBroker
        EmbeddedBroker(Path({str(tmp_path)!r}), port={port}).start()
        print("up", flush=True)
        sys.stdin.read()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        with socket.create_connection((HOST, port), timeout=WAIT_S) as connection:
            if how == "return":
                parent.communicate()
                assert parent.returncode == 0
            else:
                parent.send_signal(signal.Signals[how])
                assert parent.wait(WAIT_S) == -signal.Signals[how]
            with contextlib.suppress(ConnectionResetError):  # what a killed broker had not read yet
                assert connection.recv(1) == b"", "the broker still holds its connection"
