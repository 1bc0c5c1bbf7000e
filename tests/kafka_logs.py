"""Write to and read from real logs in tests."""

from collections.abc import Iterable

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from flows.kafka.client import Connection, Deadline, Watch, at_end
from flows.kafka.sink import LogWriter
from flows.kafka.source import Pace, consumer, to_record
from flows.records import Parcel, Record

READ_S = 20.0


def write(connection: Connection, role: str, values: Iterable[tuple[str, bytes]]) -> None:
    """Put (key, value) pairs on a topic, in order, and wait until they lie there."""
    write_all(connection, [(role, key, value) for key, value in values])


def write_all(connection: Connection, records: Iterable[tuple[str, str, bytes]]) -> None:
    """Put (role, key, value) on their topics, in order, and wait until they lie there."""
    writer = LogWriter(connection)
    for role, key, value in records:
        writer.send(Parcel(role, key.encode(), value, (), lambda *_: None))
    assert writer.close() == 0


def read(connection: Connection, role: str, *, partitions: int) -> list[Record]:
    """Everything on a topic, by partition and offset."""
    watch = Watch(code="transport.source")
    reader = consumer(connection, group="test", heard=watch.heard, pace=Pace(), tell_end=True)
    name = connection.topic(role)
    reader.assign([TopicPartition(name, p, OFFSET_BEGINNING) for p in range(partitions)])
    records: list[Record] = []
    unread = set(range(partitions))
    deadline = Deadline(READ_S, what=role)
    while unread:
        for message in reader.consume(500, 0.05):
            error = message.error()
            if error is None:
                records.append(to_record(message, {name: role}))
            elif at_end(error):
                unread.discard(message.partition() or 0)
        deadline.check()
    reader.close()
    return sorted(records, key=lambda record: (record.partition, record.offset))


def committed(connection: Connection, group: str, role: str, *, partitions: int) -> list[int]:
    """Where a group stands on each partition of a topic."""
    reader = consumer(
        connection, group=group, heard=Watch(code="transport.source").heard, pace=Pace()
    )
    wanted = [TopicPartition(connection.topic(role), p) for p in range(partitions)]
    places = reader.committed(wanted, timeout=READ_S)
    reader.close()
    return [place.offset for place in places]
