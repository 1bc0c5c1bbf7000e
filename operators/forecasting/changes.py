"""What is coming besides a low balance: a large expense, income that falls or rises.

Stage: 3 of 8. In: memories of cash and recurring. Out: Forecast | None.

Both are told by heads that were fitted on forecasts which came due; without them it abstains, as it does with
less than a quarter of history and for the reasons of `operators.forecasting.fitness`.
"""

from collections.abc import Mapping

import numpy as np

from operators.features import book
from operators.features.balances import total_minor
from operators.features.cash import pending_minor
from operators.forecasting import block, events
from operators.forecasting.fitness import why_not
from operators.forecasting.heads import HISTORY_DAYS_MIN, Looked, chance
from schemas.base import DAY_MS
from schemas.customer import Memory
from schemas.models import ForecastSnapshot
from schemas.rules import Rules
from schemas.signals import Forecast

LARGE_DAYS, INCOME_DAYS = 30, 90


class Changes:
    """The chances of a large expense within 30 days and of a changed income within 90."""

    name: str = "changes"
    needs: tuple[str, ...] = ("cash", "recurring")

    def forecast(
        self,
        memories: Mapping[str, Memory],
        *,
        now_ms: int,
        rules: Rules,
        learnt: ForecastSnapshot | None = None,
    ) -> Forecast | None:
        """The chances that heads serve for; None without any, or on thin, mixed or dormant history."""
        cash, kept = memories.get("cash"), memories.get("recurring")
        if learnt is None or not learnt.heads:
            return None
        if cash is None or not isinstance(kept, bytes):
            return None
        if why_not(cash, kept, now_ms=now_ms, days_min=HISTORY_DAYS_MIN):
            return None
        today = max(now_ms // DAY_MS, cash["day"], book.head(kept).last)
        ahead = np.array([float(total_minor(cash) + pending_minor(cash, now_ms=now_ms))])
        known = block.read([kept], today=today, balance=ahead)
        x, limit = Looked(known, days=LARGE_DAYS).large()
        large = chance(learnt, "large:30", x)
        fall = rise = None
        if events.usual_income(known)[0] >= events.INCOME_MINOR_MIN:
            income = Looked(known, days=INCOME_DAYS).income()
            fall, rise = (chance(learnt, target, income) for target in ("fall:90", "rise:90"))
        if large is fall is rise is None:
            return None
        return Forecast(
            name=self.name,
            horizon_days=rules.shortfall_horizon_days,
            threshold_minor=rules.shortfall_threshold_minor,
            shortfall=None,
            low_minor=None,
            date_range=None,
            learnt=True,
            large=large,
            large_minor=round(limit),
            fall=fall,
            rise=rise,
        )
