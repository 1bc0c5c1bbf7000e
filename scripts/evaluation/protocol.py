"""One cut of the frozen protocol: what was seen of each account, what came, and what that teaches."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.forecasting import bands, dates, describe, events, scenarios
from operators.forecasting.block import Block
from operators.forecasting.learner import HORIZONS, ForecastLearner, Row
from scripts.evaluation.panel import Panel

Floats = NDArray[np.float64]
INCOME_MIN = 1_000.0
"""CZK a month; below it a change of income isn't asked about."""
THRESHOLDS: dict[str, tuple[float, float]] = {
    "abs0": (0.0, 0.0),
    "abs5k": (500_000.0, 0.0),
    "rel25": (0.0, 0.25),
    "rel50": (0.0, 0.5),
    "rel75": (0.0, 0.75),
    "rel100": (0.0, 1.0),
    "rel150": (0.0, 1.5),
}
"""Thresholds that every matured cut teaches: minor units, and months of own spending."""


@dataclass(slots=True)
class Cut:
    """One cut and horizon: what was seen, what came; money in minor units.

    ``dated`` is, of each threshold, who fell below it (rows), what was seen of the day, and the day that came.
    """

    accounts: NDArray[np.int64]
    known: Block
    thresholds: Floats
    short: Floats
    x: Floats
    band: Floats
    change: Floats
    turnover: Floats
    dated: dict[int, tuple[NDArray[np.int64], Floats, Floats]]
    extra: dict[str, tuple[Floats, Floats, NDArray[np.bool_]]] = field(default_factory=dict)


def cut_of(panel: Panel, cut: int, days: int) -> Cut | None:
    """Everything about one cut; None when nobody is eligible."""
    ix, at = panel.eligible(cut, days), cut - panel.start
    if not ix.size:
        return None
    known = panel.known(cut, ix)
    regular = scenarios.expected(known, days=days)
    past = scenarios.replayed(known, regular)
    spending = np.maximum(panel.debit[ix, at - 89 : at + 1].sum(axis=1) / 3, 500.0) * 100
    thresholds = np.stack([a + b * spending for a, b in THRESHOLDS.values()], axis=1)
    ahead = panel.low[ix, at + 1 : at + 1 + days] * 100
    moved = panel.income[ix, at - 89 : at + 1].sum(axis=1) + panel.debit[ix, at - 89 : at + 1].sum(
        axis=1
    )
    made = Cut(
        accounts=ix,
        known=known,
        thresholds=thresholds,
        short=(ahead.min(axis=1)[:, None] < thresholds).astype(float),
        x=describe.shortfall(known, thresholds, past=past),
        band=bands.describe(known, past=past),
        change=(panel.eod[ix, at + days] * 100 - known.balance) / bands.turnover(known),
        turnover=np.maximum(moved / 6, 1_000.0) * 100,
        dated=_dated(known, ahead, thresholds, past=past),
    )
    if days == HORIZONS[0]:
        made.extra["large:30"] = _large(panel, made, at, regular)
    elif days == HORIZONS[-1]:
        x = events.income(known, regular=np.diff(regular, axis=1, prepend=0.0))
        change, usual = _income_change(panel, ix, at)
        made.extra["fall:90"] = (x, (change < -events.CHANGE_SHARE).astype(float), usual)
        made.extra["rise:90"] = (x, (change > events.CHANGE_SHARE).astype(float), usual)
    return made


def _dated(
    known: Block,
    ahead: Floats,
    thresholds: Floats,
    *,
    past: scenarios.Replay,
) -> dict[int, tuple[NDArray[np.int64], Floats, Floats]]:
    paths, inside = past.paths, past.inside
    daily, made = np.diff(past.regular, axis=1, prepend=0.0), {}
    for t, wanted in enumerate(thresholds.T):
        below = ahead < wanted[:, None]
        who = np.nonzero((known.balance >= wanted) & below.any(axis=1))[0]
        above, scale = known.balance[who] - wanted[who], known.spending[who]
        kept = None if inside is None else inside[who]
        x = dates.seen(paths[who], kept, due=daily[who], above=above, scale=scale)
        made[t] = who, x, below[who].argmax(axis=1) + 1.0
    return made


def _large(panel: Panel, made: Cut, at: int, regular: Floats) -> tuple[Floats, Floats, Any]:
    ix = made.accounts
    quarter = panel.largest[ix, at - 89 : at + 1].max(axis=1)
    limit = events.LARGE_FACTOR * np.maximum(quarter, 1_000.0)
    came = panel.largest[ix, at + 1 : at + 31].max(axis=1) >= limit
    x = events.large(made.known, limit * 100, regular=regular)
    return x, came.astype(float), np.ones(len(ix), bool)


def _income_change(panel: Panel, ix: Any, at: int) -> tuple[Floats, Any]:
    def months(begin: int) -> Floats:
        windows = [
            panel.income[ix, begin + 30 * m : begin + 30 * (m + 1)].sum(axis=1) for m in range(3)
        ]
        middle: Floats = np.median(np.stack(windows, axis=1), axis=1)
        return middle

    before, after = months(at - 89), months(at + 1)
    return (after - before) / np.maximum(before, 1.0), before >= INCOME_MIN


def teach(learner: ForecastLearner, made: Cut, cut: int, days: int) -> None:
    """What a matured cut teaches, as the learner of the stream takes it."""
    open_before = made.known.balance[:, None] >= made.thresholds
    rows = (
        Row(
            f"{cut}:{made.accounts[i]:07d}:{t}",
            str(made.accounts[i]),
            cut,
            made.x[i, t].astype(np.float32),
            float(made.short[i, t]),
        )
        for i, t in zip(*np.nonzero(open_before), strict=True)
    )
    learner.learn(f"shortfall:{days}", rows)
    learner.learn(f"band:{days}", _rows(made.band, made.change, made, cut))
    for target, (x, y, asked) in made.extra.items():
        learner.learn(target, _rows(x, y, made, cut, asked))
    for t, (who, x, day) in made.dated.items():
        step = (day - 1) // (days // dates.STEPS)
        learner.learn(
            f"date:{days}",
            [
                Row(
                    f"{cut}:{account:07d}:{t}",
                    str(account),
                    cut,
                    x[row].astype(np.float32),
                    float(step[row]),
                )
                for row, account in enumerate(made.accounts[who])
            ],
        )


def _rows(x: Floats, y: Floats, made: Cut, cut: int, asked: Any = None) -> list[Row]:
    return [
        Row(f"{cut}:{who:07d}", str(who), cut, x[i].astype(np.float32), float(y[i]))
        for i, who in enumerate(made.accounts)
        if asked is None or asked[i]
    ]
