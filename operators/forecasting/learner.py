"""Learns from forecasts that came due: rows remembered, heads refitted, a record kept of what was foretold.

The newest rows of each target are remembered (a bounded window), and the heads are refitted on them. Where so many
customers teach that the window would hold no more than some weeks, only a share of them is listened to, the same ones
always: months that differ tell more than more customers of one month. Order doesn't matter within what is
remembered: rows are sorted by their id before a fit, so that a log read again gives the same heads.

Source: sampling of units by a hash of their name, Duffield & Grossglauser 2001 (trajectory sampling).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from operators.draws import uniform
from operators.forecasting import bands, dates, events, pooled
from operators.forecasting.describe import NAMES, THRESHOLD
from schemas.models import BandHead, ForecastSnapshot, LogitHead

Floats = NDArray[np.float64]
T = TypeVar("T")
HORIZONS: tuple[int, ...] = (30, 60, 90)
ROWS_MAX = 60_000
MONTHS_MIN = 12
"""How many months a full window spans at least, unless the customers were so few that it never thinned."""
CUSTOMERS_MIN = 200
"""Of fewer customers none is left out, however much they teach."""
ROWS_MIN = 200
"""Fewer rows teach nothing that the prior doesn't know better."""
POSITIVES_MIN = 3
TENTHS = 10
EVENT_PENALTY = (10.0, 100.0)
TARGETS: tuple[str, ...] = (
    *(f"shortfall:{days}" for days in HORIZONS),
    "large:30",
    "fall:90",
    "rise:90",
)
"""What is foretold as a probability; ``band:H`` is foretold as a range, ``date:H`` as a day."""


@dataclass(slots=True, frozen=True)
class Row:
    """One thing foretold that came due: who and when, what was seen, what came, what had been said."""

    row_id: str
    customer: str
    month: int
    x: NDArray[np.float32]
    y: float
    said: float | None = None


@dataclass(slots=True)
class _Remembered:
    """Rows in the order of their arrival, of the ``share`` of the customers whose hash is lowest."""

    rows_max: int = ROWS_MAX
    rows: dict[str, Row] = field(default_factory=dict)
    months: Counter[int] = field(default_factory=Counter)
    customers: Counter[str] = field(default_factory=Counter)
    share: float = 1.0

    def add(self, row: Row) -> bool:
        if row.row_id in self.rows or uniform(row.customer, "forecast rows") >= self.share:
            return False
        self.rows[row.row_id] = row
        self.months[row.month] += 1
        self.customers[row.customer] += 1
        if len(self.rows) > self.rows_max:
            self._give_way()
        return True

    def drop(self, row_id: str) -> Row:
        row = self.rows.pop(row_id)
        _less(self.months, row.month)
        _less(self.customers, row.customer)
        return row

    def _give_way(self) -> None:
        """The oldest row goes, or, while the window spans too little time, half of the customers."""
        months = max(self.months) - min(self.months) + 1
        if months >= MONTHS_MIN or len(self.customers) < 2 * CUSTOMERS_MIN:
            self.drop(next(iter(self.rows)))
            return
        self.share /= 2
        for row in list(self.rows.values()):
            if uniform(row.customer, "forecast rows") >= self.share:
                self.drop(row.row_id)

    def sorted(self) -> list[Row]:
        return [self.rows[key] for key in sorted(self.rows)]


def _less(counts: "Counter[T]", name: T) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]


def prior_of(target: str) -> Floats:
    """The weights that little data leaves in place: a shortfall is as likely as the scenarios say."""
    if target.startswith("shortfall"):
        prior = np.zeros(pooled.width(len(NAMES), crossed=True))
        prior[:6] = (-3.0, 0.5, 0.5, -0.2, -0.2, -0.2)
        return prior
    prior = np.zeros(
        pooled.width(events.LARGE if target == "large:30" else events.INCOME, crossed=False)
    )
    prior[0] = -2.2
    return prior


class ForecastLearner:
    """All heads of the forecaster, and their record."""

    def __init__(self, *, rows_max: int = ROWS_MAX) -> None:
        """Begin with nothing learnt; of each target at most ``rows_max`` rows are remembered."""
        self._rows_max = rows_max
        self._remembered: dict[str, _Remembered] = {}
        self._record = {target: np.zeros((TENTHS, 2)) for target in TARGETS}
        self._heads: dict[str, LogitHead] = {}
        self._bands: dict[str, BandHead] = {}
        self._stale: set[str] = set()
        self.lessons = 0

    def learn(self, target: str, rows: Iterable[Row]) -> int:
        """Remember rows of a target; returns how many were new."""
        kept = self._remembered.setdefault(target, _Remembered(self._rows_max))
        new = 0
        for row in rows:
            if not kept.add(row):
                continue
            new += 1
            if row.said is not None:
                tenth = min(TENTHS - 1, int(row.said * TENTHS))
                self._record[target][tenth] += (1.0, row.y)
        if new:
            self._stale.add(target)
            self.lessons += new
        return new

    def forget(self, customer: str) -> int:
        """Take a customer's rows back, exactly: the next fit is made without them."""
        gone = 0
        for target, kept in self._remembered.items():
            own = [key for key, row in kept.rows.items() if row.customer == customer]
            for key in own:
                row = kept.drop(key)
                if row.said is not None:
                    self._record[target][min(TENTHS - 1, int(row.said * TENTHS))] -= (1.0, row.y)
            if own:
                self._stale.add(target)
            gone += len(own)
        return gone

    def fit(self) -> None:
        """Refit what has new rows, where there are enough of them."""
        for target in sorted(self._stale):
            rows = self._remembered[target].sorted()
            if len(rows) < (dates.ROWS_MIN if target.startswith("date:") else ROWS_MIN):
                self._heads.pop(target, None)
                self._bands.pop(target.removeprefix("band:"), None)
                continue
            x = np.stack([row.x for row in rows]).astype(np.float64)
            y = np.array([row.y for row in rows])
            months = len({row.month for row in rows})
            if target.startswith("band:"):
                self._bands[target.removeprefix("band:")] = bands.fit(x, y, months=months)
            elif target.startswith("date:"):
                self._heads[target] = dates.fit(x, y, months=months)
            elif POSITIVES_MIN <= y.sum() <= len(y) - POSITIVES_MIN:
                short = target.startswith("shortfall")
                self._heads[target] = pooled.fit(
                    x,
                    y,
                    prior=prior_of(target),
                    cross=THRESHOLD if short else None,
                    months=months,
                    penalty=pooled.PENALTY if short else EVENT_PENALTY,
                )
        self._stale.clear()

    def snapshot(self, version: int) -> ForecastSnapshot:
        """The heads as they are, refitted if rows have come since."""
        self.fit()
        digest = sha256()
        for name, head in sorted(self._heads.items()):
            digest.update(
                name.encode()
                + head.weights.tobytes()
                + head.centre.tobytes()
                + head.scale.tobytes()
            )
        for name, band in sorted(self._bands.items()):
            digest.update(
                name.encode()
                + band.location.tobytes()
                + band.spread.tobytes()
                + band.errors.tobytes()
            )
        return ForecastSnapshot(
            version=version,
            digest=digest.hexdigest(),
            heads=dict(sorted(self._heads.items())),
            bands=dict(sorted(self._bands.items())),
            record={target: made.copy() for target, made in self._record.items()},
            lessons=self.lessons,
        )
