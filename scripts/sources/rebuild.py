"""``scripts/adapters rebuild``: after a merge or a split, each record remembers what its own events say.

The acts on the topic ``identities`` tell whose records are whose. The customer is worked out from the log
(`scripts.sources.rebuilding`) and an event ``customer.rebuilt`` on the customers' log puts the record right; the
records that were joined to it are closed by ``customer.closed``. What reached the log meanwhile is seen when the
log is read again, and then the work is done once more.
"""

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from confluent_kafka import KafkaException
from pydantic import ValidationError

from flows.acts import judge
from flows.adapters.complete import Pseudonym, pseudonyms
from flows.assembly import world_of
from flows.intake import shard_decode
from flows.kafka.sink import LogWriter
from flows.records import Parcel, Record
from flows.settings import Settings, load
from flows.zones import load_airports
from operators.draws import identify
from schemas import topics
from schemas.errors import InputError, MarketOfOneError
from schemas.events import EventBase
from schemas.identity import ACT, HolderId, Split
from scripts.auditing.logs import connected
from scripts.featurestore.deployment import records
from scripts.sources.rebuilding import Rebuilt, rebuilt
from state.links import LinkStore

ROLES = (topics.IDENTITIES, topics.DECISIONS, topics.CUSTOMER_EVENTS)
TURNS_MAX = 10
"""How often a customer is worked out again because something of theirs reached the log meanwhile."""


@dataclass(slots=True)
class Belonging:
    """Whose records are whose, by all acts that were not refused."""

    aliases: dict[str, str] = field(default_factory=dict)
    parted: list[tuple[str, str, frozenset[str]]] = field(default_factory=list)
    """From whom, to whom, and the accounts (pseudonyms) that moved."""

    def owner(self, customer: str, event: EventBase) -> str:
        """Whose an event is that stands under a customer: by its account where that was parted off."""
        owner = self.aliases.get(customer, customer)
        for source, to, accounts in self.parted:
            if owner == source and getattr(event, "account", None) in accounts:
                owner = self.aliases.get(to, to)
        return owner

    def records_of(self, customer: str) -> frozenset[str]:
        """The records in which events of a customer may stand."""
        merged = {one for one, survivor in self.aliases.items() if survivor == customer}
        before = {source for source, to, _ in self.parted if to == customer}
        return frozenset({customer, *merged, *before})


def run(options: Namespace) -> int:
    """Rebuild one customer; 1 when no event of theirs is on the log, 2 when it can't be read or written."""
    try:
        return _run(options, load(options.config))
    except (OSError, ValueError, MarketOfOneError, KafkaException) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def belonging(acts: Sequence[Record], *, pseudonym: Pseudonym) -> Belonging:
    """What the acts make of it, in their order; what is refused has no part in it."""
    made, store = Belonging(), LinkStore(None)

    def name(holder: HolderId) -> str:
        return pseudonym(f"{holder.scheme}\x1f{holder.issuer}\x1f{holder.id}")

    for record in acts:
        try:
            act = ACT.validate_json(record.value or b"")
        except ValidationError:
            continue
        change = judge(act, store, name=name)
        if isinstance(change, InputError):
            continue
        store.commit(change, position=record.offset, act=b"{}")
        if isinstance(act, Split):
            accounts = frozenset(pseudonym(h.id.replace(" ", "")) for h in act.holders)
            made.parted.append((act.customer, act.to, accounts))
    made.aliases = store.aliases()
    store.close()
    return made


def _run(options: Namespace, settings: Settings) -> int:
    key = settings.ingest.pseudonym_key.get_secret_value()
    read_to: dict[int, int] = {}
    for turn in range(TURNS_MAX):
        found = list(records(options, ROLES))
        belongs = belonging(
            [r for r in found if r.topic == topics.IDENTITIES], pseudonym=pseudonyms(key)
        )
        theirs = belongs.records_of(options.customer)
        keys = {one.encode() for one in theirs}
        own = [r for r in found if r.topic != topics.IDENTITIES and r.key in keys]
        if turn and not _newer(own, read_to):
            return 0
        whole = _whole(found)
        if whole and not options.part:
            sys.stderr.write(f"{whole}; --part counts what is left\n")
            return 2
        read_to = {r.partition: r.offset for r in found if r.topic == topics.CUSTOMER_EVENTS}
        made = rebuilt(
            own,
            customer=options.customer,
            owner=belongs.owner,
            world=world_of(settings),
            decode=shard_decode(settings.limits, load_airports()),
        )
        if not made.events:
            sys.stderr.write(f"no event of {options.customer} is on the log\n")
            return 1
        _tell(made, options)
        if not options.broker:
            return 0
        merged = sorted(one for one in theirs if belongs.aliases.get(one) == options.customer)
        _write(options, made, merged)
    sys.stderr.write("events keep coming: stop their source for a moment, and do it again\n")
    return 2


def _newer(own: Sequence[Record], read_to: dict[int, int]) -> bool:
    """Whether data of the customer reached the log after it was read; our own records are none."""
    return any(
        record.topic == topics.CUSTOMER_EVENTS
        and record.offset > read_to.get(record.partition, -1)
        and b'"kind":"customer.' not in (record.value or b"")
        for record in own
    )


def _whole(found: Sequence[Record]) -> str:
    """What is missing at the log's beginning, in words; empty when nothing is."""
    first: dict[int, int] = {}
    for record in found:
        if record.topic == topics.CUSTOMER_EVENTS:
            first[record.partition] = min(record.offset, first.get(record.partition, record.offset))
    cut = [f"partition {partition} begins at {at}" for partition, at in sorted(first.items()) if at]
    return f"the log is not whole: {', '.join(cut)}" if cut else ""


def _tell(made: Rebuilt, options: Namespace) -> None:
    told: dict[str, Any] = {
        "customer": made.customer,
        "counted": sorted(made.counted),
        "events": made.events,
        "rejected": made.rejected,
        "memories": sorted(made.me.slots),
        "written": bool(options.broker),
    }
    print(orjson.dumps(told).decode())


def _write(options: Namespace, made: Rebuilt, merged: Sequence[str]) -> None:
    """Put the record right, then close those that were joined to it.

    Raises:
        ValueError: The broker did not acknowledge.
    """
    at_ms = round(time.time() * 1000)
    event_id = identify(made.customer, str(at_ms), "rebuilt")
    said = {"by": options.by, "reason": options.reason}
    bodies = [made.event(event_id=event_id, at_ms=at_ms, **said)]
    bodies += [
        {
            "kind": "customer.closed",
            "event_id": identify(one, event_id, "closed"),
            "customer": one,
            "at": bodies[0]["at"],
            "by": options.by,
            "into": made.customer,
        }
        for one in merged
    ]
    writer = LogWriter(connected(options))
    for body in bodies:
        key, value = body["customer"].encode(), orjson.dumps(body)
        writer.send(Parcel(topics.CUSTOMER_EVENTS, key, value, (), _heard))
    if writer.close():
        message = "the broker did not acknowledge all: nothing may be taken as done, do it again"
        raise ValueError(message)


def _heard(_topic: str, _partition: int, _offset: int) -> None:
    """Nobody waits: closing the writer does."""
