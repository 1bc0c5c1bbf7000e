"""What else customers hold who hold the same products, and use who use the same features of the app, as integer counts.

Stage: 4 of 8. In: holdings, features in use. Out: a liking in 0..1 per product and feature.

EASE needs nothing but the counts of products held together, so learning is adding and subtracting
integers: exact, mergeable, and a closed product is taken back without a trace.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

import numpy as np

from operators.consent import usable
from operators.draws import identify
from schemas.base import Purpose, Source
from schemas.customer import Customer
from schemas.decisions import Lesson
from schemas.events import EventBase
from schemas.models import Floats, TasteSnapshot

USES = "uses"
"""The kind of a lesson that says which features of the app a customer uses; ``holdings`` are of their products."""
APP = "app:"
"""What begins the name of a feature of the app among the products."""
RIDGE = 20.0
"""How many co-holdings it takes before a weight counts for much."""
HALF_LIKING = 0.25
"""The raw score that is a liking of one half."""
WEIGHT_STEPS = 2.0**20


class Coholdings:
    """The learner: how many customers hold each pair of products.

    Source: Steck 2019, "Embarrassingly shallow autoencoders for sparse data" (EASE), equation 8.
    """

    def __init__(self, *, ridge: float = RIDGE) -> None:
        """Begin with no customers; ``ridge`` is λ, in customers."""
        self._ridge = ridge
        self.pairs: Counter[tuple[str, str]] = Counter()
        self.lessons = 0

    def learn(self, lesson: Lesson) -> None:
        """Replace one customer's holdings as counted before by the holdings now."""
        self.pairs.subtract(_pairs(lesson.holdings_before))
        self.pairs.update(_pairs(lesson.holdings))
        self.lessons += 1

    def merge(self, other: "Coholdings") -> None:
        """Add what another worker counted."""
        self.pairs.update(other.pairs)
        self.lessons += other.lessons

    def snapshot(self, version: int) -> TasteSnapshot:
        """Solve for the weights of all products that somebody holds.

        Returns:
            Weights of shape (P, P) on the 2^-20 grid, zero diagonal; row i is what holding i says of j.
        """
        products = tuple(sorted(a for (a, b), count in self.pairs.items() if a == b and count > 0))
        index = {product: i for i, product in enumerate(products)}
        gram = np.zeros((len(products), len(products)))
        for (a, b), count in self.pairs.items():
            if a in index and b in index:
                gram[index[a], index[b]] = gram[index[b], index[a]] = count
        weights = _ease(gram, self._ridge)
        return _sealed(TasteSnapshot(version, "", products, weights))


def uses(
    me: Customer,
    event: EventBase,
    *,
    before: frozenset[str],
    after: frozenset[str],
    now_ms: int,
) -> list[Lesson]:
    """The lesson of a change of the features that a customer uses; none if nothing changed, or it may not be learnt."""
    if before == after or Source.APP not in usable(me, Purpose.MODEL_TRAINING, now_ms=now_ms):
        return []
    return [
        Lesson(
            lesson_id=identify(event.event_id, me.customer, USES),
            kind=USES,
            customer=me.customer,
            at_ms=event.at_ms,
            holdings=named(after),
            holdings_before=named(before),
            sources=(Source.APP,),
        )
    ]


def named(features: Iterable[str]) -> tuple[str, ...]:
    """Features of the app as they are named among the products, in order."""
    return tuple(APP + feature for feature in sorted(features))


def score(snapshot: TasteSnapshot, holdings: Sequence[str], product: str) -> float:
    """How well a product goes with what a customer holds, from 0 (no sign) towards 1.

    Args:
        snapshot: The published weights.
        holdings: What the customer holds, in any order.
        product: The product in question; 0 if it is held already or unknown.

    Returns:
        s / (s + 1/4) for the sum s of the weights if that is positive, else 0: rational, so it replays.
    """
    return Likings(snapshot, holdings).of(product)


class Likings:
    """The likings of one customer for all products, from what they hold: summed once."""

    def __init__(self, snapshot: TasteSnapshot, holdings: Sequence[str]) -> None:
        """Look at the published weights for somebody who holds these products."""
        self._snapshot = snapshot
        self._holdings = holdings
        self._likings: dict[str, float] | None = None

    def of(self, product: str) -> float:
        """As `score`."""
        likings = self._likings
        if likings is None:
            likings = self._likings = self._read()
        return likings.get(product, 0.0)

    def _read(self) -> dict[str, float]:
        products, weights = self._snapshot.products, self._snapshot.weights
        row_of = {product: row for row, product in enumerate(products)}
        totals = np.zeros(len(products))
        for held in self._holdings:
            if held in row_of:
                totals += weights[row_of[held]]
        return {
            product: total / (total + HALF_LIKING)
            for product, total in zip(products, totals.tolist(), strict=True)
            if total > 0.0 and product not in self._holdings
        }


def _pairs(holdings: Sequence[str]) -> list[tuple[str, str]]:
    held = sorted(set(holdings))
    return [(a, b) for i, a in enumerate(held) for b in held[i:]]


def _ease(gram: Floats, ridge: float) -> Floats:
    if not len(gram):
        return gram
    inverse = np.linalg.inv(gram + ridge * np.eye(len(gram)))
    weights: Floats = np.rint(-inverse / inverse.diagonal() * WEIGHT_STEPS) / WEIGHT_STEPS
    np.fill_diagonal(weights, 0.0)
    return weights


def _sealed(snapshot: TasteSnapshot) -> TasteSnapshot:
    digest = sha256(f"{snapshot.version}\x1e".encode())
    digest.update("\x1f".join(snapshot.products).encode())
    digest.update(snapshot.weights.astype("<f8").tobytes())
    return replace(snapshot, digest=digest.hexdigest()[:32])
