"""Sources of other formats through the running ingest: a statement, change events, Avro from a registry."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import orjson
import pytest
from fastavro import parse_schema, schemaless_writer

from flows.adapters.complete import pseudonyms
from flows.adapters.recognise import Reader
from flows.adapters.registry import RegistryFrames
from flows.adapters.shapes import Message
from flows.dead_letters import REFUSED
from flows.identity import Bounds, Identities
from flows.ingest import IngestFlow, IngestOptions
from flows.intake import Intake
from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection
from flows.kafka.source import Pace
from flows.metrics import Metrics
from flows.sections import Table
from flows.settings import Limits
from flows.worker import Stop
from flows.zones import Zones
from schemas import topics
from schemas.errors import InputError, TransportError
from schemas.events import EventBase
from scripts.broker.process import Broker
from state.links import LinkStore
from tests.bytes import holding
from tests.kafka_logs import read, write

SHARDS = 2
SOURCES = Path(__file__).parent.parent / "data" / "sources"
STATEMENT = (SOURCES / "camt053.xml").read_bytes()
CHANGES = (SOURCES / "debezium.jsonl").read_bytes().splitlines()


def link(offset: int, customer: str, scheme: str, number: str) -> tuple[str, bytes]:
    body = {
        "kind": "identity.linked",
        "event_id": f"i-{offset}",
        "at": "2026-03-01T08:00:00Z",
        "by": "core",
        "customer": customer,
        "holder": {"scheme": scheme, "id": number},
    }
    return customer, orjson.dumps(body)


@pytest.fixture
def connection(broker: Broker) -> Connection:
    """Topics of this test's own on a shared broker."""
    made = Connection(broker.bootstrap_servers, prefix=f"sources-{uuid4().hex[:8]}.")
    kafka_topics.create(made, shards=SHARDS)
    return made


def run(connection: Connection, path: Path, *, inputs: tuple[str, ...] = ("transactions",)) -> None:
    """Run ingest as a worker does, but that it ends at the end of the sources."""
    identities = Identities(LinkStore(path), pseudonym=pseudonyms("k"), bounds=Bounds())
    IngestFlow(
        connection,
        spots=[(topic, partition) for topic in inputs for partition in range(SHARDS)],
        intake=Intake(
            {"transactions": Reader(tables={"transactions": Table()})},
            identities=identities,
            limits=Limits(),
            zones=Zones(()),
        ),
        identities=identities,
        options=IngestOptions(
            inputs=inputs,
            group=connection.prefix + "ingest",
            report_s=0.0,
            pace=Pace(tick_s=None, until_end=True),
        ),
        stop=Stop(),
        metrics=Metrics("ingest"),
    ).run()


def test_a_statement_and_change_events_reach_the_customers_log(
    connection: Connection, tmp_path: Path
) -> None:
    """What is linked goes at once, what isn't waits over a restart and follows its link in source order."""
    path = tmp_path / "links.sqlite"
    write(connection, "identities", [link(0, "c-1", "iban", "DE89370400440532013000")])
    run(connection, path)
    write(
        connection,
        "transactions",
        [("x", STATEMENT), ("x", b"<Document"), *(("4711", c) for c in CHANGES)],
    )
    run(connection, path)
    records = read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS)
    before = [orjson.loads(r.value or b"") for r in records if r.headers[0][0] != REFUSED]
    assert sorted(e["amount_minor"] for e in before if e["customer"] == "c-1") == [
        -6000,
        -900,
        -200,
        500,
    ]
    assert [e["amount_minor"] for e in before if e["customer"] == "c-7"] == [-1258]
    assert len(before) == 5
    (letter,) = [r for r in records if r.headers[0][0] == REFUSED]
    assert dict(letter.headers)["__connect.errors.exception.class.name"] == b"input.malformed"
    write(connection, "identities", [link(1, "c-2", "account", "4711")])
    run(connection, path)
    run(connection, path)
    records = read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS)
    late = [r for r in records if r.key == b"c-2"]
    kinds = [orjson.loads(r.value or b"")["kind"] for r in late]
    assert kinds == [
        "transaction.pending", "transaction.booked", "transaction.removed", "transaction.booked",
    ]  # fmt: skip
    places = [dict(r.headers)["source"] for r in late]
    assert [p.rsplit(b":", 2)[1:] for p in places] == [[b"1", b"%d" % turn] for turn in range(4)]
    assert len(records) == 10
    assert not any(b"DE8937" in (r.value or b"") or b"4711" in (r.value or b"") for r in records)


def test_an_erasure_makes_every_worker_forget(connection: Connection, tmp_path: Path) -> None:
    """It passes on the log once, and the links of every worker of ingest hold nobody by that name any more."""
    one, two = (tmp_path / name / "links.sqlite" for name in ("one", "two"))
    write(connection, "identities", [link(0, "anna-0042", "iban", "DE89370400440532013000")])
    request = {"kind": "erasure.requested", "event_id": "e-1", "customer": "anna-0042"}
    body = orjson.dumps({**request, "at": "2026-03-02T08:00:00Z"})
    write(connection, "consents", [("anna-0042", body)])
    run(connection, two, inputs=("locations",))  # has none of the partitions of the erasure
    assert holding(two.parent, [b"anna-0042"])
    run(connection, one, inputs=("consents",))
    for worker in (one, two):
        run(connection, worker, inputs=("locations",))
    assert holding(tmp_path, [b"anna-0042"]) == {}
    (passed,) = read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS)
    assert orjson.loads(passed.value or b"")["kind"] == "erasure.requested"


AVRO = {
    "type": "record",
    "name": "Opened",
    "fields": [{"name": name, "type": "string"} for name in ("kind", "event_id", "customer", "at")],
}
JSON_SCHEMA = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
OPENED = {
    "kind": "app.opened",
    "event_id": "e-1",
    "customer": "c-1",
    "at": "2026-03-01T09:00:00+00:00",
}


class _Registry(BaseHTTPRequestHandler):
    """The one resource of a schema registry that a reader needs."""

    schemas: dict[str, dict[str, Any]] = {  # noqa: RUF012 - nobody changes it
        "1": {"schema": json.dumps(AVRO), "schemaType": "AVRO"},
        "2": {"schema": json.dumps(JSON_SCHEMA), "schemaType": "JSON"},
        "3": {"schema": 'syntax = "proto3";', "schemaType": "PROTOBUF"},
    }

    def do_GET(self) -> None:
        """``/schemas/ids/N``, or that there is none."""
        found = self.schemas.get(self.path.split("?")[0].rsplit("/", 1)[-1])
        body = json.dumps(found or {"error_code": 40403, "message": "Schema not found"}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quietly."""


@contextmanager
def registry() -> Iterator[str]:
    """A registry on this machine, and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def framed(schema_id: int, content: bytes) -> bytes:
    return b"\x00" + schema_id.to_bytes(4, "big") + content


def test_avro_and_json_schema_from_a_registry() -> None:
    """Both frames give the event that plain JSON gives; a wrong frame is a value with its cause."""
    raw = BytesIO()
    schemaless_writer(raw, parse_schema(AVRO), OPENED)
    with registry() as url:
        reader = Reader(frames=RegistryFrames(url))
        plain = reader(Message(orjson.dumps(OPENED)))
        assert isinstance(plain[0], EventBase)
        assert reader(Message(framed(1, raw.getvalue()))) == plain
        assert reader(Message(framed(2, orjson.dumps(OPENED)))) == plain
        wrong = [
            framed(1, raw.getvalue()[:9]), framed(2, b"[]"), framed(2, b"{"),
            framed(3, b"\x00"), framed(9, b"{}"), b"\x00\x01",
        ]  # fmt: skip
        for value in wrong:
            (error,) = reader(Message(value))
            assert isinstance(error, InputError), value
            assert error.code == "input.malformed"


def test_a_registry_that_is_away_stops_and_loses_nothing() -> None:
    """Its absence is no fault of the record, which must not be put aside for it."""
    with registry() as url:
        pass
    reader = Reader(frames=RegistryFrames(url))
    with pytest.raises(TransportError, match=r"transport\.registry"):
        reader(Message(framed(1, b"")))
