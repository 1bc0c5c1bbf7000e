"""Lessons of forecasts that came due, as rows for their learner."""

import numpy as np

from flows.cadence import Cadence
from operators.forecasting import bands, dates, describe, events
from operators.forecasting.learner import HORIZONS, ROWS_MIN, TARGETS, ForecastLearner, Row
from schemas.base import DAY_MS
from schemas.decisions import Lesson
from schemas.models import ForecastSnapshot

SELDOM = Cadence(refresh_ms=DAY_MS, count_max=20_000, count_min=ROWS_MIN, part=2)
"""Heads are refitted on all their rows, which takes seconds, and what they learn takes months to come."""
MONTH_MS = 30 * DAY_MS
WIDTHS: dict[str, int] = {
    **dict.fromkeys(TARGETS, events.INCOME),
    **{f"shortfall:{days}": len(describe.NAMES) for days in HORIZONS},
    **{f"band:{days}": bands.LOCATIONS + bands.SPREADS for days in HORIZONS},
    **{f"date:{days}": dates.FEATURES for days in HORIZONS},
    "large:30": events.LARGE,
}
"""How many features the rows of each target have."""


class Foretold:
    """The learner of forecasts that came due, fed by lessons."""

    def __init__(self) -> None:
        """Nothing came due yet."""
        self._learner = ForecastLearner()

    def learn(self, lesson: Lesson) -> bool:
        """Take one thing that came due; False if it is none that is foretold, or has other features."""
        if WIDTHS.get(lesson.action) != len(lesson.context):
            return False
        if lesson.action.startswith("date:") and lesson.label not in range(dates.STEPS):
            return False
        row = Row(
            row_id=lesson.lesson_id,
            customer=lesson.customer,
            month=lesson.at_ms // MONTH_MS,
            x=np.array(lesson.context, np.float32),
            y=lesson.label,
            said=lesson.label_before if lesson.action in TARGETS else None,
        )
        self._learner.learn(lesson.action, [row])
        return True

    def forget(self, request: Lesson) -> int:
        """Take back what a customer taught, exactly; returns how many rows went."""
        if request.sources and "transactions" not in request.sources:
            return 0
        return self._learner.forget(request.customer)

    def snapshot(self, version: int) -> ForecastSnapshot:
        """The heads, refitted if anything has changed."""
        return self._learner.snapshot(version)
