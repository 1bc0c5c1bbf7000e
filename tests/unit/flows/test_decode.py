"""Decoding: each way a record can be wrong has its code, and no error tells what the customer sent."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.adapters import SOURCES
from flows.decode import CURRENCIES, TOPIC_OF_KIND, decode, decoder, encode
from flows.records import Record
from flows.settings import Limits
from flows.zones import Circle, Zones
from schemas.base import DAY_MS
from schemas.errors import InputError
from schemas.events import KINDS, EventBase, ZoneEntered
from schemas.topics import CUSTOMER_EVENTS, SOURCES_IN
from tests.laws.test_events import samples

ZONES = Zones([Circle("airport:LHR", "airport", 51.4706, -0.461941, 5.0)])
LIMITS = Limits(max_message_bytes=2000)
NOW_MS = 1_772_400_000_000
BOOKED = samples("transaction.booked")[0]


def run(
    value: object = BOOKED,
    *,
    topic: str = "transactions",
    key: bytes | None = b"c-1",
    limits: Limits = LIMITS,
    now_ms: int | None = NOW_MS,
) -> EventBase | InputError:
    raw = value if value is None or isinstance(value, bytes) else orjson.dumps(value)
    return decode(topic, raw, key=key, limits=limits, zones=ZONES, now_ms=now_ms)


def refused(**arguments: Any) -> InputError:
    error = run(**arguments)
    assert isinstance(error, InputError)
    return error


@pytest.mark.parametrize("kind", [kind for kind in KINDS if TOPIC_OF_KIND[kind]])
def test_sample_arrives_on_its_topic_and_on_the_log(kind: str) -> None:
    """Every kind is read from its own topic and from customer-events, from no other."""
    home = TOPIC_OF_KIND[kind]
    assert home is not None
    for sample in samples(kind):
        for topic in (home, CUSTOMER_EVENTS):
            assert isinstance(run(sample, topic=topic), EventBase)
        for topic in set(SOURCES_IN) - {home}:
            assert refused(value=sample, topic=topic).code == "input.unknown-kind"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if TOPIC_OF_KIND[kind]])
def test_encoded_event_decodes_equal(kind: str) -> None:
    """What ingest writes, decide reads back equal."""
    home = TOPIC_OF_KIND[kind]
    assert home is not None
    event = run(samples(kind)[0], topic=home)
    assert isinstance(event, EventBase)
    assert run(encode(event), topic=CUSTOMER_EVENTS) == event


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "input.malformed"),
        (b"{", "input.malformed"),
        (b"\xff\xfe", "input.malformed"),
        (b'{"kind": "app.opened"} trailing', "input.malformed"),
        (b"[" * 1000, "input.malformed"),
        (None, "input.malformed"),
        (b"null", "input.invalid"),
        (b"[]", "input.invalid"),
        (b'"text"', "input.invalid"),
        ({}, "input.invalid"),
        ({"kind": "transaction.boked"}, "input.unknown-kind"),
        ({"kind": 7}, "input.unknown-kind"),
        ({"kind": None}, "input.unknown-kind"),
        ({"kind": "message.read"}, "input.unknown-kind"),
        (BOOKED | {"version": 2, "colour": "red"}, "input.version-too-new"),
        (BOOKED | {"version": 0}, "input.invalid"),
        (BOOKED | {"version": "2"}, "input.invalid"),
        (BOOKED | {"amount_minor": "12"}, "input.invalid"),
        (BOOKED | {"amount_minor": 10**16}, "input.invalid"),
        (BOOKED | {"currency": "ZZZ"}, "input.unknown-currency"),
        (BOOKED | {"currency": "XAU"}, "input.unknown-currency"),
        (BOOKED | {"customer": "c-2"}, "input.wrong-customer"),
        (BOOKED | {"at": "1969-12-31T23:59:59Z"}, "input.too-late"),
        (BOOKED | {"at": "2999-01-01T00:00:00Z"}, "input.too-early"),
        (BOOKED | {"reference": "x" * 2000}, "input.too-large"),
    ],
)
def test_each_fault_has_its_code(value: object, code: str) -> None:
    """One fault, one code; the worker goes on."""
    assert refused(value=value).code == code


def test_unknown_topic() -> None:
    """A topic that no adapter reads is told apart from a bad record."""
    assert refused(topic="weather").code == "input.unknown-topic"


def test_clock_comes_from_the_worker_alone() -> None:
    """Nobody outside can make time pass for a customer."""
    for topic in (*SOURCES_IN, CUSTOMER_EVENTS):
        error = refused(value=samples("clock.ticked")[0], topic=topic)
        assert error.code == "input.unknown-kind"


def test_position_becomes_a_zone() -> None:
    """A coordinate is a zone at once: same id, customer and instant, and no number is left."""
    sample = samples("location.position")[0]
    event = run(sample, topic="locations")
    assert isinstance(event, ZoneEntered)
    assert (event.event_id, event.customer) == (sample["event_id"], sample["customer"])
    assert (event.zone, event.zone_kind) == ("airport:LHR", "airport")
    assert b"51.4" not in encode(event)


def test_limits_are_inclusive() -> None:
    """A record exactly as large, as early or as late as allowed is read."""
    size = len(orjson.dumps(BOOKED))
    event = run(limits=Limits(max_message_bytes=size))
    assert isinstance(event, EventBase)
    assert refused(limits=Limits(max_message_bytes=size - 1)).code == "input.too-large"
    edge = Limits(max_future_ms=DAY_MS, oldest_ms=event.at_ms)
    assert isinstance(run(limits=edge, now_ms=event.at_ms - DAY_MS), EventBase)
    assert refused(limits=edge, now_ms=event.at_ms - DAY_MS - 1).code == "input.too-early"
    late = Limits(oldest_ms=event.at_ms + 1)
    assert refused(limits=late).code == "input.too-late"


def test_event_clock_knows_no_future() -> None:
    """When the clock is the events' own, none of them is ahead of it."""
    assert isinstance(run(BOOKED | {"at": "2999-01-01T00:00:00Z"}, now_ms=None), EventBase)


def test_absent_key_is_not_checked() -> None:
    """A record without a key is taken at its word."""
    assert isinstance(run(key=None), EventBase)


def test_error_names_fields_and_the_nearest_known_one() -> None:
    """The sender learns what to correct."""
    error = refused(value=BOOKED | {"amount_minor": "12", "merchnt": "x"})
    assert error.detail == (
        "transaction.booked: amount_minor (int_type), <unknown> (extra_forbidden)"
    )
    assert error.hint == "an unknown field is near merchant"
    assert "app.opened" in refused(value={"kind": "app.openned"}).hint


PAYLOAD = "Zzyzx"


@given(
    st.sampled_from(sorted(samples("message.received")[0])),
    st.sampled_from([PAYLOAD, [PAYLOAD], {PAYLOAD: PAYLOAD}, {"a": [PAYLOAD]}]),
    st.booleans(),
)
def test_error_holds_nothing_of_the_payload(name: str, wrong: Any, extra: bool) -> None:  # noqa: FBT001  # drawn
    """Whatever is wrong, neither a value nor a name that the sender chose is in the error's text."""
    sample = samples("message.received")[0] | {name: wrong, "text": PAYLOAD * 9}
    if extra:
        sample[PAYLOAD] = PAYLOAD
    event = run(sample, topic="messages")
    assert PAYLOAD not in str(event) or isinstance(event, EventBase)


@given(st.binary(max_size=200), st.sampled_from([*SOURCES, "weather"]))
def test_any_bytes_give_a_value(value: bytes, topic: str) -> None:
    """No bytes raise."""
    assert isinstance(run(value, topic=topic), EventBase | InputError)


def test_records_are_read_by_the_clock_given() -> None:
    """The flows' decoder reads a record whole, or gives the reason why not."""
    clock = [NOW_MS]
    read = decoder(limits=LIMITS, zones=ZONES, now_ms=lambda: clock[0])
    record = Record("transactions", 0, 0, b"c-1", orjson.dumps(BOOKED), (), NOW_MS)
    events = read(record)
    assert not isinstance(events, InputError)
    assert [event.event_id for event in events] == [BOOKED["event_id"]]
    clock[0] -= 10_000 * DAY_MS
    error = read(record)
    assert isinstance(error, InputError)
    assert error.code == "input.too-early"


def test_currencies_are_those_with_minor_units() -> None:
    """Money is minor units, so a currency without one carries none."""
    assert {"EUR", "GBP", "JPY", "BHD"} <= CURRENCIES
    assert not {"XXX", "XAU", "XTS", "DEM"} & CURRENCIES
