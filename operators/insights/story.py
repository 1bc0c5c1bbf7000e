"""A month of money in plain words: what came, what went, what was different, what was left.

Stage: 3 of 8. In: sums of one month and what is usual. Out: a few sentences with figures.
"""

from dataclasses import dataclass
from typing import Any

from operators.features.money import unit_of
from operators.triggers.spending import IN_WORDS, PLANNED
from operators.triggers.words import about

BILLS = PLANNED | {"utilities", "insurance"}
"""What a weekend moves into another month: no habit changed."""
BALANCED = 0.02
LARGEST = 3
DIFFERENT = 2
DIFFERS_BY = 0.2
"""Against the usual month of a category, ..."""
DIFFERS_MIN = 25.0
"""... and in major units: less is not worth a word."""


@dataclass(slots=True, frozen=True)
class Line:
    """One category: what was spent on it, and the usual month (None: not known yet), minor units."""

    category: str
    spent: int
    usual: float | None


@dataclass(slots=True, frozen=True)
class Month:
    """A month; ``regular`` is how many regular payments there are and what they take a month."""

    name: str
    income: int
    spent: int
    saved: int
    usual: float | None
    lines: tuple[Line, ...]
    regular: tuple[int, float]
    currency: str


def tell(month: Month) -> str:
    """The month in words, most telling first; what is nothing is not said.

    Example:
        >>> lines = (Line("housing", 90_000, 90_000.0), Line("dining", 30_000, 20_000.0))
        >>> print(tell(Month("May", 250_000, 120_000, 0, 110_000.0, lines, (3, 101_000.0), "EUR")))
        In May, 2,500 EUR came in and 1,200 EUR went out, so 1,300 EUR were left. That is about 100 EUR more than you spend in a usual month. Most of it went on housing (900 EUR) and eating out (300 EUR). You spent about 100 EUR more than usual on eating out. Your 3 regular payments take about 1,010 EUR of a month.
    """
    parts = [_balance(month), _against(month), _largest(month), _differences(month)]
    fees = next((line.spent for line in month.lines if line.category == "fees"), 0)
    if fees > 0:
        parts.append(f"Fees cost you {about(fees, month.currency)}.")
    if month.saved > 0:
        parts.append(f"You put {about(month.saved, month.currency)} aside.")
    count, regular = month.regular
    if count > 1:
        parts.append(
            f"Your {count} regular payments take about {about(regular, month.currency)} of a month."
        )
    return " ".join(part for part in parts if part)


def figures(month: Month) -> dict[str, Any]:
    """The same as figures, minor units."""
    return {
        "month": month.name,
        "income_minor": month.income,
        "spent_minor": month.spent,
        "saved_minor": month.saved,
        "usual_spent_minor": None if month.usual is None else round(month.usual),
        "categories": [
            {
                "category": line.category,
                "spent_minor": line.spent,
                "usual_minor": None if line.usual is None else round(line.usual),
            }
            for line in month.lines
        ],
        "regular_payments": month.regular[0],
        "regular_minor": round(month.regular[1]),
        "currency": month.currency,
    }


def listed(words: list[str]) -> str:
    """Words as a list in a sentence.

    Example:
        >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
        ('a', 'a and b', 'a, b and c')
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _named(category: str) -> str:
    return "things we could not place" if category == "other" else IN_WORDS.get(category, category)


def _balance(month: Month) -> str:
    came, went = (about(amount, month.currency) for amount in (month.income, month.spent))
    left = month.income - month.spent
    if month.income <= 0:
        return f"In {month.name}, {went} went out and no income came in."
    if abs(left) < BALANCED * month.income:
        return f"In {month.name}, {came} came in and about as much went out."
    ending = (
        f"so {about(left, month.currency)} were left"
        if left >= 0
        else f"which is {about(left, month.currency)} more than came in"
    )
    return f"In {month.name}, {came} came in and {went} went out, {ending}."


def _against(month: Month) -> str:
    if month.usual is None or month.usual <= 0:
        return ""
    more = month.spent - month.usual
    if abs(more) < max(0.05 * month.usual, DIFFERS_MIN * unit_of(month.currency)):
        return "That is about what you spend in a usual month."
    word = "more" if more > 0 else "less"
    return f"That is about {about(more, month.currency)} {word} than you spend in a usual month."


def _largest(month: Month) -> str:
    rows = [line for line in month.lines if line.spent > 0][:LARGEST]
    if not rows:
        return ""
    named = [f"{_named(row.category)} ({about(row.spent, month.currency)})" for row in rows]
    return f"Most of it went on {listed(named)}."


def _differences(month: Month) -> str:
    """What was most different from its own usual month, both ways."""
    least = DIFFERS_MIN * unit_of(month.currency)
    found = []
    for line in month.lines:
        if line.usual is None or line.category == "fees" or line.category in BILLS:
            continue
        more = line.spent - line.usual
        if abs(more) >= max(least, DIFFERS_BY * line.usual):
            found.append((more, line.category))
    found.sort(key=lambda pair: (-abs(pair[0]), pair[1]))
    told = [
        f"about {about(more, month.currency)} {'more' if more > 0 else 'less'} than usual on {_named(category)}"
        for more, category in found[:DIFFERENT]
    ]
    return f"You spent {listed(told)}." if told else ""
