"""A broker, topics and processes for one benchmark, all ended with it."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from scripts.broker.launch import Preference, start_broker

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120.0
LOOK_S = 0.1
GROUP = "market-of-one-decide"
"""The default of `decide.group`."""


class Lab:
    """Where a benchmark runs: `bootstrap` is the broker's address, `directory` is thrown away after."""

    def __init__(self, bootstrap: str, directory: Path) -> None:
        """Use a running broker and an empty directory."""
        self.bootstrap = bootstrap
        self.directory = directory

    def configure(self, toml: str) -> Path:
        """Write a settings file for the flows."""
        path = self.directory / "settings.toml"
        path.write_text(toml, encoding="utf-8")
        return path

    def run(self, *arguments: str) -> None:
        """Run a command of the project to its end; its failure ends the benchmark."""
        subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)

    @contextlib.contextmanager
    def process(self, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command of the project beside the benchmark, its log in a file."""
        with (
            (self.directory / f"{name}.log").open("wb") as log,
            subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, stdout=log, stderr=log
            ) as child,
        ):
            try:
                yield child
            finally:
                child.terminate()
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    child.kill()
        if child.returncode not in {0, -15}:
            sys.stderr.write((self.directory / f"{name}.log").read_text()[-2000:])

    def producer(self, **settings: str | int) -> Producer:
        """A producer tuned like the product's."""
        return Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "enable.idempotence": True,
                "linger.ms": 0,
                "queue.buffering.max.messages": 2_000_000,
                "queue.buffering.max.kbytes": 1_000_000,
                "partitioner": "murmur2_random",
                "socket.nagle.disable": True,
                **settings,
            }
        )

    def consumer(self, topic: str, *, fetch_wait_ms: int = 50) -> Consumer:
        """A consumer of all partitions of a topic from its end."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"bench-{topic}",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": fetch_wait_ms,
                "socket.nagle.disable": True,
            }
        )
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, i, end_of(consumer, topic, i)) for i in partitions])
        return consumer

    def wait_until_taken(self, *topics: str) -> None:
        """Wait until `decide` has told its group that it is at the ends of these topics: all is decided on, and safe."""
        settings = {"bootstrap.servers": self.bootstrap, "group.id": GROUP}
        consumer = Consumer({**settings, "enable.auto.commit": False})
        places = [
            TopicPartition(topic, partition, end_of(consumer, topic, partition))
            for topic in topics
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ]
        ends = {(place.topic, place.partition): place.offset for place in places if place.offset}
        deadline = time.monotonic() + DEADLINE_S
        while ends and time.monotonic() < deadline:
            for place in consumer.committed(places, timeout=10):
                if place.offset >= ends.get((place.topic, place.partition), place.offset + 1):
                    del ends[place.topic, place.partition]
            time.sleep(LOOK_S)
        consumer.close()
        if ends:
            log = (self.directory / "decide.log").read_text()[-2000:]
            sys.exit(f"the decide flow did not take everything in: {log}")

    def topics(self, counts: Mapping[str, int]) -> None:
        """Make plain topics."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        made = admin.create_topics([NewTopic(n, num_partitions=c) for n, c in counts.items()])
        for future in made.values():
            future.result(30)
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            known = admin.list_topics(timeout=10).topics
            parts = [p for n in counts if n in known for p in known[n].partitions.values()]
            if len(parts) == sum(counts.values()) and all(p.leader >= 0 for p in parts):
                return
            admin.poll(0.05)
        sys.exit("the broker made topics, but nobody leads them")


@contextlib.contextmanager
def lab(prefer: Preference, bootstrap: str | None) -> Iterator[Lab]:
    """A lab on a running broker, or on one of its own."""
    with tempfile.TemporaryDirectory(prefix="market-of-one-bench-") as folder:
        if bootstrap is not None:
            yield Lab(bootstrap, Path(folder))
            return
        broker = start_broker(prefer)
        try:
            yield Lab(broker.bootstrap_servers, Path(folder))
        finally:
            broker.close()


def end_of(consumer: Consumer, topic: str, partition: int) -> int:
    """The end of a partition; a topic just made may have no leader for a moment."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            _, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            consumer.poll(0.1)
        else:
            return int(high)
