"""`python -m flows open TOPIC`: a topic in clear, as JSON lines, for whoever holds the key rings.

What a destroyed key sealed is left out. Each line is what the audits' dumps hold: partition, offset, timestamp_ms, key,
headers, value; what is no text stands as ``{"base64": ...}``.
"""

from argparse import ArgumentParser, Namespace
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from confluent_kafka import TopicPartition

from flows.access import connection_of
from flows.kafka import topics as kafka_topics
from flows.kafka.client import PROBE_S, Connection, Deadline, Watch, at_end, explain, passing
from flows.kafka.source import Pace, consumer, to_record
from flows.records import Record
from flows.settings import Settings
from flows.worker import Stop
from schemas import topics

STALL_S = 30.0
"""Without a record for so long, short of the end, the log counts as out of reach."""


def arguments(parser: ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("role", choices=topics.ALL, metavar="TOPIC", help="without its prefix")
    parser.add_argument("--follow", action="store_true", help="go on until a signal ends it")


def opened(settings: Settings, options: Namespace, stop: Stop) -> Iterator[str]:
    """The lines of a topic, from its beginning.

    Raises:
        ConfigError: The topic is missing, or there is no master key. Disposition: halt.
        TransportError: The brokers can't be reached, or refuse us.
        StateError: A key ring is lost. Disposition: halt.
    """
    connection, role = connection_of(settings), options.role
    counts = kafka_topics.check(connection, roles=(role,), shards=settings.kafka.partitions)
    records = records_on(connection, counts, follow=options.follow, stop=stop)
    return (orjson.dumps(row_of(record)).decode() for record in records if not record.dark)


def row_of(record: Record) -> dict[str, Any]:
    """A record as an object of a dump."""
    return {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": _packed(record.key),
        "value": _packed(record.value),
        "headers": [[name, _packed(value)] for name, value in record.headers],
    }


def records_on(
    connection: Connection,
    partitions: Mapping[str, int],
    *,
    follow: bool = False,
    stop: Stop | None = None,
) -> Iterator[Record]:
    """The records of some topics from their beginning, opened; dark ones too.

    Args:
        connection: The brokers.
        partitions: Role → how many partitions the topic has.
        follow: Go on at the ends, until ``stop`` is asked.
        stop: Ends it early.

    Raises:
        TransportError: The brokers can't be reached, refuse us, or say nothing for `STALL_S` before the ends.
    """
    watch = Watch(code="transport.source")
    names = {connection.topic(role): role for role in partitions}
    reader = consumer(
        connection,
        group="market-of-one-open",
        heard=watch.heard,
        pace=Pace(),
        lost="earliest",
        tell_end=not follow,
    )
    unread = {(connection.topic(role), p) for role, n in partitions.items() for p in range(n)}
    try:
        reader.assign([TopicPartition(name, partition, 0) for name, partition in unread])
        deadline = Deadline(STALL_S, what="the log")
        while unread and not (stop and stop.asked):
            for message in reader.consume(2000, 0.1):
                error = message.error()
                deadline.moved()
                if error is None:
                    yield connection.opened(to_record(message, names))
                elif at_end(error):
                    unread.discard((message.topic() or "", message.partition() or 0))
                elif not passing(error):
                    role = connection.role(message.topic() or "")
                    raise explain(error, role=role, code="transport.source")
            watch.check(lambda: reader.list_topics(timeout=PROBE_S))
            if not follow:
                deadline.check()
    finally:
        reader.close()


def _packed(value: bytes | None) -> str | dict[str, str] | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}
