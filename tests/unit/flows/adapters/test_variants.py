"""What banks and connectors do otherwise than the textbook: read all the same, or refused with a cause."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.adapters.complete import complete, pseudonyms
from flows.adapters.recognise import Reader
from flows.adapters.shapes import Found, Message, Noted, Result
from flows.sections import Table
from schemas.errors import InputError
from schemas.events import EventBase

SOURCES = Path(__file__).parents[3] / "data" / "sources"
READER = Reader(tables={"transactions": Table()})
STATEMENT = (SOURCES / "camt053.xml").read_bytes()


def read(value: bytes, **headers: bytes) -> list[Result]:
    return READER(Message(value, {k.replace("__", "-"): v for k, v in headers.items()}))


def bodies(results: list[Result]) -> list[dict[str, Any]]:
    found = [r for r in results if isinstance(r, Found)]
    assert all(isinstance(complete(f, "c-1", pseudonym=pseudonyms("")), EventBase) for f in found)
    return [one.body for one in found]


@pytest.mark.parametrize(
    "changed",
    [
        b"\n\n" + STATEMENT,
        b"\xef\xbb\xbf" + STATEMENT,
        b"\xef\xbb\xbf\r\n" + STATEMENT,
        STATEMENT.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16"),
        STATEMENT.replace(b'encoding="UTF-8"', b'encoding="ISO-8859-1"'),
        STATEMENT.replace(b"<Document xmlns=", b"<Document xmlns:x='urn:x' xmlns="),
        b"<Envelope><AppHdr/>" + STATEMENT.split(b"?>", 1)[1] + b"</Envelope>",
    ],
    ids=["empty lines", "BOM", "BOM and lines", "UTF-16", "Latin-1", "namespaces", "envelope"],
)
def test_how_a_file_begins_does_not_matter(changed: bytes) -> None:
    """Marks, encodings, empty lines and envelopes leave the same events."""
    assert bodies(read(changed)) == bodies(read(STATEMENT))


def test_a_prefix_for_every_element() -> None:
    """Names are looked up without their namespace's prefix."""
    text = STATEMENT.decode().replace("<", "<n:").replace("<n:/", "</n:").replace("<n:?", "<?")
    prefixed = text.replace("xmlns=", "xmlns:n=").replace("<n:!--", "<!--")
    assert bodies(read(prefixed.encode())) == bodies(read(STATEMENT))


def test_an_account_that_has_a_proxy_alone() -> None:
    """Since version 8 an account may be known by a telephone number."""
    iban = b"<Id><IBAN>DE89370400440532013000</IBAN></Id>"
    proxy = b"<Prxy><Tp><Cd>TELE</Cd></Tp><Id>+49-30 1234</Id></Prxy>"
    assert bodies(read(STATEMENT.replace(iban, proxy)))[0]["account"] == "+49-301234"


def test_rows_of_mongodb() -> None:
    """Documents are JSON in text whose numbers and instants are objects; amounts stay exact."""
    lines = (SOURCES / "debezium_mongodb.jsonl").read_bytes().splitlines()
    bought, first, gone = (bodies(read(line))[0] for line in lines)
    assert (bought["amount_minor"], bought["at"]) == (-1250, "2026-01-02T10:00:00+00:00")
    assert bought["method"] == "card"
    assert (first["snapshot"], first["amount_minor"]) == (True, -990)
    assert (gone["kind"], gone["transaction_id"]) == ("transaction.removed", "T-7")
    (refused,) = read(lines[0].replace(b'{\\"_id', b'{{\\"_id'))
    assert isinstance(refused, InputError)
    assert refused.code == "input.malformed"


def test_rows_without_their_envelope() -> None:
    """ExtractNewRecordState: states of one transaction, an exact decimal, and what a connector says of itself."""
    lines = (SOURCES / "debezium_flat.jsonl").read_bytes().splitlines()
    made, changed, gone, first = (bodies(read(line))[0] for line in lines[:4])
    assert made["transaction_id"] == changed["transaction_id"] == gone["transaction_id"] == "T-20"
    assert (made["amount_minor"], changed["amount_minor"]) == (-2000, -2100)
    assert gone["kind"] == "transaction.removed"
    assert (first["amount_minor"], first["snapshot"]) == (390, True)
    assert len({body["event_id"] for body in (made, changed, gone, first)}) == 4
    assert all(isinstance(read(line)[0], Noted) for line in lines[4:])


def test_decimals_without_their_schema_say_what_to_do() -> None:
    """Bytes in base64 are no number unless the scale is known."""
    change = {
        "op": "c", "ts_ms": 1, "source": {"table": "transactions", "lsn": 1},
        "after": {"transaction_id": "t", "account": "a", "amount": "AYY=", "currency": "EUR",
                  "at": "2026-01-02T10:00:00Z"},
    }  # fmt: skip
    (refused,) = read(orjson.dumps(change))
    assert isinstance(refused, InputError)
    assert refused.code == "input.invalid"


def test_card_accounts() -> None:
    """Berlin Group card accounts: the amount abroad, the fee in it, the balance behind it."""
    booked, pending = bodies(read((SOURCES / "berlin_group_card.json").read_bytes()))
    assert booked["original"] == {"amount": "2499", "currency": "SEK"}
    assert booked["charges"] == [{"amount": "-4.50", "currency": "EUR", "included": True}]
    assert (booked["balance_minor"], booked["country"], booked["mcc"]) == (120000, "SE", "5732")
    assert (pending["kind"], pending["amount_minor"]) == ("transaction.pending", -990)
    assert (pending["method"], pending.get("mcc")) == ("card", None)


def test_resources_that_move_no_money_are_noted() -> None:
    """Replies of the UK interface about standing orders and the like are no error."""
    reply = {"Data": {"StandingOrder": [{}, {}], "AccountId": "1"}, "Links": {}, "Meta": {}}
    (noted,) = read(orjson.dumps(reply))
    assert isinstance(noted, Noted)
    assert noted.content == {"StandingOrder": 2}


def test_arrays_are_their_elements() -> None:
    """A batch without a content type, native events among them; one that is wrong does not stop the others."""
    opened = {
        "kind": "app.opened",
        "event_id": "e-1",
        "customer": "c-1",
        "at": "2026-01-02T10:00:00Z",
    }
    wrapped = {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "app.opened",
        "data": opened,
    }
    first, second, wrong = read(orjson.dumps([opened, wrapped, {"what": 1}]))
    assert first == second
    assert isinstance(wrong, InputError)
    assert isinstance(read(b"[]")[0], Noted)


def test_headers_of_bridges_from_http() -> None:
    """Binary mode with the spelling of HTTP, and a content type in capitals."""
    opened = {
        "kind": "app.opened",
        "event_id": "e-1",
        "customer": "c-1",
        "at": "2026-01-02T10:00:00Z",
    }
    headers = {"Ce-SpecVersion": b"1.0", "ce-id": b"1", "Ce-Source": b"/s", "CE-Type": b"app.opened",
               "Content-Type": b"application/json; charset=utf-8"}  # fmt: skip
    (event,) = READER(Message(orjson.dumps(opened), headers))
    assert isinstance(event, EventBase)
    batch = {"Content-Type": b"application/cloudevents-batch+json"}
    wrapped = {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "app.opened",
        "data": opened,
    }
    assert READER(Message(orjson.dumps([wrapped, wrapped]), batch)) == [event, event]


def test_a_detail_of_another_shape_is_left_out() -> None:
    """A merchant code of one digit, a country of three letters, an unknown method: the movement stands."""
    row = {"transaction_id": "t", "account": "a", "amount": "1.00", "currency": "EUR", "mcc": "0",
           "country": "gbr", "method": "blockchain", "at": "2026-01-02T10:00:00Z",
           "__op": "c", "__table": "transactions"}  # fmt: skip
    (body,) = bodies(read(orjson.dumps(row)))
    assert body["amount_minor"] == 100
    assert not {"mcc", "country", "method"} & set(body)
