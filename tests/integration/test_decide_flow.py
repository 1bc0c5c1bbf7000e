"""The deciding flow over a real log: what it says, where it stands, and how it refuses."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from flows.decide import DecideFlow, DecideOptions
from flows.driver import Driver
from flows.intake import shard_decode
from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection
from flows.kafka.lanes import Pressing
from flows.kafka.source import Pace
from flows.metrics import Metrics
from flows.partition import shard_of
from flows.settings import Limits
from flows.worker import Stop
from flows.world import WorldKeeper
from flows.zones import Zones
from operators.contracts import World
from operators.decide import decide
from schemas import topics
from schemas.errors import ConfigError, StateError
from scripts.broker.process import Broker
from state.directory import open_directory, open_shards
from state.identity import Identity
from state.store import ShardBatch, ShardStore
from tests.kafka_logs import committed, read, write
from tests.streams import morning, small_world

SHARDS = 2
CUSTOMERS = tuple(f"c-{n}" for n in range(8))
CUSTOMERS_THERE = (b"c-6", b"c-7")
"""Those in front of their app."""


@pytest.fixture
def connection(broker: Broker) -> Connection:
    """Topics of this test's own on a shared broker."""
    made = Connection(broker.bootstrap_servers, prefix=f"decide-{uuid4().hex[:8]}.")
    kafka_topics.create(made, shards=SHARDS)
    return made


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[dict[int, ShardStore]]:
    """The shards of the one worker."""
    directory = open_directory(tmp_path, identity=Identity("", SHARDS, "s"), owner="test")
    opened = open_shards(directory, range(SHARDS))
    yield opened
    for store in opened.values():
        store.close()


def flow_of(
    connection: Connection,
    stores: dict[int, ShardStore],
    *,
    world: World | None = None,
    stop: Stop | None = None,
    pressing: Pressing | None = None,
) -> DecideFlow:
    """The flow as a worker has it, but that it ends at the end of the log where nothing can stop it.

    The events' clock moves the timers; where records may pass others, nothing does.
    """
    tick_s = 0.01 if pressing is None else None
    return DecideFlow(
        connection,
        stores=stores,
        counts=kafka_topics.check(connection, roles=topics.ALL, shards=SHARDS),
        keeper=WorldKeeper(world or small_world()),
        decode=shard_decode(Limits(), Zones(())),
        decide=decide,
        options=DecideOptions(
            shards=SHARDS,
            event_clock=pressing is None,
            sync_s=0.0,
            pace=Pace(until_end=stop is None, tick_s=tick_s, pressing=pressing, piece_max=3),
        ),
        stop=stop or Stop(),
        metrics=Metrics("decide"),
    )


def mornings() -> list[tuple[str, bytes]]:
    return [(customer, value) for customer in CUSTOMERS for value in morning(customer)]


def ids(connection: Connection) -> list[str]:
    """The ids of all decisions on the log."""
    records = read(connection, topics.DECISIONS, partitions=SHARDS)
    return [orjson.loads(record.value or b"")["decision_id"] for record in records]


def test_the_live_flow_says_what_the_driver_says(
    connection: Connection, stores: dict[int, ShardStore]
) -> None:
    """Through a broker and RocksDB, or without both: every output is the same, byte for byte."""
    write(connection, topics.CUSTOMER_EVENTS, mornings())
    flow_of(connection, stores).run()
    driver = Driver(small_world(), shards=SHARDS)
    for customer, value in mornings():
        driver.send(topics.CUSTOMER_EVENTS, value, key=customer)
    for role in topics.OUTPUTS:
        records = read(connection, role, partitions=SHARDS)
        expected = sorted(driver.records(role), key=lambda r: (r.partition, r.offset))
        assert [(r.partition, r.key, r.value) for r in records] == [
            (r.partition, r.key, r.value) for r in expected
        ], role
    assert len(ids(connection)) >= len(CUSTOMERS)


def test_who_passes_others_is_said_the_same(
    connection: Connection, stores: dict[int, ShardStore]
) -> None:
    """In another order between customers; in the end nothing lies ahead, and the position is the log's end."""
    write(connection, topics.CUSTOMER_EVENTS, mornings())
    flow_of(connection, stores, pressing=lambda record: record.key in CUSTOMERS_THERE).run()
    driver = Driver(small_world(), shards=SHARDS)
    for customer, value in mornings():
        driver.send(topics.CUSTOMER_EVENTS, value, key=customer)
    for role in topics.OUTPUTS:
        found = [r.value or b"" for r in read(connection, role, partitions=SHARDS)]
        assert sorted(found) == sorted(r.value or b"" for r in driver.records(role)), role
    in_turn = sorted(driver.records(topics.DECISIONS), key=lambda r: (r.partition, r.offset))
    assert ids(connection) != [orjson.loads(r.value or b"")["decision_id"] for r in in_turn]
    log = read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS)
    for number, store in stores.items():
        end = max(record.offset for record in log if record.partition == number) + 1
        assert (store.positions()[topics.CUSTOMER_EVENTS, number], store.ahead()) == (end, {})


def test_a_second_run_says_nothing_again(
    connection: Connection, stores: dict[int, ShardStore], tmp_path: Path
) -> None:
    """The state knows where to read on, and the group is told for lag tools."""
    write(connection, topics.CUSTOMER_EVENTS, mornings())
    flow_of(connection, stores).run()
    before = ids(connection)
    directory = open_directory(tmp_path, identity=Identity("", SHARDS, "s"), owner="test")
    again = open_shards(directory, range(SHARDS))
    assert all(store.outbox() == [] for store in again.values())
    flow_of(connection, again).run()
    assert ids(connection) == before
    assert len(set(before)) == len(before)


def test_a_lost_state_is_made_again_without_saying_anything_twice(
    connection: Connection, stores: dict[int, ShardStore], tmp_path: Path
) -> None:
    """With an empty directory the log is read from its beginning, and outputs found there stay alone."""
    write(connection, topics.CUSTOMER_EVENTS, mornings())
    flow_of(connection, stores).run()
    before = ids(connection)
    directory = open_directory(tmp_path / "new", identity=Identity("", SHARDS, "s"), owner="test")
    fresh = open_shards(directory, range(SHARDS))
    flow_of(connection, fresh).run()
    assert ids(connection) == before


def test_a_bad_record_is_put_aside_and_the_rest_is_decided(
    connection: Connection, stores: dict[int, ShardStore]
) -> None:
    """A malformed record reaches the dead letters with its cause; nothing else is lost."""
    write(connection, topics.CUSTOMER_EVENTS, [("c-1", b"nonsense"), *mornings()])
    flow_of(connection, stores).run()
    (letter,) = read(connection, topics.DEAD_LETTERS, partitions=SHARDS)
    assert (letter.key, letter.value) == (b"c-1", b"nonsense")
    assert dict(letter.headers)["__connect.errors.exception.class.name"] == b"input.malformed"
    assert len(ids(connection)) >= len(CUSTOMERS)


def test_a_position_that_the_log_does_not_hold_stops_the_worker(
    connection: Connection, stores: dict[int, ShardStore]
) -> None:
    """State and log that don't belong together are told aloud, and nothing is skipped."""
    write(connection, topics.CUSTOMER_EVENTS, mornings())
    shard = shard_of(CUSTOMERS[0], shards=SHARDS)
    stores[shard].commit(ShardBatch(positions={(topics.CUSTOMER_EVENTS, shard): 10_000}))
    with pytest.raises(StateError, match=r"state\.position-out-of-range"):
        flow_of(connection, stores).run()


def test_control_topics_are_read_before_the_first_decision(
    connection: Connection, stores: dict[int, ShardStore]
) -> None:
    """Items that the board rejected are not said, even by the first decision of a worker."""
    verdict = b'{"verdict": "rejected"}'
    write(connection, topics.VERDICTS, [(i.id, verdict) for i in small_world().catalogue])
    write(connection, topics.CUSTOMER_EVENTS, mornings())
    flow_of(connection, stores).run()
    assert read(connection, topics.OFFERS, partitions=SHARDS) == []
    assert ids(connection)


def test_a_bad_control_record_is_put_aside_once(
    connection: Connection, stores: dict[int, ShardStore], tmp_path: Path
) -> None:
    """Control topics are read whole at each start, but what was put aside stays put aside."""
    write(connection, topics.VERDICTS, [("item-1", b"nonsense")])
    write(connection, topics.CUSTOMER_EVENTS, mornings())
    flow_of(connection, stores).run()
    directory = open_directory(tmp_path, identity=Identity("", SHARDS, "s"), owner="test")
    flow_of(connection, open_shards(directory, range(SHARDS))).run()
    (letter,) = read(connection, topics.DEAD_LETTERS, partitions=SHARDS)
    assert letter.value == b"nonsense"


def test_the_group_learns_how_far_the_state_is(
    connection: Connection, stores: dict[int, ShardStore]
) -> None:
    """Lag tools see the positions that are on disk, never more."""
    write(connection, topics.CUSTOMER_EVENTS, mornings())
    flow_of(connection, stores).run()
    records = read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS)
    ends = [sum(r.partition == p for r in records) for p in range(SHARDS)]
    places = committed(
        connection, "market-of-one-decide", topics.CUSTOMER_EVENTS, partitions=SHARDS
    )
    assert all(place <= end for place, end in zip(places, ends, strict=True))


def test_topics_are_checked_at_start(connection: Connection) -> None:
    """A log that is cut otherwise, or is not there, is named with what to do."""
    with pytest.raises(ConfigError, match=r"config\.topic-mismatch.*has 2 partitions, not 3"):
        kafka_topics.check(connection, roles=[topics.CUSTOMER_EVENTS], shards=3)
    elsewhere = Connection(connection.bootstrap_servers, prefix="nobody.")
    with pytest.raises(ConfigError, match=r"config\.missing-topic.*python -m flows topics"):
        kafka_topics.check(elsewhere, roles=[topics.OFFERS], shards=SHARDS)
