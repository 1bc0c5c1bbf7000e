"""A log of very many customers who live side by side: who comes, agrees; who has come pays, looks and moves on.

Made as it is read, so that its length costs no memory: all that is kept is who has come before.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson

from flows.partition import shard_of
from flows.records import PLACE, Record
from schemas.base import DATA_SOURCES, Purpose
from schemas.topics import CUSTOMER_EVENTS
from scripts.benchmarks.load import SHOPS

BEGIN_MS = 1_767_225_600_000
"""2026-01-01, UTC."""
AGREED = (Purpose.FINANCIAL_WELLBEING, Purpose.DIRECT_MARKETING)
LOOKS = 0.1
"""Share of events at which the customer opens the app, so that something may be said."""


class Crowd:
    """Records of the customers' log, in order of time; the same for the same seed."""

    def __init__(self, *, customers: int, events: int, shards: int, days: int, seed: int) -> None:
        """Nobody has come yet."""
        self._events = events
        self._shards = shards
        self._step_ms = days * 86_400_000 / events
        self._come = bytearray(customers)
        self._ends = [0] * shards
        self._random = random.Random(seed)

    @property
    def come(self) -> int:
        """How many customers have come so far."""
        return sum(self._come)

    def records(self) -> Iterator[Record]:
        """All of them."""
        made = 0
        while made < self._events:
            index = self._random.randrange(len(self._come))
            name = f"soak-{index:07d}"
            bodies = [self._everyday(name)]
            if not self._come[index]:
                self._come[index] = 1
                bodies = [*_contract(), *bodies]
            for body in bodies:
                yield self._record(name, body, made)
                made += 1

    def _record(self, name: str, body: dict[str, object], number: int) -> Record:
        at_ms = BEGIN_MS + round(number * self._step_ms)
        value = {
            "event_id": f"s{number}",
            "customer": name,
            "at": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(),
            **body,
        }
        shard = shard_of(name, shards=self._shards)
        offset = self._ends[shard]
        self._ends[shard] = offset + 1
        place = (PLACE, b"crowd:%d:%d:0" % (shard, offset))
        return Record(
            CUSTOMER_EVENTS, shard, offset, name.encode(), orjson.dumps(value), (place,), at_ms
        )

    def _everyday(self, name: str) -> dict[str, object]:
        draw = self._random
        if draw.random() < LOOKS:
            return {"kind": "app.opened"}
        mcc, shop = draw.choice(SHOPS)
        amount = -draw.randint(1_500, 9_000)
        return {
            "kind": "transaction.booked",
            "account": f"{name}-a",
            "transaction_id": f"t{draw.getrandbits(48):012x}",
            "amount_minor": amount,
            "currency": "EUR",
            "method": "card",
            "mcc": mcc,
            "merchant": shop,
            "country": "GB",
            "balance_minor": 250_000 + amount,
        }


def _contract() -> Iterator[dict[str, object]]:
    for purpose in AGREED:
        yield {
            "kind": "consent.granted",
            "record_id": f"soak-{purpose}",
            "purpose": purpose,
            "sources": list(DATA_SOURCES),
        }
    yield {"kind": "product.opened", "product": "current_account"}
