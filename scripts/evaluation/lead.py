"""Warnings in time: every account scored weekly, against the days on which it really ran short.

An event is the first day below half a month of own spending after at least 14 days above it. A warning counts
for it when it was said 1 to 30 days before; a warning is new after 28 days without one.
"""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from operators.forecasting import describe, pooled, scenarios
from schemas.models import ForecastSnapshot
from scripts.evaluation.panel import Panel

Floats = NDArray[np.float64]
WARN_FROM = 0.2
ABOVE_DAYS = 14
REST_DAYS = 28
HORIZON = 30
LEADS = (1, 7, 14)


def lead_time(
    panel: Panel, monthly: Mapping[int, ForecastSnapshot]
) -> dict[str, float | int | None]:
    """Recall by lead, warnings per customer-year, at a probability of 0.2."""
    warned: dict[int, list[int]] = defaultdict(list)
    looked: dict[int, set[int]] = defaultdict(set)
    thresholds = _thresholds(panel)
    scored = fresh = 0
    for day in panel.weeks():
        fitted = max((cut for cut in monthly if cut <= day), default=None)
        head = None if fitted is None else monthly[fitted].heads.get(f"shortfall:{HORIZON}")
        ix = panel.eligible(day, HORIZON)
        if head is None or not ix.size:
            continue
        known, wanted = panel.known(day, ix), thresholds[ix, day - panel.start] * 100
        regular = scenarios.expected(known, days=HORIZON)
        past = scenarios.replayed(known, regular)
        x = describe.shortfall(known, wanted[:, None], past=past)
        p = pooled.probability(head, x[:, 0])
        scored += len(ix)
        for who, chance, above in zip(ix, p, known.balance >= wanted, strict=True):
            looked[int(who)].add(day)
            if above and chance >= WARN_FROM:
                said = warned[int(who)]
                fresh += not said or day - said[-1] > REST_DAYS
                said.append(day)
    return _summary(panel, thresholds, warned=warned, looked=looked, fresh=fresh, scored=scored)


def _thresholds(panel: Panel) -> Floats:
    """Half a month of own spending over the last 90 days, CZK, by account and day."""
    summed = np.cumsum(panel.debit, axis=1)
    before = np.zeros_like(summed)
    before[:, 90:] = summed[:, :-90]
    made: Floats = 0.5 * np.maximum((summed - before) / 3, 500.0)
    return made


def _summary(
    panel: Panel,
    thresholds: Floats,
    *,
    warned: Mapping[int, list[int]],
    looked: Mapping[int, set[int]],
    fresh: int,
    scored: int,
) -> dict[str, float | int | None]:
    caught, count, leads = dict.fromkeys(LEADS, 0), 0, []
    for who, days in looked.items():
        short = panel.low[who, 1:] < thresholds[who, :-1]
        for at in np.nonzero(short)[0]:
            day = panel.start + int(at) + 1
            before = [d for d in days if 1 <= day - d <= HORIZON]
            if short[max(0, at - ABOVE_DAYS) : at].any() or not before:
                continue
            count += 1
            ahead = [day - d for d in warned.get(who, ()) if 1 <= day - d <= HORIZON]
            leads += [max(ahead)] if ahead else []
            for lead in LEADS:
                caught[lead] += bool(ahead) and max(ahead) >= lead
    years = scored * 7 / 365.25
    return {
        "events": count,
        **{f"recall_{lead}d": round(caught[lead] / count, 3) if count else None for lead in LEADS},
        "median_lead_days": float(np.median(leads)) if leads else None,
        "warnings_per_customer_year": round(fresh / years, 2) if years else None,
    }
