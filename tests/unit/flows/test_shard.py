"""The shell around decide: positions, the outbox, dead letters, timers, erasure."""

from collections.abc import Sequence
from itertools import pairwise
from zlib import crc32

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import outputs
from flows.intake import shard_decode
from flows.records import Record
from flows.settings import Limits
from flows.shard import Shard
from flows.work import Decide
from flows.zones import Zones
from operators.contracts import World
from operators.decide import decide
from schemas import topics
from schemas.base import DAY_MS, Purpose, Source
from schemas.customer import Customer
from schemas.decisions import Outcome
from schemas.events import ClockTicked, EventBase
from state.memory import MemoryStore
from state.outbox import OutboxEntry
from tests.streams import START_MS, body, log_of, morning, small_world

WORLD = small_world()
GRANT = {"kind": "consent.granted", "record_id": "r-1", "purpose": "financial_wellbeing"}


def shell(
    store: MemoryStore, *, deciding: Decide = decide, sent: dict[str, int] | None = None
) -> Shard:
    return Shard(
        store, decode=shard_decode(Limits(), Zones(())), decide=deciding, shards=1, sent=sent
    )


def told(entries: Sequence[OutboxEntry]) -> list[tuple[str, bytes | None, str]]:
    """What entries say: all but the sequence and the measured latency."""
    return [(e.topic, e.value, dict(e.headers)[outputs.ID].decode()) for e in entries]


def test_a_batch_is_decided_and_committed_at_once() -> None:
    """Customers, positions and outputs of a batch are in the store together."""
    store = MemoryStore(0)
    entries = shell(store).process(log_of(morning("c-1"), sourced=True), world=WORLD)
    assert [e for e in entries if e.topic == topics.DECISIONS]
    assert store.outbox() == entries
    assert store.positions() == {("customer-events", 0): 11}
    assert store.source_positions() == {("transactions", 0): (10, 0)}
    assert store.customer("c-1") is not None


@settings(deadline=None, max_examples=20)
@given(cuts=st.sets(st.integers(1, 32), max_size=6))
def test_how_a_log_is_cut_into_batches_changes_nothing(cuts: set[int]) -> None:
    """The same records give the same outputs and customers, however they arrive."""
    records = log_of([one for c in ("c-1", "c-2", "c-3") for one in morning(c)])
    whole, parts = MemoryStore(0), MemoryStore(0)
    expected = shell(whole).process(records, world=WORLD)
    shard, made = shell(parts), list[OutboxEntry]()
    bounds = [0, *sorted(cuts), len(records)]
    for start, end in pairwise(bounds):
        made += shard.process(records[start:end], world=WORLD)
    assert told(made) == told(expected)
    assert all(parts.customer(c) == whole.customer(c) for c in ("c-1", "c-2", "c-3"))


def test_what_lies_below_the_position_is_skipped() -> None:
    """Records that were decided already are read again after a restart, and nothing happens."""
    store, records = MemoryStore(0), log_of(morning("c-1"))
    shell(store).process(records, world=WORLD)
    again = shell(store)
    before = store.customer("c-1")
    assert again.process(records, world=WORLD) == []
    assert again.tally.skipped == len(records)
    assert store.customer("c-1") == before


def test_a_second_delivery_by_ingest_is_skipped() -> None:
    """A copy further up the log is known by the source position that it carries."""
    store = MemoryStore(0)
    shard = shell(store)
    records = log_of(morning("c-1"), sourced=True)
    shard.process(records, world=WORLD)
    copies = [
        Record(r.topic, r.partition, r.offset + 11, r.key, r.value, r.headers, r.timestamp_ms)
        for r in records
    ]
    assert shard.process(copies, world=WORLD) == []
    assert store.positions() == {("customer-events", 0): 22}


def test_a_bad_record_becomes_a_dead_letter_and_the_rest_goes_on() -> None:
    """The dead letter has the original's key and value, and says where it lay and why it was refused."""
    records = log_of(morning("c-1"))
    bad = Record("customer-events", 0, 11, b"c-1", b'{"kind": "', (("trace", b"7"),), 1_000)
    shard = shell(MemoryStore(0))
    entries = shard.process([*records[:4], bad], world=WORLD)
    (letter,) = [e for e in entries if e.topic == topics.DEAD_LETTERS]
    assert (letter.key, letter.value) == (b"c-1", b'{"kind": "')
    headers = dict(letter.headers)
    assert headers["__connect.errors.topic"] == b"customer-events"
    assert headers["__connect.errors.offset"] == b"11"
    assert headers["__connect.errors.exception.class.name"] == b"input.malformed"
    assert headers["disposition"] == b"dead_letter"
    assert (headers["attempts"], headers["first_seen"], headers["trace"]) == (b"1", b"1000", b"7")
    assert shard.tally.dead_letters == {"input.malformed": 1}


def test_no_coordinate_reaches_a_dead_letter() -> None:
    """A position on the customers' log is refused, and its value is left out."""
    position = {"kind": "location.position", "latitude": 51.5, "longitude": -0.1, "x": 1}
    records = log_of([body("c-1", 0, position, minutes=0)])
    (letter,) = shell(MemoryStore(0)).process(records, world=WORLD)
    assert letter.value is None
    assert b"coordinates" in dict(letter.headers)["omitted"]


@pytest.mark.parametrize(
    ("key", "code"), [(b"c-2", b"input.wrong-customer"), (None, b"input.wrong-customer")]
)
def test_the_key_must_be_the_customer(key: bytes | None, code: bytes) -> None:
    """Under another key a customer's events would lose their order."""
    value = body("c-1", 0, {"kind": "app.opened"}, minutes=0)
    record = Record("customer-events", 0, 0, key, value, (), START_MS)
    (letter,) = shell(MemoryStore(0)).process([record], world=WORLD)
    assert dict(letter.headers)["__connect.errors.exception.class.name"] == code


def test_what_was_not_acknowledged_is_sent_again_with_the_same_bytes() -> None:
    """After a restart the outbox holds exactly the outputs whose acknowledgement is not known."""
    store = MemoryStore(0)
    shard = shell(store)
    entries = shard.process(log_of(morning("c-1")), world=WORLD)
    for offset, entry in enumerate(entries[:3]):
        shard.acknowledge(entry.sequence, entry.topic, 0, offset)
    shard.settle()
    assert shell(store).recover() == entries[3:]


def test_what_the_log_holds_is_not_sent_again() -> None:
    """An output that arrived before the worker died is found at the end of the log, and left alone."""
    store = MemoryStore(0)
    entries = shell(store).process(log_of(morning("c-1")), world=WORLD)
    found = {dict(e.headers)[outputs.ID].decode(): crc32(e.value or b"") for e in entries[:2]}
    shard = shell(store, sent=found)
    assert shard.recover() == entries[2:]
    assert store.outbox() == entries[2:]


def test_an_older_state_does_not_say_twice_what_the_log_holds() -> None:
    """State lost with the machine is made again from the log; outputs that arrived are not repeated."""
    records = log_of(morning("c-1"))
    entries = shell(MemoryStore(0)).process(records, world=WORLD)
    found = {dict(e.headers)[outputs.ID].decode(): crc32(e.value or b"") for e in entries}
    shard = shell(MemoryStore(0), sent=found)
    assert shard.process(records, world=WORLD) == []
    assert (shard.tally.repeated, shard.tally.diverged) == (len(entries), 0)
    assert not shard.sent


def test_a_second_death_while_catching_up_forgets_nothing() -> None:
    """How far the outputs are accounted for is not written down before the catching up is over."""
    records = log_of(morning("c-1"))
    entries = shell(MemoryStore(0)).process(records, world=WORLD)
    found = {dict(e.headers)[outputs.ID].decode(): crc32(e.value or b"") for e in entries}
    store = MemoryStore(0)
    shard = shell(store, sent=found)
    shard.mark({(topics.DECISIONS, 0): 40})
    shard.recover()
    shard.process(records[:8], world=WORLD)
    assert (topics.DECISIONS, 0) not in store.positions()
    shard.process(records[8:], world=WORLD)
    shard.settle()
    assert store.positions()[topics.DECISIONS, 0] == 40


def test_erasure_forgets_the_record_and_what_was_under_way() -> None:
    """After an erasure the store holds only what takes back: recalls, the certificate, a lesson to forget."""
    store = MemoryStore(0)
    shard = shell(store)
    shard.process(log_of([*morning("c-1"), *morning("c-2")]), world=WORLD)
    erase = body("c-1", 99, {"kind": "erasure.requested"}, minutes=60)
    late = body("c-1", 98, {"kind": "app.opened"}, minutes=59)
    shard.process(log_of([late, erase], first=22), world=WORLD)
    assert store.customer("c-1") is None
    assert store.customer("c-2") is not None
    left = [e for e in store.outbox() if e.key == b"c-1"]
    *recalls, certificate, counted, forget = left
    assert all(orjson.loads(e.value or b"")["type"] == "offer.recalled" for e in recalls)
    assert orjson.loads(forget.value or b"")["kind"] == "forget"
    assert certificate.topic == topics.TRANSPARENCY
    assert orjson.loads(certificate.value or b"")["type"] == "erasure.certified"
    assert orjson.loads(counted.value or b"")["type"] == "erasure"


def granted(customer: str = "c-1", *, days: int = 1) -> list[bytes]:
    """A grant that ends, so that a timer is set."""
    until = f"2025-03-{3 + days:02d}T08:00:00+00:00"
    grant = {**GRANT, "sources": ["transactions"], "valid_until": until}
    return [body(customer, 0, grant, minutes=0)]


def test_a_timer_wakes_its_customer_once() -> None:
    """A tick wakes whoever is due, and a second tick finds nobody."""
    store = MemoryStore(0)
    shard = shell(store)
    shard.process(log_of(granted()), world=WORLD)
    due_ms = START_MS + DAY_MS
    assert store.next_due_ms() == due_ms
    assert shard.tick(due_ms - 1, world=WORLD) == []
    shard.tick(due_ms, world=WORLD)
    customer = store.customer("c-1")
    assert customer is not None
    assert not customer.may(Purpose.FINANCIAL_WELLBEING, Source.TRANSACTIONS, due_ms)
    assert shard.tally.ticks == 1
    assert store.due(due_ms + DAY_MS, 10) == []


def test_a_timer_goes_before_a_later_event_whether_or_not_a_tick_came() -> None:
    """What follows from a log does not hang on when ticks happen to come."""
    later = body("c-1", 1, {"kind": "app.opened"}, minutes=3 * 1440)
    ticked, unticked = MemoryStore(0), MemoryStore(0)
    with_tick, without = shell(ticked), shell(unticked)
    records = log_of([*granted(), later])
    made = with_tick.process(records[:1], world=WORLD)
    made += with_tick.tick(START_MS + 2 * DAY_MS, world=WORLD)
    made += with_tick.process(records[1:], world=WORLD)
    assert told(without.process(records, world=WORLD)) == told(made)
    assert ticked.customer("c-1") == unticked.customer("c-1")


def test_a_timer_that_does_not_take_itself_away_is_taken() -> None:
    """A clock event that decide has seen before would otherwise be due for ever."""

    def stubborn(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        if isinstance(event, ClockTicked):
            return Outcome(customer, duplicate=True)
        return decide(customer, event, world=world, position=position)

    store = MemoryStore(0)
    shard = shell(store, deciding=stubborn)
    shard.process(log_of(granted()), world=WORLD)
    shard.tick(START_MS + DAY_MS, world=WORLD)
    assert store.due(START_MS + DAY_MS, 9) == []


def test_a_bug_stops_the_batch_and_keeps_nothing_of_it() -> None:
    """An error that nobody foresaw goes up, and the store is what it was."""

    def broken(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
        if position.endswith(":3:0"):
            raise ZeroDivisionError
        return decide(customer, event, world=world, position=position)

    store = MemoryStore(0)
    with pytest.raises(ZeroDivisionError):
        shell(store, deciding=broken).process(log_of(morning("c-1")), world=WORLD)
    assert store.positions() == {}
    assert store.customer("c-1") is None


def test_a_timers_output_is_waited_for_until_the_log_was_read_again() -> None:
    """An output that a timer caused does not name what set the timer, so all of the log must have passed."""
    records = log_of(granted())
    shard = Shard(
        MemoryStore(0),
        decode=shard_decode(Limits(), Zones(())),
        decide=decide,
        shards=1,
        sent={"clock:0:1:x/0": 7},
        ends={("customer-events", 0): 1},
    )
    shard.tick(0, world=WORLD)
    assert shard.sent
    shard.process(records, world=WORLD)
    shard.tick(0, world=WORLD)
    assert not shard.sent
