"""Whether what decisions were made with is what the raw events say: logged features worked out again.

Each decision carries the features that it looked at. The same features are worked out from the raw events on
``customer-events`` up to that place, apart from the worker that decided, and must be equal to the last digit that
was logged. A feature made of a message needs the model that read it, so from a broker or a dump it is counted
as not compared; in a simulation both sides read with one model.
"""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256

import orjson

from operators.sense import SOURCES_OF, Features
from schemas.base import Source
from schemas.customer import Customer
from scripts.featurestore.recall import Logged

PLACES = 6
"""Decimals that a decision logs."""
SHOWN_MAX = 20


@dataclass(slots=True, frozen=True)
class Mismatch:
    """One feature of one decision: what was logged, and what the events say (None: no such feature)."""

    customer: str
    position: str
    feature: str
    logged: float
    recomputed: float | None


@dataclass(slots=True)
class Report:
    """What was compared and what differed; only the first mismatches are kept."""

    decisions: int = 0
    records: int = 0
    """Records of customers that were compared as a whole, every feature of them."""
    values: int = 0
    mismatched: int = 0
    tampered: int = 0
    """Decisions whose logged features are not what their own digest says."""
    not_compared: int = 0
    by_feature: Counter[str] = field(default_factory=Counter)
    shown: list[Mismatch] = field(default_factory=list)


class Comparison:
    """Holds each logged decision against the customer as the events make them."""

    def __init__(self, *, skip: frozenset[Source] = frozenset()) -> None:
        """Begin; features of the sources in ``skip`` are counted and not compared."""
        self.report = Report()
        self._skip = skip

    def __call__(self, decision: Logged, me: Customer) -> None:
        """Compare one decision."""
        report = self.report
        report.decisions += 1
        if sha256(orjson.dumps(decision.features)).hexdigest() != decision.digest:
            report.tampered += 1
        features = Features(me.slots, now_ms=decision.at_ms, failed=[])
        for name, value in decision.features.items():
            sources = SOURCES_OF.get(name)
            if sources is not None and sources & self._skip:
                report.not_compared += 1
                continue
            again = None if sources is None else round(features[name], PLACES)
            report.values += 1
            if again != value:
                self._differs(decision.customer, decision.position, name, value, again)

    def whole(self, customer: str, served: Customer, again: Customer, *, now_ms: int) -> None:
        """Compare every feature that there is of a record that was served with the one worked out again."""
        report = self.report
        report.records += 1
        mine = Features(served.slots, now_ms=now_ms, failed=[])
        theirs = Features(again.slots, now_ms=now_ms, failed=[])
        for name in mine:
            report.values += 1
            if mine[name] != theirs[name]:
                self._differs(customer, "the whole record", name, mine[name], theirs[name])

    def _differs(
        self, customer: str, position: str, name: str, value: float, again: float | None
    ) -> None:
        report = self.report
        report.mismatched += 1
        report.by_feature[name] += 1
        if len(report.shown) < SHOWN_MAX:
            report.shown.append(Mismatch(customer, position, name, value, again))
