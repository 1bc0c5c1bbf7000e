"""One customer's features for a purpose: now, from the worker's state, or as they were, from the log."""

import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.access import vault_of
from flows.clock import CLOCK
from flows.partition import shard_of
from flows.records import Record
from flows.settings import load
from operators.features import SPECS
from operators.lookup import SOURCE_OF, Answer, look_up
from schemas import topics
from schemas.base import Purpose, stamp
from schemas.customer import Customer
from scripts.featurestore.deployment import recall_of, records
from scripts.featurestore.recall import Recall, logged
from state.snapshot import ShardSnapshot, identity_of

SPEC_OF = {spec.name: spec for spec in SPECS}


def get(options: Namespace) -> int:
    """A customer's features as the worker committed them last; 1 when nothing is held on them."""
    known(options.names)
    settings = load(options.config)
    directory = options.state or Path(settings.decide.state_directory)
    shard = shard_of(options.customer, shards=identity_of(directory).shard_count)
    with ShardSnapshot(directory, shard=shard, vault=vault_of(settings)) as snapshot:
        me = snapshot.customer(options.customer)
        positions = snapshot.positions()
    # On the events' own clock now is the newest event, not the wall clock.
    now_ms = max(0 if me is None else me.latest_ms, positions.get((CLOCK, shard)) or _now_ms())
    read_to = positions.get((topics.CUSTOMER_EVENTS, shard), 0)
    basis = f"shard {shard} as committed, its log read up to offset {read_to}"
    return _tell(options, me, now_ms=now_ms, basis=basis)


def as_of(options: Namespace) -> int:
    """A customer's features as they were at an instant; 1 when nothing was held on them then."""
    known(options.names)
    at_ms = instant(options.at)
    recall = recall_of(options)
    taken = wind(
        recall,
        records(options, (topics.DECISIONS, topics.CUSTOMER_EVENTS)),
        customer=options.customer,
        at_ms=at_ms,
        clock=options.clock,
    )
    by = "on the log" if options.clock == "log" else "that had happened"
    return _tell(
        options,
        recall.customer(options.customer),
        now_ms=at_ms,
        basis=f"worked out from {taken} events {by} by {stamp(at_ms)}",
    )


def wind(
    recall: Recall, found: Iterable[Record], *, customer: str, at_ms: int, clock: str = "log"
) -> int:
    """Bring one customer to an instant; returns how many events that took.

    Args:
        recall: Fresh.
        found: A log, its decisions before its events; longer than needed does not matter.
        customer: Whose.
        at_ms: The instant.
        clock: ``log`` takes what had reached the log by then, ``event`` what had happened by then.
    """
    key, taken = customer.encode(), 0
    for record in found:
        if record.key != key or (record.timestamp_ms > at_ms and clock == "log"):
            continue
        if record.topic == topics.DECISIONS:
            recall.expect(logged(record.value or b""))
        elif clock == "log" or _happened(record, at_ms):
            recall.take(record)
            taken += 1
    recall.pass_time(at_ms)
    return taken


def known(names: Sequence[str] | None) -> None:
    """Refuse a name that is no feature's, with the nearest ones.

    Raises:
        ValueError: It says which.
    """
    for name in names or ():
        if name not in SOURCE_OF:
            near = get_close_matches(name, SOURCE_OF, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "describe lists all of them"
            message = f"{name} is no feature: {hint}"
            raise ValueError(message)


def instant(text: str) -> int:
    """An instant written out with its offset, in ms since 1970.

    Raises:
        ValueError: It isn't.

    Example:
        >>> instant("2025-03-03T00:00:00Z")
        1740960000000
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no instant: write it as 2025-03-03T12:00:00Z"
        raise ValueError(message) from error
    if at.tzinfo is None:
        message = f"{text!r} has no offset: add Z or +01:00"
        raise ValueError(message)
    return round(at.timestamp() * 1000)


def _happened(record: Record, at_ms: int) -> bool:
    """Whether the event of a record had happened by an instant; what can't be read had not."""
    try:
        return instant(str(orjson.loads(record.value or b"")["at"])) <= at_ms
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return False


def _now_ms() -> int:
    return round(datetime.now().astimezone().timestamp() * 1000)


def _tell(options: Namespace, me: Customer | None, *, now_ms: int, basis: str) -> int:
    if me is None:
        sys.stderr.write(f"nothing is held on {options.customer} ({basis})\n")
        return 1
    purpose = Purpose(options.purpose)
    answer = look_up(me, purpose=purpose, now_ms=now_ms, names=options.names)
    if options.json:
        body = {
            "customer": answer.customer,
            "purpose": answer.purpose,
            "at": stamp(answer.at_ms),
            "basis": basis,
            "features": answer.values,
            "withheld": answer.withheld,
            "failed": answer.failed,
        }
        print(orjson.dumps(body).decode())
        return 0
    _table(answer, basis)
    return 0


def _table(answer: Answer, basis: str) -> None:
    console = Console(highlight=False)
    console.print(f"[bold]{answer.customer}[/] for {answer.purpose} at {stamp(answer.at_ms)}")
    console.print(f"[dim]{basis}[/]")
    if answer.values:
        table = Table(box=None, padding=(0, 2, 0, 0))
        table.add_column("feature", no_wrap=True)
        table.add_column("value", justify="right", no_wrap=True)
        table.add_column("what it says", style="dim", ratio=1)
        for name, value in answer.values.items():
            spec = SPEC_OF[name]
            table.add_row(name, _figure(value), escape(f"{spec.description} [{spec.unit}]"))
        console.print(table)
    for why in dict.fromkeys(answer.withheld.values()):
        count = sum(1 for other in answer.withheld.values() if other == why)
        console.print(f"[yellow]not shown:[/] {count} feature{'s'[: count > 1]}, {why}")
    for name in answer.failed:
        console.print(f"[red]failed:[/] {name} could not be read; its features are those of nobody")


def _figure(value: float) -> str:
    """A value as people read it.

    Example:
        >>> _figure(1234.5), _figure(0.083137), _figure(3.0)
        ('1,234.50', '0.0831', '3')
    """
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.4f}" if abs(value) < 1 else f"{value:,.2f}"
