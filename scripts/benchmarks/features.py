"""What features cost: all of one customer read, an event folded by its kind, bytes held; beside working them out anew.

A town lives through its days in this process. Times are of CPU; «anew» folds a customer's whole history
from nothing and reads it, which is what there would be to do if nothing were remembered. Reads go through the
lookup by name that decisions use: every feature of the catalogue, 250 of them drawn anew for each customer, and
those that the model sees. «A plain copy» of the memories is the least that a fold could do.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from random import Random

import numpy as np
from msgspec import msgpack
from rich.console import Console
from rich.table import Table

from flows.decode import decode_all
from flows.settings import Limits
from flows.zones import Zones
from operators.features import CONTEXT, FEATURES, SPECS, VIEWS
from operators.features.money import flow_of
from operators.insights.months import folded
from operators.sense import GROUPS_OF_KIND, Features
from schemas.base import DAY_MS
from schemas.customer import Memory
from schemas.errors import InputError
from schemas.events import EventBase, TransactionBooked
from scripts.town.stage import Faults
from scripts.town.town import Town

AGES_DAYS = (1, 90, 365)
ASKED = 250
"""Features that a reader of many asks for."""
DRAW_SEED = 20_250
SAMPLES_MAX = 400
"""Folds of each kind that are timed."""
ANEW_MAX = 20
Memories = dict[str, Memory]


def main(arguments: list[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="scripts/bench features", description=__doc__)
    parser.add_argument("--customers", type=int, default=40)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", default="features")
    options = parser.parse_args(arguments)
    lives: dict[str, list[EventBase]] = defaultdict(list)
    samples: dict[str, list[tuple[Memories, EventBase]]] = defaultdict(list)
    held: dict[str, Memories] = {}
    console, day, seen = Console(highlight=False), 0, 0
    sizes: dict[int, list[int]] = {}
    town = Town(options.seed, options.customers, faults=Faults(0.0, 0.0, 0.0))
    for day in range(1, options.days + 1):
        for event in _events(town, until_ms=town.start_ms + day * DAY_MS):
            memories = held.get(event.customer) or {g.slot.name: g.slot.zero() for g in FEATURES}
            # The newest folds are timed: those of memories with the most history behind them.
            kept = samples[event.kind]
            kept.append((memories, event))
            del kept[:-SAMPLES_MAX]
            held[event.customer] = fold(memories, event)
            lives[event.customer].append(event)
            seen += 1
        if day in AGES_DAYS:
            sizes[day] = [bytes_of(memories) for memories in held.values()]
    for customer, life in lives.items():
        held[customer] = {**held[customer], "spending_months": _months(life)}
    now_ms = town.start_ms + options.days * DAY_MS
    console.print(
        f"{len(SPECS)} features of {len(FEATURES)} memories and {len(VIEWS)} views, {seen:,} events of {len(held)} customers, {day} days"
    )
    console.print(_costs(samples, options.rounds))
    console.print(_reads(held, lives, now_ms=now_ms, rounds=options.rounds))
    table = Table(title="bytes of all memories a customer")
    for title in ("after", "median", "largest"):
        table.add_column(title, justify="right")
    for age, found in sizes.items():
        table.add_row(f"{age} days", f"{np.median(found):,.0f}", f"{max(found):,}")
    console.print(table)
    return 0


def fold(memories: Memories, event: EventBase) -> Memories:
    """The memories with one event."""
    made = dict(memories)
    for group in GROUPS_OF_KIND[event.kind]:
        name = group.slot.name
        made[name] = group.update(made[name], event, now_ms=event.at_ms)
    return made


def read(memories: Memories, names: Sequence[str], *, now_ms: int) -> list[float]:
    """Features by name, through the lookup that decisions use."""
    failed: list[str] = []
    features = Features(memories, now_ms=now_ms, failed=failed)
    values = [features[name] for name in names]
    if failed:
        message = f"{', '.join(failed)} could not be read: its laws should have found out"
        raise ValueError(message)
    return values


def bytes_of(memories: Memories) -> int:
    """The size of memories as they are stored; those that nothing was written to are not."""
    lived = {g.slot.name: memories[g.slot.name] for g in FEATURES}
    return len(msgpack.encode({k: v for k, v in lived.items() if v != _ZERO[k]}))


def _events(town: Town, *, until_ms: int) -> Iterator[EventBase]:
    limits, zones = Limits(), Zones(())
    for record in town.until(until_ms):
        found = decode_all(
            record.topic, record.value(), key=None, limits=limits, zones=zones, now_ms=None
        )
        for event in found:
            if not isinstance(event, InputError) and event.kind in GROUPS_OF_KIND:
                yield event


def _costs(samples: dict[str, list[tuple[Memories, EventBase]]], rounds: int) -> Table:
    table = Table(title="one event folded")
    for title in ("kind", "µs", "beside copying the memories"):
        table.add_column(title, justify="left" if title == "kind" else "right")
    for kind, pairs in sorted(samples.items()):
        folded = _best(lambda pairs=pairs: [fold(m, e) for m, e in pairs], rounds) / len(pairs)  # type: ignore[misc]
        copied = _best(lambda pairs=pairs: [dict(m) for m, _ in pairs], rounds) / len(pairs)  # type: ignore[misc]
        table.add_row(kind, f"{folded * 1e6:.1f}", f"{folded / copied:.0f}x")
    return table


def _reads(
    held: dict[str, Memories], lives: dict[str, list[EventBase]], *, now_ms: int, rounds: int
) -> Table:
    names = [spec.name for spec in SPECS]
    seen = [spec.name for spec in CONTEXT]
    draw = Random(DRAW_SEED)
    costs: dict[str, list[int]] = defaultdict(list)
    for memories in held.values():
        for _ in range(rounds):
            some = draw.sample(names, min(ASKED, len(names)))
            asked = {
                f"all {len(names)}": names,
                f"{len(some)} drawn": some,
                f"the model's {len(seen)}": seen,
            }
            for title, wanted in asked.items():
                began = time.thread_time_ns()
                read(memories, wanted, now_ms=now_ms)
                costs[title].append(time.thread_time_ns() - began)
    some_lives = list(lives.values())[:ANEW_MAX]
    anew = (
        _best(lambda: [_anew(life, names, now_ms=now_ms) for life in some_lives], 1)
        / len(some_lives)
        * 1e6
    )
    table = Table(title="features of one customer read")
    for title in ("features", "p50 µs", "p99 µs", "anew µs", "anew / p50"):
        table.add_column(title, justify="left" if title == "features" else "right")
    for title, found in costs.items():
        median, slow = np.percentile(found, [50, 99]) / 1e3
        table.add_row(
            title, f"{median:.0f}", f"{slow:.0f}", f"{anew:,.0f}", f"{anew / median:,.0f}x"
        )
    return table


def _months(life: Sequence[EventBase]) -> Memory:
    """The memory of an insight that views read, too; not timed, since it is folded where insights are."""
    memory: Memory = {}
    for event in life:
        if isinstance(event, TransactionBooked):
            memory = folded(memory, flow_of(event))
    return memory


def _anew(life: Sequence[EventBase], names: Sequence[str], *, now_ms: int) -> list[float]:
    memories: Memories = {g.slot.name: g.slot.zero() for g in FEATURES}
    for event in life:
        memories = fold(memories, event)
    return read(memories, names, now_ms=now_ms)


def _best(work: Callable[[], object], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


_ZERO: Memories = {group.slot.name: group.slot.zero() for group in FEATURES}
