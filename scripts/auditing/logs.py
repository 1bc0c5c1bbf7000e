"""Whole topics, from brokers or from a dump, put into the order in which things were caused.

Topics are not ordered against each other. An output names the position of the event that it came from; a
tick's output lies on its topic behind the outputs of what went before it, and is younger than all of a shard's outputs
that its worker wrote earlier, whatever topic they lie on.
"""

from argparse import ArgumentParser, Namespace
from base64 import b64decode
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import orjson
from confluent_kafka.admin import AdminClient

from flows import settings as settings_module
from flows.access import connection_of
from flows.clock import CLOCK
from flows.kafka.client import REACH_S, Connection, Watch
from flows.opened import records_on, row_of
from flows.records import Record
from schemas import topics
from scripts.auditing.steps import due_ms, position_of

READ: tuple[str, ...] = (topics.CUSTOMER_EVENTS, *topics.OUTPUTS)


def connected(options: Namespace) -> Connection:
    """The brokers of ``--broker`` and ``--prefix``, with what opens sealed topics if ``--config`` says it.

    Raises:
        ConfigError: The settings are wrong. Disposition: halt.
    """
    seal = None
    if options.config:
        seal = connection_of(settings_module.load(options.config)).seal
    return Connection(options.broker, prefix=options.prefix, seal=seal)


def add_config(parser: ArgumentParser) -> None:
    """The option by which sealed topics are opened."""
    parser.add_argument(
        "--config", type=Path, help="settings whose key rings open topics that are sealed"
    )


def fetch(connection: Connection, *, roles: Sequence[str] = READ) -> list[Record]:
    """Everything on some topics; by default on those that the checker reads.

    Raises:
        TransportError: The brokers can't be reached, or refuse us.
    """
    watch = Watch(code="transport.source")
    known = AdminClient(connection.base(watch.heard)).list_topics(timeout=REACH_S).topics
    counts = {
        role: len(known[connection.topic(role)].partitions)
        for role in roles
        if connection.topic(role) in known
    }
    # What a destroyed key sealed is nothing any more.
    return [record for record in records_on(connection, counts) if not record.dark]


def dump(records: Iterable[Record], folder: Path) -> None:
    """Write records to a folder, a file of JSON lines a topic; values that are no text as base64."""
    folder.mkdir(parents=True, exist_ok=True)
    by_topic: dict[str, list[bytes]] = defaultdict(list)
    for record in records:
        by_topic[record.topic].append(orjson.dumps(row_of(record)))
    for topic, rows in by_topic.items():
        (folder / f"{topic}.jsonl").write_bytes(b"\n".join(rows) + b"\n")


def load(folder: Path, *, roles: Sequence[str] = READ) -> list[Record]:
    """The records of a dump, topic by topic.

    Raises:
        OSError: The folder can't be read.
        ValueError: A line is not what `dump` writes.
    """
    return [record for role in roles for record in lines(folder, role)]


def lines(folder: Path, role: str) -> Iterator[Record]:
    """The records of one topic of a dump, one at a time; as `load`."""
    path = folder / f"{role}.jsonl"
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            row = orjson.loads(line)
            yield Record(
                role,
                int(row["partition"]),
                int(row["offset"]),
                _unpacked(row["key"]),
                _unpacked(row["value"]),
                tuple((name, _unpacked(value) or b"") for name, value in row["headers"]),
                int(row["timestamp_ms"]),
            )


def in_order(records: Iterable[Record]) -> Iterator[Record]:
    """Records as they were caused, one shard after the other; outputs that came twice come once."""
    events: dict[int, list[Record]] = defaultdict(list)
    caused: dict[str, dict[str, Record]] = defaultdict(dict)
    topic_order: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        if record.topic == topics.CUSTOMER_EVENTS:
            events[record.partition].append(record)
        else:
            topic_order[record.topic, record.partition].append(record)
    for outputs in topic_order.values():
        outputs.sort(key=lambda record: record.offset)
        for record in outputs:
            caused[position_of(record)].setdefault(_id(record), record)
    behind = _behind(topic_order.values())
    ticks = _anchored(behind, caused)
    for shard_number in sorted(events):
        yield from _ticked(ticks.get((shard_number, -1), ()), caused)
        for event in sorted(events[shard_number], key=lambda r: r.offset):
            yield event
            yield from _said(caused.get(f"{event.place}:0", {}))
            yield from _ticked(ticks.get((shard_number, event.offset), ()), caused)


def _behind(topic_order: Iterable[list[Record]]) -> dict[str, tuple[int, int]]:
    """Tick → its shard, and the newest offset whose outputs were written before it; -1 where none was.

    Outputs come by topic and partition, in the order of their offsets.
    """
    behind: dict[str, tuple[int, int]] = {}
    written: dict[int, list[tuple[int, int]]] = defaultdict(list)
    young: dict[str, int] = {}
    for outputs in topic_order:
        reached: dict[int, int] = {}
        for record in outputs:
            position = position_of(record)
            kind, shard, at = [*position.split(":"), "", "", ""][:3]
            if kind == CLOCK:
                anchor = (int(shard), reached.get(int(shard), -1))
                behind[position] = max(behind.get(position, anchor), anchor)
                young[position] = min(young.get(position, record.timestamp_ms), record.timestamp_ms)
            elif kind == topics.CUSTOMER_EVENTS and shard.isdecimal() and at.isdecimal():
                reached[int(shard)] = max(reached.get(int(shard), -1), int(at))
                written[int(shard)].append((record.timestamp_ms, int(at)))
    newest = {shard: _running(sorted(found)) for shard, found in written.items()}
    for position, (shard_number, at_least) in behind.items():
        times, offsets = newest.get(shard_number, ([], []))
        # Within one millisecond nobody can tell: only what is older counts.
        before = bisect_left(times, young[position])
        if before:
            behind[position] = (shard_number, max(at_least, offsets[before - 1]))
    return behind


def _running(written: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Times in order, and by each the newest offset that was reached by then."""
    times = [at_ms for at_ms, _ in written]
    return times, list(accumulate((offset for _, offset in written), max))


def _anchored(
    behind: dict[str, tuple[int, int]], caused: dict[str, dict[str, Record]]
) -> dict[tuple[int, int], list[str]]:
    """Shard and offset → the ticks behind it; one customer's ticks were made in the order of their times."""
    reached: dict[bytes | None, tuple[int, int]] = {}
    ticks: dict[tuple[int, int], list[str]] = defaultdict(list)
    for position in sorted(behind, key=due_ms):
        who = next(iter(caused[position].values())).key
        reached[who] = max(reached.get(who, behind[position]), behind[position])
        ticks[reached[who]].append(position)
    return ticks


def _ticked(positions: Iterable[str], caused: dict[str, dict[str, Record]]) -> Iterator[Record]:
    for position in sorted(positions, key=due_ms):
        yield from _said(caused[position])


def _said(outputs: dict[str, Record]) -> Iterator[Record]:
    yield from (outputs[key] for key in sorted(outputs, key=lambda k: (len(k), k)))


def _id(record: Record) -> str:
    return dict(record.headers).get("ce_id", b"").decode(errors="replace")


def _unpacked(value: str | dict[str, str] | None) -> bytes | None:
    if isinstance(value, dict):
        return b64decode(value["base64"])
    return None if value is None else value.encode()
