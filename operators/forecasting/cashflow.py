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
from typing import Any

import numpy as np
from msgspec.structs import replace

from operators.features import book, weeks
from operators.features.balances import total_minor
from operators.features.cash import SPENDING, pending_minor
from operators.features.recurring import recurring_of
from operators.forecasting import alone, block
from operators.forecasting.fitness import corrected, why_not
from operators.forecasting.heads import Looked, record_of
from schemas.base import DAY_MS
from schemas.customer import Memory
from schemas.models import ForecastSnapshot
from schemas.rules import Rules
from schemas.signals import Forecast

HISTORY_DAYS_MIN = 28
BANDWIDTH = 0.15
"""Width of the smoothed indicator, in months of the customer's own spending."""
DATED_FROM = 0.2
"""The least probability at which a date is worth giving."""


class Outlook:
    """All scenarios of one customer; what is asked of it is worked out then, and once.

    ``kept`` is the book that it rests on. ``balance_minor`` is what is booked, ``ahead_minor`` has what is authorised
    as well; ``scale_minor`` is a month of own spending, ``history`` how many days are known, ``days`` the horizon (1..90).
    """

    def __init__(
        self,
        kept: bytes,
        *,
        today: int,
        history: int,
        days: int,
        threshold_minor: float,
        balance_minor: int,
        ahead_minor: int,
        scale_minor: float,
    ) -> None:
        """Look ahead from a day; nothing is computed yet."""
        self.kept = kept
        self.today = today
        self.history = history
        self.days = days
        self.threshold_minor = threshold_minor
        self.balance_minor = balance_minor
        self.ahead_minor = ahead_minor
        self.scale_minor = scale_minor
        # Not `cached_property`: of a compiled class it would be worked out each time.
        self._due: list[float] | None = None
        self._walks: alone.Walks | None = None

    @property
    def known(self) -> block.Block:
        """The book as a block of one, made anew."""
        ahead = np.array([float(self.ahead_minor)])
        return block.read([self.kept], today=self.today, balance=ahead)

    @property
    def due(self) -> list[float]:
        """The regular flows expected by day, tomorrow first."""
        if self._due is None:
            self._due = alone.due(self.kept, today=self.today, days=self.days)
        return self._due

    @property
    def walks(self) -> alone.Walks:
        """The scenarios, and when they fall below the threshold."""
        if self._walks is None:
            self._walks = alone.walk(
                alone.residual(self.kept, today=self.today, history=self.history),
                [float(round(amount)) for amount in self.due],
                ahead=float(self.ahead_minor),
                threshold=self.threshold_minor,
            )
        return self._walks

    def shortfall(self) -> float:
        """P(balance < threshold within the horizon); grows with both."""
        if self.balance_minor < self.threshold_minor:
            return 1.0
        width = BANDWIDTH * self.scale_minor
        lows = self.walks.lows
        return round(alone.share_below(lows, threshold=self.threshold_minor, width=width), 4)

    def low(self) -> int:
        """The median lowest balance within the horizon, minor units; no more than the balance now."""
        lows = sorted(self.walks.lows)
        return min(int(lows[len(lows) // 2]), self.balance_minor)

    def path(self) -> tuple[tuple[int, int, int], ...]:
        """The 10 % quantile, median and 90 % quantile of every third day's balance, minor units."""
        return tuple(map(alone.middle_of, self.walks.pictured))

    def dates(self) -> tuple[int, int] | None:
        """The middle half of the first days below, among the scenarios that fall below."""
        first = sorted(self.walks.firsts)
        if not first:
            return None
        early, late = first[(len(first) - 1) // 4], first[(3 * (len(first) - 1) + 3) // 4]
        return self.today + 1 + early, self.today + 1 + late


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

        The probability and the days are the learnt heads' where those serve, else those of the scenarios. What is
        told beside the probability is worked out where it is high enough to be told.
        """
        cash, recurring = memories.get("cash"), memories.get("recurring")
        if cash is None or not isinstance(recurring, bytes):
            return None
        if why_not(cash, recurring, now_ms=now_ms, days_min=HISTORY_DAYS_MIN):
            return None
        days, threshold = rules.shortfall_horizon_days, rules.shortfall_threshold_minor
        made = outlook(cash, recurring, now_ms=now_ms, days=days, threshold_minor=threshold)
        if made is None:
            return None
        look, said = None, None
        if learnt is not None and made.balance_minor >= threshold:
            look = Looked(made.known, days=days, regular=np.cumsum([made.due], axis=1))
            said = look.shortfall(learnt, threshold, share=made.shortfall)
        shortfall = made.shortfall() if said is None else round(said, 4)
        told = Forecast(
            name=self.name,
            horizon_days=days,
            threshold_minor=threshold,
            shortfall=shortfall,
            low_minor=None,
            date_range=None,
            learnt=said is not None,
            corrected=corrected(cash),
        )
        if shortfall < min(DATED_FROM, rules.shortfall_warn):
            return told
        dates, record, ends = None, None, None
        if look is not None and learnt is not None:
            ends = look.ends(learnt)
            if said is not None:
                record = record_of(learnt, f"shortfall:{days}", said)
                dates = look.first_day(learnt, threshold) if shortfall >= DATED_FROM else None
        if made.balance_minor < threshold:
            dates = (made.today, made.today)
        elif dates is None and shortfall >= DATED_FROM:
            dates = made.dates()
        return replace(
            told,
            low_minor=made.low(),
            date_range=dates,
            recurring=recurring_of(recurring, now_ms),
            record=record,
            range_minor=ends,
            path=made.path(),
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
    cash: Mapping[str, Any], recurring: Memory, *, now_ms: int, days: int, threshold_minor: float
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
    bins = weeks.shifted(cash["weeks"][SPENDING], today // 7 - cash["weeks"][0])
    spent = weeks.monthly(bins, today=today, history_days=history)
    return Outlook(
        recurring,
        today=today,
        history=history,
        days=days,
        threshold_minor=threshold_minor,
        balance_minor=balance,
        ahead_minor=balance + pending_minor(cash, now_ms=now_ms),
        scale_minor=max(spent, 0.05 * abs(balance), 1.0),
    )
