"""The demo's own ends of the log: events in, everything that the flows say out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from flows.kafka.client import Connection
from flows.kafka.source import to_headers
from schemas import topics
from scripts.town.stage import Emitted

HEARD: tuple[str, ...] = (
    topics.OFFERS,
    topics.DECISIONS,
    topics.INSIGHTS,
    topics.IMPACT,
    topics.DEAD_LETTERS,
    topics.MODELS,
)
BATCH = 500
FLUSH_S_MAX = 10.0


@dataclass(slots=True, frozen=True)
class Heard:
    """One record of an output topic, by role."""

    topic: str
    body: dict[str, Any]
    headers: dict[str, bytes]
    timestamp_ms: int


class Wire:
    """One producer and one consumer."""

    def __init__(self, connection: Connection) -> None:
        """Open both; the consumer begins at the beginning of what the flows write."""
        self._connection = connection
        self._producer = Producer(
            {
                **connection.base(),
                "linger.ms": 2,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
            }
        )
        self._consumer = Consumer(
            {
                **connection.base(),
                "group.id": f"{connection.prefix}market-of-one-demo",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "fetch.wait.max.ms": 50,
            }
        )
        known = self._consumer.list_topics(timeout=10).topics
        self._consumer.assign(
            [
                TopicPartition(name, partition, 0)
                for name in map(connection.topic, HEARD)
                for partition in known[name].partitions
            ]
        )

    def send(self, record: Emitted) -> None:
        """Produce one record; waits when the queue is full."""
        while True:
            try:
                self._producer.produce(
                    self._connection.topic(record.topic), record.value(), record.key.encode()
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def hear(self, *, wait_s: float) -> Iterator[Heard]:
        """What has come since, waiting for the first at most so long."""
        for message in self._consumer.consume(BATCH, wait_s):
            error = message.error()
            if error is None:
                yield self._heard(message)
            elif error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - its public name
                raise ConnectionError("the broker is gone")

    def close(self) -> None:
        """Send what is left and close."""
        self._producer.flush(FLUSH_S_MAX)
        self._consumer.close()

    def _heard(self, message: Message) -> Heard:
        value = message.value() or b"{}"
        role = self._connection.role(message.topic() or "")
        headers = dict(to_headers(message))
        # A dead letter's value is whatever could not be read.
        body = {} if role == topics.DEAD_LETTERS else orjson.loads(value)
        return Heard(role, body, headers, message.timestamp()[1])


def remove_topics(connection: Connection) -> None:
    """Take our topics off a broker that is not ours."""
    admin = AdminClient(connection.base())
    for future in admin.delete_topics([connection.topic(role) for role in topics.ALL]).values():
        future.exception(10)
