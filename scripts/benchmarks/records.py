"""How long a customer's record is after a year, field by field, and what writing and reading it costs.

A town lives through its days in this process, and answers what it is told: its offers reach it, its answers come
back as feedback, and time passes, so that decisions close as they would in the stream. No resident is left out.
Lengths are of the codec's bytes: as they are stored, before encryption and before RocksDB's own compression.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import orjson
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
from scripts.town.town import Town
from state.codec import decode, encode
from state.sizes import sizes

AGES_DAYS = (30, 90, 180, 365)
ROUNDS = 20


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
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    options = parser.parse_args(arguments)
    dismiss_collector()
    by_age: dict[int, list[int]] = {}
    records: list[Customer] = []
    for day, records in lives(options.seed, customers=options.customers, days=options.days):
        by_age[day] = [len(encode(record)) for record in records]
    fields = by_field(records)
    encoding, decoding = costs(records)
    if options.json:
        result = {
            "bytes_by_age": {day: statistics(found) for day, found in by_age.items()},
            "bytes_by_field": {name: statistics(found) for name, found in fields.items()},
            "encode_us": round(encoding, 2),
            "decode_us": round(decoding, 2),
        }
        print(json.dumps(result))
        return 0
    console = Console(highlight=False)
    console.print(_table("bytes of a record", "days", by_age))
    console.print(_table("by field, at the end", "field", fields))
    console.print(f"written in {encoding:.1f} µs, read in {decoding:.1f} µs of CPU")
    return 0


def lives(seed: str, *, customers: int, days: int) -> Iterator[tuple[int, list[Customer]]]:
    """The records of all residents at each of `AGES_DAYS` and at the end, with the day."""
    town = Town(seed, customers)
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


def by_field(records: Sequence[Customer]) -> dict[str, list[int]]:
    """Field → its bytes in each record, the longest first; a field that a record lacks takes none."""
    found = [sizes(record) for record in records]
    names = {name for one in found for name in one}
    lengths = {name: [one.get(name, 0) for one in found] for name in names}
    return dict(sorted(lengths.items(), key=lambda one: -sum(one[1])))


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
