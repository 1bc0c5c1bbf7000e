"""When money comes and goes: windows, trends, weekdays, parts of the month, quiet days, the week after pay.

Stage: 2 of 8, when read. In: memory of ``recurring``. Out: feature values.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import sqrt
from struct import Struct

from operators.features import book
from operators.features.money import MONTH_DAYS, unit_of
from operators.features.schedule import day_of_month
from operators.features.views.lens import Lens, Reading, ratio, share
from schemas.base import DAY_MS, Source
from schemas.customer import Memory

_ROW = Struct(f"<{book.DAYS}e")
_WEEKS = Struct(f"<{book.WEEKS}e")
WEEKDAYS = ("mondays", "tuesdays", "wednesdays", "thursdays", "fridays", "saturdays", "sundays")
WEEKDAY_WINDOW_DAYS = 84
QUARTER_DAYS = 90
HALF_YEAR_DAYS = 180
AFTER_PAY_DAYS = 7
QUIET_DAYS = 30
_SATURDAY = 5
_EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday, counted from Monday."""
_THIRDS = (10, 20)
"""The last days of the first and of the second third of a month."""
_RECENT_WEEKS = 4
_NOTHING = 1e-9


@dataclass(frozen=True)
class Days:
    """Money by day in major units, today first; `book.DAYS` long.

    ``out`` is money out less what came back, ``income`` what came in, ``net`` all of it. ``until_*`` are
    running sums of them. ``known`` is for how many days anything is known. ``peaks`` is the largest payment of
    each week, the running one first.
    """

    today: int
    known: int
    out: list[float]
    income: list[float]
    net: list[float]
    until_out: list[float]
    until_income: list[float]
    until_net: list[float]
    peaks: list[float]

    def monthly(self, until: list[float], days: int) -> float:
        """The mean of a month over a window, or over what is known of it, at least a month."""
        return until[days - 1] * MONTH_DAYS / max(MONTH_DAYS, min(days, self.known))

    @cached_property
    def weekdays(self) -> list[float]:
        """Money out by weekday over twelve whole weeks, Mondays first; never below zero."""
        start = (self.today + _EPOCH_WEEKDAY) % 7
        return [
            max(0.0, sum(self.out[(start - weekday) % 7 : WEEKDAY_WINDOW_DAYS : 7]))
            for weekday in range(7)
        ]

    @cached_property
    def thirds(self) -> list[float]:
        """Money out of a quarter by the third of the month that it falls in; never below zero."""
        parts = [0.0, 0.0, 0.0]
        for back, out in enumerate(self.out[:QUARTER_DAYS]):
            day = day_of_month(self.today - back)
            parts[(day > _THIRDS[0]) + (day > _THIRDS[1])] += out
        return [max(0.0, part) for part in parts]

    @cached_property
    def spent(self) -> list[float]:
        """Money out of each day of a quarter; what came back is not taken off."""
        return [max(0.0, amount) for amount in self.out[:QUARTER_DAYS]]

    @cached_property
    def paydays(self) -> list[int]:
        """How many days ago real money came in: days of at least a quarter of the largest income."""
        income = self.income[:QUARTER_DAYS]
        least = max(_NOTHING, max(income) / 4)
        return [back for back, amount in enumerate(income) if amount >= least]


def look(memories: Mapping[str, Memory], now_ms: int) -> Days | None:
    """The days up to an instant."""
    memory = memories.get("recurring")
    if not memory or not isinstance(memory, bytes):
        return None
    memory = book.current(memory)
    head = book.head(memory)
    scale = book.SCALE / unit_of(head.currency.decode())
    today = max(now_ms // DAY_MS, head.last)
    nets, _, incomes = (_ROW.unpack_from(memory, row) for row in book.ROWS_AT)
    gone = min(book.DAYS, today - head.last)
    at = head.last % book.DAYS
    kept = book.DAYS - gone
    net = [0.0] * gone + [cell * scale for cell in (nets[at::-1] + nets[:at:-1])[:kept]]
    income = [0.0] * gone + [cell * scale for cell in (incomes[at::-1] + incomes[:at:-1])[:kept]]
    out = [i - n for i, n in zip(income, net, strict=True)]
    weekly = _WEEKS.unpack_from(memory, book.WEEKS_AT)
    week = head.last // 7
    ago = today // 7 - week
    peaks = [0.0] * min(ago, book.WEEKS)
    peaks += [weekly[(week - back) % book.WEEKS] * scale for back in range(book.WEEKS - len(peaks))]
    return Days(
        today, today - head.first + 1, out, income, net,
        list(accumulate(out)), list(accumulate(income)), list(accumulate(net)), peaks,
    )  # fmt: skip


def _weekday(weekday: int) -> Callable[[Days], float]:
    def of(days: Days) -> float:
        found = days.weekdays
        return share(found[weekday], sum(found))

    return of


def _weekend(days: Days) -> float:
    found = days.weekdays
    return share(sum(found[_SATURDAY:]), sum(found))


def _third(third: int) -> Callable[[Days], float]:
    def of(days: Days) -> float:
        spent = days.thirds
        return share(spent[third], sum(spent))

    return of


def _longest_quiet(days: Days) -> float:
    longest = run = 0
    for out in days.out[: min(QUIET_DAYS, days.known)]:
        run = run + 1 if out <= _NOTHING else 0
        longest = max(longest, run)
    return longest


def _quiet(days: Days) -> float:
    return sum(out <= _NOTHING for out in days.out[: min(QUIET_DAYS, days.known)])


def _around_pay(days: Days, *, after: bool) -> float:
    """The share of a quarter's money out that falls into the week from a payday on, or into the week before one."""
    step = -1 if after else 1
    ways = range(AFTER_PAY_DAYS) if after else range(1, AFTER_PAY_DAYS + 1)
    near = {back + step * k for back in days.paydays for k in ways}
    spent = days.spent
    return share(sum(spent[back] for back in near if 0 <= back < QUARTER_DAYS), sum(spent))


def _swing(days: Days) -> float:
    out = days.out[:QUIET_DAYS]
    mean = sum(out) / len(out)
    deviation = sqrt(sum((amount - mean) ** 2 for amount in out) / len(out))
    return ratio(deviation, mean)


def _windows() -> Iterator[Reading[Days]]:
    def until(days: int, of: Callable[[Days], list[float]]) -> Callable[[Days], float]:
        return lambda seen: of(seen)[days - 1]

    for days in (7, 14, 30, 60, 90, 180):
        yield Reading(f"out_{days}d_eur", "major", f"Money out of the last {days} days less what came back.",
                      "what you spend", until(days, lambda d: d.until_out), days)  # fmt: skip
    for days in (7, 30, 60, 90, 180):
        yield Reading(f"income_{days}d_eur", "major", f"Income of the last {days} days.",
                      "your income", until(days, lambda d: d.until_income), days)  # fmt: skip
    for days in (7, 14, 60, 90, 180):
        yield Reading(f"net_{days}d_eur", "major", f"Money in less money out of the last {days} days.",
                      "what was left of your money", until(days, lambda d: d.until_net), days)  # fmt: skip
    for weekday, name in enumerate(WEEKDAYS):
        yield Reading(f"{name}_share", "0..1", f"Share of twelve weeks' money out that fell on {name.title()}.",
                      "on which days you spend", _weekday(weekday), WEEKDAY_WINDOW_DAYS)  # fmt: skip
    for third, name in enumerate(("early", "middle", "late")):
        yield Reading(f"{name}_month_share", "0..1", f"Share of a quarter's money out in the {name} days of the month.",
                      "when in the month you spend", _third(third), QUARTER_DAYS)  # fmt: skip


RHYTHM_VIEW: Lens[Days] = Lens(
    "rhythm",
    slots=("recurring",),
    sources=(Source.TRANSACTIONS,),
    owner="payments",
    look=look,
    readings=(
        *_windows(),
        Reading("weekend_share", "0..1", "Share of twelve weeks' money out on Saturdays and Sundays.",
                "what you spend on weekends", _weekend, WEEKDAY_WINDOW_DAYS),
        Reading("out_week_ratio", "ratio", "Money out of a week over a week's mean of 90 days; 1 if unknown.",
                "how this week compares",
                lambda d: ratio(d.until_out[6], d.monthly(d.until_out, QUARTER_DAYS) * 7 / MONTH_DAYS, unknown=1.0),
                QUARTER_DAYS, unknown=1.0),
        Reading("out_month_ratio", "ratio", "Money out of 30 days over a month's mean of 180; 1 if unknown.",
                "how this month compares",
                lambda d: ratio(d.monthly(d.until_out, 30), d.monthly(d.until_out, HALF_YEAR_DAYS), unknown=1.0),
                HALF_YEAR_DAYS, unknown=1.0),
        Reading("income_month_ratio", "ratio", "Income of 30 days over a month's mean of 180; 1 if unknown.",
                "how your income compares",
                lambda d: ratio(d.monthly(d.until_income, 30), d.monthly(d.until_income, HALF_YEAR_DAYS), unknown=1.0),
                HALF_YEAR_DAYS, unknown=1.0),
        Reading("quiet_days_30d", "days", "Days of the last 30, as far as known, without money out.",
                "days on which you spent nothing", _quiet, QUIET_DAYS),
        Reading("longest_quiet_30d", "days", "Longest run of such days within the last 30.",
                "days in a row on which you spent nothing", _longest_quiet, QUIET_DAYS),
        Reading("busiest_day_share", "0..1", "Share of 30 days' money out that left on the dearest day.",
                "your dearest day", lambda d: share(max(d.out[:30]), sum(max(0.0, o) for o in d.out[:30])), 30),
        Reading("income_days_90d", "days", "Days of the last 90 with income.",
                "how often money comes in", lambda d: sum(i > _NOTHING for i in d.income[:QUARTER_DAYS]), QUARTER_DAYS),
        Reading("after_pay_share", "0..1", "Share of a quarter's money out in the seven days from a payday on.",
                "what you spend right after pay", lambda d: _around_pay(d, after=True), QUARTER_DAYS),
        Reading("before_pay_share", "0..1", "Share of a quarter's money out in the seven days before a payday.",
                "what you spend right before pay", lambda d: _around_pay(d, after=False), QUARTER_DAYS),
        Reading("swing", "ratio", "Standard deviation of a day's money out over its mean, 30 days.",
                "how uneven your days are", _swing, QUIET_DAYS),
        Reading("peak_eur", "major", "Largest single payment of 28 weeks.",
                "your largest payment", lambda d: max(d.peaks), 196),
        Reading("peak_ratio", "ratio", "Largest payment of four weeks over that of the 24 before; 1 if unknown.",
                "your largest payment lately",
                lambda d: ratio(max(d.peaks[:_RECENT_WEEKS]), max(d.peaks[_RECENT_WEEKS:]), unknown=1.0),
                196, unknown=1.0),
    ),
)  # fmt: skip
"""Days, weeks and parts of the month, from half a year of days."""
