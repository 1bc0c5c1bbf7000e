"""In which order state is written, said, forgotten and made safe: recorded from a flow as it runs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection
from flows.kafka.sink import LogWriter
from flows.kafka.source import LogSource
from flows.records import Parcel, Spot
from flows.shard import Shard
from flows.worker import Stop
from schemas import topics
from scripts.broker.process import Broker
from state.directory import open_directory, open_shards
from state.identity import Identity
from state.store import ShardBatch, ShardStore
from tests.integration.test_decide_flow import SHARDS, flow_of, mornings
from tests.kafka_logs import write

Call = tuple[str, int, Any]
"""What was called, for which shard (-1: for none), and with what."""


class Recorded:
    """A store that notes its commits and syncs, and does them."""

    def __init__(self, store: ShardStore, calls: list[Call]) -> None:
        self._store, self._calls = store, calls

    def commit(self, batch: ShardBatch) -> None:
        self._store.commit(batch)
        self._calls.append(("commit", self._store.shard, batch))

    def sync(self) -> None:
        self._calls.append(("sync", self._store.shard, "begins"))
        self._store.sync()
        self._calls.append(("sync", self._store.shard, "ends"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def calls(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Call]]:
    """All that a worker did over a log that makes it speak, in order."""
    connection = Connection(broker.bootstrap_servers, prefix=f"order-{uuid4().hex[:8]}.")
    kafka_topics.create(connection, shards=SHARDS)
    write(connection, topics.CUSTOMER_EVENTS, mornings())
    made: list[Call] = []
    told: dict[Spot, int] = {}
    stop = Stop()
    send, acknowledge, report = LogWriter.send, Shard.acknowledge, LogSource.report

    def sent(self: LogWriter, parcel: Parcel) -> None:
        made.append(("produce", -1, (parcel.topic, parcel.key, parcel.value)))
        send(self, parcel)

    def acknowledged(self: Shard, sequence: int, topic: str, partition: int, offset: int) -> None:
        made.append(("delivery", self.number, sequence))
        acknowledge(self, sequence, topic, partition, offset)

    def reported(self: LogSource, positions: Mapping[Spot, int]) -> None:
        made.append(("report", -1, dict(positions)))
        report(self, positions)
        told.update(positions)
        stop.asked = sum(told.values()) == len(mornings())

    monkeypatch.setattr(LogWriter, "send", sent)
    monkeypatch.setattr(Shard, "acknowledge", acknowledged)
    monkeypatch.setattr(LogSource, "report", reported)
    directory = open_directory(tmp_path, identity=Identity("", SHARDS, "s"), owner="test")
    stores = open_shards(directory, range(SHARDS))
    recorded = {number: Recorded(store, made) for number, store in stores.items()}
    flow_of(connection, recorded, stop=stop).run()
    yield made
    for store in stores.values():
        store.close()


def test_committed_then_produced_then_forgotten_and_safe_before_it_is_told(
    calls: list[Call],
) -> None:
    """WriteBatch → produce → delivery → outbox trimmed; and WriteBatch → sync → positions to the group."""
    committed: set[tuple[str, bytes | None, bytes | None]] = set()
    delivered: set[tuple[int, int]] = set()
    reached: dict[Spot, int] = {}
    beginning: dict[int, dict[Spot, int]] = {}
    safe: dict[Spot, int] = {}
    told: dict[Spot, int] = {}
    count = trimmed = 0
    for what, shard, said in calls:
        if what == "commit":
            assert all((shard, sequence) in delivered for sequence in said.delivered)
            trimmed += len(said.delivered)
            committed |= {(entry.topic, entry.key, entry.value) for entry in said.outbox}
            count += len(said.outbox)
            reached |= {spot: at for spot, at in said.positions.items() if spot[1] == shard}
        elif what == "produce":
            assert said in committed
        elif what == "delivery":
            delivered.add((shard, said))
        elif what == "sync" and said == "begins":
            beginning[shard] = {spot: at for spot, at in reached.items() if spot[1] == shard}
        elif what == "sync":
            safe |= beginning[shard]
        else:
            assert all(at <= safe[spot] for spot, at in said.items())
            told |= said
    assert count == len(delivered) == trimmed > 0
    assert told
    assert {spot[0] for spot in told} == {topics.CUSTOMER_EVENTS}
