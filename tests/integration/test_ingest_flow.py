"""The flow that brings sources onto the customers' log, over a real log."""

from itertools import repeat
from uuid import uuid4

import orjson
import pytest

from flows.dead_letters import REFUSED
from flows.ingest import IngestFlow, IngestOptions
from flows.intake import ingest_decode
from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection
from flows.kafka.source import Pace
from flows.metrics import Metrics
from flows.partition import shard_of
from flows.settings import Limits
from flows.worker import Stop
from flows.zones import Circle, Zones
from schemas import topics
from schemas.events import EVENT, TOPIC_OF_KIND_PREFIX
from scripts.broker.process import Broker
from tests.kafka_logs import committed, read, write, write_all
from tests.streams import body, morning

SHARDS = 2
INPUTS = ("transactions", "app-events", "consents", "profiles", "locations")
HEATHROW = Zones([Circle("airport:LHR", "airport", 51.4706, -0.461941, 5.0)])
POSITION = {"kind": "location.position", "latitude": 51.48, "longitude": -0.45}


@pytest.fixture
def connection(broker: Broker) -> Connection:
    """Topics of this test's own on a shared broker."""
    made = Connection(broker.bootstrap_servers, prefix=f"ingest-{uuid4().hex[:8]}.")
    kafka_topics.create(made, shards=SHARDS)
    return made


def run(connection: Connection, *, group: str = "ingest") -> None:
    """Run the flow as a worker does, but that it ends at the end of the sources."""
    IngestFlow(
        connection,
        spots=[(role, partition) for role in INPUTS for partition in range(SHARDS)],
        intake=lambda record: enumerate(ingest_decode(Limits(), HEATHROW)(record)),
        options=IngestOptions(
            inputs=INPUTS,
            group=connection.prefix + group,
            report_s=0.0,
            pace=Pace(tick_s=None, until_end=True),
        ),
        stop=Stop(),
        metrics=Metrics("ingest"),
    ).run()


def put(connection: Connection, customer: str) -> None:
    """A customer's morning on the topics that its events belong on."""
    kinds = [orjson.loads(value)["kind"].split(".")[0] for value in morning(customer)]
    homes = [TOPIC_OF_KIND_PREFIX[kind] for kind in kinds]
    write_all(connection, zip(homes, repeat(customer), morning(customer), strict=False))


def test_every_source_reaches_the_customers_log(connection: Connection) -> None:
    """Each event is there once, equal, on its customer's partition, with the place that it came from."""
    put(connection, "c-1")
    put(connection, "c-2")
    run(connection)
    records = read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS)
    expected = {
        v for customer in ("c-1", "c-2") for v in map(EVENT.validate_json, morning(customer))
    }
    assert {EVENT.validate_json(r.value or b"") for r in records} == expected
    assert len(records) == len(expected)
    for record in records:
        customer = orjson.loads(record.value or b"")["customer"]
        assert record.key == customer.encode()
        assert record.partition == shard_of(customer, shards=SHARDS)
        assert dict(record.headers)["source"].split(b":")[0].decode() in INPUTS


def test_positions_become_zones(connection: Connection) -> None:
    """No coordinate reaches the customers' log, nor the dead letters when a position can't be read."""
    bad = body("c-1", 1, {**POSITION, "latitude": 512}, minutes=1)
    write(connection, "locations", [("c-1", body("c-1", 0, POSITION, minutes=0)), ("c-1", bad)])
    run(connection)
    entered, letter = read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS)
    assert orjson.loads(entered.value or b"")["zone"] == "airport:LHR"
    assert b"latitude" not in (entered.value or b"")
    assert letter.headers[0][0] == REFUSED
    assert letter.value is None


def test_a_bad_record_is_put_aside_with_its_place(connection: Connection) -> None:
    """What the shard sends as a dead letter says which topic, partition and offset; the rest goes on."""
    write(connection, "transactions", [("c-1", b"{")])
    put(connection, "c-1")
    run(connection)
    records = read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS)
    (letter,) = [record for record in records if record.headers[0][0] == REFUSED]
    headers = dict(letter.headers)
    assert letter.value == b"{"
    assert headers["__connect.errors.topic"] == b"transactions"
    assert headers["__connect.errors.offset"] == b"0"
    assert len(records) == len(morning("c-1")) + 1


def test_a_second_run_goes_on_where_the_first_ended(connection: Connection) -> None:
    """Positions lie in the group once everything before them was acknowledged."""
    put(connection, "c-1")
    run(connection)
    before = read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS)
    run(connection)
    assert read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS) == before
    places = committed(connection, connection.prefix + "ingest", "app-events", partitions=SHARDS)
    ends = [0] * SHARDS
    ends[shard_of("c-1", shards=SHARDS)] = 3
    assert [max(place, 0) for place in places] == ends
