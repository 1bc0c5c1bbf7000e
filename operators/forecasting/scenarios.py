"""What the balance may do: the regular flows that are due, plus what the rest did in the customer's own past.

A scenario of the next H days adds H consecutive days of the past without regular payments to what is due.
Sliding scenarios start three days apart; aligned ones at this day of an earlier month, so that habits that
follow the month keep their place in it.

Source: block bootstrap of residuals, Künsch 1989; scenario paths after Hyndman and Athanasopoulos, FPP3, 5.5.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.features import book
from operators.forecasting import calendar
from operators.forecasting.block import Block, due

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STRIDE_DAYS = 3


@dataclass(frozen=True)
class Scenarios:
    """K scenarios of N customers, relative to the balance now; minor units.

    ``lows`` and ``nets`` (the lowest day, the last day) have shape (N, K), the most recent past first; the
    first ``count[i]`` of customer i lie within its history. ``starts`` has shape (K,).
    """

    lows: Floats
    nets: Floats
    count: Ints
    starts: Ints

    @cached_property
    def inside(self) -> NDArray[np.bool_] | None:
        """Which scenarios lie within the history, shape (N, K); None where all do."""
        width = len(self.starts)
        if (self.count.item() if self.count.size == 1 else int(self.count.min())) == width:
            return None
        return np.arange(width) < self.count[:, None]

    @cached_property
    def spread(self) -> Floats:
        """The standard deviation of the ends, shape (N,)."""
        return _deviation(self.nets, self.count, self.inside)

    @cached_property
    def spread_of_all(self) -> Floats:
        """The same with those before the first movement, when nothing moved."""
        width = np.full(len(self.count), len(self.starts))
        return self.spread if self.inside is None else _deviation(self.nets, width, None)


@dataclass(frozen=True)
class Replay:
    """Both kinds of scenarios over one horizon.

    ``lows`` are those of the aligned and then of the sliding ones, shape (N, K); ``regular`` is what is due,
    summed up, shape (N, H).
    """

    block: Block
    regular: Floats
    lows: Floats
    same: Scenarios
    slid: Scenarios

    @property
    def kinds(self) -> tuple[Scenarios, Scenarios]:
        """The aligned and the sliding ones."""
        return self.same, self.slid

    @cached_property
    def paths(self) -> Floats:
        """Both kinds day by day, shape (N, K, H): built for those who ask for dates."""
        days = self.regular.shape[1]
        places, summed = _places(self.block.today, days), self.block.summed
        made: Floats = summed.take(places.windows.T, 1)
        np.add(made, self.regular[:, None, :], made)
        return np.subtract(made, summed.take(places.starts, 1)[:, :, None], made)

    @cached_property
    def inside(self) -> NDArray[np.bool_] | None:
        """Which of both kinds lie within the history, shape (N, K); None where all do."""
        same, slid = self.same.inside, self.slid.inside
        if same is None and slid is None:
            return None
        ages = np.concatenate(
            [ages for _, ages, _ in _places(self.block.today, self.regular.shape[1]).kinds]
        )
        return ages <= self.block.history[:, None]


def expected(block: Block, *, days: int) -> Floats:
    """What is due, summed up by day, shape (N, days)."""
    made: Floats = np.add.accumulate(due(block, days=days), 1)
    return made


def replayed(block: Block, regular: Floats) -> Replay:
    """The scenarios of as many days as ``regular`` is long."""
    days = regular.shape[1]
    places = _places(block.today, days)
    lows, nets = (_alone if len(regular) == 1 else _together)(block.summed, regular, places)
    kinds = [
        Scenarios(lows[:, at], nets[:, at], ages.searchsorted(block.history, "right"), starts)
        for at, ages, starts in places.kinds
    ]
    return Replay(block, regular, lows, kinds[0], kinds[1])


class _Places(NamedTuple):
    """Where the scenarios of one day and horizon lie in the past.

    ``starts`` of the aligned, then of the sliding ones, shape (K,); ``windows`` the days of each, shape (H, K).
    ``kinds`` has, of each kind, its columns, how many days of history each scenario needs, and its starts.
    """

    starts: Ints
    ends: Ints
    windows: Ints
    kinds: tuple[tuple[slice, Ints, Ints], tuple[slice, Ints, Ints]]


@lru_cache(maxsize=64)
def _places(today: int, days: int) -> _Places:
    same = _same_day(today, days)
    slid = np.arange(book.DAYS - days, -1, -STRIDE_DAYS)
    starts = np.concatenate([same, slid])
    return _Places(
        starts,
        starts + days,
        starts + np.arange(1, days + 1)[:, None],
        (
            (slice(0, same.size), book.DAYS - same, same),
            (slice(same.size, starts.size), book.DAYS - slid, slid),
        ),
    )


def _same_day(today: int, days: int) -> Ints:
    begins = np.arange(book.DAYS - days, -1, -1)
    nominal = calendar.day_of_month(np.array([today + 1]))
    day = np.maximum(today - book.DAYS + 1 + begins, 0)
    made: Ints = begins[calendar.day_of_month(day) == nominal]
    return made


def _alone(summed: Floats, regular: Floats, places: _Places) -> tuple[Floats, Floats]:
    """The lows and the ends of one customer's scenarios."""
    past, expected_then = summed[0], regular[0]
    base = past.take(places.starts)
    # One row a day, so that the least of each column is found whole rows at a time.
    reached = past.take(places.windows)
    np.add(reached, expected_then[:, None], reached)
    lows = np.minimum.reduce(reached, 0)
    ends = past.take(places.ends)
    np.add(ends, expected_then[-1:], ends)
    return np.subtract(lows, base, lows)[None], np.subtract(ends, base, ends)[None]


def _together(summed: Floats, regular: Floats, places: _Places) -> tuple[Floats, Floats]:
    """The same of many: day by day over whole columns, so that no path is kept and no memory is filled."""
    # One row a day, so that a day of all customers lies together.
    summed, due_by_day = np.ascontiguousarray(summed.T), np.ascontiguousarray(regular.T)
    base = summed.take(places.starts, 0)
    ends = summed.take(places.ends, 0)
    np.add(ends, due_by_day[-1], ends)
    np.subtract(ends, base, ends)
    lowest = np.empty_like(base)
    (same, *_), (slid, _, starts) = places.kinds
    for at, windows in enumerate(places.windows[:, same].T, same.start):
        window = summed.take(windows, 0)
        np.add(window, due_by_day, window)
        np.minimum.reduce(window, 0, None, lowest[at])
    sliding, first = lowest[slid], int(starts[0])
    reached = np.empty_like(sliding)
    # Every third day together: the days that scenarios reach on one day then lie side by side.
    thirds = [np.ascontiguousarray(summed[phase::STRIDE_DAYS]) for phase in range(STRIDE_DAYS)]
    for day, expected_then in enumerate(due_by_day, 1):
        until, phase = divmod(first + day, STRIDE_DAYS)
        past = thirds[phase][until + 1 - starts.size : until + 1][::-1]
        np.add(past, expected_then, sliding if day == 1 else reached)
        if day > 1:
            np.minimum(sliding, reached, out=sliding)
    np.subtract(lowest, base, lowest)
    # Row by row in memory: sums over it must not depend on who else is in the block.
    lows, nets = np.empty((2, summed.shape[1], places.starts.size))
    lows[:], nets[:] = lowest.T, ends.T
    return lows, nets


def quantiles(values: Floats, count: Ints, shares: tuple[float, ...]) -> Floats:
    """Quantiles of the first ``count[i]`` of each row, shape (N, len(shares)); 0 where there are none.

    Example:
        >>> quantiles(np.array([[3.0, 1.0, 2.0, 9.0]]), np.array([3]), (0.25, 0.5))
        array([[1.5, 2. ]])
    """
    size, width = values.shape
    least = (count.item() if size == 1 else int(count.min())) if width else 0
    if size == 1 or least == width:
        if not least:
            return np.zeros((size, len(shares)))
        below, above, part = _between(least, shares)
        kept = values[:, :least].copy()
        kept.sort(axis=1)
        low, high = kept.take(below, 1), kept.take(above, 1)
    else:
        kept = np.where(np.arange(width) < count[:, None], values, np.inf)
        kept.sort(axis=1)
        place = np.maximum(count - 1, 0)[:, None] * np.array(shares)
        below = place.astype(np.int64)
        above = np.minimum(below + 1, np.maximum(count - 1, 0)[:, None])
        part = place - below
        row = np.arange(size)[:, None]
        low, high = kept[row, below], kept[row, above]
        none = count == 0
        low[none] = high[none] = 0.0
    np.subtract(high, low, high)
    np.multiply(high, part, high)
    return np.add(low, high, low)


@lru_cache(maxsize=256)
def _between(count: int, shares: tuple[float, ...]) -> tuple[Ints, Ints, Floats]:
    """Between which of so many in order each quantile lies, and how far on its way from one to the other."""
    place = (count - 1) * np.array(shares)
    below = place.astype(np.int64)
    return below, np.minimum(below + 1, count - 1), place - below


def _deviation(values: Floats, count: Ints, inside: NDArray[np.bool_] | None) -> Floats:
    """The standard deviation of each row's first ``count``, shape (N,); 0 where there are none."""
    number = np.maximum(count, 1)
    kept = values if inside is None else values * inside
    apart: Floats = kept - (np.add.reduce(kept, 1) / number)[:, None]
    if inside is not None:
        np.multiply(apart, inside, apart)
    np.multiply(apart, apart, apart)
    made: Floats = np.add.reduce(apart, 1)
    np.divide(made, number, made)
    return np.sqrt(made, made)
