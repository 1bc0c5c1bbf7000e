"""`python -m flows open TOPIC`: a topic in clear, as JSON lines, for whoever holds the key rings.

What a destroyed key sealed is left out. Each line is what the audits' dumps hold: partition, offset, timestamp_ms, key,
headers, value; what is no text stands as ``{"base64": ...}``.
"""

from argparse import ArgumentParser, Namespace
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import orjson
from confluent_kafka import TopicPartition

from flows.access import connection_of
from flows.kafka import topics as kafka_topics
from flows.kafka.client import PROBE_S, Connection, Watch, at_end, explain, passing
from flows.kafka.source import Pace, consumer, to_record
from flows.records import Record
from flows.settings import Settings
from flows.worker import Stop
from schemas import topics


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
    records = _records(connection, role, counts[role], follow=options.follow, stop=stop)
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


def _records(
    connection: Connection, role: str, partitions: int, *, follow: bool, stop: Stop
) -> Iterator[Record]:
    watch = Watch(code="transport.source")
    name = connection.topic(role)
    reader = consumer(
        connection,
        group="market-of-one-open",
        heard=watch.heard,
        pace=Pace(),
        lost="earliest",
        tell_end=not follow,
    )
    open_ = set(range(partitions))
    try:
        reader.assign([TopicPartition(name, partition, 0) for partition in open_])
        while open_ and not stop.asked:
            for message in reader.consume(500, 0.1):
                error = message.error()
                if error is None:
                    yield connection.opened(to_record(message, {name: role}))
                elif at_end(error):
                    open_.discard(message.partition() or 0)
                elif not passing(error):
                    raise explain(error, role=role, code="transport.source")
            watch.check(lambda: reader.list_topics(timeout=PROBE_S))
    finally:
        reader.close()


def _packed(value: bytes | None) -> str | dict[str, str] | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}
