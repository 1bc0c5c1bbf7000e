"""Calendar months of spending by category: what is more than usual while it happens, and the month in words.

Stage: 3 of 8. In: movements, visits, ticks. Out: spend.above_usual, month.summary.

Memory: ``month`` newest month, ``first`` day known, ``sums`` category → `MONTHS` sums in minor units, newest first
(refunds taken off), ``income`` and ``saved`` the same, ``said`` category → month of the last word, ``told`` the last
month that was told.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from operators.contracts import Moment, Slot
from operators.features.money import Flow, flow_of, unit_of
from operators.features.recurring import mature_of
from operators.insights import story
from operators.insights.calendar import first_day, month_of, name_of, told_ms
from operators.triggers.spending import IN_WORDS
from operators.triggers.words import about
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked
from schemas.signals import Signal

MONTHS: Final = 7
"""The month that is running and six before it."""
USUAL_MIN: Final = 2
"""Whole months of a category before there is a usual one."""
UNTOLD = story.BILLS | {"fees", "other"}
"""Not said to be more than usual: bills fall on other days, fees have a word of their own."""
PARTS: tuple[str, ...] = ("income", "saved")


def shifted(bins: Sequence[int], months: int) -> list[int]:
    """Sums after some months have passed.

    Example:
        >>> shifted([5, 4, 3], 1)
        [0, 5, 4]
    """
    return ([0] * months + list(bins))[: len(bins)] if months > 0 else list(bins)


def folded(memory: Memory, flow: Flow) -> dict[str, Any]:
    """The memory with one movement, which lands in its own month, however late it comes."""
    month = month_of(flow.day)
    made = dict(memory) or {
        "month": month,
        "first": flow.day,
        "sums": {},
        "income": [0] * MONTHS,
        "saved": [0] * MONTHS,
        "said": {},
        "told": month - 1,
    }
    made["first"] = min(made["first"], flow.day)
    ahead = month - made["month"]
    if ahead > 0:
        made["month"] = month
        made["sums"] = {
            category: bins
            for category, old in made["sums"].items()
            if any(bins := shifted(old, ahead))
        }
        made |= {part: shifted(made[part], ahead) for part in PARTS}
    age, amount = made["month"] - month, flow.amount_minor
    if age >= MONTHS:
        return made
    outgoing = (amount < 0) is not flow.refund
    if flow.category == "savings":
        made["saved"] = _added(made["saved"], age, -amount)
    elif outgoing:
        bins = made["sums"].get(flow.category) or [0] * MONTHS
        made["sums"] = {**made["sums"], flow.category: _added(bins, age, -amount)}
    elif flow.category != "debt":
        made["income"] = _added(made["income"], age, amount)
    return made


def usual(memory: Mapping[str, Any], bins: Sequence[int], *, age: int) -> float | None:
    """The median of the whole months before the one of an age; None while too few are known.

    Args:
        memory: Of the slot.
        bins: Sums by month, newest first.
        age: How many months ago, 0 is the running one.
    """
    known = memory["month"] - month_of(memory["first"])
    # The first month is a whole one only when it was known from its beginning.
    whole = known if memory["first"] <= first_day(month_of(memory["first"])) + 1 else known - 1
    before: Sequence[Any] = bins[age + 1 : whole + 1]  # of two, the median may be half a unit
    return median(before) if len(before) >= USUAL_MIN else None


class SpendingMonths:
    """More than usual on something this month, and each month in words once it is over."""

    name: str = "spending_months"
    kinds: frozenset[str] = frozenset({"transaction.booked", "app.opened", "clock.ticked"})
    needs: tuple[str, ...] = ("slot:cash", "slot:recurring")
    emits: tuple[str, ...] = ("spend.above_usual", "month.summary")
    slot: Slot | None = Slot("spending_months", Source.TRANSACTIONS, dict)
    ratio_min: float = 1.3
    more_min: float = 40.0
    """In major units."""
    share_min: float = 0.03
    """Of a usual month's spending: less is not worth a word."""

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Fold a movement; say what stands out, and tell a month that is over."""
        event, cash = moment.event, moment.memories.get("cash")
        signals: list[Signal] = []
        if isinstance(event, TransactionBooked) and cash and _counts(event, cash):
            flow = flow_of(event)
            memory = folded(memory, flow)
            signal = self._above(memory, flow, moment, event.currency)
            if signal is not None:
                said = {**memory["said"], flow.category: memory["month"]}
                memory, signals = {**memory, "said": said}, [signal]
        if memory and cash:
            memory, told = _told(memory, moment, cash["currency"])
            signals += told
        return memory, signals

    def _above(
        self, memory: Mapping[str, Any], flow: Flow, moment: Moment, currency: str
    ) -> Signal | None:
        category, month = flow.category, memory["month"]
        running = month_of(flow.day) == month == month_of(moment.now_ms // DAY_MS)
        if not running or flow.refund or category in UNTOLD:
            return None
        if flow.amount_minor >= 0 or memory["said"].get(category) == month:
            return None
        bins = memory["sums"][category]
        often = usual(memory, bins, age=0)
        if often is None or often <= 0:
            return None
        spent, more, unit = bins[0], bins[0] - often, unit_of(currency)
        whole = usual(memory, _spent(memory), age=0) or 0.0
        if spent < self.ratio_min * often or more < max(
            self.more_min * unit, self.share_min * whole
        ):
            return None
        left = first_day(month + 1) - flow.day - 1
        days = f", with {left} days to go" if left > 1 else ""
        return Signal(
            name="spend.above_usual",
            strength=round(min(1.0, 0.3 + 0.3 * more / often), 3),
            sources=(Source.TRANSACTIONS,),
            words=f"You have spent about {about(spent, currency)} on "
            f"{IN_WORDS.get(category, category)} in {name_of(month)}{days}; "
            f"in a usual month it is about {about(often, currency)}.",
            evidence={
                "category": category,
                "spent_minor": spent,
                "usual_minor": round(often),
                "days_left": left,
                "currency": currency,
            },
            insight=True,
        )


def month_wakes(memories: Mapping[str, Memory], now_ms: int) -> dict[str, int]:
    """When the next month is told; one in which nothing happened isn't."""
    memory = memories.get("spending_months")
    if not memory:
        return {}
    newest = memory["month"]
    waiting = [told_ms(month) for month in (newest - 1, newest) if month > memory["told"]]
    return next(({"month": at_ms} for at_ms in waiting if at_ms > now_ms), {})


def _told(
    memory: dict[str, Any], moment: Moment, currency: str
) -> tuple[dict[str, Any], list[Signal]]:
    """The last month that is over and not told yet, in words; one known in part is passed over."""
    over = month_of(moment.now_ms // DAY_MS) - 1
    if over <= memory["told"] or moment.now_ms < told_ms(over):
        return memory, []
    made = {**memory, "told": over}
    age = memory["month"] - over
    from_start = memory["first"] <= first_day(over) + 1
    if not 0 <= age < MONTHS or not from_start:
        return made, []
    spent = _spent(memory)[age]
    income, saved = memory["income"][age], memory["saved"][age]
    if spent <= 0 and income <= 0:
        return made, []
    rows = sorted(
        (
            story.Line(category, bins[age], usual(memory, bins, age=age))
            for category, bins in memory["sums"].items()
        ),
        key=lambda line: (-line.spent, line.category),
    )
    month = story.Month(
        name=name_of(over),
        income=income,
        spent=spent,
        saved=saved,
        usual=usual(memory, _spent(memory), age=age),
        lines=tuple(rows),
        regular=_regular(moment),
        currency=currency,
    )
    signal = Signal(
        name="month.summary",
        strength=0.6,
        sources=(Source.TRANSACTIONS,),
        words=story.tell(month),
        evidence=story.figures(month),
        insight=True,
    )
    return made, [signal]


def _counts(event: TransactionBooked, cash: Mapping[str, Any]) -> bool:
    """Whether a movement is money in or out: in the account's currency, and not between own accounts."""
    own = event.counterparty is not None and event.counterparty in cash["accounts"]
    return event.currency == cash["currency"] and not own


def _added(bins: Sequence[int], age: int, amount: int) -> list[int]:
    return [total + amount if index == age else total for index, total in enumerate(bins)]


def _spent(memory: Mapping[str, Any]) -> list[int]:
    """What was spent by month over all categories."""
    return [sum(column) for column in zip([0] * MONTHS, *memory["sums"].values(), strict=True)]


def _regular(moment: Moment) -> tuple[int, float]:
    """How many regular payments there are, and what they take a month."""
    recurring = moment.memories.get("recurring")
    if not recurring:
        return 0, 0.0
    streams = mature_of(recurring, today=moment.now_ms // DAY_MS).values()
    out = [stream for stream in streams if stream.amount < 0]
    return len(out), sum(-stream.amount * 30.4375 / stream.gap for stream in out)
