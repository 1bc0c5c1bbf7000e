"""Topics as they lie on the broker, read from their beginning to where they end now."""

from collections.abc import Collection, Iterator

from confluent_kafka import TopicPartition

from flows.kafka.client import Connection, Deadline, Watch, at_end
from flows.kafka.source import Pace, consumer, to_record
from flows.records import Record

READ_S = 60.0
BATCH = 512


def log(
    connection: Connection, roles: Collection[str], partitions: Collection[int]
) -> Iterator[Record]:
    """Everything on some partitions of some topics, each partition in order.

    All by one client: making one takes the broker longer than reading a small log.

    Raises:
        TransportError: Nothing came for `READ_S`.
    """
    watch = Watch(code="transport.source")
    reader = consumer(connection, group="campaign", heard=watch.heard, pace=Pace(), tell_end=True)
    names = {connection.topic(role): role for role in roles}
    unread = {(name, partition) for name in names for partition in partitions}
    deadline = Deadline(READ_S, what=", ".join(roles))
    try:
        reader.assign([TopicPartition(name, partition, 0) for name, partition in unread])
        while unread:
            for message in reader.consume(BATCH, 0.05):
                error = message.error()
                if error is None:
                    deadline.moved()
                    yield to_record(message, names)
                elif at_end(error):
                    unread.discard((message.topic() or "", message.partition() or 0))
            deadline.check()
    finally:
        reader.close()
