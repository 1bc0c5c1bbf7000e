"""Payments out of the ordinary: unusual for their category, or large against the last three months.

Stage: 3 of 8. In: transaction.booked. Out: spend.unusual, expense.large, fees.high.
"""

from collections.abc import Sequence
from typing import Any, Final

from operators.contracts import Moment, Slot
from operators.features import weeks
from operators.features.money import Flow, flow_of, unit_of
from operators.triggers.words import about
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked
from schemas.signals import Signal

PLANNED = frozenset({"housing", "debt", "savings", "tax"})
"""Categories of obligations and plans, which are no spending habits."""
TENTHS: Final = 10
"""Of a minor unit: what usual amounts are rounded to."""
IN_WORDS = {
    "dining": "eating out",
    "home": "your home",
    "housing": "housing",
    "shopping": "shopping",
    "other": "one payment",
    "cash": "cash",
}


def _payment(moment: Moment) -> tuple[TransactionBooked, Flow] | None:
    """The payment of this moment, if it is money spent, and recent."""
    event = moment.event
    if not isinstance(event, TransactionBooked) or event.amount_minor >= 0:
        return None
    flow = flow_of(event)
    if flow.refund or flow.category in PLANNED or flow.day < moment.now_ms // DAY_MS - 7:
        return None
    return event, flow


def _minor(kept: Sequence[Any]) -> tuple[int, float, float, int]:
    """Count, usual amount, deviation (minor units) and instant; version 1 kept amounts as floats of minor units."""
    count, usual, deviation, said_ms = kept
    if isinstance(usual, float):
        return int(count), usual, deviation, int(said_ms)
    return int(count), usual / TENTHS, deviation / TENTHS, int(said_ms)


def _month_minor(moment: Moment, currency: str) -> float:
    """A month of own spending, minor units."""
    return moment.features.get("cash.spend_month_eur", 0.0) * unit_of(currency)


class UnusualSpend:
    """A payment far above the customer's own in the same category.

    Memory: category → [count, usual amount, its mean deviation, instant last said]; amounts in tenths of a
    minor unit, and capped at three deviations before they teach, so that one outlier doesn't hide the next.

    Source: winsorised exponential smoothing; Huber 1964 on robust location.
    """

    name: str = "unusual_spend"
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    needs: tuple[str, ...] = ("feature:cash.spend_month_eur",)
    emits: tuple[str, ...] = ("spend.unusual",)
    slot: Slot | None = Slot("unusual_spend", Source.TRANSACTIONS, dict, version=2)
    count_min: int = 8
    score_min: float = 5.0
    ratio_min: float = 2.5
    month_share_min: float = 0.05
    rest_days: int = 7

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Compare with the past, then learn."""
        payment = _payment(moment)
        if payment is None:
            return memory, ()
        event, flow = payment
        spent = float(-flow.amount_minor)
        count, usual, deviation, said_ms = _minor(memory.get(flow.category, (0, spent, 0.0, 0)))
        spread = max(1.25 * deviation, 0.25 * usual, 1.0)
        score = (spent - usual) / spread
        fires = (
            count >= self.count_min
            and score >= self.score_min
            and spent >= self.ratio_min * usual
            and moment.now_ms - said_ms >= self.rest_days * DAY_MS
            and spent >= self.month_share_min * _month_minor(moment, event.currency)
        )
        rate = max(0.1, 1 / (count + 1))
        taught = min(spent, usual + 3 * spread)
        learnt = [
            count + 1,
            round(TENTHS * (usual + rate * (taught - usual))),
            round(TENTHS * (deviation + rate * (abs(taught - usual) - deviation))),
            moment.now_ms if fires else said_ms,
        ]
        made = {**memory, flow.category: learnt}
        if not fires:
            return made, ()
        what = IN_WORDS.get(flow.category, flow.category)
        signal = Signal(
            name="spend.unusual",
            strength=round(min(1.0, score / 20 + 0.4), 3),
            sources=(Source.TRANSACTIONS,),
            words=f"You spent about {about(spent, event.currency)} on {what}, "
            "more than you usually do at once.",
            evidence={
                "category": flow.category,
                "amount_minor": -flow.amount_minor,
                "usual_minor": round(usual),
                "score": round(score, 2),
                "currency": event.currency,
            },
            insight=True,
        )
        return made, (signal,)


class LargeExpense:
    """A payment of one and a half times the largest of the quarter before.

    Memory: [newest week, 14 maxima in minor units, newest first].
    """

    name: str = "large_expense"
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    needs: tuple[str, ...] = ("feature:cash.history_days", "feature:cash.spend_month_eur")
    emits: tuple[str, ...] = ("expense.large",)
    slot: Slot | None = Slot("large_expense", Source.TRANSACTIONS, list)
    history_days_min: int = 60
    ratio_min: float = 1.5
    month_share_min: float = 0.2

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Compare with the maxima, then keep the new one."""
        payment = _payment(moment)
        if payment is None:
            return memory, ()
        event, flow = payment
        spent, week = -flow.amount_minor, flow.day // 7
        newest_week, *maxima = memory or [week, *[0] * weeks.WEEKS]
        newest = max(newest_week, week)
        bins = [int(value) for value in weeks.shifted(maxima, newest - newest_week)]
        largest = max(bins)
        age = newest - week
        if age < weeks.WEEKS:
            bins[age] = max(bins[age], spent)
        made = [newest, *bins]
        if (
            largest <= 0
            or spent < self.ratio_min * largest
            or moment.features.get("cash.history_days", 0.0) < self.history_days_min
            or spent < self.month_share_min * _month_minor(moment, event.currency)
        ):
            return made, ()
        signal = Signal(
            name="expense.large",
            strength=round(min(1.0, 0.3 + 0.2 * spent / largest), 3),
            sources=(Source.TRANSACTIONS,),
            words=f"You made a payment of about {about(spent, event.currency)}, "
            "your largest in three months.",
            evidence={
                "amount_minor": spent,
                "largest_before_minor": largest,
                "currency": event.currency,
            },
        )
        return made, (signal,)


class FeesHigh:
    """Fees that add up. Memory: ``said``, when that was last said."""

    name: str = "fees_high"
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    needs: tuple[str, ...] = (
        "slot:cash",
        "feature:spend.fees_90d_eur",
        "feature:cash.spend_month_eur",
    )
    emits: tuple[str, ...] = ("fees.high",)
    slot: Slot | None = Slot("fees_high", Source.TRANSACTIONS, dict)
    fees_min: float = 12.0
    spending_share_min: float = 0.004
    rest_days: int = 30

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Look when a fee is booked."""
        payment = _payment(moment)
        if payment is None or payment[1].category != "fees":
            return memory, ()
        said_ms = memory.get("said")
        if said_ms is not None and moment.now_ms - said_ms < self.rest_days * DAY_MS:
            return memory, ()
        fees = moment.features.get("spend.fees_90d_eur", 0.0)
        quarter = 3 * moment.features.get("cash.spend_month_eur", 0.0)
        if fees < self.fees_min or fees < self.spending_share_min * quarter:
            return memory, ()
        currency = payment[0].currency
        paid = about(fees * unit_of(currency), currency)
        signal = Signal(
            name="fees.high",
            strength=round(min(1.0, 0.4 + fees / 150), 3),
            sources=(Source.TRANSACTIONS,),
            words=f"You paid about {paid} in fees over the last three months.",
            evidence={"fees_90d": round(fees, 2), "currency": currency},
            hold_ms=14 * DAY_MS,
            insight=True,
        )
        return {"said": moment.now_ms}, (signal,)
