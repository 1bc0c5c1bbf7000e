"""What the money goes on, category by category: amounts, shares, variety, places, the largest payments.

Stage: 2 of 8, when read. In: memory of ``spend``. Out: feature values.
"""

from collections.abc import Callable, Iterator, Mapping
from math import log
from typing import NamedTuple

from operators.contracts import EVERY_PURPOSE
from operators.features import weeks
from operators.features.decay import HALF_LIFE_30D, HALF_LIFE_90D, halved
from operators.features.money import unit_of
from operators.features.spend import countries_of, home_of, met_days, sums_of
from operators.features.spending import CATEGORIES, INDEX
from operators.features.views.lens import WELLBEING, Lens, Reading, ratio, share
from schemas.base import DAY_MS, Source
from schemas.customer import Memory

SPENT: tuple[str, ...] = tuple(name for name in CATEGORIES if name != "savings")
"""What counts as spending; money that is put aside is still the customer's."""
WORDS: dict[str, str] = {
    "dining": "eating out", "home": "your home", "housing": "rent or mortgage", "debt": "repayments",
    "fees": "fees", "cash": "cash", "other": "everything else", "tax": "taxes",
}  # fmt: skip
ESSENTIAL: tuple[str, ...] = (
    "groceries", "transport", "utilities", "housing", "health", "education", "insurance", "debt", "tax",
)  # fmt: skip
"""What a household can't do without, or has promised to pay."""
LEISURE: tuple[str, ...] = ("dining", "travel", "entertainment", "subscriptions", "shopping")
ALREADY: frozenset[str] = frozenset(
    {"travel_90d_eur", "fees_90d_eur", "groceries_share", "dining_share", "transport_share", "cash_share"}
)  # fmt: skip
"""What the group ``spend`` declares itself."""
PRIVATE: frozenset[str] = frozenset({"health"})
"""Categories that nothing is sold on."""
ACTIVE_SHARE = 0.02
RECENT_WEEKS = 4


class Spent(NamedTuple):
    """Spending as of an instant; amounts in major units, fading over 90 days, in the order of `CATEGORIES`.

    ``merchants`` are days since each payee was last paid, ``weekly`` the largest payment of each of the last
    weeks, the running one first. ``countries`` are (count, amount) by country, and ``cards`` a count over 30 days.
    """

    amounts: list[float]
    total: float
    countries: dict[str, tuple[float, float]]
    home: str | None
    merchants: list[int]
    weekly: list[float]
    cards: float

    def of(self, *names: str) -> float:
        """The amount of some categories together."""
        return sum(self.amounts[INDEX[name]] for name in names)


def look(memories: Mapping[str, Memory], now_ms: int) -> Spent | None:
    """Spending by category at an instant."""
    memory = memories.get("spend")
    if not memory:
        return None
    unit = unit_of(memory["currency"])
    age_ms = max(0, now_ms - memory["at"])
    factor = halved(age_ms, HALF_LIFE_90D) / unit
    amounts = [max(0.0, value) * factor for value in sums_of(memory)]
    today = max(now_ms, memory["at"]) // DAY_MS
    newest_week, *maxima = memory["largest"]
    return Spent(
        amounts,
        sum(amounts),
        {
            name: (count * factor * unit, amount * factor)
            for name, (count, amount) in countries_of(memory).items()
        },
        home_of(memory),
        [today - day for day in met_days(memory)],
        [value / unit for value in weeks.shifted(maxima, today // 7 - newest_week)],
        max(0.0, memory["cards"]) * halved(age_ms, HALF_LIFE_30D),
    )


def _amount(name: str) -> Callable[[Spent], float]:
    index = INDEX[name]
    return lambda spent: spent.amounts[index]


def _share(name: str) -> Callable[[Spent], float]:
    index = INDEX[name]
    return lambda spent: share(spent.amounts[index], spent.total)


def _by_category() -> Iterator[Reading[Spent]]:
    for name in SPENT:
        words = f"your spending on {WORDS.get(name, name)}"
        purposes = WELLBEING if name in PRIVATE else EVERY_PURPOSE
        if f"{name}_90d_eur" not in ALREADY:
            yield Reading(f"{name}_90d_eur", "major", f"Spent on {name} in about 90 days, faded.",
                          words, _amount(name), 90, purposes=purposes)  # fmt: skip
        if f"{name}_share" not in ALREADY:
            yield Reading(f"{name}_share", "0..1", f"Share of about 90 days' spending that is {name}.",
                          words, _share(name), 90, purposes=purposes)  # fmt: skip


def _evenness(spent: Spent) -> float:
    """Shannon's entropy of the shares over that of an even spread (Pielou 1966)."""
    shares = [amount / spent.total for amount in spent.amounts if amount > 0]
    return -sum(p * log(p) for p in shares) / log(len(SPENT)) if len(shares) > 1 else 0.0


def _abroad(spent: Spent, part: int) -> float:
    if spent.home is None:
        return 0.0
    return sum(both[part] for name, both in spent.countries.items() if name != spent.home)


CATEGORIES_VIEW: Lens[Spent] = Lens(
    "categories",
    slots=("spend",),
    sources=(Source.TRANSACTIONS,),
    owner="payments",
    look=look,
    readings=(
        *_by_category(),
        Reading("total_90d_eur", "major", "Spent in about 90 days, faded, savings apart.",
                "what you spend", lambda s: s.total, 90),
        Reading("essentials_90d_eur", "major", "Spent on what can't be done without, 90 days, faded.",
                "what you spend on the necessary", lambda s: s.of(*ESSENTIAL), 90),
        Reading("essentials_share", "0..1", "Share of spending on what can't be done without.",
                "what you spend on the necessary", lambda s: share(s.of(*ESSENTIAL), s.total), 90),
        Reading("leisure_90d_eur", "major", "Spent on eating out, travel, media and shopping, 90 days, faded.",
                "what you spend on pleasures", lambda s: s.of(*LEISURE), 90),
        Reading("leisure_share", "0..1", "Share of spending on eating out, travel, media and shopping.",
                "what you spend on pleasures", lambda s: share(s.of(*LEISURE), s.total), 90),
        Reading("food_out_share", "0..1", "Of spending on food, the share that is eaten out.",
                "how often you eat out", lambda s: share(s.of("dining"), s.of("dining", "groceries")), 90),
        Reading("top_share", "0..1", "Share of spending that goes to the largest category.",
                "what you spend most on", lambda s: share(max(s.amounts), s.total), 90),
        Reading("active_count", "count", f"Categories with at least {ACTIVE_SHARE:.0%} of spending.",
                "how many things you spend on",
                lambda s: sum(a >= ACTIVE_SHARE * s.total for a in s.amounts) if s.total > 0 else 0, 90),
        Reading("evenness", "0..1", "How evenly spending spreads over categories: 0 is one alone.",
                "how your spending spreads", _evenness, 90),
        Reading("merchants_7d", "count", "Different payees of the last 7 days.",
                "how many places you pay", lambda s: sum(days < 7 for days in s.merchants), 7),  # noqa: PLR2004 - the window, as named
        Reading("merchants_14d", "count", "Different payees of the last 14 days.",
                "how many places you pay", lambda s: sum(days < 14 for days in s.merchants), 14),  # noqa: PLR2004 - as above
        Reading("countries_count", "count", "Countries with a tenth of a payment or more left of them, faded.",
                "how many countries you pay in", lambda s: sum(c >= 0.1 for c, _ in s.countries.values()), 90),  # noqa: PLR2004 - as told
        Reading("abroad_90d_eur", "major", "Spent away from the home country in about 90 days, faded.",
                "your spending abroad", lambda s: _abroad(s, 1), 90),
        Reading("abroad_count_90d", "count", "Payments away from the home country in about 90 days, faded.",
                "how often you pay abroad", lambda s: _abroad(s, 0), 90),
        Reading("largest_28d_eur", "major", "Largest payment of this week and the three before, debts apart.",
                "your largest payment lately", lambda s: max(s.weekly[:RECENT_WEEKS]), 28),
        Reading("largest_ratio", "ratio", "Largest payment of four weeks over that of the ten before.",
                "your largest payment lately",
                lambda s: ratio(max(s.weekly[:RECENT_WEEKS]), max(s.weekly[RECENT_WEEKS:]), unknown=1.0),
                98, unknown=1.0),
        Reading("payment_mean_eur", "major", "Spending of a month over card payments of a month.",
                "what you spend at once", lambda s: s.total / 3 / max(1.0, s.cards), 90),
    ),
)  # fmt: skip
"""Spending by category."""
