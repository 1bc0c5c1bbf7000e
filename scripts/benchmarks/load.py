"""The load of the benchmarks: customers who agreed to everything, their past, and money that moves now."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson

from schemas.base import DATA_SOURCES, Purpose

Keyed = tuple[str, bytes, bytes]
"""Topic role, key, value."""
SHOPS = (("5411", "grocer"), ("5812", "cafe"), ("4111", "metro"), ("5732", "electronics"))
PAST_DAYS = 61


class Load:
    """Events of ``customers`` synthetic customers, the same for the same seed."""

    def __init__(self, customers: int, *, seed: int) -> None:
        """Name the customers; nothing is made yet."""
        self.names = [f"bench-{index:06d}" for index in range(customers)]
        self._random = random.Random(seed)
        self._made = 0

    def contracts(self, now: datetime) -> Iterator[Keyed]:
        """Consents and profile of every customer, sixty days before ``now``."""
        begin = now - timedelta(days=PAST_DAYS)
        for name in self.names:
            for purpose in Purpose:
                yield self.event(
                    "consents",
                    name,
                    begin,
                    kind="consent.granted",
                    record_id=f"bench-{purpose}",
                    purpose=purpose,
                    sources=list(DATA_SOURCES),
                )
            yield self.event(
                "profiles",
                name,
                begin,
                kind="profile.updated",
                birth_year=1985,
                employment="employed",
                country="GB",
            )
            yield self.event(
                "profiles", name, begin, kind="product.opened", product="current_account"
            )

    def payments(self, now: datetime) -> Iterator[Keyed]:
        """Eight weeks of payments of every customer, before ``now``."""
        begin = now - timedelta(days=PAST_DAYS)
        for name in self.names:
            for week in range(1, 9):
                at = begin + timedelta(days=7 * week - 1)
                yield self.payment(name, at, amount_minor=-self._random.randint(1_500, 9_000))

    def payment(self, name: str, at: datetime, *, amount_minor: int) -> Keyed:
        """One card payment."""
        mcc, shop = self._random.choice(SHOPS)
        return self.event(
            "transactions",
            name,
            at,
            kind="transaction.booked",
            account=f"{name}-a",
            transaction_id=f"t{self._made}",
            amount_minor=amount_minor,
            currency="EUR",
            method="card",
            mcc=mcc,
            merchant=shop,
            country="GB",
            balance_minor=250_000 + amount_minor,
        )

    def everyday(self, at: datetime) -> Keyed:
        """A payment that nobody would remark on."""
        name = self._random.choice(self.names)
        return self.payment(name, at, amount_minor=-self._random.randint(1_500, 9_000))

    def event(self, role: str, name: str, at: datetime, **body: object) -> Keyed:
        """One event of a customer, with an id of its own."""
        self._made += 1
        value = {
            "event_id": f"b{self._made}",
            "customer": name,
            "at": at.astimezone(UTC).isoformat(),
            **body,
        }
        return role, name.encode(), orjson.dumps(value)
