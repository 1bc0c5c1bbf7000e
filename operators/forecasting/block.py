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
from operators.forecasting import alone, calendar
from operators.forecasting.alone import (
    ALIVE_STEPS,
    GAP_STEPS,
    MONTHLY_GAP_MAX,
    MONTHLY_GAP_MIN,
    SURVIVAL,
)

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
QUARTER_DAYS, QUARTER_WEEKS = 90, 13
_NET, _RESIDUAL, _INCOME = 0, 1, 2
_SUMMED = slice(3 * book.DAYS, 4 * book.DAYS + 1)
_EOD = slice(_SUMMED.stop, _SUMMED.stop + QUARTER_DAYS + 1)
_DEBITS = slice(_EOD.stop, _EOD.stop + QUARTER_DAYS)
_ROOM_DAYS: int = _DEBITS.stop
"""Where each array lies in the room of a block, in days of one customer."""
_SCALE = np.array(book.SCALE)
_SPENDING_MIN = np.array(50_000.0)
_MONTHS, _NOTHING = np.array(3.0), np.array(0.0)


@dataclass(frozen=True)
class Block:
    """N customers on one day; money in minor units, days oldest first, ``net[:, -1]`` is today.

    ``balance`` has shape (N,): what the bank states, with what is authorised. ``history`` counts the days
    since the first movement, today included. ``net``, ``residual`` (net without mature streams) and
    ``income`` have shape (N, 192); ``peaks``, the largest debit of each week, newest first, (N, 28).

    ``room`` is where what follows from the days is kept.
    """

    today: int
    history: Ints
    balance: Floats
    net: Floats
    residual: Floats
    income: Floats
    peaks: Floats
    records: NDArray[Any]
    room: Floats

    @cached_property
    def debits(self) -> Floats:
        """Money out a day of the last quarter: income less what was left, never below zero, shape (N, 90)."""
        made: Floats = self._of_room(_DEBITS).reshape(-1, QUARTER_DAYS)
        np.subtract(self.income[:, -QUARTER_DAYS:], self.net[:, -QUARTER_DAYS:], made)
        np.maximum(made, _NOTHING, out=made)
        return made

    @cached_property
    def eod(self) -> Floats:
        """The balance at the end of each day, newest first, shape (N, 91), column k is k days ago."""
        made: Floats = self._of_room(_EOD).reshape(-1, QUARTER_DAYS + 1)
        made[:, 0] = 0.0
        np.add.accumulate(self.net[:, : -QUARTER_DAYS - 1 : -1], 1, None, made[:, 1:])
        return np.subtract(self.balance[:, None], made, made)

    def floor(self, days: int) -> Floats:
        """The lowest end of a day within so many days (1..90), shape (N,)."""
        if len(self.balance) == 1:
            return self._floors[:, days - 1]
        made: Floats = np.minimum.reduce(self.eod[:, :days], 1)
        return made

    @cached_property
    def low(self) -> Floats:
        """The lowest end of a day within a quarter, or since the first movement, shape (N,)."""
        if len(self.balance) == 1:
            return self.floor(min(self.history.item(), QUARTER_DAYS))
        if int(self.history.min()) >= QUARTER_DAYS:
            return self.floor(QUARTER_DAYS)
        known = np.arange(QUARTER_DAYS) < self.history[:, None]
        made: Floats = np.minimum.reduce(np.where(known, self.eod[:, :QUARTER_DAYS], np.inf), 1)
        return made

    @cached_property
    def _floors(self) -> Floats:
        """`floor` of every number of days: of one customer as dear as one of them."""
        made: Floats = np.minimum.accumulate(self.eod[:, :QUARTER_DAYS], 1)
        return made

    @cached_property
    def peak(self) -> Floats:
        """The largest debit of a quarter, shape (N,)."""
        made: Floats = np.maximum.reduce(self.peaks[:, :QUARTER_WEEKS], 1)
        return made

    @cached_property
    def spending(self) -> Floats:
        """A month of own spending over the last quarter, shape (N,); at least 500 major units."""
        made: Floats = np.add.reduce(self.debits, 1)
        np.divide(made, _MONTHS, made)
        np.maximum(made, _SPENDING_MIN, out=made)
        return made

    @cached_property
    def summed(self) -> Floats:
        """The residual summed up, shape (N, 193); column k is after k days."""
        made: Floats = self._of_room(_SUMMED).reshape(-1, book.DAYS + 1)
        made[:, 0] = 0.0
        np.add.accumulate(self.residual, 1, None, made[:, 1:])
        return made

    def _of_room(self, days: slice) -> Floats:
        size = len(self.balance)
        return self.room[days.start * size : days.stop * size]


def read(books: Sequence[bytes], *, today: int, balance: Floats) -> Block:
    """Decode books, none of them empty or newer than ``today``."""
    size = len(books)
    # One piece of memory for all that is kept of the days: of many pieces an allocator gives the last ones back to
    # the system after each block, and has them again page by page.
    room = np.empty(_ROOM_DAYS * size)
    records = np.frombuffer(b"".join(map(book.current, books)), LAYOUT)
    newest = records["last"]
    oldest = int(newest.min())
    # The ring's days in order, a row an array: what is older than the first movement is zero as it lies.
    tomorrow = (today + 1) % book.DAYS
    ring = records["days"].transpose(1, 0, 2)
    cells = room[: 3 * book.DAYS * size].reshape(3, size, book.DAYS)
    cells[:, :, : book.DAYS - tomorrow] = ring[:, :, tomorrow:]
    cells[:, :, book.DAYS - tomorrow :] = ring[:, :, :tomorrow]
    cells *= _SCALE
    if oldest < today:
        # Days since the newest movement lie where older ones were.
        cells *= np.arange(today + 1 - book.DAYS, today + 1) <= newest[:, None]
    week = today // 7
    at = week % book.WEEKS
    weekly = records["weeks"]
    peaks = np.empty(weekly.shape)
    peaks[:, : at + 1] = weekly[:, at::-1]
    peaks[:, at + 1 :] = weekly[:, :at:-1]
    peaks *= _SCALE
    if oldest // 7 < week:
        peaks *= week - np.arange(book.WEEKS) <= newest[:, None] // 7
    return Block(
        today,
        today + 1 - records["first"].astype(np.int64),
        balance,
        cells[_NET],
        cells[_RESIDUAL],
        cells[_INCOME],
        peaks,
        records,
        room,
    )


def living(block: Block) -> tuple[Ints, Ints, Floats]:
    """The mature streams that aren't overdue: customer, place in its book, usual gap in days, each of shape (L,)."""
    streams = block.records["streams"]
    (flat,) = (streams["matured"] != 0).ravel().nonzero()
    row, at = np.divmod(flat, book.STREAMS)
    gap = streams["gap"][row, at] / GAP_STEPS
    live = block.today - streams["last"][row, at] <= 1.25 * gap + 3
    return (row, at, gap) if live.all() else (row[live], at[live], gap[live])


def due(block: Block, *, days: int) -> Floats:
    """Expected regular flows by day, shape (N, days), tomorrow first; what is overdue comes tomorrow.

    Each is weighed with the probability that its stream lives: less for a due date missed.
    """
    if len(block.balance) == 1:
        return np.array([alone.due(block.records.tobytes(), today=block.today, days=days)])
    row, at, gap = living(block)
    if not row.size:
        return np.zeros((len(block.balance), days))
    streams = block.records["streams"]
    # Field by field: whole records are gathered by a way that is ten times slower.
    last, nominal, shift, usual, alive = (
        streams[name][row, at] for name in ("last", "nominal", "shift", "amount", "alive")
    )
    last, nominal, shift = (whole.astype(np.int64) for whole in (last, nominal, shift))
    late = block.today - last - np.maximum(3, np.rint(0.1 * gap)) >= np.maximum(1.0, gap)
    amount = usual * (alive / ALIVE_STEPS) * np.where(late, SURVIVAL, 1.0)
    monthly = (gap >= MONTHLY_GAP_MIN) & (gap <= MONTHLY_GAP_MAX) & (nominal > 0)
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
    size = len(block.balance) * days
    made = np.bincount(np.concatenate(cells), weights=np.concatenate(weights), minlength=size)
    return made.astype(np.float64).reshape(-1, days)
