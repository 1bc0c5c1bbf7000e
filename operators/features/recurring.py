"""Recurring payments: streams by payee, which of them are mature, and what is left without them.

Stage: 2 of 8. In: transaction.booked. Out: memory, feature values, `recurring_of`.

Memory (empty until the first movement)::

    currency  the currency of the first movement; others are left out, there being no rate
    first     oldest day of a movement, days since 1970
    day       newest day
    streams   key → stream (`streams.Stream`); at most `STREAMS_MAX`
    residual  ring of the net flow a day without mature streams, minor units (`rings`)
"""

from collections.abc import Mapping
from typing import Any

from operators.contracts import FeatureSpec, Slot
from operators.features import rings, streams
from operators.features.money import MONTH_DAYS, Flow, flow_of, unit_of
from operators.features.streams import HITS_MIN, Stream
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import EventBase, TransactionBooked
from schemas.signals import Recurring

STREAMS_MAX = 32
_MATURED = Stream._fields.index("matured")
SUBSCRIPTIONS = frozenset({"subscriptions", "entertainment"})


def _spec(
    name: str, unit: str, description: str, words: str, grid: tuple[float, float]
) -> FeatureSpec:
    return FeatureSpec("recurring." + name, Source.TRANSACTIONS, unit, description, words, *grid)


class RecurringPayments:
    """Bills, standing orders, subscriptions and pay, found by rhythm and amount."""

    slot: Slot = Slot("recurring", Source.TRANSACTIONS, dict)
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    specs: tuple[FeatureSpec, ...] = (
        _spec("count", "count", "Mature streams that are current.",
              "your regular payments", (5.0, 4.0)),
        _spec("outflow_month_eur", "major / month", "Regular money out a month.",
              "your regular bills", (900.0, 800.0)),
        _spec("inflow_month_eur", "major / month", "Regular money in a month.",
              "your regular income", (2000.0, 1500.0)),
        _spec("subscription_count", "count", "Subscriptions: media, clubs, fixed card payments.",
              "your subscriptions", (2.0, 2.0)),
    )  # fmt: skip

    def update(self, memory: Memory, event: EventBase, *, now_ms: int) -> Memory:  # noqa: ARG002 - the event tells its time
        """Fold one movement; a late one lands on its day, and bends no rhythm that is already known."""
        if not isinstance(event, TransactionBooked):
            return memory
        if event.currency != memory.get("currency", event.currency):
            return memory
        flow = flow_of(event)
        day, amount = flow.day, flow.amount_minor
        made: dict[str, Any] = dict(memory) if memory else _start(event.currency, day)
        made["first"] = min(made["first"], day)
        newest = made["day"]
        made["day"] = max(newest, day)
        kept = made["streams"]
        residual = amount
        if not flow.refund and amount != 0:
            key = key_of(flow, event.method)
            known = bool(flow.party)
            before = Stream(*kept[key]) if key in kept else None
            if before is None:
                after = streams.begin(day, amount, category=flow.category, method=event.method)
            else:
                after = _folded(before, day, amount, known_payee=known)
            fresh = before is not None and after.matured > 0 and before.matured == 0
            if fresh and before is not None:
                made["residual"] = rings.add(
                    made["residual"], before.last, -before.latest, newest=newest
                )
            if fresh or (after.matured and after.last == day):
                residual = 0
            made["streams"] = _bounded({**kept, key: list(after)}, made["day"])
        made["residual"] = rings.add(made["residual"], day, residual, newest=newest)
        return made

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant; zeros before the first movement."""
        if not memory:
            return (0.0, 0.0, 0.0, 0.0)
        today = max(now_ms // DAY_MS, memory["day"])
        count = subscriptions = 0
        outflow = inflow = 0.0
        for kept in memory["streams"].values():
            if not kept[_MATURED]:
                continue
            stream = Stream(*kept)
            if not stream.current(today):
                continue
            count += 1
            month = stream.amount * MONTH_DAYS / stream.gap
            if month > 0:
                inflow += month
            else:
                outflow -= month
                subscriptions += subscription(stream)
        unit = unit_of(memory["currency"])
        return (float(count), outflow / unit, inflow / unit, float(subscriptions))


def key_of(flow: Flow, method: str) -> str:
    """The stream a movement belongs to: direction and payee, else direction, method and category."""
    sign = "-" if flow.amount_minor < 0 else "+"
    return sign + (flow.party or f"x:{method}:{flow.category}")


def subscription(stream: Stream) -> bool:
    """Whether a mature outflow is a subscription, by what it is for or by a fixed amount on a card."""
    fixed = stream.deviation <= 0.02 * abs(stream.amount)
    return stream.category in SUBSCRIPTIONS or (stream.method == "card" and fixed)


def streams_of(memory: Mapping[str, Any]) -> dict[str, Stream]:
    """Every stream that is remembered, mature or not."""
    return {key: Stream(*kept) for key, kept in memory.get("streams", {}).items()}


def mature_of(memory: Mapping[str, Any], *, today: int) -> dict[str, Stream]:
    """The streams that are mature and current on a day, by key."""
    made = {}
    for key, kept in memory.get("streams", {}).items():
        if kept[_MATURED]:
            stream = Stream(*kept)
            if stream.current(today):
                made[key] = stream
    return made


def recurring_of(memory: Mapping[str, Any], now_ms: int) -> tuple[Recurring, ...]:
    """The recurring payments that are mature and current, the next due first.

    Args:
        memory: The memory of the ``recurring`` slot.
        now_ms: The instant; a payment that is overdue is due today.
    """
    today = now_ms // DAY_MS
    found = [
        Recurring(
            key=key,
            amount_minor=round(stream.amount),
            gap_days=round(stream.gap, 2),
            next_day=max(today, stream.due),
            alive=round(stream.survival(today), 4),
            count=stream.hits,
        )
        for key, stream in mature_of(memory, today=today).items()
    ]
    return tuple(sorted(found, key=lambda r: (r.next_day, r.key)))


def _start(currency: str, day: int) -> dict[str, Any]:
    return {"currency": currency, "first": day, "day": day, "streams": {}, "residual": ""}


def _folded(before: Stream, day: int, amount: int, *, known_payee: bool) -> Stream:
    if day >= before.last:
        return streams.hit(before, day, amount, known_payee=known_payee)
    if before.hits > 1:
        return before._replace(first=min(before.first, day))
    # Two payments in the wrong order: as if the later one had come second.
    first = streams.begin(day, amount, category=before.category, method=before.method)
    return streams.hit(first, before.last, before.latest, known_payee=known_payee)


def _bounded(kept: dict[str, list[Any]], today: int) -> dict[str, list[Any]]:
    """At most `STREAMS_MAX` streams: the longest silent goes, one without a rhythm thrice as soon.

    What is mature stays until it is overdue, or a busy month of shopping would push out the pay.
    """
    if len(kept) <= STREAMS_MAX:
        return kept
    worst, goes = -1.0, ""
    for key, stream in kept.items():
        silent = today - stream[1]
        if stream[_MATURED] and silent <= 1.25 * stream[3] + 3:
            continue
        standing = silent * (1 if stream[2] >= HITS_MIN else 3)
        if standing > worst:
            worst, goes = standing, key
    goes = goes or next(iter(kept))
    return {key: value for key, value in kept.items() if key != goes}
