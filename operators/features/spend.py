"""What the money goes on: decayed sums by category, countries, merchants, the largest payments.

Stage: 2 of 8. In: transaction.booked. Out: memory, feature values.

Memory (empty until the first movement)::

    currency   the currency of the first movement; others are left out, there being no rate
    at         newest instant, ms: the sums are as of it
    sums       decayed spending by category (`spending.CATEGORIES`), minor units, 90-day equivalent; float32, packed
    cards      decayed count of card payments, 30-day equivalent
    countries  country → decayed count and decayed amount; float32, packed
    merchants  packed: hash of a party paid in the last `MERCHANTS_DAYS` and its newest day; at most `MERCHANTS_MAX`
    largest    [newest week, 14 maxima of one payment, minor units]
"""

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any, Final
from zlib import crc32

from operators.contracts import FeatureSpec, Slot
from operators.features import weeks
from operators.features.decay import HALF_LIFE_30D, HALF_LIFE_90D, aged, halved
from operators.features.money import Flow, flow_of, unit_of
from operators.features.spending import CATEGORIES, INDEX
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import EventBase, TransactionBooked

COUNTRIES_MAX: Final = 8
MERCHANTS_MAX: Final = 48
MERCHANTS_DAYS: Final = 30
HOME_PAYMENTS_MIN: Final = 3
_SUMS: Final = Struct(f"<{len(CATEGORIES)}f")
_BOTH: Final = Struct("<2f")
_MET: Final = Struct("<IH")
"""CRC-32 of a party, the day since 1970."""
_HOME: Final = (INDEX["home"], INDEX["utilities"])


def _spec(
    name: str, unit: str, description: str, words: str, grid: tuple[float, float], *,
    days: int | None, context: bool = False,
) -> FeatureSpec:  # fmt: skip
    return FeatureSpec(
        "spend." + name, Source.TRANSACTIONS, unit, description, words, *grid, context=context,
        window_days=days, owner="payments",
    )  # fmt: skip


class Spend:
    """Spending by what it is for. «90d» and «30d» sums are decayed to the same expectation."""

    slot: Slot = Slot("spend", Source.TRANSACTIONS, dict, version=2)
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    specs: tuple[FeatureSpec, ...] = (
        _spec("groceries_share", "0..1", "Share of spending on groceries.",
              "your spending on groceries", (0.2, 0.15), days=90),
        _spec("dining_share", "0..1", "Share of spending in restaurants and cafés.",
              "your spending on eating out", (0.08, 0.1), days=90, context=True),
        _spec("travel_90d_eur", "major", "Spending on flights, hotels and hire cars, 90 days.",
              "your spending on travel", (200.0, 500.0), days=90, context=True),
        _spec("transport_share", "0..1", "Share of spending on getting about.",
              "your spending on transport", (0.08, 0.1), days=90),
        _spec("home_share", "0..1", "Share of spending on furniture, repairs and utilities.",
              "your spending on your home", (0.15, 0.15), days=90),
        _spec("entertainment_share", "0..1", "Share of spending on entertainment and subscriptions.",
              "your spending on entertainment", (0.05, 0.08), days=90),
        _spec("foreign_share", "0..1", "Share of spending, where the country is known, away from home.",
              "your spending abroad", (0.05, 0.15), days=90, context=True),
        _spec("fees_90d_eur", "major", "Fees paid to the bank and others, 90 days.",
              "the fees you pay", (8.0, 20.0), days=90),
        _spec("largest_90d_eur", "major", "Largest single payment of a quarter, housing and savings apart.",
              "your largest payment", (400.0, 600.0), days=90),
        _spec("card_count_30d", "count", "Card payments, 30 days.",
              "how often you pay by card", (20.0, 20.0), days=30),
        _spec("cash_share", "0..1", "Share of spending that is cash taken out.",
              "the cash you take out", (0.08, 0.15), days=90),
        _spec("distinct_merchants_30d", "count", "Different payees of the last 30 days.",
              "how many places you pay", (12.0, 10.0), days=30),
    )  # fmt: skip

    def update(self, memory: Memory, event: EventBase, *, now_ms: int) -> Memory:  # noqa: ARG002 - the event tells its time
        """Fold one payment, however late; a refund lessens its category, income is left alone."""
        if not isinstance(event, TransactionBooked):
            return memory
        if event.currency != memory.get("currency", event.currency):
            return memory
        flow = flow_of(event)
        if (flow.amount_minor < 0) == flow.refund or flow.category == "savings":
            return memory
        spent = -flow.amount_minor
        made = dict(memory) if memory else _start(event, flow)
        at_ms = made["at"]
        newest = max(at_ms, flow.at_ms)
        older, newer = newest - at_ms, newest - flow.at_ms
        ageing, share = halved(older, HALF_LIFE_90D), halved(newer, HALF_LIFE_90D)
        sums = aged(sums_of(made), ageing)
        sums[INDEX[flow.category]] += spent * share
        made["at"], made["sums"] = newest, _SUMS.pack(*sums)
        cards = made["cards"] * halved(older, HALF_LIFE_30D)
        if event.method == "card":
            step = -1 if flow.refund else 1
            cards += step * halved(newer, HALF_LIFE_30D)
        made["cards"] = cards
        made["countries"] = _travelled(countries_of(made), event.country, spent, ageing, share)
        if not flow.refund:
            made["merchants"] = _met(_packed(made["merchants"]), flow, newest // DAY_MS)
            made["largest"] = _largest(made["largest"], flow, spent)
        return made

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant; zeros before the first payment."""
        if not memory:
            return (0.0,) * len(self.specs)
        unit = unit_of(memory["currency"])
        age_ms = max(0, now_ms - memory["at"])
        factor = halved(age_ms, HALF_LIFE_90D)
        sums = [value if value > 0 else 0.0 for value in sums_of(memory)]
        total = sum(sums)
        per = 1 / total if total > 1 else 0.0
        today = max(now_ms, memory["at"]) // DAY_MS
        newest_week, *maxima = memory["largest"]
        recent = maxima[: max(0, weeks.WEEKS - (today // 7 - newest_week))]
        return (
            sums[INDEX["groceries"]] * per,
            sums[INDEX["dining"]] * per,
            sums[INDEX["travel"]] * factor / unit,
            sums[INDEX["transport"]] * per,
            (sums[_HOME[0]] + sums[_HOME[1]]) * per,
            (sums[INDEX["entertainment"]] + sums[INDEX["subscriptions"]]) * per,
            _foreign_share(memory),
            sums[INDEX["fees"]] * factor / unit,
            max(recent, default=0) / unit,
            max(0.0, memory["cards"]) * halved(age_ms, HALF_LIFE_30D),
            sums[INDEX["cash"]] * per,
            float(sum(day > today - MERCHANTS_DAYS for day in met_days(memory))),
        )


def home_of(memory: Mapping[str, Any]) -> str | None:
    """The home country: where the customer pays most often; None while too few payments name one.

    Example:
        >>> home_of({"countries": {"GB": _BOTH.pack(6.0, 100.0), "FR": _BOTH.pack(2.0, 900.0)}})
        'GB'
    """
    home, most = None, 0.0
    for country, (count, _) in countries_of(memory).items():
        if home is None or (count, country) > (most, home):
            home, most = country, count
    return home if most >= HOME_PAYMENTS_MIN else None


def _start(event: TransactionBooked, flow: Flow) -> dict[str, Any]:
    return {
        "currency": event.currency,
        "at": flow.at_ms,
        "sums": bytes(_SUMS.size),
        "cards": 0.0,
        "countries": {},
        "merchants": b"",
        "largest": [flow.day // 7, *[0] * weeks.WEEKS],
    }


def _travelled(
    countries: Mapping[str, tuple[float, float]],
    country: str | None,
    spent: int,
    ageing: float,
    share: float,
) -> dict[str, bytes]:
    made = {name: (count * ageing, sum_ * ageing) for name, (count, sum_) in countries.items()}
    if country is not None:
        count, total = made.get(country, (0.0, 0.0))
        step = share if spent > 0 else 0.0
        made[country] = (count + step, max(0.0, total + spent * share))
        if len(made) > COUNTRIES_MAX:
            del made[min(made, key=lambda name: (made[name][0], name))]
    return {name: _BOTH.pack(*both) for name, both in made.items()}


def _foreign_share(memory: Mapping[str, Any]) -> float:
    countries, home = countries_of(memory), home_of(memory)
    total = sum(amount for _, amount in countries.values())
    if home is None or total <= 0:
        return 0.0
    return max(0.0, 1.0 - countries[home][1] / total)


def sums_of(memory: Mapping[str, Any]) -> Sequence[float]:
    """The decayed spending by category, minor units; version 1 kept a list."""
    kept = memory["sums"]
    return _SUMS.unpack(kept) if isinstance(kept, bytes) else kept


def countries_of(memory: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Country → decayed count and decayed amount (minor units); version 1 kept lists."""
    return {
        name: _BOTH.unpack(both) if isinstance(both, bytes) else tuple(both)
        for name, both in memory.get("countries", {}).items()
    }


def met_days(memory: Mapping[str, Any]) -> list[int]:
    """The day on which each payee of the last `MERCHANTS_DAYS` was paid last."""
    return [day for _, day in _MET.iter_unpack(_packed(memory["merchants"]))]


def _met(kept: bytes, flow: Flow, newest: int) -> bytes:
    if not flow.party or flow.day <= newest - MERCHANTS_DAYS:
        return kept
    party = crc32(flow.party.encode()).to_bytes(4, "little")
    at = kept.find(party)
    while at >= 0 and at % _MET.size:
        at = kept.find(party, at + 1)
    if at >= 0:
        if _MET.unpack_from(kept, at)[1] >= flow.day:
            return kept
        kept = kept[:at] + kept[at + _MET.size :]
    since = newest - MERCHANTS_DAYS
    rows = [row for row in _MET.iter_unpack(kept) if row[1] > since]
    if len(rows) >= MERCHANTS_MAX or len(rows) < len(kept) // _MET.size:
        while len(rows) >= MERCHANTS_MAX:
            rows.remove(min(rows, key=lambda row: (row[1], row[0])))
        kept = b"".join([_MET.pack(*row) for row in rows])
    return kept + party + flow.day.to_bytes(2, "little")


def _packed(merchants: bytes | Mapping[str, int]) -> bytes:
    """Version 1 was a dictionary: the hash in hexadecimal → day."""
    if isinstance(merchants, bytes):
        return merchants
    return b"".join(_MET.pack(int(name, 16), day) for name, day in merchants.items())


def _largest(kept: list[int], flow: Flow, spent: int) -> list[int]:
    week = flow.day // 7
    newest = kept[0]
    counts = flow.category not in ("housing", "savings", "debt")
    if week <= newest:
        age = newest - week
        if not counts or age >= weeks.WEEKS or spent <= kept[age + 1]:
            return kept
        return [*kept[: age + 1], spent, *kept[age + 2 :]]
    maxima = [int(m) for m in weeks.shifted(kept[1:], week - newest)]
    if counts:
        maxima[0] = max(maxima[0], spent)
    return [week, *maxima]
