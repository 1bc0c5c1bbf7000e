"""What the learnt heads say of one customer: probabilities that grow with the threshold, ranges, and their record.

A head serves only the horizon that it was fitted for, and customers with a quarter of history, as those that it
was fitted on.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from operators.forecasting import bands, dates, describe, events, pooled
from operators.forecasting.block import Block
from operators.forecasting.scenarios import expected, replayed
from schemas.models import ForecastSnapshot, LogitHead

HISTORY_DAYS_MIN = 90
GRID: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
"""Thresholds in months of own spending at which the head is asked; between them it is interpolated."""
Floats = NDArray[np.float64]
RECORD_MIN = 20
"""A record of fewer forecasts isn't worth telling."""
TENTHS = 10


class Looked:
    """One customer (a block of one) looked at over one horizon: what every head sees."""

    def __init__(self, known: Block, *, days: int, regular: Floats | None = None) -> None:
        """Project it once; ``days`` is 1..90, ``regular`` what is due, summed up, where that is known already."""
        self.known = known
        self.days = days
        self.regular = expected(known, days=days) if regular is None else regular
        self.past = replayed(known, self.regular)

    @cached_property
    def daily(self) -> Floats:
        """What is due by day, shape (1, H)."""
        made = self.regular.copy()
        np.subtract(self.regular[:, 1:], self.regular[:, :-1], made[:, 1:])
        return made

    def rows(self, thresholds_minor: list[float]) -> Floats:
        """Features of a shortfall under each threshold, shape (T, 18)."""
        wanted = np.array([thresholds_minor])
        made: Floats = describe.shortfall(self.known, wanted, past=self.past)[0]
        return made

    def band(self) -> Floats:
        """Features of the balance at the end, shape (1, 18)."""
        return bands.describe(self.known, past=self.past)

    def shortfall(
        self, learnt: ForecastSnapshot, threshold_minor: float, *, share: Callable[[], float]
    ) -> float | None:
        """P(balance < threshold within the horizon); None without a head that serves here.

        Never falls as the threshold grows: the running maximum over a fixed grid, interpolated, and beyond the
        grid the ``share`` of scenarios below the threshold, no less or no more than at its end.
        """
        head = learnt.heads.get(f"shortfall:{self.days}")
        if not _serves(head, len(describe.NAMES)) or self.known.history[0] < HISTORY_DAYS_MIN:
            return None
        scale = float(self.known.spending[0])
        ratio = threshold_minor / scale
        asked = [at for at in GRID if at <= ratio]
        asked += [at for at in GRID if at > ratio][:1]
        chances = pooled.probability(head, self.rows([at * scale for at in asked]))
        chances = np.maximum.accumulate(chances)
        if ratio < GRID[0]:
            return min(share(), float(chances[0]))
        if ratio > GRID[-1]:
            return max(share(), float(chances[-1]))
        return float(np.interp(ratio, asked, chances))

    def ends(self, learnt: ForecastSnapshot) -> tuple[int, int, int] | None:
        """The balance at the horizon, minor units: 10 % quantile, median, 90 % quantile; None without a head."""
        head = learnt.bands.get(str(self.days))
        if head is None or self.known.history[0] < HISTORY_DAYS_MIN:
            return None
        made = np.rint(bands.balance_quantiles(head, self.band(), block=self.known)[0])
        return int(made[bands.LOW]), int(made[bands.MEDIAN]), int(made[bands.HIGH])

    def dated(self, threshold_minor: float) -> Floats | None:
        """What is known of the first day below, shape (1, 61); None over a horizon that isn't cut into steps."""
        if self.days % dates.STEPS:
            return None
        return dates.seen(
            self.past.paths,
            self.past.inside,
            due=self.daily,
            above=self.known.balance - threshold_minor,
            scale=self.known.spending,
        )

    def first_day(self, learnt: ForecastSnapshot, threshold_minor: float) -> tuple[int, int] | None:
        """The days between which the balance first falls below, if it does; None as for `shortfall`.

        Days since 1970; the likeliest day lies in the middle, unless an end is that of the horizon.
        """
        head = learnt.heads.get(f"date:{self.days}", dates.UNLEARNT)
        x = self.dated(threshold_minor)
        fits = _serves(head, len(dates.UNLEARNT.centre))
        if x is None or not fits or self.known.history[0] < HISTORY_DAYS_MIN:
            return None
        early, _, late = dates.likely(dates.chances(head, x)[0], days=self.days)
        return self.known.today + early, self.known.today + late

    def large(self) -> tuple[Floats, float]:
        """Features of a large expense within 30 days, shape (1, 23), and what is large, minor units."""
        limit = events.limit_of(self.known)
        return events.large(self.known, limit, regular=self.regular), float(limit[0])

    def income(self) -> Floats:
        """Features of a change of income within 90 days, shape (1, 22); looked at over 90 days."""
        return events.income(self.known, regular=self.daily)


def chance(learnt: ForecastSnapshot, target: str, x: Floats) -> float | None:
    """What a head says of features of shape (1, F); None without such a head."""
    head = learnt.heads.get(target)
    if not _serves(head, x.shape[1]):
        return None
    return float(pooled.probability(head, x)[0])


def record_of(learnt: ForecastSnapshot, target: str, said: float) -> tuple[int, int] | None:
    """How many forecasts of the same tenth came due, and how many came true; None when few."""
    record = learnt.record.get(target)
    if record is None:
        return None
    made, true = record[min(TENTHS - 1, int(said * TENTHS))]
    return (int(made), int(true)) if made >= RECORD_MIN else None


def _serves(head: LogitHead | None, features: int) -> TypeGuard[LogitHead]:
    """A head of another release sees other features, and is left out until the learner publishes anew."""
    return head is not None and len(head.centre) == features
