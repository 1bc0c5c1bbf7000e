"""Questions that time answers: what a customer looked like on a day, kept until its window has passed.

Stage: 8 of 8. In: memories of cash and recurring, movements. Out: answers that the learner takes.

One question is open for each horizon: will the balance fall below some thresholds, where will it stand, will a
large expense come, will income change. Asked at a movement once the last one is answered, so that questions come
as forecasts do, at all times of the month. While one is open only the lowest and the last balance, the largest
debit and the income of each month are kept.

Where a shortfall is likely, the day is asked about as well: of the first threshold that so many scenarios reach.

Memory (bytes, empty before the first question): for each horizon a head and its features as half-floats, once what
is the same at every threshold; behind them, while the day is asked about anywhere, what was seen of it at each
horizon. A memory without dates reads on, and one that has each threshold and all of its features in full.
"""

from collections.abc import Mapping
from struct import Struct
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.contracts import Slot
from operators.features import book
from operators.features.balances import total_minor
from operators.features.cash import pending_minor
from operators.forecasting import bands, block, dates, describe, events, exact, pooled
from operators.forecasting.fitness import why_not
from operators.forecasting.heads import HISTORY_DAYS_MIN, Looked
from operators.forecasting.learner import HORIZONS
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked
from schemas.models import ForecastSnapshot
from schemas.rules import Rules

SLOT = Slot("foretold", Source.TRANSACTIONS, bytes)
SHARES: tuple[float, ...] = (0.25, 0.5, 1.0)
"""Thresholds that are asked about besides the bank's own, in months of own spending."""
THRESHOLDS = 1 + len(SHARES)
MONTH_DAYS: Final = 30
DATED_FROM: Final = 0.2
"""The least share of scenarios below a threshold at which the day is asked about."""
_HEAD: Final = Struct("<H2B13f")
_FEATURES: Final = len(describe.NAMES)
_EXTRA: Final = {HORIZONS[0]: events.LARGE, HORIZONS[-1]: events.INCOME}
_SHARED: Final = np.array(describe.SHARED)
_OWN: Final = np.array([place for place in range(_FEATURES) if place not in describe.SHARED])
_ROWS: Final = len(_SHARED) + THRESHOLDS * len(_OWN)
"""How many numbers say what the thresholds' rows hold."""
_WIDTHS: Final = {
    days: _ROWS + bands.LOCATIONS + bands.SPREADS + _EXTRA.get(days, 0) for days in HORIZONS
}
_AT: dict[int, int] = {}
_SIZE = 0
for _days in HORIZONS:
    _AT[_days] = _SIZE
    _SIZE += _HEAD.size + 2 * _WIDTHS[_days]
_DATED: Final = 2 * dates.FEATURES
_DATED_AT: Final = {days: _SIZE + n * _DATED for n, days in enumerate(HORIZONS)}
_SIZE_DATED: Final = _SIZE + len(HORIZONS) * _DATED
_HEAD_IN_FULL: Final = _HEAD.size + 4 * (THRESHOLDS - 2)
_SPARED: Final = _HEAD_IN_FULL - _HEAD.size + 2 * (THRESHOLDS * _FEATURES - _ROWS)
_IN_FULL: Final = len(HORIZONS) * _SPARED
"""How much longer a memory is that has each threshold and all of its features in full."""
_LIKELY: Final = float(exact.logit(np.array([DATED_FROM]))[0])
_UNTOLD: Final = -1.0
_HALF_MAX: Final = 65504.0


Floats = NDArray[np.float64]


class Answer(NamedTuple):
    """One thing that came due: what was asked on which day, what was seen then (x), what came (y).

    ``said`` is the probability that the learnt model gave then, None where none served.
    """

    target: str
    order: int
    day: int
    x: tuple[float, ...]
    y: float
    said: float | None


class _Open(NamedTuple):
    """The head of an open question; money in minor units, as float32.

    ``floor`` is the bank's own threshold, ``month`` the month of own spending that the others are shares of.
    ``dated`` is the place of the threshold whose first day below is asked about, from 1; 0 is none. ``first`` is
    that day, counted from the question's own; 0 until it comes.
    """

    day: int
    dated: int
    first: int
    floor: float
    month: float
    low: float
    last: float
    balance: float
    turnover: float
    said: float
    largest: float
    limit: float
    incomes: tuple[float, ...]
    usual: float

    @property
    def thresholds(self) -> tuple[float, ...]:
        """All that are asked about."""
        return (self.floor, *(share * self.month for share in SHARES))

    def packed(self) -> bytes:
        """The bytes of the head."""
        return _HEAD.pack(
            self.day, self.dated, self.first, self.floor, self.month, self.low, self.last, self.balance, self.turnover,
            self.said, self.largest, self.limit, *self.incomes, self.usual,
        )  # fmt: skip


def follow(
    memory: Memory,
    memories: Mapping[str, Memory],
    event: Any,
    *,
    now_ms: int,
    rules: Rules,
    learnt: ForecastSnapshot | None,
) -> tuple[bytes, list[Answer]]:
    """The questions after one event that the memories hold already, and what was answered by then.

    Args:
        memory: Of `SLOT`.
        memories: Those of ``cash`` and ``recurring``; without them nothing is asked.
        event: Any event; movements of this bank are what answers and asks.
        now_ms: The customer's instant.
        rules: The bank's own threshold and horizon.
        learnt: What serves now, for the record of what was said.
    """
    cash, kept = memories.get("cash"), memories.get("recurring")
    if not cash or not kept or not isinstance(kept, bytes):
        return b"", []
    made = bytearray(_SIZE_DATED)
    if memory and len(memory) in (_SIZE + _IN_FULL, _SIZE_DATED + _IN_FULL):
        memory = _spared(memory)
    if memory and len(memory) in (_SIZE, _SIZE_DATED):
        made[: len(memory)] = memory
    today, answers = now_ms // DAY_MS, []
    still = _all_open(made) if memory else {}
    for days, asked in list(still.items()):
        if today > asked.day + days:
            answers += _answered(made, asked, days)
            size = _HEAD.size + 2 * _WIDTHS[days]
            # Whole: what was seen is kept until it has taught, and no longer.
            made[_AT[days] : _AT[days] + size] = bytes(size)
            del still[days]
    if isinstance(event, TransactionBooked):
        if still:
            _seen(made, still, event, float(total_minor(cash)))
        if len(still) < len(HORIZONS):
            _ask(made, still, cash, kept, now_ms=now_ms, rules=rules, learnt=learnt)
    if not still:
        return b"", answers
    return bytes(made if any(asked.dated for asked in still.values()) else made[:_SIZE]), answers


def _all_open(made: bytearray) -> dict[int, _Open]:
    """The open questions by horizon."""
    found = ((days, _open(made, days)) for days in HORIZONS)
    return {days: asked for days, asked in found if asked is not None}


def _open(made: bytearray, days: int) -> _Open | None:
    at = _AT[days]
    if made[at : at + 2] == b"\0\0":
        return None
    day, dated, first, *v = _HEAD.unpack_from(made, at)
    return _Open(
        day, dated, first, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], (v[9], v[10], v[11]), v[12],
    )  # fmt: skip


def _seen(
    made: bytearray, still: dict[int, _Open], event: TransactionBooked, balance: float
) -> None:
    """What one movement adds to the questions that are open."""
    day, amount = event.at_ms // DAY_MS, float(event.amount_minor)
    for days, asked in still.items():
        if not asked.day <= day <= asked.day + days:
            continue
        incomes = list(asked.incomes)
        if amount > 0 and event.method != "interest":
            incomes[min(2, max(0, day - asked.day - 1) // MONTH_DAYS)] += amount
        below = asked.dated and not asked.first and balance < asked.thresholds[asked.dated - 1]
        made[_AT[days] : _AT[days] + _HEAD.size] = asked._replace(
            first=max(1, day - asked.day) if below else asked.first,
            low=min(asked.low, balance),
            last=balance,
            largest=max(asked.largest, -amount),
            incomes=tuple(incomes),
        ).packed()


def _ask(
    made: bytearray,
    still: dict[int, _Open],
    cash: Mapping[str, Any],
    kept: bytes,
    *,
    now_ms: int,
    rules: Rules,
    learnt: ForecastSnapshot | None,
) -> None:
    if why_not(cash, kept, now_ms=now_ms, days_min=HISTORY_DAYS_MIN):
        return
    today = max(now_ms // DAY_MS, cash["day"], book.head(kept).last)
    balance = float(total_minor(cash))
    ahead = np.array([balance + pending_minor(cash, now_ms=now_ms)])
    known = block.read([kept], today=today, balance=ahead)
    scale = float(known.spending[0])
    floor = float(rules.shortfall_threshold_minor)
    thresholds = (floor, *(share * scale for share in SHARES))
    for days in [days for days in HORIZONS if days not in still]:
        look = Looked(known, days=days)
        rows = look.rows(list(thresholds))
        parts, limit, usual = [_once(rows), look.band().ravel()], 0.0, 0.0
        if days == HORIZONS[0]:
            x, limit = look.large()
            parts.append(x.ravel())
        elif days == HORIZONS[-1]:
            usual = float(events.usual_income(known)[0])
            parts.append(look.income().ravel())
        chance = None if learnt is None else learnt.heads.get(f"shortfall:{days}")
        said = _UNTOLD if chance is None else float(pooled.probability(chance, rows[:1])[0])
        dated = _reached(rows, thresholds, balance=balance)
        asked = still[days] = _Open(
            today, dated, 0, floor, scale, balance, balance, balance, float(bands.turnover(known)[0]), said,
            0.0, limit, (0.0, 0.0, 0.0), usual,
        )  # fmt: skip
        seen = _halves(np.concatenate(parts))
        made[_AT[days] : _AT[days] + _HEAD.size + len(seen)] = asked.packed() + seen
        of_day = look.dated(thresholds[dated - 1]) if dated else None
        kept_of_day = bytes(_DATED) if of_day is None else _halves(of_day[0])
        made[_DATED_AT[days] : _DATED_AT[days] + _DATED] = kept_of_day


def _reached(rows: Floats, thresholds: tuple[float, ...], *, balance: float) -> int:
    """The place, from 1, of the first threshold that a scenario in five falls below; 0 if there is none."""
    for place, threshold in enumerate(thresholds, 1):
        if 0 <= threshold <= balance and rows[place - 1, describe.RAW] >= _LIKELY:
            return place
    return 0


def _once(rows: NDArray[Any]) -> NDArray[Any]:
    """The rows of all thresholds, shape (T, 18), as `_ROWS` numbers: first what is the same in each."""
    return np.concatenate((rows[0, _SHARED], rows[:, _OWN].ravel()))


def _rows(kept: Floats) -> Floats:
    """What `_once` was given."""
    rows = np.empty((THRESHOLDS, _FEATURES), kept.dtype)
    rows[:, _SHARED] = kept[: len(_SHARED)]
    rows[:, _OWN] = kept[len(_SHARED) : _ROWS].reshape(THRESHOLDS, len(_OWN))
    return rows


def _spared(memory: bytes) -> bytes:
    """A memory that has each threshold and all of its features in full, as it is now."""
    made, at, floor_end, month_at = b"", 0, 8, _HEAD_IN_FULL - _HEAD.size + 8
    for days in HORIZONS:
        head, at = memory[at : at + _HEAD_IN_FULL], at + _HEAD_IN_FULL
        full = np.frombuffer(memory, "<f2", THRESHOLDS * _FEATURES, at)
        rows, at = _once(full.reshape(THRESHOLDS, _FEATURES)), at + full.nbytes
        rest = 2 * (_WIDTHS[days] - _ROWS)
        made += head[:floor_end] + head[month_at:] + rows.tobytes() + memory[at : at + rest]
        at += rest
    return made + memory[at:]


def _halves(values: Floats) -> bytes:
    return np.clip(values, -_HALF_MAX, _HALF_MAX).astype("<f2").tobytes()


def _unhalved(made: bytearray, at: int, size: int) -> Floats:
    return np.frombuffer(bytes(made[at : at + size]), "<f2").astype(float)


def _answered(made: bytearray, asked: _Open, days: int) -> list[Answer]:
    seen = _unhalved(made, _AT[days] + _HEAD.size, 2 * _WIDTHS[days])
    rows, x = _rows(seen).tolist(), seen[_ROWS:].tolist()
    answers = []
    if asked.first:
        of_day = tuple(_unhalved(made, _DATED_AT[days], _DATED).tolist())
        step = float((asked.first - 1) // (days // dates.STEPS))
        answers.append(Answer(f"date:{days}", asked.dated - 1, asked.day, of_day, step, None))
    for t, threshold in enumerate(asked.thresholds):
        # What was below already is no question, and the features know no threshold below nothing.
        if 0 <= threshold <= asked.balance:
            said = asked.said if t == 0 and asked.said != _UNTOLD else None
            short = float(asked.low < threshold)
            answers.append(Answer(f"shortfall:{days}", t, asked.day, tuple(rows[t]), short, said))
    until = bands.LOCATIONS + bands.SPREADS
    change = (asked.last - asked.balance) / asked.turnover
    answers.append(Answer(f"band:{days}", 0, asked.day, tuple(x[:until]), change, None))
    if days == HORIZONS[0]:
        came = float(asked.largest >= asked.limit)
        answers.append(Answer("large:30", 0, asked.day, tuple(x[until:]), came, None))
    elif days == HORIZONS[-1] and asked.usual >= events.INCOME_MINOR_MIN:
        change = sorted(asked.incomes)[1] / asked.usual - 1
        row = tuple(x[until:])
        for target, moved in (
            ("fall:90", change < -events.CHANGE_SHARE),
            ("rise:90", change > events.CHANGE_SHARE),
        ):
            answers.append(Answer(target, 0, asked.day, row, float(moved), None))
    return answers
