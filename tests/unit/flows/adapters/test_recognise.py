"""Change events, account-information replies and CloudEvents, told apart by what they are."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.adapters.complete import complete, pseudonyms
from flows.adapters.recognise import Reader
from flows.adapters.shapes import Foreign, Found, Message, Noted, Result
from flows.sections import Table
from schemas.errors import InputError
from schemas.events import EventBase

SOURCES = Path(__file__).parents[3] / "data" / "sources"
EVENTS = Path(__file__).parents[3] / "data" / "events"
READER = Reader(tables={"transactions": Table()})
HEADERS = {
    "ce_specversion": b"1.0",
    "ce_id": b"1234-1234-1234",
    "ce_type": b"com.example.someevent",
    "ce_source": b"/mycontext/subcontext",
    "ce_time": b"2018-04-05T03:56:24Z",
    "content-type": b"application/json",
}
ATTRIBUTES = {
    "id": "1234-1234-1234",
    "specversion": "1.0",
    "type": "com.example.someevent",
    "source": "/mycontext/subcontext",
    "time": "2018-04-05T03:56:24Z",
    "datacontenttype": "application/json",
}
HELLO = {"message": "Hello World!"}


def read(value: bytes | None, *, external: bool = False, **headers: bytes) -> list[Result]:
    return READER(Message(value, headers, external=external))


def bodies(results: list[Result]) -> list[dict[str, Any]]:
    found = [r for r in results if isinstance(r, Found)]
    for one in found:
        customer = one.body.get("customer", "c-1")
        assert isinstance(complete(one, customer, pseudonym=pseudonyms("")), EventBase)
    return [one.body for one in found]


def changes() -> list[bytes]:
    return (SOURCES / "debezium.jsonl").read_bytes().splitlines()


def test_change_events() -> None:
    """Pending, booked and gone are states of one transaction; a row of the first copy is marked."""
    pending, booked, gone, first, typed = (bodies(read(line))[0] for line in changes())
    assert [b["kind"] for b in (pending, booked, gone)] == [
        "transaction.pending",
        "transaction.booked",
        "transaction.removed",
    ]
    assert {b["transaction_id"] for b in (pending, booked, gone)} == {"t-1"}
    assert len({b["event_id"] for b in (pending, booked, gone)}) == 3
    assert (first["snapshot"], first["amount_minor"]) == (True, 100000)
    assert (typed["amount_minor"], typed["customer"]) == (-1258, "c-7")
    assert typed["at"] == pending["at"] == "2026-03-02T09:00:00+00:00"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"op": "x"}, "input.invalid"),
        ({"op": "c", "after": None}, "input.invalid"),
        ({"op": "d"}, "input.invalid"),
        ({"source": {"table": "customers"}}, "input.unknown-kind"),
        ({"op": "t"}, "input.invalid"),
        ({"after": {"transaction_id": "t", "account": "a", "amount": "AYY=", "currency": "EUR"}}, "input.invalid"),
        ({"after": {"transaction_id": "t", "account": "a", "amount": "1", "currency": "EUX"}}, "input.unknown-currency"),
        ({"after": {"transaction_id": "t", "amount": "1", "currency": "EUR"}}, "input.invalid"),
        ({"after": {"transaction_id": "t", "account": "a", "amount": "-1", "currency": "EUR", "direction": "debit"}}, "input.invalid"),
    ],
)  # fmt: skip
def test_changes_that_are_refused(change: dict[str, Any], code: str) -> None:
    """An unknown operation, no row, a table or a value that would have to be guessed at."""
    content = orjson.loads(changes()[0]) | change
    (result,) = read(orjson.dumps(content))
    error = result.error if isinstance(result, Foreign) else result
    assert isinstance(error, InputError)
    assert error.code == code


def test_a_tombstone_is_nothing() -> None:
    """What follows a deletion for the log's sake is noted, and no event."""
    assert all(isinstance(result, Noted) for result in read(None))


def test_uk_open_banking() -> None:
    """Accounts, booked balances and all states of transactions; the sign is the indicator's."""
    value = (SOURCES / "openbanking_uk.json").read_bytes()
    account, balance, pending, booked, removed = bodies(read(value, external=True))
    assert account["kind"] == "openbanking.account_linked"
    assert (balance["balance_minor"], balance["institution"]) == (-123000, "api.alphabank.com")
    assert (pending["kind"], pending["amount_minor"]) == ("openbanking.pending", -1000)
    assert (pending["mcc"], pending["method"]) == ("5411", "card")
    assert (booked["transaction_id"], booked["amount_minor"]) == ("123", -1100)
    assert booked["charges"] == [{"amount": "-0.30", "currency": "GBP"}]
    assert booked["original"] == {"amount": "14.10", "currency": "USD", "rate": "0.78"}
    assert removed["kind"] == "openbanking.removed"


def test_berlin_group() -> None:
    """Booked and pending lists, signed amounts, and the booked balance."""
    value = (SOURCES / "berlin_group.json").read_bytes()
    balance, booked, pending = bodies(read(value, external=True))
    assert balance["balance_minor"] == 50000
    assert (booked["amount_minor"], booked["method"]) == (-25667, "standing_order")
    assert (pending["kind"], pending["amount_minor"]) == ("openbanking.pending", 34301)
    assert pending["reference"] == "Example 2"


def test_binary_mode() -> None:
    """The binding's conformance case: attributes in headers, data as the value."""
    (result,) = read(orjson.dumps(HELLO), **HEADERS)
    assert isinstance(result, Foreign)
    assert result.content == {"attributes": ATTRIBUTES, "data": HELLO}


@pytest.mark.parametrize(
    "kind", [b"application/cloudevents+json", b"application/cloudevents+json; charset=utf-8"]
)
def test_structured_mode(kind: bytes) -> None:
    """The binding's conformance cases: all in one JSON."""
    (result,) = read(orjson.dumps(ATTRIBUTES | {"data": HELLO}), **{"content-type": kind})
    assert isinstance(result, Foreign)
    assert result.content == {"attributes": ATTRIBUTES, "data": HELLO}


def test_what_is_inside_an_envelope_is_read() -> None:
    """A native event, a statement and a change event come out of CloudEvents as they would without."""
    native = (EVENTS / "app.opened.jsonl").read_bytes().splitlines()[0]
    plain = read(native)
    assert read(native, **HEADERS | {"ce_type": b"app.opened"}) == plain
    bare = {"specversion": "1.0", "id": "e-1", "type": "app.opened", "source": "/app"}
    bare |= {"time": "2026-03-01T09:00:00Z", "subject": "c-1", "data": {}}
    (event,) = read(orjson.dumps(bare))
    assert isinstance(event, EventBase)
    assert (event.event_id, event.customer) == ("e-1", "c-1")
    xml = (SOURCES / "camt053.xml").read_bytes()
    assert read(xml, **HEADERS | {"content-type": b"application/xml"}) == read(xml)
    line = changes()[1]
    inside = orjson.dumps(ATTRIBUTES | {"data": orjson.loads(line)})
    assert bodies(read(inside)) == bodies(read(line))


@pytest.mark.parametrize(
    "change",
    [{"id": ""}, {"source": 7}, {"type": None}, {"specversion": "0.3"}, {"time": "yesterday"},
     {"data": 1, "data_base64": "AA=="}, {"data_base64": "no base64"}, {"Upper": "x"}, {"ext": {}}],
)  # fmt: skip
def test_envelopes_that_are_refused(change: dict[str, Any]) -> None:
    """A missing attribute, another version, a wrong time or two kinds of data: a cause, no guess."""
    (result,) = read(orjson.dumps(ATTRIBUTES | change))
    assert isinstance(result, InputError)


@pytest.mark.parametrize(
    "value",
    [b"", b"nothing", b"\xff\xfe{", b"{", b'{"a":1,"a":2}', b'{"op":NaN}', b"[" * 100_000,
     gzip.compress(b"{}"), b'{"anything": "else"}', '{"a": "é"}'.encode("latin-1")],
)  # fmt: skip
def test_bytes_that_are_nothing_are_refused(value: bytes) -> None:
    """Cut, in another encoding, ambiguous, nested without end: each is a value, never an exception."""
    (result,) = read(value)
    assert isinstance(result, InputError)
