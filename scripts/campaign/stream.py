"""The events of a campaign: seeded lives with all that a shard has to get right, and records that are bad.

In time order but for some that come late. Consents end by themselves, so that timers fall due; customers
withdraw, object, ask to be forgotten; a few records are sent twice, and a few can't be read at all.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from schemas.base import DATA_SOURCES, Purpose

BEGIN = datetime(2025, 3, 3, 6, tzinfo=UTC)
SHOPS = (("5411", "grocer"), ("5812", "cafe"), ("4111", "metro"), ("5732", "electronics"))
SCREENS = ("home", "travel", "savings", "loans", "cards")
SENTENCES = (
    "I lost my card yesterday",
    "What would a mortgage cost me?",
    "You charged me twice, I am angry",
    "How do I save for a car?",
)
Maker = Callable[["Stream", str], tuple[str, dict[str, Any]]]


@dataclass(slots=True, frozen=True)
class Sent:
    """One record of the stream; ``bad`` says that it can only become a dead letter."""

    topic: str
    key: str
    value: bytes
    bad: bool = False


class Stream:
    """``count`` records of ``customers`` customers, the same for the same seed."""

    def __init__(self, seed: int, *, count: int, customers: int, apart_s: float) -> None:
        """Name the customers; nothing is made yet. Events are ``apart_s`` seconds apart."""
        self.names = [f"c-{number:05d}" for number in range(customers)]
        self.count = count
        self.apart_s = apart_s
        self.random = random.Random(seed)
        self.made = 0
        self._known: set[str] = set()

    def __iter__(self) -> Iterator[Sent]:
        """The records; a customer's first ones are what was agreed to."""
        earlier: list[Sent] = []
        while self.made < self.count:
            name = self.random.choice(self.names)
            if name not in self._known:
                self._known.add(name)
                yield from self._contract(name)
            one = self._one(name)
            yield one
            if self.random.random() < 0.005:  # noqa: PLR2004 - shares of the stream
                earlier.append(one)
            if len(earlier) > 20 and self.made < self.count:  # noqa: PLR2004 - as above
                self.made += 1
                yield earlier.pop(self.random.randrange(len(earlier)))

    def event(self, topic: str, name: str, body: dict[str, Any], *, late_s: float = 0.0) -> Sent:
        """One event of a customer at the stream's time, or ``late_s`` before it."""
        at = BEGIN + timedelta(seconds=self.made * self.apart_s - late_s)
        self.made += 1
        head = {"event_id": f"e-{self.made}", "customer": name, "at": at.isoformat()}
        return Sent(topic, name, orjson.dumps({**head, **body}))

    def _one(self, name: str) -> Sent:
        draw = self.random.random()
        if draw < 0.01:  # noqa: PLR2004 - shares of the stream
            return self._bad(name)
        late_s = self.random.uniform(60, 5 * 86_400) if draw < 0.03 else 0.0  # noqa: PLR2004 - as above
        maker = self.random.choices(MAKERS, WEIGHTS)[0]
        topic, body = maker(self, name)
        return self.event(topic, name, body, late_s=late_s)

    def _contract(self, name: str) -> Iterator[Sent]:
        for purpose in Purpose:
            until = BEGIN + timedelta(
                seconds=self.made * self.apart_s, hours=self.random.uniform(6, 24 * 30)
            )
            body: dict[str, Any] = {
                "kind": "consent.granted",
                "record_id": f"r-{purpose}",
                "purpose": purpose,
                "sources": list(DATA_SOURCES),
            }
            if self.random.random() < 0.4:  # noqa: PLR2004 - as above
                body["valid_until"] = until.isoformat()
            yield self.event("consents", name, body)
        profile = {"kind": "profile.updated", "birth_year": 1960 + self.random.randrange(45)}
        yield self.event("profiles", name, {**profile, "employment": "employed", "country": "GB"})

    def _bad(self, name: str) -> Sent:
        """A record that no event can be made of; no two are alike."""
        self.made += 1
        values = (
            b'{"event_id": "e-%d", "kind": "' % self.made,
            b'{"event_id": "e-%d", "kind": "transaction.invented"}' % self.made,
            b'{"event_id": "e-%d", "kind": "transaction.booked", "amount_minor": NaN}' % self.made,
        )
        return Sent("transactions", name, self.random.choice(values), bad=True)


def _payment(stream: Stream, name: str) -> tuple[str, dict[str, Any]]:
    mcc, shop = stream.random.choice(SHOPS)
    amount_minor = -stream.random.choice((1_500, 4_200, 9_000, 60_000))
    return "transactions", _movement(stream, name, amount_minor, mcc=mcc, merchant=shop)


def _salary(stream: Stream, name: str) -> tuple[str, dict[str, Any]]:
    paid = _movement(stream, name, 250_000, counterparty="employer-1")
    return "transactions", {**paid, "method": "transfer"}


def _movement(stream: Stream, name: str, amount_minor: int, **more: str) -> dict[str, Any]:
    return {
        "kind": "transaction.booked",
        "account": f"{name}-a",
        "transaction_id": f"t-{stream.made}",
        "amount_minor": amount_minor,
        "balance_minor": stream.random.choice((-5_000, 40_000, 250_000)),
        "currency": "EUR",
        "method": "card",
        "country": "GB",
        **more,
    }


def _opened(stream: Stream, name: str) -> tuple[str, dict[str, Any]]:
    del stream, name
    return "app-events", {"kind": "app.opened"}


def _screen(stream: Stream, name: str) -> tuple[str, dict[str, Any]]:
    del name
    return "app-events", {
        "kind": "app.screen_viewed",
        "screen": stream.random.choice(SCREENS),
    }


def _travel(stream: Stream, name: str) -> tuple[str, dict[str, Any]]:
    del stream, name
    body = {"kind": "location.zone_entered", "zone": "airport:LHR", "zone_kind": "airport"}
    return "locations", body


def _message(stream: Stream, name: str) -> tuple[str, dict[str, Any]]:
    del name
    text = stream.random.choice(SENTENCES)
    return "messages", {"kind": "message.received", "channel": "chat", "text": text}


def _withdrawn(stream: Stream, name: str) -> tuple[str, dict[str, Any]]:
    del name
    purpose = stream.random.choice(tuple(Purpose))
    return "consents", {"kind": "consent.withdrawn", "purpose": purpose}


def _granted(stream: Stream, name: str) -> tuple[str, dict[str, Any]]:
    del name
    until = BEGIN + timedelta(
        seconds=stream.made * stream.apart_s, hours=stream.random.uniform(1, 100)
    )
    return "consents", {
        "kind": "consent.granted",
        "record_id": f"r-{stream.made}",
        "purpose": stream.random.choice(tuple(Purpose)),
        "sources": list(DATA_SOURCES),
        "valid_until": until.isoformat(),
    }


def _forgotten(stream: Stream, name: str) -> tuple[str, dict[str, Any]]:
    del stream, name
    return "consents", {"kind": "erasure.requested"}


MAKERS: tuple[Maker, ...] = (
    _payment, _salary, _opened, _screen, _travel, _message, _withdrawn, _granted, _forgotten,
)  # fmt: skip
WEIGHTS: tuple[float, ...] = (70.0, 3.0, 12.0, 8.0, 1.5, 0.3, 1.5, 3.0, 0.1)
