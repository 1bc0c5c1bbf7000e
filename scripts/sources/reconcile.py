"""Whole data sets through the way of the stream: every count and every balance must come out as the files say.

Each movement goes in as a source would send it, some of them in several states: announced before it is booked,
sent twice, and told again later by a statement. What the customer's record then holds is compared, account by
account, with plain sums over the files. Everybody agrees to everything, which is this check's assumption.
"""

import csv
import gzip
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import orjson
from numpy.typing import NDArray

from flows.adapters.complete import complete, pseudonyms
from flows.adapters.movements import Movement, found
from flows.adapters.shapes import Found, Holder
from flows.decode import decode, encode
from flows.settings import Limits
from flows.zones import Zones
from operators.contracts import World
from operators.decide import decide as decide_one
from schemas.base import DATA_SOURCES, Purpose
from schemas.customer import Customer
from schemas.errors import InputError
from schemas.events import EVENT, EventBase, TransactionBooked
from schemas.models import Models
from schemas.rules import Rules
from schemas.topics import CUSTOMER_EVENTS
from scripts.replay import ReplayError, berka

PENDING_EVERY = 5
"""Of so many movements one is announced before it is booked, ..."""
TWICE_EVERY = 7
"""... one is sent twice, ..."""
AGAIN_EVERY = 11
"""... and one is told again by a statement, under another event id and `LATER` movements of the account later."""
LATER = 40


class _NoText:
    """No message is read here."""

    name = "none"
    size = 1

    def encode(self, text: str) -> NDArray[np.float32]:
        """A vector of length one."""
        del text
        return np.ones(1, np.float32)


@dataclass(slots=True)
class Books:
    """What the files say, and what was sent to say it."""

    counts: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    stated: dict[str, int] = field(default_factory=dict)


class Stream:
    """The way from bytes to records, and what came of it."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.world = World((), Rules(), Models(), _NoText())
        self.customers: dict[str, Customer] = {}
        self.folded: Counter[str] = Counter()
        self.sent = 0
        self.refused: Counter[str] = Counter()

    def send(self, event: EventBase) -> None:
        """One event as bytes on the customers' log, and whatever follows from it."""
        read = decode(
            CUSTOMER_EVENTS, encode(event), key=event.customer.encode(),
            limits=Limits(), zones=Zones(()), now_ms=None,
        )  # fmt: skip
        self.sent += 1
        if isinstance(read, InputError):
            self.refused[read.code] += 1
            return
        before = self.customers.get(read.customer) or self._agreed(read)
        position = f"{CUSTOMER_EVENTS}:0:{self.sent}:0"
        outcome = decide_one(before, read, world=self.world, position=position)
        if outcome.rejected is not None:
            self.refused[outcome.rejected.code] += 1
        if outcome.customer is not None:
            self.customers[read.customer] = outcome.customer
        if isinstance(read, TransactionBooked) and "fold" in outcome.trace:
            self.folded[read.account] += 1

    def balance(self, customer: str, account: str) -> int | None:
        """The balance that the record holds, minor units."""
        held = self.customers[customer].slots["cash"]["accounts"].get(account)
        return None if held is None else int(held[1])

    def _agreed(self, event: EventBase) -> Customer:
        customer = Customer(event.customer, since_ms=event.at_ms)
        for purpose in Purpose:
            grant = EVENT.validate_json(
                orjson.dumps(
                    {
                        "kind": "consent.granted",
                        "event_id": f"grant-{purpose}",
                        "customer": event.customer,
                        "at": event.at.isoformat(),
                        "record_id": f"r-{purpose}",
                        "purpose": purpose,
                        "sources": DATA_SOURCES,
                    }
                )
            )
            outcome = decide_one(customer, grant, world=self.world, position="consents:0:0:0")
            customer = outcome.customer or customer
        return customer


def run(*, sparkov: Path | None, berka: Path | None, customers: int | None) -> int:
    """Reconcile one data set; 0 when nothing differs, 1 when something does, 2 when it can't be read."""
    books = Books()
    stream = Stream()
    try:
        if sparkov is not None:
            owners = _told(_sparkov(sparkov, customers, books), stream)
        elif berka is not None:
            owners = _bank(berka, customers, books, stream)
    except (OSError, ReplayError, KeyError, ValueError) as error:
        sys.stderr.write(f"can't be read: {error}\n")
        return 2
    return _compare(books, stream, owners)


def _compare(books: Books, stream: Stream, owners: dict[str, str]) -> int:
    differing = 0
    for account, customer in owners.items():
        expected = books.stated.get(account, books.sums[account])
        held = stream.balance(customer, account)
        if held != expected or stream.folded[account] != books.counts[account]:
            differing += 1
    report: dict[str, Any] = {
        "movements": sum(books.counts.values()),
        "accounts": len(owners),
        "distinct_ids": len(books.ids),
        "events_sent": stream.sent,
        "folded": sum(stream.folded.values()),
        "refused": dict(stream.refused),
        "sum_of_files": str(Decimal(sum(books.sums.values())).scaleb(-2)),
        "accounts_that_differ": differing,
    }
    sys.stdout.write(orjson.dumps(report).decode() + "\n")
    return 1 if differing or stream.refused else 0


def _told(movements: Iterator[Movement], stream: Stream) -> dict[str, str]:
    """Send each movement in the states that its turn asks for; account → customer."""
    owners: dict[str, str] = {}
    pseudonym = pseudonyms("reconcile")
    late: dict[str, list[tuple[int, Found]]] = defaultdict(list)
    turns: Counter[str] = Counter()
    for movement in movements:
        customer = f"sparkov-{movement.holder.id}"
        turn = turns[customer]
        turns[customer] += 1
        booked = found(movement)
        states = [booked]
        if turn % PENDING_EVERY == 0:
            states.insert(0, found(replace(movement, state="pending")))
        if turn % TWICE_EVERY == 0:
            states.append(booked)
        waiting = late[customer]
        if waiting and waiting[0][0] <= turn:
            states.append(waiting.pop(0)[1])
        if turn % AGAIN_EVERY == 0:
            again = found(replace(movement, version="statement"))
            waiting.append((turn + LATER, again))
        for state in states:
            event = complete(state, customer, pseudonym=pseudonym)
            if isinstance(event, InputError):
                raise ReplayError(str(event))
            owners[pseudonym(movement.holder.id)] = customer
            stream.send(event)
    return owners


def _sparkov(path: Path, customers: int | None, books: Books) -> Iterator[Movement]:
    """The card transactions of the generator: amounts of USD, positive is spending."""
    chosen: set[str] = set()
    pseudonym = pseudonyms("reconcile")
    with _lines(path) as lines:
        for row in csv.DictReader(lines, delimiter="|"):
            account = row["acct_num"]
            if account not in chosen:
                if customers is not None and len(chosen) >= customers:
                    continue
                chosen.add(account)
            amount = -Decimal(row["amt"])
            key = pseudonym(account)
            books.counts[key] += 1
            books.sums[key] += int(amount.scaleb(2))
            books.ids.add(row["trans_num"])
            yield Movement(
                holder=Holder("account", account),
                reference=row["trans_num"],
                state="booked",
                at=datetime.fromtimestamp(int(row["unix_time"]), UTC).isoformat(),
                amount=amount,
                currency="USD",
                extra={"method": "card", "merchant": row["merchant"][:140]},
            )


def _bank(directory: Path, customers: int | None, books: Books, stream: Stream) -> dict[str, str]:
    """The Czech bank as its replay tells it; the last balance that the files state must be held."""
    owners: dict[str, str] = {}
    for emitted in berka(directory, customers=customers):
        event = EVENT.validate_json(emitted.value())
        if isinstance(event, TransactionBooked):
            account = event.account
            owners[account] = event.customer
            books.counts[account] += 1
            books.sums[account] += event.amount_minor
            books.ids.add(event.transaction_id)
            if event.balance_minor is not None:
                books.stated[account] = event.balance_minor
            stream.send(event)
            if books.counts[account] % TWICE_EVERY == 0:
                stream.send(event)
    return owners


def _lines(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")
