"""What the balance may do: the regular flows that are due, plus what the rest did in the customer's own past.

A scenario of the next H days adds H consecutive days of the past without regular payments to what is due.
``sliding`` scenarios start three days apart; ``aligned`` ones at this day of an earlier month, so that habits
that follow the month keep their place in it.

Source: block bootstrap of residuals, Künsch 1989; scenario paths after Hyndman and Athanasopoulos, FPP3, 5.5.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from operators.features import book
from operators.forecasting import calendar
from operators.forecasting.block import Block, due

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STRIDE_DAYS = 3
_MANY = 8


@dataclass(frozen=True)
class Scenarios:
    """K scenarios of N customers, relative to the balance now; minor units.

    ``lows`` and ``nets`` (the lowest day, the last day) have shape (N, K), the most recent past first; the
    first ``count[i]`` of customer i lie within its history. ``summed`` is the past without regular flows,
    summed up, shape (N, D + 1); ``regular`` what is due, summed up, shape (N, H); ``starts`` shape (K,).
    """

    lows: Floats
    nets: Floats
    count: Ints
    summed: Floats
    regular: Floats
    starts: Ints

    @cached_property
    def paths(self) -> Floats:
        """Day by day, shape (N, K, H): built for those who ask for dates."""
        made: Floats = self.summed[:, self.starts[:, None] + _ahead(self.regular.shape[1])]
        made += self.regular[:, None, :]
        made -= self.summed[:, self.starts][:, :, None]
        return made


def expected(block: Block, *, days: int) -> Floats:
    """What is due, summed up by day, shape (N, days)."""
    made: Floats = np.cumsum(due(block, days=days), axis=1)
    return made


def sliding(block: Block, regular: Floats) -> Scenarios:
    """Scenarios that start three days apart."""
    return _replayed(block, regular, _starts(regular.shape[1]))


def aligned(block: Block, regular: Floats) -> Scenarios:
    """Scenarios that start at tomorrow's day of the month."""
    return _replayed(block, regular, _same_day(block.today, regular.shape[1]))


def _replayed(block: Block, regular: Floats, starts: Ints) -> Scenarios:
    size, days = regular.shape
    summed = np.zeros((size, book.DAYS + 1))
    np.cumsum(block.residual, axis=1, out=summed[:, 1:])
    known = np.minimum(block.history, book.DAYS)
    count = (book.DAYS - starts <= known[:, None]).sum(axis=1)
    base = summed[:, starts]
    ends = summed[:, starts + days] + regular[:, -1:] - base
    if size < _MANY or not starts.size:
        reached = summed[:, starts[:, None] + _ahead(days)]
        reached += regular[:, None, :]
        lowest = reached.min(axis=2, initial=np.inf)
    else:
        lowest = _lowest(summed, regular, starts)
    # Row by row in memory, whichever way it came: sums over it must not depend on who else is in the block.
    lows = np.subtract(lowest, base, out=np.empty_like(base))
    return Scenarios(lows, ends, count, summed, regular, starts)


def _lowest(summed: Floats, regular: Floats, starts: Ints) -> Floats:
    """The lowest day of each scenario, day by day over whole columns: no path is kept, so no memory is filled."""
    # One row a day, so that a day of all customers lies together.
    by_day = np.ascontiguousarray(summed.T)
    due_by_day = np.ascontiguousarray(regular.T)
    lows = np.full((len(starts), len(summed)), np.inf)
    reached = np.empty_like(lows)
    for day, expected_then in enumerate(due_by_day, 1):
        np.add(by_day[starts + day], expected_then, out=reached)
        np.minimum(lows, reached, out=lows)
    return lows.T


@lru_cache(maxsize=64)
def _ahead(days: int) -> Ints:
    return np.arange(1, days + 1)


@lru_cache(maxsize=64)
def _starts(days: int) -> Ints:
    return np.arange(book.DAYS - days, -1, -STRIDE_DAYS)


@lru_cache(maxsize=1024)
def _same_day(today: int, days: int) -> Ints:
    begins = np.arange(book.DAYS - days, -1, -1)
    nominal = calendar.day_of_month(np.array([today + 1]))
    day = np.maximum(today - book.DAYS + 1 + begins, 0)
    made: Ints = begins[calendar.day_of_month(day) == nominal]
    return made


def quantiles(values: Floats, count: Ints, shares: tuple[float, ...]) -> Floats:
    """Quantiles of the first ``count[i]`` of each row, shape (N, len(shares)); 0 where there are none.

    Example:
        >>> quantiles(np.array([[3.0, 1.0, 2.0, 9.0]]), np.array([3]), (0.25, 0.5))
        array([[1.5, 2. ]])
    """
    if not values.shape[1]:
        return np.zeros((len(values), len(shares)))
    kept = np.where(np.arange(values.shape[1]) < count[:, None], values, np.inf)
    kept.sort(axis=1)
    place = np.maximum(count - 1, 0)[:, None] * np.array(shares)
    below = place.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0)[:, None])
    row = np.arange(len(values))[:, None]
    low, high = kept[row, below], kept[row, above]
    with np.errstate(invalid="ignore"):
        made = low + (high - low) * (place - below)
    return np.where(count[:, None] > 0, made, 0.0)
