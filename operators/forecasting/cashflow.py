"""Where the balance is going: regular payments on their dates, the rest as it went before.

Stage: 3 of 8. In: memories of cash and recurring. Out: Forecast | None.

One scenario of the next H days is the booked balance, plus what is authorised, plus the regular payments that fall due (each
weighed by the probability that its stream lives), plus H consecutive days of the customer's own past
without regular payments. Scenarios start three days apart and wrap around the end of the history, so that
a short history serves as well. P(shortfall) is the smoothed share of scenarios whose lowest day is under
the threshold.

Why not ARIMA or ETS: they refit per customer for milliseconds and rank no better on real accounts.
Source: circular block bootstrap, Politis and Romano 1992; smoothed indicator after Nadaraya 1964.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.features import book, weeks
from operators.features.balances import total_minor
from operators.features.cash import SPENDING, pending_minor
from operators.features.recurring import recurring_of
from operators.forecasting import block, exact
from operators.forecasting.fitness import corrected, why_not
from operators.forecasting.heads import Looked, record_of
from schemas.base import DAY_MS
from schemas.customer import Memory
from schemas.models import ForecastSnapshot
from schemas.rules import Rules
from schemas.signals import Forecast

HISTORY_DAYS_MIN = 28
STRIDE_DAYS = 3
BANDWIDTH = 0.15
"""Width of the smoothed indicator, in months of the customer's own spending."""
PICTURED_DAYS = 3
DATED_FROM = 0.2
"""The least probability at which a date is worth giving."""
_GRID = 2.0**20

Floats = NDArray[np.float64]


@dataclass(slots=True, frozen=True)
class Outlook:
    """All scenarios of one customer.

    ``balances`` has shape (K, H): the balance in minor units, scenario by day (the first column is tomorrow);
    ``lows``, of the same shape, is its running minimum. ``scale_minor`` is a month of own spending. ``known`` is
    the book that it rests on, with what is authorised; ``due`` the regular flows expected by day, shape (1, H).
    """

    today: int
    balance_minor: int
    scale_minor: float
    balances: Floats
    lows: Floats
    known: block.Block
    due: Floats

    def shortfall(self, threshold_minor: float, days: int) -> float:
        """P(balance < threshold within so many days); grows with both.

        Source: (0.5 + Σ Φ((threshold − low) / bandwidth)) / (1 + K), the rule of succession.
        """
        if self.balance_minor < threshold_minor:
            return 1.0
        lows = self.lows[:, days - 1]
        below = exact.normal_cdf((threshold_minor - lows) / (BANDWIDTH * self.scale_minor))
        # On a dyadic grid the sum is exact, so its order (and the machine) can't matter.
        votes = float(np.floor(below * _GRID).sum()) / _GRID
        return round((0.5 + votes) / (1 + lows.size), 4)

    def path(self, days: int) -> tuple[tuple[int, int, int], ...]:
        """The 10 % quantile, median and 90 % quantile of every third day's balance, minor units."""
        ordered = np.sort(self.balances[:, :days:PICTURED_DAYS], axis=0)
        last = len(ordered) - 1
        rows = ordered[[last // 10, last // 2, last - last // 10]]
        return tuple((int(low), int(middle), int(high)) for low, middle, high in rows.T)

    def dates(self, threshold_minor: float, days: int) -> tuple[int, int] | None:
        """The middle half of the first days below, among the scenarios that fall below."""
        below = self.lows[:, :days] < threshold_minor
        first = np.sort(below.argmax(axis=1)[below.any(axis=1)])
        if not first.size:
            return None
        early, late = first[(first.size - 1) // 4], first[(3 * (first.size - 1) + 3) // 4]
        return self.today + 1 + int(early), self.today + 1 + int(late)


class CashFlow:
    """The chance that the balance runs short, when, and how low it gets."""

    name: str = "cashflow"
    needs: tuple[str, ...] = ("cash", "recurring")

    def forecast(
        self,
        memories: Mapping[str, Memory],
        *,
        now_ms: int,
        rules: Rules,
        learnt: ForecastSnapshot | None = None,
    ) -> Forecast | None:
        """The forecast over ``rules.shortfall_horizon_days``; None under 28 days of history, or as `fitness` says.

        The probability and the days are the learnt heads' where those serve, else those of the scenarios.
        """
        cash, recurring = memories.get("cash"), memories.get("recurring")
        if cash is None or not isinstance(recurring, bytes):
            return None
        if why_not(cash, recurring, now_ms=now_ms, days_min=HISTORY_DAYS_MIN):
            return None
        days = rules.shortfall_horizon_days
        made = outlook(cash, recurring, now_ms=now_ms, days=days)
        if made is None:
            return None
        threshold = rules.shortfall_threshold_minor
        share = shortfall = made.shortfall(threshold, days)
        said, record, ends, dates = None, None, None, None
        if learnt is not None and made.balance_minor >= threshold:
            look = Looked(made.known, days=days, regular=np.cumsum(made.due, axis=1))
            said = look.shortfall(learnt, threshold, share=share)
            ends = look.ends(learnt)
            if said is not None:
                shortfall = round(said, 4)
                record = record_of(learnt, f"shortfall:{days}", said)
                if shortfall >= DATED_FROM:
                    dates = look.first_day(learnt, threshold)
        if made.balance_minor < threshold:
            dates = (made.today, made.today)
        elif dates is None and shortfall >= DATED_FROM:
            dates = made.dates(threshold, days)
        lows = np.sort(made.lows[:, days - 1])
        return Forecast(
            name=self.name,
            horizon_days=days,
            threshold_minor=threshold,
            shortfall=shortfall,
            low_minor=min(int(lows[lows.size // 2]), made.balance_minor),
            date_range=dates,
            recurring=recurring_of(recurring, now_ms),
            learnt=said is not None,
            record=record,
            range_minor=ends,
            path=made.path(days),
            corrected=corrected(cash),
        )


def due(memories: Mapping[str, Memory], *, now_ms: int, rules: Rules) -> bool:
    """Whether a forecast could say more than «no shortfall»: a cheap guard for the hot path.

    False with too little history, and when the balance stands above the threshold by more than all money
    that went out in the last quarter.
    """
    cash = memories.get("cash")
    if not cash or now_ms // DAY_MS - cash["first"] < HISTORY_DAYS_MIN:
        return False
    reserve = total_minor(cash) + min(0, pending_minor(cash, now_ms=now_ms))
    spent: float = sum(cash["weeks"][SPENDING])
    return reserve - rules.shortfall_threshold_minor <= spent


def outlook(
    cash: Mapping[str, Any], recurring: Memory, *, now_ms: int, days: int
) -> Outlook | None:
    """The scenarios of the next ``days`` (1..90); None under `HISTORY_DAYS_MIN` of history."""
    if not isinstance(recurring, bytes):
        return None
    head = book.head(recurring)
    today = max(now_ms // DAY_MS, cash["day"], head.last)
    history = min(book.DAYS, today - head.first + 1)
    if history < HISTORY_DAYS_MIN:
        return None
    balance = total_minor(cash)
    ahead = balance + pending_minor(cash, now_ms=now_ms)
    made = block.read([recurring], today=today, balance=np.array([float(ahead)]))
    expected = block.due(made, days=days)
    past = made.residual[0, book.DAYS - history :]
    starts = np.arange(0, history, STRIDE_DAYS)
    steps = past[(starts[:, None] + np.arange(days)) % history]
    steps[:, 0] += ahead
    steps += np.rint(expected[0])
    balances = np.cumsum(steps, axis=1)
    lows = np.minimum.accumulate(balances, axis=1)
    bins = weeks.shifted(cash["weeks"][SPENDING], today // 7 - cash["weeks"][0])
    spent = weeks.monthly(bins, today=today, history_days=history)
    scale = max(spent, 0.05 * abs(balance), 1.0)
    return Outlook(today, balance, scale, balances, lows, made, expected)
