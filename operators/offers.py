"""Which items of the catalogue may be worth saying now.

Stage: 4 of 8. In: live signals, features, taste, catalogue. Out: candidates (not yet allowed).

Three ways in: an item answers a live signal; its content fits what the customer does (content-based);
customers with the same products hold it too (collaborative, EASE). A request for consent is proposed
without any personal data. What may be used is decided by the purpose of each item.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from operators.features import SPECS
from operators.taste import score
from schemas.base import Channel, Purpose, Source
from schemas.customer import Customer, LiveSignal
from schemas.decisions import Candidate
from schemas.models import TasteSnapshot
from schemas.offers import Item, Kind

TRAITS: tuple[str, ...] = (
    "saving",
    "credit",
    "insurance",
    "investing",
    "travel",
    "home",
    "guidance",
    "digital",
    "consent",
)
"""The static content of an item, as the bandit sees it."""
ACTION_NAMES: tuple[str, ...] = ("bias", *TRAITS, "strength", "taste", "content", "fatigue")
"""The action features, in order (da = 14): one, the traits, then what this moment adds."""
SILENCE_FEATURES: tuple[float, ...] = (1.0,) + (0.0,) * (len(ACTION_NAMES) - 1)
TASTE_MAX = 8
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


@lru_cache(maxsize=4096)
def _static(traits: tuple[tuple[str, float], ...]) -> tuple[float, ...]:
    by_name = dict(traits)
    return (1.0, *(round(by_name.get(name, 0.0) * 64) / 64 for name in TRAITS))


def propose(
    customer: Customer,
    *,
    catalogue: tuple[Item, ...],
    live: Mapping[str, LiveSignal],
    features: Mapping[str, float],
    usable: Callable[[Purpose], frozenset[Source]],
    taste: TasteSnapshot | None,
    channel: Channel | None,
    now_ms: int,
) -> tuple[Candidate, ...]:
    """The candidates of this moment, in catalogue order.

    Args:
        customer: Whose moment it is.
        catalogue: All items.
        live: The signals that hold; one is used for an item only if its purpose may use all its sources.
        features: Feature values by name.
        usable: The sources that a purpose may use now.
        taste: The co-holdings model, if one was published.
        channel: Where the customer is looking now; None when nothing but a fresh signal gave the moment.
        now_ms: The moment.
    """
    answering: list[Candidate] = []
    tasted: list[tuple[float, Candidate]] = []
    holdings = tuple(customer.products)
    for item in catalogue:
        if item.kind is Kind.CONSENT_ASK:
            if channel is not None:
                answering.append(_ask(item, channel, customer, now_ms))
            continue
        purpose = item.purpose
        sources = usable(purpose) if purpose is not None else frozenset[Source]()
        where = _where(item, channel)
        if not sources or where is None:
            continue
        strongest = _strongest(item, live, sources)
        if strongest is None and (channel is None or item.kind is Kind.INTERVENTION):
            continue
        liking = 0.0
        if item.product is not None and taste is not None and Source.PROFILE in sources:
            liking = score(taste, holdings, item.product)
        content = _content(item, features, sources)
        name, signal = strongest if strongest is not None else (None, None)
        candidate = Candidate(
            item=item,
            channel=where,
            proposed_by="signal" if signal else ("taste" if liking > content else "content"),
            action_features=_action_features(
                item,
                customer,
                now_ms,
                strength=signal.strength if signal else 0.0,
                liking=liking,
                content=content,
            ),
            signal=name,
            strength=signal.strength if signal else 0.0,
            words=signal.words if signal else "",
            sources=signal.sources if signal else (),
            evidence=signal.evidence if signal else {},
        )
        if signal is not None:
            answering.append(candidate)
        else:
            tasted.append((liking + content, candidate))
    tasted.sort(key=lambda pair: (-pair[0], pair[1].item.id))
    chosen = answering + [candidate for _, candidate in tasted[:TASTE_MAX]]
    chosen.sort(key=lambda candidate: candidate.item.id)
    return tuple(chosen)


def _strongest(
    item: Item, live: Mapping[str, LiveSignal], sources: frozenset[Source]
) -> tuple[str, LiveSignal] | None:
    best: tuple[str, LiveSignal] | None = None
    for name in item.answers:
        signal = live.get(name)
        if signal is None or not sources.issuperset(map(Source, signal.sources)):
            continue
        if best is None or signal.strength > best[1].strength:
            best = (name, signal)
    return best


def _where(item: Item, channel: Channel | None) -> Channel | None:
    if channel is None:
        order: tuple[Channel, ...] = (Channel.PUSH, Channel.EMAIL, Channel.IN_APP)
    elif channel is Channel.CHAT:
        order = (Channel.CHAT, Channel.IN_APP)
    else:
        order = (channel,)
    return next((c for c in order if c in item.channels), None)


def _content(item: Item, features: Mapping[str, float], sources: frozenset[Source]) -> float:
    """How well the item's traits fit the customer's interests: 0..1, rational so that it replays."""
    total = 0.0
    for feature, trait, weight in AFFINITIES:
        weight_of_trait = item.traits.get(trait, 0.0)
        if weight_of_trait > 0 and SOURCE_OF[feature] in sources:
            total += weight_of_trait * weight * max(features[feature], 0.0)
    return total / (1.0 + total)


def _fatigue(item: Item, customer: Customer, now_ms: int) -> float:
    """How often the customer saw this or its like lately: 0, .5 for the category, up to 4 for itself."""
    month_ms = 30 * 86_400_000
    recent = [c for c in customer.contacts if now_ms - c.at_ms < month_ms]
    same = sum(1 for c in recent if c.action == item.id)
    return min(4.0, same + 0.25 * (len(recent) - same))


def _action_features(
    item: Item, customer: Customer, now_ms: int, *, strength: float, liking: float, content: float
) -> tuple[float, ...]:
    static = _static(tuple(sorted(item.traits.items())))
    moment = (strength, liking, content, _fatigue(item, customer, now_ms))
    return static + tuple(round(value * 64) / 64 for value in moment)


def _ask(item: Item, channel: Channel, customer: Customer, now_ms: int) -> Candidate:
    return Candidate(
        item=item,
        channel=channel if channel in item.channels else item.channels[0],
        proposed_by="consent",
        action_features=_action_features(
            item, customer, now_ms, strength=0.0, liking=0.0, content=0.0
        ),
    )
