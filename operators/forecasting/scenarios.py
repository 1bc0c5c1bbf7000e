"""What the balance may do: the regular flows that are due, plus what the rest did in the customer's own past.

A scenario of the next H days adds H consecutive days of the past without regular payments to what is due.
``sliding`` scenarios start three days apart; ``aligned`` ones at this day of an earlier month, so that habits
that follow the month keep their place in it.

Source: block bootstrap of residuals, Künsch 1989; scenario paths after Hyndman and Athanasopoulos, FPP3, 5.5.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from operators.features import book
from operators.forecasting import calendar
from operators.forecasting.block import Block, due

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STRIDE_DAYS = 3


@dataclass(slots=True, frozen=True)
class Scenarios:
    """K scenarios of N customers, relative to the balance now; minor units.

    ``paths`` has shape (N, K, H), ``lows`` and ``nets`` (the lowest day, the last day) shape (N, K), the most
    recent past first; the first ``count[i]`` of customer i lie within its history.
    """

    paths: Floats
    lows: Floats
    nets: Floats
    count: Ints


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
    days = regular.shape[1]
    known = np.minimum(block.history, book.DAYS)
    if not starts.size:
        none = np.zeros((len(known), 0))
        return Scenarios(
            np.zeros((len(known), 0, days)), none, none, np.zeros(len(known), np.int64)
        )
    summed = np.zeros((len(known), book.DAYS + 1))
    np.cumsum(block.residual, axis=1, out=summed[:, 1:])
    paths = summed[:, starts[:, None] + np.arange(1, days + 1)]
    paths += regular[:, None, :]
    paths -= summed[:, starts][:, :, None]
    count = (book.DAYS - starts <= known[:, None]).sum(axis=1)
    return Scenarios(paths, paths.min(axis=2), paths[:, :, -1], count)


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
