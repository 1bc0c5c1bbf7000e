"""How far the money goes: reserves, lows, fixed costs, trends of the weeks, and the days until the next pay.

Stage: 2 of 8, when read. In: memory of ``cash``. Out: feature values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from struct import Struct
from typing import Any

from operators.features import balances, rings, weeks
from operators.features.cash import PENDING_DAYS, UNPAID_DAYS, pending_minor, salary_of
from operators.features.money import MONTH_DAYS, unit_of
from operators.features.payday import Payer
from operators.features.views.lens import Lens, Reading, ratio, share
from schemas.base import DAY_MS, Source
from schemas.customer import Memory

_LOWS = Struct(f"<{balances.LOW_DAYS}f")
LOW_WINDOW_DAYS = 30
WHOLE_WEEKS = 12
RECENT_WEEKS = 4
THIN_SHARE = 0.1
"""A balance is thin below a tenth of a month's spending."""
RUNWAY_DAYS_MAX = 3650.0


@dataclass(frozen=True)
class Purse:
    """Money here at an instant, major units; weeks are whole ones, the newest first.

    ``lows`` are the lowest balances of the last days, the newest first. ``month_*`` are means of a month over 91 days.
    ``pay`` is the main pay, ``payers`` how many pay at all.
    """

    balance: float
    pending: list[float]
    pending_total: float
    accounts: list[float]
    lows: list[float]
    income: list[float]
    spending: list[float]
    debt: list[float]
    housing: list[float]
    month_income: float
    month_spending: float
    month_debt: float
    month_housing: float
    pay: Payer | None
    payers: int
    today: int
    unit: int

    @property
    def available(self) -> float:
        """The balance once what is authorised is booked."""
        return self.balance + self.pending_total

    @property
    def fixed(self) -> float:
        """What housing and repayments take a month."""
        return self.month_debt + self.month_housing

    @cached_property
    def days_to_pay(self) -> float:
        """Days to the next pay; `UNPAID_DAYS` if none is known."""
        if self.pay is None:
            return float(UNPAID_DAYS)
        return float(min(UNPAID_DAYS, max(0, self.pay.due - self.today)))


def look(memories: Mapping[str, Memory], now_ms: int) -> Purse | None:
    """The money here at an instant."""
    memory = memories.get("cash")
    if not memory:
        return None
    unit = unit_of(memory["currency"])
    today = max(now_ms // DAY_MS, memory["day"])
    late = today // 7 - memory["weeks"][0]
    bins = [weeks.shifted(kept, late) for kept in memory["weeks"][1:]]
    history_days = float(today - memory["first"])
    means = [
        max(0.0, weeks.monthly(kept, today=today, history_days=history_days)) / unit
        for kept in bins
    ]
    whole = [[value / unit for value in kept[1 : WHOLE_WEEKS + 1]] for kept in bins]
    main = salary_of(memory, today=today)
    since = now_ms // DAY_MS - PENDING_DAYS
    balance = balances.total_minor(memory)
    return Purse(
        balance / unit,
        [amount / unit for amount, day in memory["pending"].values() if day >= since],
        pending_minor(memory, now_ms=now_ms) / unit,
        [account[1] / unit for account in memory["accounts"].values()],
        [low / unit for low in _lows(memory, today, float(balance))],
        whole[0],
        whole[1],
        whole[2],
        whole[3],
        means[0],
        means[1],
        means[2],
        means[3],
        None if main is None else main[1],
        sum(_pays(Payer(*kept), today) for kept in memory["pay"].values()),
        today,
        unit,
    )


def _pays(payer: Payer, today: int) -> bool:
    return payer.salary_like and today - payer.last <= max(45.0, 2.5 * payer.gap)


def _lows(memory: Mapping[str, Any], today: int, balance: float) -> list[float]:
    """The lowest balance of each of the last 30 days that are known, minor units, the newest first."""
    last, oldest = memory["day"], max(memory["first"], memory["day"] - balances.LOW_DAYS + 1)
    cells = _LOWS.unpack(rings.packed(memory["low"], newest=memory["day"]))
    return [
        balance if day > last else cells[day % balances.LOW_DAYS]
        for day in range(today, max(today - LOW_WINDOW_DAYS, oldest - 1), -1)
    ]


def _runway(purse: Purse) -> float:
    if purse.balance <= 0:
        return 0.0
    if purse.month_spending <= 0:
        return RUNWAY_DAYS_MAX
    return min(RUNWAY_DAYS_MAX, purse.balance / purse.month_spending * MONTH_DAYS)


def _thin(purse: Purse) -> float:
    return sum(low < THIN_SHARE * purse.month_spending for low in purse.lows)


def _trend(of: Callable[[Purse], list[float]]) -> Callable[[Purse], float]:
    """Four weeks over the mean of twelve, by week; 1 where there is nothing to compare with."""

    def trend(purse: Purse) -> float:
        kept = of(purse)
        return ratio(sum(kept[:RECENT_WEEKS]) / RECENT_WEEKS, sum(kept) / WHOLE_WEEKS, unknown=1.0)

    return trend


def _unevenness(kept: list[float]) -> float:
    mean = sum(kept) / WHOLE_WEEKS
    return ratio(sqrt(sum((week - mean) ** 2 for week in kept) / WHOLE_WEEKS), mean)


def _recent(of: Callable[[Purse], list[float]]) -> Callable[[Purse], float]:
    return lambda purse: sum(of(purse)[:RECENT_WEEKS])


def _paid(of: Callable[[Payer, Purse], float], unknown: float = 0.0) -> Callable[[Purse], float]:
    return lambda purse: unknown if purse.pay is None else of(purse.pay, purse)


BUDGET_VIEW: Lens[Purse] = Lens(
    "budget",
    slots=("cash",),
    sources=(Source.TRANSACTIONS,),
    owner="payments",
    look=look,
    readings=(
        Reading("available_eur", "major", "Booked balance with what is authorised and not booked yet.",
                "the money that you can use", lambda p: p.available),
        Reading("pending_eur", "major", "Authorised and not booked yet.", "payments on their way", lambda p: p.pending_total, 7),
        Reading("pending_count", "count", "Movements authorised and not booked yet.", "payments on their way",
                lambda p: len(p.pending), 7),
        Reading("accounts_count", "count", "Accounts here with a movement.", "your accounts with us", lambda p: len(p.accounts)),
        Reading("overdrawn_count", "count", "Accounts here below zero.", "your accounts below zero",
                lambda p: sum(balance < 0 for balance in p.accounts)),
        Reading("main_account_share", "0..1", "Share of the money here that is on the fullest account.",
                "where your money lies", lambda p: share(max(p.accounts), sum(max(0.0, a) for a in p.accounts))),
        Reading("runway_days", "days", "Days that the balance lasts at the quarter's spending, at most ten years.",
                "how long your money would last", _runway, 91),
        Reading("reserve_months", "months", "Lowest balance of 30 days over a month's spending.",
                "your reserve", lambda p: ratio(min(p.lows), p.month_spending), 91),
        Reading("low_7d_eur", "major", "Lowest balance of the last 7 days.", "the lowest your balance was this week",
                lambda p: min(p.lows[:7]), 7),
        Reading("above_low_eur", "major", "Balance now over the lowest of 30 days.", "how your balance moves",
                lambda p: p.balance - min(p.lows), 30),
        Reading("below_zero_30d", "days", "Days of the last 30 with a balance below zero.",
                "days on which you were below zero", lambda p: sum(low < 0 for low in p.lows), 30),
        Reading("thin_30d", "days", "Days of the last 30 with less than a tenth of a month's spending.",
                "days on which money was short", _thin, 30),
        Reading("low_mean_30d_eur", "major", "Mean of the lowest balances of the last 30 days.",
                "your usual balance", lambda p: sum(p.lows) / len(p.lows), 30),
        Reading("income_weeks_eur", "major", "Income of the last four whole weeks.", "your income", _recent(lambda p: p.income), 35),
        Reading("spending_weeks_eur", "major", "Money out of the last four whole weeks, savings apart.",
                "what you spend", _recent(lambda p: p.spending), 35),
        Reading("debt_weeks_eur", "major", "Repayments of the last four whole weeks.", "your repayments",
                _recent(lambda p: p.debt), 35),
        Reading("housing_weeks_eur", "major", "Rent or mortgage of the last four whole weeks.", "what your home costs",
                _recent(lambda p: p.housing), 35),
        Reading("income_trend", "ratio", "Income of four weeks over the mean of twelve; 1 if unknown.",
                "how your income develops", _trend(lambda p: p.income), 91, unknown=1.0),
        Reading("spending_trend", "ratio", "Money out of four weeks over the mean of twelve; 1 if unknown.",
                "how your spending develops", _trend(lambda p: p.spending), 91, unknown=1.0),
        Reading("debt_trend", "ratio", "Repayments of four weeks over the mean of twelve; 1 if unknown.",
                "how your repayments develop", _trend(lambda p: p.debt), 91, unknown=1.0),
        Reading("fixed_month_eur", "major / month", "What housing and repayments take a month, over 91 days.",
                "your fixed costs", lambda p: p.fixed, 91),
        Reading("fixed_share", "0..1", "Share of income that housing and repayments take, 91 days.",
                "your fixed costs", lambda p: share(p.fixed, p.month_income), 91),
        Reading("free_month_eur", "major / month", "Income of a month less housing and repayments, 91 days.",
                "what is yours to spend", lambda p: p.month_income - p.fixed, 91),
        Reading("left_month_eur", "major / month", "Income of a month less all money out, 91 days.",
                "what is left of your income", lambda p: p.month_income - p.month_spending, 91),
        Reading("living_month_eur", "major / month", "Money out of a month but for housing and repayments, 91 days.",
                "what you live on", lambda p: max(0.0, p.month_spending - p.fixed), 91),
        Reading("spending_unevenness", "ratio", "Standard deviation of weekly money out over its mean, twelve weeks.",
                "how uneven your weeks are", lambda p: _unevenness(p.spending), 91),
        Reading("income_unevenness", "ratio", "Standard deviation of weekly income over its mean, twelve weeks.",
                "how uneven your income is", lambda p: _unevenness(p.income), 91),
        Reading("dear_weeks", "count", "Of twelve whole weeks, those that cost more than they brought.",
                "weeks in which you spent more than you earned",
                lambda p: sum(s > i for s, i in zip(p.spending, p.income, strict=True)), 91),
        Reading("dearest_week_eur", "major", "The dearest of twelve whole weeks.", "your dearest week",
                lambda p: max(p.spending), 91),
        Reading("payers_count", "count", "Payers that pay like a salary and have not fallen silent.",
                "how many pay you", lambda p: p.payers),
        Reading("pay_eur", "major", "What the main pay brings each time.", "your pay", _paid(lambda pay, p: pay.amount / p.unit)),
        Reading("pay_month_eur", "major / month", "What the main pay brings a month.", "your pay",
                _paid(lambda pay, p: pay.monthly_amount / p.unit)),
        Reading("pay_gap_days", "days", "Days between two payments of the main pay; 0 after one.",
                "how often you are paid", _paid(lambda pay, _: pay.gap)),
        Reading("pay_change_ratio", "ratio", "The last pay over the usual one; 1 if unknown.", "how your pay changed",
                _paid(lambda pay, _: ratio(pay.latest, pay.amount, unknown=1.0), 1.0), unknown=1.0),
        Reading("pay_wobble", "ratio", "Mean deviation of the main pay over its amount.", "how steady your pay is",
                _paid(lambda pay, _: ratio(pay.amount_deviation, pay.amount))),
        Reading("pay_share", "0..1", "Share of the quarter's income that is the main pay.", "what your pay is of your income",
                _paid(lambda pay, p: share(pay.monthly_amount / p.unit, p.month_income)), 91),
        Reading("pay_known_days", "days", "Days since the main pay was first seen.", "how long you have had this pay",
                _paid(lambda pay, p: p.today - pay.first)),
        Reading("pay_late_days", "days", "Days that the main pay is overdue.", "whether your pay is late",
                _paid(lambda pay, p: max(0, p.today - pay.due))),
        Reading("days_to_pay", "days", f"Days to the next pay; {UNPAID_DAYS} if none is known.", "how long to your next pay",
                lambda p: p.days_to_pay, unknown=float(UNPAID_DAYS)),
        Reading("a_day_to_pay_eur", "major / day", "What can be spent a day until the next pay.",
                "what you can spend a day until you are paid",
                lambda p: max(0.0, p.available) / max(1.0, p.days_to_pay)),
    ),
)  # fmt: skip
"""Reserves and pay."""
