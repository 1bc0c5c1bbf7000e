"""Which items of the catalogue may be worth saying now.

Stage: 4 of 8. In: live signals, features, taste, catalogue. Out: candidates (not yet allowed).

Three ways in: an item answers a live signal; its content fits what the customer does (content-based);
customers with the same products hold it too, or use it who use the same features of the app (collaborative, EASE). A request for consent is proposed
without any personal data. What may be used is decided by the purpose of each item.
"""

import heapq
from collections.abc import Callable, Mapping
from functools import cache
from operator import itemgetter
from typing import NamedTuple

from operators.consent import PURPOSES
from operators.features import SPECS
from operators.meant import may_serve
from operators.taste import APP, Likings, named
from schemas.base import DAY_MS, Channel, Purpose, Source
from schemas.customer import Customer, LiveSignal
from schemas.decisions import Candidate
from schemas.models import TasteSnapshot
from schemas.offers import TRAIT_GRID, TRAITS, Item, Kind

ACTION_NAMES: tuple[str, ...] = ("bias", *TRAITS, "strength", "taste", "content", "fatigue")
"""The action features, in order (da = 14): one, the traits, then what this moment adds."""
SILENCE_FEATURES: tuple[float, ...] = (1.0,) + (0.0,) * (len(ACTION_NAMES) - 1)
MONTH_MS = 30 * DAY_MS
TASTE_MAX = 16
"""Candidates proposed without a signal, at most; the best by taste and content."""

AFFINITIES: tuple[tuple[str, str, float], ...] = (
    ("spend.travel_90d_eur", "travel", 1 / 600),
    ("spend.foreign_share", "travel", 3.0),
    ("places.airports_90d", "travel", 0.5),
    ("app.travel_searches_30d", "travel", 0.5),
    ("cash.savings_rate", "saving", 2.0),
    ("openbank.idle_cash_eur", "saving", 1 / 8000),
    ("openbank.idle_cash_eur", "investing", 1 / 15000),
    ("cash.balance_eur", "investing", 1 / 20000),
    ("spend.home_share", "home", 3.0),
    ("cash.rent_share", "home", 2.0),
    ("profile.household_size", "insurance", 0.2),
    ("profile.products_count", "insurance", 0.1),
    ("app.opens_30d", "digital", 0.03),
    ("cash.debt_service_share", "guidance", 2.0),
    ("spend.fees_90d_eur", "guidance", 0.02),
)
"""What a feature says of an interest in a trait: (feature, trait, weight). Content-based, and readable."""

SOURCE_OF: dict[str, Source] = {spec.name: spec.source for spec in SPECS}


class Interests:
    """What a customer's features say of their interest in each trait, by what may be looked at."""

    def __init__(self, features: Mapping[str, float]) -> None:
        """Look at features lazily."""
        self._features = features
        self._affinity: dict[frozenset[Source], list[float]] = {}

    def content(self, item: Item, sources: frozenset[Source]) -> float:
        """How well an item fits them: 0..1, rational so that it replays on any machine."""
        affinity = self._affinity.get(sources)
        if affinity is None:
            affinity = self._affinity[sources] = self._read(sources)
        total = 0.0
        for index, has in item.traits_held:
            total += has * affinity[index]
        return total / (1.0 + total)

    def _read(self, sources: frozenset[Source]) -> list[float]:
        features = self._features
        made = [0.0] * len(TRAITS)
        for feature, index, weight in _affinities(sources):
            value = features[feature]
            if value > 0.0:
                made[index] += weight * value
        return made


@cache
def _affinities(sources: frozenset[Source]) -> tuple[tuple[str, int, float], ...]:
    """What features of some sources say: (feature, index of the trait, weight)."""
    return tuple(
        (feature, TRAITS.index(trait), weight)
        for feature, trait, weight in AFFINITIES
        if SOURCE_OF[feature] in sources
    )


def propose(
    customer: Customer,
    *,
    catalogue: tuple[Item, ...],
    live: Mapping[str, LiveSignal],
    features: Mapping[str, float],
    usable: Callable[[Purpose], frozenset[Source]],
    in_use: frozenset[str],
    taste: TasteSnapshot | None,
    channel: Channel | None,
    now_ms: int,
) -> tuple[Candidate, ...]:
    """The candidates of this moment, by id.

    Args:
        customer: Whose moment it is.
        catalogue: The items that may be worth saying.
        live: The signals that hold; one is used for an item only if its purpose may use all its sources.
        features: Feature values by name.
        usable: The sources that a purpose may use now.
        in_use: Features of the app that the customer is known to use: there is no need to show them.
        taste: The co-holdings model, if one was published.
        channel: Where the customer is looking now; None when nothing but a fresh signal gave the moment.
        now_ms: The moment.
    """
    interests = Interests(features)
    fatigue = _fatigue(customer, now_ms)
    likings = None if taste is None else Likings(taste, tuple(customer.products))
    co_used = None if taste is None else Likings(taste, named(in_use))
    usable_by = {purpose: usable(purpose) for purpose in PURPOSES}
    answering: list[Candidate] = []
    tasted: list[tuple[float, str, Draft]] = []
    for item in catalogue:
        where = item.best_channels.get(channel)
        if where is None:
            continue
        purpose = item.purpose
        if purpose is None:
            if channel is not None:
                answering.append(Draft(item, where, "consent").candidate(fatigue))
            continue
        sources = usable_by[purpose]
        if not sources or (item.feature in in_use and Source.APP in sources):
            continue
        name, signal = _strongest(item, purpose, live, sources) if live else (None, None)
        if signal is None and (channel is None or item.kind is Kind.INTERVENTION):
            continue
        liking = 0.0
        if item.product is not None and likings is not None and Source.PROFILE in sources:
            liking = likings.of(item.product)
        elif item.feature is not None and co_used is not None and Source.APP in sources:
            liking = co_used.of(APP + item.feature)
        content = interests.content(item, sources)
        by = "signal" if signal is not None else "taste" if liking > content else "content"
        draft = Draft(item, where, by, name, signal, liking, content)
        if signal is not None:
            answering.append(draft.candidate(fatigue))
        else:
            tasted.append((-liking - content, item.id, draft))
    best = heapq.nsmallest(TASTE_MAX, tasted, key=itemgetter(0, 1))
    chosen = answering + [draft.candidate(fatigue) for _, _, draft in best]
    chosen.sort(key=lambda candidate: candidate.item.id)
    return tuple(chosen)


class Draft(NamedTuple):
    """A candidate before it is worth writing out."""

    item: Item
    channel: Channel
    proposed_by: str
    name: str | None = None
    signal: LiveSignal | None = None
    liking: float = 0.0
    content: float = 0.0

    def candidate(self, fatigue: Callable[[Item], float]) -> Candidate:
        """Written out, with what the bandit sees of it."""
        signal = self.signal
        strength = 0.0 if signal is None else signal.strength
        return Candidate(
            item=self.item,
            channel=self.channel,
            proposed_by=self.proposed_by,
            action_features=(
                1.0,
                *self.item.trait_vector,
                round(strength * TRAIT_GRID) / TRAIT_GRID,
                round(self.liking * TRAIT_GRID) / TRAIT_GRID,
                round(self.content * TRAIT_GRID) / TRAIT_GRID,
                round(fatigue(self.item) * TRAIT_GRID) / TRAIT_GRID,
            ),
            signal=self.name,
            strength=strength,
            words="" if signal is None else signal.words,
            sources=() if signal is None else signal.sources,
            evidence={} if signal is None else signal.evidence,
        )


def _strongest(
    item: Item, purpose: Purpose, live: Mapping[str, LiveSignal], sources: frozenset[Source]
) -> tuple[str | None, LiveSignal | None]:
    best_name: str | None = None
    best: LiveSignal | None = None
    for name in item.answers:
        signal = live.get(name)
        if signal is None or not sources.issuperset(signal.sources):
            continue
        if not may_serve(name, purpose):
            continue
        if best is None or signal.strength > best.strength:
            best_name, best = name, signal
    return best_name, best


def _fatigue(customer: Customer, now_ms: int) -> Callable[[Item], float]:
    """How weary of an item: 1 for each time it was said this month, .25 for each other word, up to 4."""
    said = [c.action for c in customer.contacts if now_ms - c.at_ms < MONTH_MS]
    if not said:
        return lambda _: 0.0
    total = len(said)
    return lambda item: min(4.0, 0.25 * total + 0.75 * said.count(item.id))
