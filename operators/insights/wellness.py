"""How healthy somebody's money is: spending, saving, borrowing and planning, each with what would raise it.

Stage: 3 of 8. In: features, months of spending. Out: wellness.score, once a month.

Each part is 0..100 by straight lines between anchors that are advice most households are given; what is left after
spending, how long reserves last, how much of income repayments take, whether anything is put aside and the bills
ahead are covered. The score is their mean. No part looks at what a customer has bought from us.

Source: the four parts after the Financial Health Network's FinHealth Score (spend, save, borrow, plan), with its bands
of 80 and 40; formulas are our own. Debt service of 36 % of income: the usual back-end limit of lenders.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from operators.contracts import Moment, Slot
from operators.features.money import unit_of
from operators.insights.calendar import month_of, told_ms
from operators.insights.story import listed
from operators.triggers.words import about
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.signals import Signal

HISTORY_DAYS_MIN = 75
HEALTHY, COPING = 80, 40
STEP = 20
"""Points between the goals that are named: a reachable step, not the summit."""
OVERDRAWN = 50
"""The most that borrowing can be while the account was below zero."""
MONTHS_FROM = 2.0
"""Reserves are told in days up to here."""
Money = Callable[[float], str]
Anchors = tuple[tuple[float, float], ...]
KEPT: Anchors = ((-0.2, 0), (0.0, 50), (0.1, 75), (0.2, 100))
"""Share of income that is not spent → points."""
FEES: Anchors = ((0.0, 100), (0.005, 70), (0.02, 0))
"""Share of spending that goes to fees."""
RESERVE: Anchors = ((0.0, 0), (1.0, 40), (3.0, 80), (6.0, 100))
"""Months of spending that the lowest balance of the month would last for."""
REPAYMENTS: Anchors = ((0.0, 100), (0.2, 80), (0.36, 50), (0.5, 0))
"""Share of income that goes to loans and cards."""
OWED: Anchors = ((0.0, 100), (0.25, 75), (1.0, 25), (2.0, 0))
"""Debts at other banks, mortgages apart, over a year's income."""
ASIDE: Anchors = ((0, 20), (1, 50), (2, 75), (3, 100))
"""Of the last three whole months, those in which something was put aside."""
COVER: Anchors = ((0.0, 0), (0.5, 60), (1.0, 100))
"""Lowest balance of the month over a month of regular bills."""
NEEDS: tuple[str, ...] = (
    "cash.history_days", "cash.income_month_eur", "cash.spend_month_eur", "cash.savings_rate",
    "cash.low_30d_eur", "cash.debt_service_share", "spend.fees_90d_eur", "recurring.outflow_month_eur",
    "openbank.accounts_count", "openbank.idle_cash_eur", "openbank.debt_eur",
)  # fmt: skip


@dataclass(slots=True, frozen=True)
class Part:
    """One of the four: its points, where it stands in words, and what would raise it."""

    name: str
    points: int
    words: str
    raised_by: str


def points(value: float, anchors: Anchors) -> float:
    """The points of a value on straight lines between anchors.

    Example:
        >>> points(0.05, KEPT), points(-1.0, KEPT), points(9.0, RESERVE)
        (62.5, 0.0, 100.0)
    """
    if value <= anchors[0][0]:
        return float(anchors[0][1])
    for (x, y), (x_next, y_next) in pairwise(anchors):
        if value <= x_next:
            return y + (y_next - y) * (value - x) / (x_next - x)
    return float(anchors[-1][1])


def needed(goal: float, anchors: Anchors) -> float:
    """The value that is worth so many points.

    Example:
        >>> needed(40, RESERVE), needed(20, RESERVE), round(needed(80, REPAYMENTS), 2)
        (1.0, 0.5, 0.2)
    """
    for (x, y), (x_next, y_next) in pairwise(anchors):
        if min(y, y_next) <= goal <= max(y, y_next):
            return x + (x_next - x) * (goal - y) / (y_next - y)
    return anchors[-1][0]


def goal_of(score: float) -> int:
    """The next step of twenty points that is worth naming.

    Example:
        >>> goal_of(0), goal_of(39), goal_of(95)
        (20, 60, 100)
    """
    return min(100, (int(score + 2) // STEP + 1) * STEP)


def parts(f: Mapping[str, float], *, months_aside: int, currency: str) -> tuple[Part, ...]:
    """The four parts from features.

    Args:
        f: The features of `NEEDS`, in major units.
        months_aside: Of the last three whole months, those with money put aside.
        currency: ISO 4217, for words.
    """

    def money(amount: float) -> str:
        return about(amount * unit_of(currency), currency)

    return (
        _spending(f, money),
        _saving(f, money),
        _borrowing(f, money),
        _planning(f, money, months_aside),
    )


def band(score: float) -> str:
    """Where a score stands, in a word.

    Example:
        >>> band(80), band(79.9), band(12)
        ('strong', 'fair', 'weak')
    """
    return "strong" if score >= HEALTHY else "fair" if score >= COPING else "weak"


class MoneyHealth:
    """The score of a month that is over. Memory: ``told`` month, and ``score`` of the one told last."""

    name: str = "money_health"
    kinds: frozenset[str] = frozenset({"transaction.booked", "app.opened", "clock.ticked"})
    needs: tuple[str, ...] = (
        "slot:cash",
        "slot:spending_months",
        *(f"feature:{name}" for name in NEEDS),
    )
    emits: tuple[str, ...] = ("wellness.score",)
    slot: Slot | None = Slot("money_health", Source.TRANSACTIONS, dict)

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Once a month, with the summary; not before the account is known well enough."""
        over = month_of(moment.now_ms // DAY_MS) - 1
        if memory.get("told", -1) >= over or moment.now_ms < told_ms(over):
            return memory, ()
        cash, months = moment.memories.get("cash"), moment.memories.get("spending_months")
        found = {name: moment.features.get(name, 0.0) for name in NEEDS}
        known = found["cash.history_days"] >= HISTORY_DAYS_MIN
        if not cash or not months or not known or found["cash.spend_month_eur"] <= 0:
            return {**memory, "told": over}, ()
        if not 0 <= months["month"] - over <= 1:
            return {**memory, "told": over}, ()
        age = months["month"] - over
        aside = sum(1 for saved in months["saved"][age : age + 3] if saved > 0)
        made = parts(found, months_aside=aside, currency=cash["currency"])
        score = round(sum(part.points for part in made) / len(made))
        elsewhere = found["openbank.accounts_count"] > 0
        before = memory.get("score")
        signal = Signal(
            name="wellness.score",
            strength=0.5,
            sources=(Source.TRANSACTIONS, Source.OPEN_BANKING)
            if elsewhere
            else (Source.TRANSACTIONS,),
            words=_words(made, score, before),
            evidence=_evidence(made, score, before),
            insight=True,
        )
        return {"told": over, "score": score}, (signal,)


def _words(made: Sequence[Part], score: int, before: int | None) -> str:
    change = ""
    if before is not None and before != score:
        change = f", {abs(score - before)} {'more' if score > before else 'less'} than last time"
    elif before is not None:
        change = ", as last time"
    weakest = min(made, key=lambda part: part.points)
    others = listed([f"{part.name} {part.points}" for part in made])
    told = f"Your money health is {score} of 100{change}: {others}. {weakest.words}"
    return f"{told} {weakest.raised_by}" if weakest.raised_by else told


def _evidence(made: Sequence[Part], score: int, before: int | None) -> dict[str, Any]:
    return {
        "score": score,
        "before": before,
        "band": band(score),
        "parts": [
            {
                "part": part.name,
                "score": part.points,
                "band": band(part.points),
                "words": part.words,
                "raised_by": part.raised_by,
            }
            for part in made
        ],
    }


def _spending(f: Mapping[str, float], money: Money) -> Part:
    kept, income, spent = (
        f["cash.savings_rate"],
        f["cash.income_month_eur"],
        f["cash.spend_month_eur"],
    )
    fees = f["spend.fees_90d_eur"]
    fee_points = 0.25 * points(fees / (3 * spent), FEES)
    if income <= 0:
        return Part("spending", round(fee_points), "No income came in.", "")
    score = 0.75 * points(kept, KEPT) + fee_points
    words = (
        f"You keep about {100 * kept:.0f} % of what you earn."
        if kept >= 0
        else f"You spend about {money(spent - income)} a month more than you earn."
    )
    goal = goal_of(score)
    wanted = (goal - fee_points) / 0.75
    raised = ""
    if wanted <= KEPT[-1][1]:
        less = (max(needed(wanted, KEPT), kept) - kept) * income
        raised = f"Spending {money(less)} less a month would bring it to {goal}."
    elif round(score) < KEPT[-1][1]:
        raised = f"You paid {money(fees)} in fees in three months; without them it would be higher."
    return Part("spending", round(score), words, raised)


def _saving(f: Mapping[str, float], money: Money) -> Part:
    spent = f["cash.spend_month_eur"]
    reserve = max(0.0, f["cash.low_30d_eur"]) + f["openbank.idle_cash_eur"]
    months = reserve / spent
    score = points(months, RESERVE)
    if 30 * months < 1:
        words = "At its lowest, this month's balance would not have lasted a day."
    elif months < MONTHS_FROM:
        words = f"What you have at hand would last about {30 * months:.0f} days."
    else:
        words = f"What you have at hand would last about {months:.0f} months."
    raised = ""
    if round(score) < RESERVE[-1][1]:
        goal = goal_of(score)
        more = needed(goal, RESERVE) * spent - reserve
        raised = f"{money(more)} more at hand would bring it to {goal}."
    return Part("saving", round(score), words, raised)


def _borrowing(f: Mapping[str, float], money: Money) -> Part:
    share, income = f["cash.debt_service_share"], f["cash.income_month_eur"]
    owed = f["openbank.debt_eur"] / (12 * income) if income > 0 else 0.0
    score = min(points(share, REPAYMENTS), points(owed, OWED))
    if f["cash.low_30d_eur"] < 0 and score > OVERDRAWN:
        overdrawn = f"Your balance was as low as {money(f['cash.low_30d_eur'])} below zero."
        raised = "Staying above zero for a month would raise it."
        return Part("borrowing", OVERDRAWN, overdrawn, raised)
    if share <= 0 and owed <= 0:
        return Part("borrowing", round(score), "Nothing goes to loans or cards.", "")
    words = f"Repayments take about {100 * share:.0f} % of what you earn."
    if points(owed, OWED) < points(share, REPAYMENTS):
        words = f"You owe about {money(f['openbank.debt_eur'])} at other banks."
        raised = "Paying it back raises this, the dearest first."
    elif score >= HEALTHY:
        raised = "Each loan that you finish brings it closer to 100."
    else:
        goal = goal_of(score)
        raised = f"At {100 * needed(goal, REPAYMENTS):.0f} % or less it would be {goal}."
    return Part("borrowing", round(score), words, raised)


def _planning(f: Mapping[str, float], money: Money, months_aside: int) -> Part:
    bills = f["recurring.outflow_month_eur"]
    low = max(0.0, f["cash.low_30d_eur"])
    cover = low / bills if bills > 0 else 1.0
    score = (points(months_aside, ASIDE) + points(cover, COVER)) / 2
    words = (
        f"You put something aside in {months_aside} of the last three months."
        if months_aside
        else "You put nothing aside in the last three months."
    )
    raised = ""
    if months_aside < ASIDE[-1][0]:
        better = (points(months_aside + 1, ASIDE) + points(cover, COVER)) / 2
        raised = f"Putting something aside in one month more would bring it to {better:.0f}."
    elif cover < 1:
        raised = f"Keeping {money(bills - low)} more for a month's bills would bring it to 100."
    return Part("planning", round(score), words, raised)
