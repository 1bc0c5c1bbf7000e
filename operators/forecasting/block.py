"""Many customers' books as arrays: one kernel for one customer or for thousands, on one day.

Decoding and the flows that are due. All arithmetic is + − × ÷, rounding and comparison, so the same books
give the same numbers on any machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.features import book
from operators.forecasting import calendar

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_STREAM = np.dtype(
    [
        ("first", "<u2"), ("last", "<u2"), ("matured", "<u2"), ("gap", "<u2"),
        ("hits", "u1"), ("miss", "u1"), ("nominal", "u1"), ("shift", "i1"),
        ("run", "u1"), ("run_before", "u1"), ("alive", "u1"), ("category", "u1"), ("method", "u1"),
        ("amount", "<f4"), ("deviation", "<f4"), ("latest", "<f4"), ("previous", "<f4"),
    ]
)  # fmt: skip
LAYOUT = np.dtype(
    [
        ("version", "u1"), ("foreign_run", "u1"), ("first", "<u2"), ("last", "<u2"), ("movements", "<u4"),
        ("late", "<u2"), ("foreign", "<u2"), ("currency", "S3"), ("pad", "u1"),
        ("days", "<f2", (3, book.DAYS)), ("weeks", "<f2", book.WEEKS), ("keys", "<u4", book.STREAMS),
        ("streams", _STREAM, book.STREAMS),
    ]
)  # fmt: skip
"""`operators.features.book` as numpy reads it."""
SURVIVAL = 0.7
"""What a missed due date leaves of a stream's probability to live."""
GAP_STEPS = 64.0
ALIVE_STEPS = 250.0
_MONTHLY_GAP = (27.0, 32.5)
_NET, _RESIDUAL, _INCOME = 0, 1, 2


@dataclass(frozen=True)
class Block:
    """N customers on one day; money in minor units, days oldest first, ``net[:, -1]`` is today.

    ``balance`` has shape (N,): what the bank states, with what is authorised. ``history`` counts the days
    since the first movement, today included. ``net``, ``residual`` (net without mature streams) and
    ``income`` have shape (N, 192); ``peaks``, the largest debit of each week, newest first, (N, 28).
    """

    today: int
    history: Ints
    balance: Floats
    net: Floats
    residual: Floats
    income: Floats
    peaks: Floats
    records: NDArray[Any]

    @cached_property
    def debits(self) -> Floats:
        """Money out a day: income less what was left, never below zero."""
        made: Floats = np.maximum(self.income - self.net, 0.0)
        return made

    @cached_property
    def eod(self) -> Floats:
        """The balance at the end of each day, newest first, shape (N, 193), column k is k days ago."""
        made = np.empty((len(self.balance), book.DAYS + 1))
        made[:, 0] = 0.0
        np.cumsum(self.net[:, ::-1], axis=1, out=made[:, 1:])
        return self.balance[:, None] - made

    @cached_property
    def spending(self) -> Floats:
        """A month of own spending over the last quarter, shape (N,); at least 500 major units."""
        made: Floats = np.maximum(self.debits[:, -90:].sum(axis=1) / 3, 50_000.0)
        return made


def read(books: Sequence[bytes], *, today: int, balance: Floats) -> Block:
    """Decode books, none of them empty or newer than ``today``."""
    records = np.frombuffer(b"".join(map(book.current, books)), LAYOUT)
    first = records["first"].astype(np.int64)
    last = records["last"].astype(np.int64)
    # The ring's days in order, a row an array: what is older than the first movement is zero as it lies.
    oldest = (today + 1) % book.DAYS
    ring = records["days"].transpose(1, 0, 2)
    cells = np.empty(ring.shape)
    cells[:, :, : book.DAYS - oldest] = ring[:, :, oldest:]
    cells[:, :, book.DAYS - oldest :] = ring[:, :, :oldest]
    cells *= book.SCALE
    if (last < today).any():
        # Days since the newest movement lie where older ones were.
        cells *= np.arange(today + 1 - book.DAYS, today + 1) <= last[:, None]
    week = today // 7 - np.arange(book.WEEKS)
    peaks = records["weeks"][:, week % book.WEEKS].astype(np.float64)
    peaks *= (week <= last[:, None] // 7) * book.SCALE
    return Block(
        today,
        today - first + 1,
        balance,
        cells[_NET],
        cells[_RESIDUAL],
        cells[_INCOME],
        peaks,
        records,
    )


def living(block: Block) -> tuple[Ints, NDArray[Any], Floats]:
    """The mature streams that aren't overdue: customer, record, usual gap in days, each of shape (L,)."""
    streams = block.records["streams"]
    row, at = np.nonzero(streams["matured"])
    found = streams[row, at]
    gap = found["gap"] / GAP_STEPS
    live = block.today - found["last"] <= 1.25 * gap + 3
    return row[live], found[live], gap[live]


def due(block: Block, *, days: int) -> Floats:
    """Expected regular flows by day, shape (N, days), tomorrow first; what is overdue comes tomorrow.

    Each is weighed with the probability that its stream lives: less for a due date missed.
    """
    row, s, gap = living(block)
    size = len(block.balance) * days
    if not row.size:
        return np.zeros((len(block.balance), days))
    last = s["last"].astype(np.int64)
    late = block.today - last - np.maximum(3, np.rint(0.1 * gap)) >= np.maximum(1.0, gap)
    amount = s["amount"] * (s["alive"] / ALIVE_STEPS) * np.where(late, SURVIVAL, 1.0)
    nominal, shift = s["nominal"].astype(np.int64), s["shift"].astype(np.int64)
    monthly = (gap >= _MONTHLY_GAP[0]) & (gap <= _MONTHLY_GAP[1]) & (nominal > 0)
    month = calendar.month_of(last)
    # A payment moved by a weekend may lie in the month before or after its own.
    for _ in range(2):
        month = month + (calendar.dated(month, nominal, shift) <= last + 15)
    step = np.maximum(1, np.rint(gap)).astype(np.int64)
    until = block.today + days
    cells, weights = [], []
    for ahead in range(days + 1):
        when = np.where(
            monthly, calendar.dated(month + ahead, nominal, shift), last + step * (ahead + 1)
        )
        within = when <= until
        if not within.any():
            break
        column = np.maximum(when - block.today - 1, 0)
        cells.append((row * days + column)[within])
        weights.append(amount[within])
    if not cells:
        return np.zeros((len(block.balance), days))
    made = np.bincount(np.concatenate(cells), weights=np.concatenate(weights), minlength=size)
    return made.astype(np.float64).reshape(-1, days)
