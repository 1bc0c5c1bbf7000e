"""Customers who change their minds all the time: grants, withdrawals, objections, and what can go wrong.

Keyed by seed and customer, so that the same seed gives the same events whatever else happens.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from schemas.base import DATA_SOURCES, DAY_MS, HOUR_MS, Channel, Purpose, stamp
from schemas.consents import CATEGORIES

EVERY_DAYS = 5.0
"""How long a customer stays of one mind, at the mean."""
ENDING_SHARE = 0.35
LIMITED_SHARE = 0.15
INSTITUTIONS = ("bank-north", "bank-south", "bank-b")
CHANGES: dict[str, float] = {
    "grant": 0.28,
    "review": 0.06,
    "withdraw_pair": 0.17,
    "withdraw_purpose": 0.08,
    "withdraw_source": 0.07,
    "withdraw_all": 0.05,
    "object": 0.06,
    "lift": 0.06,
    "open_access": 0.04,
    "close_access": 0.03,
    "crossing": 0.03,
    "twice": 0.03,
    "bad": 0.03,
    "erase": 0.01,
}


class Fickle:
    """One customer's changes of mind."""

    def __init__(self, seed: str, customer: str, *, start_ms: int) -> None:
        """Begin undecided."""
        self._rng = Random(f"{seed}/{customer}/fickle")
        self._customer = customer
        self._count = 0
        self._last: dict[str, Any] | None = None
        self.due_ms = start_ms + round(11 * HOUR_MS + self._wait_ms())

    def speak(self) -> Iterator[dict[str, Any]]:
        """The events of one change, and the time of the next."""
        now_ms = self.due_ms
        self.due_ms = now_ms + max(1, round(self._wait_ms()))
        (change,) = self._rng.choices(tuple(CHANGES), weights=tuple(CHANGES.values()))
        if change == "twice" and self._last is not None:
            yield self._last
            return
        for fields in getattr(self, f"_{change}", self._grant)(now_ms):
            yield self._event(now_ms, fields)

    def _wait_ms(self) -> float:
        return self._rng.expovariate(1 / (EVERY_DAYS * DAY_MS))

    def _event(self, now_ms: int, fields: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        self._last = {
            "event_id": f"{self._customer}-mind-{self._count}",
            "customer": self._customer,
            "at": stamp(now_ms),
            **fields,
        }
        return self._last

    def _grant(self, now_ms: int) -> list[dict[str, Any]]:
        rng = self._rng
        sources = rng.sample(DATA_SOURCES, rng.randint(1, len(DATA_SOURCES)))
        fields: dict[str, Any] = {
            "kind": "consent.granted",
            "record_id": f"{self._customer}-m{self._count}",
            "purpose": rng.choice(tuple(Purpose)),
            "sources": sources,
        }
        if rng.random() < ENDING_SHARE:
            fields["valid_until"] = stamp(now_ms + round(rng.uniform(0.5, 15) * DAY_MS))
        if rng.random() < LIMITED_SHARE:
            fields["categories"] = [
                category
                for source in sources
                for category in rng.sample(
                    sorted(CATEGORIES[source]), rng.randint(1, len(CATEGORIES[source]))
                )
            ]
        if rng.random() < LIMITED_SHARE:
            fields["channels"] = rng.sample(tuple(Channel), rng.randint(1, 3))
        return [fields]

    def _withdraw_pair(self, _: int) -> list[dict[str, Any]]:
        purpose, source = self._rng.choice(tuple(Purpose)), self._rng.choice(DATA_SOURCES)
        return [{"kind": "consent.withdrawn", "purpose": purpose, "sources": [source]}]

    def _withdraw_purpose(self, _: int) -> list[dict[str, Any]]:
        return [{"kind": "consent.withdrawn", "purpose": self._rng.choice(tuple(Purpose))}]

    def _withdraw_source(self, _: int) -> list[dict[str, Any]]:
        return [{"kind": "consent.withdrawn", "sources": [self._rng.choice(DATA_SOURCES)]}]

    def _withdraw_all(self, _: int) -> list[dict[str, Any]]:
        return [{"kind": "consent.withdrawn"}]

    def _object(self, _: int) -> list[dict[str, Any]]:
        return [{"kind": "objection.raised", "scope": self._rng.choice(("marketing", "profiling"))}]

    def _lift(self, _: int) -> list[dict[str, Any]]:
        return [
            {"kind": "objection.lifted", "scope": scope} for scope in ("marketing", "profiling")
        ]

    def _open_access(self, now_ms: int) -> list[dict[str, Any]]:
        until_ms = now_ms + round(self._rng.uniform(1, 90) * DAY_MS)
        return [
            {
                "kind": "consent.access_granted",
                "record_id": f"{self._customer}-a{self._count}",
                "institution": self._rng.choice(INSTITUTIONS),
                "valid_until": stamp(until_ms),
            }
        ]

    def _close_access(self, _: int) -> list[dict[str, Any]]:
        return [
            {
                "kind": "consent.access_withdrawn",
                "institution": self._rng.choice(INSTITUTIONS),
            }
        ]

    def _crossing(self, now_ms: int) -> list[dict[str, Any]]:
        """A withdrawal that arrives before the older grant that it takes back."""
        (grant,) = self._grant(now_ms)
        late = {**grant, "at": stamp(now_ms - HOUR_MS)}
        late.pop("valid_until", None)
        return [{"kind": "consent.withdrawn", "purpose": grant["purpose"]}, late]

    def _bad(self, now_ms: int) -> list[dict[str, Any]]:
        (grant,) = self._grant(now_ms)
        wrong: tuple[dict[str, Any], ...] = (
            {"purpose": "world_domination"},
            {"valid_until": stamp(now_ms - DAY_MS)},
            {"sources": ["control"], "categories": []},
            {"sources": ["location"], "categories": ["payments"]},
        )
        return [{**grant, **self._rng.choice(wrong)}]

    def _review(self, _: int) -> list[dict[str, Any]]:
        return [{"kind": "consent.reviewed"}]

    def _erase(self, _: int) -> list[dict[str, Any]]:
        return [{"kind": "erasure.requested"}]
