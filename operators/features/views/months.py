"""Calendar months against the customer's own: this month so far, the last one beside the usual one.

Stage: 2 of 8, when read. In: memories of ``cash`` and ``spending_months``. Out: feature values.
"""

from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import NamedTuple

from operators.features.money import unit_of
from operators.features.months import first_day, month_of
from operators.features.views.categories import SPENT, WORDS
from operators.features.views.lens import WELLBEING, Lens, Reading, ratio, share
from schemas.base import DAY_MS, Source
from schemas.customer import Memory

WHOLE_MIN = 2
"""Whole months before there is a usual one."""
ASIDE_MONTHS = 3
YEAR_DAYS = 365


class Months(NamedTuple):
    """Sums by calendar month in major units, the running one first.

    ``whole`` is how many months before the running one are known from their beginning, ``passed`` the share
    of the running one that is over.
    """

    sums: dict[str, list[float]]
    spent: list[float]
    income: list[float]
    saved: list[float]
    whole: int
    passed: float

    def usual(self, bins: list[float], *, before: int = 0) -> float | None:
        """The median of the whole months before one; None while there are too few."""
        known = bins[before + 1 : self.whole + 1]
        return median(known) if len(known) >= WHOLE_MIN else None


def look(memories: Mapping[str, Memory], now_ms: int) -> Months | None:
    """The months at an instant."""
    cash, memory = memories.get("cash"), memories.get("spending_months")
    if not cash or not memory:
        return None
    unit = unit_of(cash["currency"])
    today = now_ms // DAY_MS
    month = max(month_of(today), memory["month"])
    ahead = month - memory["month"]

    def stood(bins: list[int]) -> list[float]:
        return [*[0.0] * min(ahead, len(bins)), *(value / unit for value in bins)][: len(bins)]

    sums = {name: stood(bins) for name, bins in sorted(memory["sums"].items())}
    nothing = [0.0] * len(memory["income"])
    began = month_of(memory["first"])
    whole = month - began - (memory["first"] > first_day(began) + 1)
    passed = (today + 1 - first_day(month)) / (first_day(month + 1) - first_day(month))
    return Months(
        sums,
        [sum(column) for column in zip(nothing, *sums.values(), strict=True)],
        stood(memory["income"]),
        stood(memory["saved"]),
        min(max(0, whole), len(nothing) - 1),
        min(1.0, max(0.0, passed)),
    )


def _against_usual(months: Months, bins: list[float]) -> float:
    """The month that is over against the usual one before it; 1 while that isn't known."""
    usual = months.usual(bins, before=1)
    return 1.0 if usual is None else ratio(bins[1], usual, unknown=1.0)


def _running(name: str) -> Callable[[Months], float]:
    return lambda months: months.sums[name][0] if name in months.sums else 0.0


def _last(name: str) -> Callable[[Months], float]:
    return lambda m: _against_usual(m, m.sums[name]) if name in m.sums else 1.0


def _by_category() -> Iterator[Reading[Months]]:
    for name in SPENT:
        words = f"your spending on {WORDS.get(name, name)}"
        yield Reading(f"{name}_eur", "major", f"Spent on {name} this calendar month so far, refunds taken off.",
                      words, _running(name), 31, purposes=WELLBEING)  # fmt: skip
        yield Reading(f"{name}_ratio", "ratio", f"Spent on {name} last month over the usual month before; 1 if unknown.",
                      words, _last(name), 217, unknown=1.0, purposes=WELLBEING)  # fmt: skip


def _pace(months: Months) -> float:
    usual = months.usual(months.spent)
    return 1.0 if usual is None else ratio(months.spent[0], usual * months.passed, unknown=1.0)


def _totals() -> tuple[Reading[Months], ...]:
    def row(
        name: str, unit: str, description: str, words: str, of: Callable[[Months], float], *,
        days: int = 31, unknown: float = 0.0,
    ) -> Reading[Months]:  # fmt: skip
        return Reading(name, unit, description, words, of, days, unknown, WELLBEING)

    return (
        row("spent_eur", "major", "Spent this calendar month so far.", "what you spent this month", lambda m: m.spent[0]),
        row("spent_last_eur", "major", "Spent in the last calendar month.", "what you spent last month",
            lambda m: m.spent[1], days=62),
        row("spent_ratio", "ratio", "Spent last month over the usual month before; 1 if unknown.",
            "what you spent last month", lambda m: _against_usual(m, m.spent), days=217, unknown=1.0),
        row("pace_ratio", "ratio", "Spent this month so far over the usual month's share by now; 1 if unknown.",
            "how fast you spend this month", _pace, days=217, unknown=1.0),
        row("income_eur", "major", "Income of this calendar month so far.", "what came in this month", lambda m: m.income[0]),
        row("income_last_eur", "major", "Income of the last calendar month.", "what came in last month",
            lambda m: m.income[1], days=62),
        row("income_ratio", "ratio", "Income of last month over the usual month before; 1 if unknown.",
            "what came in last month", lambda m: _against_usual(m, m.income), days=217, unknown=1.0),
        row("saved_eur", "major", "Put aside this calendar month so far, less what was taken out.",
            "what you put aside", lambda m: m.saved[0]),
        row("saved_last_eur", "major", "Put aside in the last calendar month, less what was taken out.",
            "what you put aside", lambda m: m.saved[1], days=62),
        row("kept_last_share", "0..1", "Share of last month's income that was not spent.",
            "what you kept last month", lambda m: share(m.income[1] - m.spent[1], m.income[1]), days=62),
        row("aside_months", "count", f"Of the last {ASIDE_MONTHS} whole months, those with something put aside.",
            "how steadily you put something aside", lambda m: sum(s > 0 for s in m.saved[1 : ASIDE_MONTHS + 1]), days=123),
        row("over_months", "count", f"Of the last {ASIDE_MONTHS} whole months, those that cost more than they brought.",
            "months in which you spent more than you earned",
            lambda m: sum(s > i for s, i in zip(m.spent[1:4], m.income[1:4], strict=True)), days=123),
        row("known_count", "count", "Whole calendar months known, at most six.", "how long we have known your account",
            lambda m: m.whole, days=217),
    )  # fmt: skip


MONTHS_VIEW: Lens[Months] = Lens(
    "months",
    slots=("cash", "spending_months"),
    sources=(Source.TRANSACTIONS,),
    owner="payments",
    look=look,
    readings=(*_by_category(), *_totals()),
)
"""Months beside the customer's own; their memory is kept for wellbeing alone, and so are they."""
