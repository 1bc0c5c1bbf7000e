"""What scarce things cost: a price a snapshot for items that the bank can give only so many of.

Stage: 8 of 8. In: lessons. Out: a price by item, in units of 10 EUR, which the committee's scores bear.

A budget is completions a day. What was taken up fills a bucket and time drains it at the budget's rate; what
lies above one day's budget is the overspend, and the price rises in proportion to it. That is the dual step of
a primal-dual method, reflected at zero: without scarcity there is no price, and with it those who gain least
from an item give way first. It is soft: a price steers, and does not forbid.
Source: Agrawal & Devanur 2014, "Bandits with concave rewards and convex knapsacks" (dual prices); the reflected
walk is a leaky bucket (Turner 1986).
"""

from collections.abc import Mapping

from schemas.base import DAY_MS
from schemas.decisions import Lesson

PER_DAY = 2.0
"""The price of one day's budget spent ahead of time, in units of 10 EUR."""
PRICE_MAX = 64.0
"""As large as a label can be: then nothing is worth it."""
STEPS = 1024.0
REMEMBERED = 65_536
"""Completions of budgeted items that are known again when their money comes."""
COMPLETED: frozenset[str] = frozenset({"completed", "value"})


class Prices:
    """The budgets of items, and how far they are overspent; a pure function of the lessons in their order."""

    def __init__(self, budgets: Mapping[str, float], *, per_day: float = PER_DAY) -> None:
        """Begin with nothing spent.

        Args:
            budgets: Item → completions a day, above 0.
            per_day: The price of a day's budget spent ahead of time.
        """
        self._budgets = dict(budgets)
        self._per_day = per_day
        self._levels = dict.fromkeys(budgets, 0.0)
        self._now_ms: int | None = None
        self._spent: dict[str, None] = {}

    def see(self, lesson: Lesson) -> None:
        """Take a reward lesson: time passes to it, and a completion of a budgeted item is spent, once.

        Example:
            >>> prices = Prices({"visit": 1.0})
            >>> for number in range(3):
            ...     prices.see(Lesson(f"l{number}", "reward", "c", 0, f"d{number}", "visit", outcome="completed"))
            >>> prices.now()
            {'visit': 4.0}
            >>> prices.see(Lesson("l9", "reward", "c", 4 * DAY_MS, "d9", "other"))
            >>> prices.now()
            {}
        """
        if not self._budgets:
            return
        passed = 0 if self._now_ms is None else max(lesson.at_ms - self._now_ms, 0)
        self._now_ms = lesson.at_ms if self._now_ms is None else self._now_ms + passed
        if passed:
            for item, budget in self._budgets.items():
                self._levels[item] = max(self._levels[item] - budget * passed / DAY_MS, 0.0)
        if lesson.action not in self._budgets or lesson.outcome not in COMPLETED:
            return
        # Money realised later is of a completion that was counted.
        if lesson.decision_id not in self._spent:
            self._levels[lesson.action] += 1.0
            self._remember(lesson.decision_id)

    def now(self) -> dict[str, float]:
        """The prices above zero, by item, on the 2^-10 grid."""
        prices = {}
        for item, budget in sorted(self._budgets.items()):
            over = max(self._levels[item] / budget - 1.0, 0.0)
            price = round(min(self._per_day * over, PRICE_MAX) * STEPS) / STEPS
            if price > 0.0:
                prices[item] = price
        return prices

    def _remember(self, decision_id: str) -> None:
        self._spent[decision_id] = None
        if len(self._spent) > REMEMBERED:
            del self._spent[next(iter(self._spent))]
