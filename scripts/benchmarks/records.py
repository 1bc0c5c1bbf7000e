"""How long a customer's record is after a year, field by field, and what writing and reading it costs.

A town lives through its days in this process, and answers what it is told: its offers reach it, its answers come
back as feedback, and time passes, so that decisions close as they would in the stream. No resident is left out.
Lengths are of the codec's bytes: as they are stored, before encryption and before RocksDB's own compression. By
field they are what the field takes before all is squeezed, and what it adds to the squeezed whole.

A dictionary knows the days that it was trained on: ``--start`` has the town begin on another day than usual.

With ``--train FILE`` it trains the dictionary of the codec's next version on the records of such towns instead, each
of which begins on another day; give another seed than is measured with.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import zstandard
from rich.console import Console
from rich.table import Table

from flows.assembly import world_of
from flows.driver import Driver
from flows.records import Draft, Record
from flows.settings import load
from flows.worker import dismiss_collector
from schemas import topics
from schemas.base import DAY_MS
from schemas.customer import Customer
from scripts.town.town import START, Town
from state.codec import body_of, decode, encode
from state.sizes import Size, sizes

AGES_DAYS = (30, 90, 180, 365)
ROUNDS = 20
DICTIONARY_BYTES = 16_384
"""More than that gains nothing: what is left is numbers."""
TRAINED_APART_DAYS = (0, 137, 274, 411)
"""How long after the start the towns begin that a dictionary is trained on: so that it learns no calendar by heart."""


class Forgetful(Driver):
    """A driver that keeps of what is said only what the town has not heard yet."""

    def __init__(self, **options: Any) -> None:
        """As a `Driver`."""
        self.unheard: list[bytes] = []
        super().__init__(**options)

    def _append(self, draft: Draft) -> Record:
        record = super()._append(draft)
        if record.topic == topics.OFFERS and record.value:
            self.unheard.append(record.value)
        self._logs[record.topic].clear()
        return record


def main(arguments: list[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="scripts/bench records", description=__doc__)
    parser.add_argument("--customers", type=int, default=40)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", default="records")
    parser.add_argument(
        "--start",
        type=_day,
        default=START,
        metavar="DAY",
        help="the town's first day, 2027-01-31 say",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--train", type=Path, metavar="FILE", help="write a dictionary there")
    options = parser.parse_args(arguments)
    dismiss_collector()
    if options.train is not None:
        return _train(options)
    by_age: dict[int, list[int]] = {}
    records: list[Customer] = []
    lived = lives(options.seed, customers=options.customers, days=options.days, start=options.start)
    for day, records in lived:
        by_age[day] = [len(encode(record)) for record in records]
    fields = by_field(records)
    encoding, decoding = costs(records)
    if options.json:
        result = {
            "bytes_by_age": {day: statistics(found) for day, found in by_age.items()},
            "bytes_by_field": {
                name: {kind: statistics(lengths) for kind, lengths in found._asdict().items()}
                for name, found in fields.items()
            },
            "encode_us": round(encoding, 2),
            "decode_us": round(decoding, 2),
        }
        print(json.dumps(result))
        return 0
    console = Console(highlight=False)
    console.print(_table("bytes of a record", "days", by_age))
    added = {name: found.added for name, found in fields.items()}
    console.print(_table("what each field adds, at the end", "field", added))
    plain = {name: found.plain for name, found in fields.items()}
    console.print(_table("each field before squeezing, at the end", "field", plain))
    console.print(f"written in {encoding:.1f} µs, read in {decoding:.1f} µs of CPU")
    return 0


def _train(options: argparse.Namespace) -> int:
    """Train a dictionary on the records of every age, of towns that begin on different days."""
    bodies: list[bytes | bytearray | memoryview[int]] = [
        body_of(record)
        for later in TRAINED_APART_DAYS
        for _, records in lives(
            f"{options.seed}/{later}",
            customers=options.customers,
            days=options.days,
            start=options.start + timedelta(days=later),
        )
        for record in records
    ]
    dictionary = zstandard.train_dictionary(DICTIONARY_BYTES, bodies).as_bytes()
    options.train.write_bytes(dictionary)
    print(f"{len(bodies)} records; {options.train}, SHA-256 {sha256(dictionary).hexdigest()}")
    return 0


def lives(
    seed: str, *, customers: int, days: int, start: datetime = START
) -> Iterator[tuple[int, list[Customer]]]:
    """The records of all residents at each of `AGES_DAYS` and at the end, with the day."""
    town = Town(seed, customers, start=start)
    driver = Forgetful(world=world_of(load(environment={})), now_ms=town.now_ms)
    for day in sorted({*(age for age in AGES_DAYS if age < days), days}):
        until_ms = town.start_ms + day * DAY_MS
        for emitted in town.until(until_ms):
            driver.advance_to(max(town.now_ms, driver.now_ms))
            driver.send(emitted.topic, emitted.value(), key=emitted.key)
            said, driver.unheard = driver.unheard, []
            for value in said:
                town.offer(orjson.loads(value), town.now_ms)
        driver.advance_to(max(until_ms, driver.now_ms))
        found = (driver.customer(customer) for customer in town.residents)
        yield day, [record for record in found if record is not None]


class Lengths(NamedTuple):
    """Bytes of a field in each record: before squeezing, and what it adds to the squeezed record."""

    plain: list[int]
    added: list[int]


def by_field(records: Sequence[Customer]) -> dict[str, Lengths]:
    """Field → its bytes in each record, what adds most first; a field that a record lacks takes none."""
    found = [sizes(record) for record in records]
    names = {name for one in found for name in one}
    nothing = Size(0, 0)
    lengths = {
        name: Lengths(*map(list, zip(*(one.get(name, nothing) for one in found), strict=True)))
        for name in names
    }
    return dict(sorted(lengths.items(), key=lambda one: -sum(one[1].added)))


def costs(records: Sequence[Customer]) -> tuple[float, float]:
    """µs of CPU to write and to read a record, the least of `ROUNDS` rounds over all."""
    stored = [encode(record) for record in records]
    return (
        _least(lambda: [encode(record) for record in records]) / len(records),
        _least(lambda: [decode(data) for data in stored]) / len(records),
    )


def statistics(lengths: Sequence[int]) -> dict[str, int]:
    """Mean, median, ninth decile and largest."""
    mean, (median, decile) = np.mean(lengths), np.percentile(lengths, [50, 90])
    return {
        "mean": round(float(mean)),
        "median": round(float(median)),
        "p90": round(float(decile)),
        "largest": max(lengths),
    }


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _least(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best * 1e6


def _table(title: str, first: str, rows: dict[Any, list[int]]) -> Table:
    table = Table(title=title)
    for head in (first, "mean", "median", "p90", "largest"):
        table.add_column(head, justify="left" if head == "field" else "right")
    for name, lengths in rows.items():
        table.add_row(str(name), *(f"{count:,}" for count in statistics(lengths).values()))
    return table
