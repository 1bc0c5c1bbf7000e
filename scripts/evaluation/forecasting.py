"""The forecaster on real accounts, under a frozen rolling-origin protocol.

At each test cut the heads are fitted only on windows that ended by then; the code that folds, projects and
learns is the stream's. Prints a table, and with ``--json`` one JSON object as its last line.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from operators.forecasting import bands, dates, pooled
from operators.forecasting.learner import HORIZONS, ForecastLearner
from schemas.models import ForecastSnapshot
from scripts.evaluation.lead import lead_time
from scripts.evaluation.measures import crps, scores
from scripts.evaluation.panel import FIRST_TEST, Panel, day_of, panel_of
from scripts.evaluation.protocol import THRESHOLDS, Cut, cut_of, teach

Floats = NDArray[np.float64]
REPORTED = ("rel50", "abs5k", "abs0")
SHARES = np.array(bands.SHARES)
SOON_DAYS, WEEK_DAYS = 3, 7


class Evaluation:
    """What was foretold and what came, gathered cut by cut."""

    def __init__(self, panel: Panel) -> None:
        """Live through the panel, once for each horizon."""
        self.told: dict[str, list[tuple[Floats, Floats]]] = defaultdict(list)
        self._crps: dict[int, list[Floats]] = defaultdict(list)
        self._inside: dict[int, list[Floats]] = defaultdict(list)
        self._dates: dict[int, list[float]] = defaultdict(list)
        self._between: dict[int, list[Floats]] = defaultdict(list)
        self._monthly: dict[int, ForecastSnapshot] = {}
        self._panel = panel
        for days in HORIZONS:
            self._live(days)

    def report(self) -> dict[str, Any]:
        """Every figure."""
        made: dict[str, Any] = {
            name: {str(d): self._scored(f"{name}:{d}") for d in HORIZONS} for name in REPORTED
        }
        made["crps"] = {str(d): _mean(self._crps[d]) for d in HORIZONS}
        made["coverage"] = {str(d): _mean(self._inside[d]) for d in HORIZONS}
        made["date_error"] = {
            str(d): _dated(self._dates[d]) | {"within_range": _mean(self._between[d])}
            for d in HORIZONS
        }
        made["lead_time"] = lead_time(self._panel, self._monthly)
        for name, target in (
            ("large_expense", "large:30"),
            ("income_fall", "fall:90"),
            ("income_rise", "rise:90"),
        ):
            made[name] = self._scored(target)
        return made

    def _live(self, days: int) -> None:
        panel = self._panel
        learner = ForecastLearner()
        waiting: dict[int, Cut] = {}
        for cut in panel.cuts:
            for past in [q for q in waiting if q + days <= cut]:
                teach(learner, waiting.pop(past), past, days)
            made = cut_of(panel, cut, days) if cut + days < panel.end else None
            if made is not None:
                waiting[cut] = made
            if cut < day_of(FIRST_TEST[panel.mode]):
                continue
            snapshot = learner.snapshot(1)
            if days == HORIZONS[0]:
                self._monthly[cut] = snapshot
            if made is not None and f"shortfall:{days}" in snapshot.heads:
                self._ask(made, snapshot, days)

    def _ask(self, made: Cut, snapshot: ForecastSnapshot, days: int) -> None:
        for t, name in enumerate(THRESHOLDS):
            if name in REPORTED:
                on = made.known.balance >= made.thresholds[:, t]
                p = pooled.probability(snapshot.heads[f"shortfall:{days}"], made.x[on, t])
                self.told[f"{name}:{days}"].append((made.short[on, t], p))
        for target, (x, y, asked) in made.extra.items():
            if target in snapshot.heads:
                p = pooled.probability(snapshot.heads[target], x[asked])
                self.told[target].append((y[asked], p))
        known, scale = made.known, made.turnover
        quantiles = bands.balance_quantiles(snapshot.bands[str(days)], made.band, block=known)
        came = known.balance + made.change * bands.turnover(known)
        self._crps[days].append(crps(came / scale, quantiles / scale[:, None], SHARES))
        inside = (came >= quantiles[:, bands.LOW]) & (came <= quantiles[:, bands.HIGH])
        self._inside[days].append(inside.astype(float))
        self._date(made, snapshot, days)

    def _date(self, made: Cut, snapshot: ForecastSnapshot, days: int) -> None:
        """|first day below as foretold − as it came| among true onsets of rel50, days."""
        _, x, came = made.dated[list(THRESHOLDS).index("rel50")]
        head = snapshot.heads.get(f"date:{days}", dates.UNLEARNT)
        for chances, day in zip(dates.chances(head, x), came, strict=True):
            early, told, late = dates.likely(chances, days=days)
            self._dates[days].append(abs(told - float(day)))
            self._between[days].append(np.array([float(early <= day <= late)]))

    def _scored(self, target: str) -> dict[str, Any]:
        parts = self.told[target]
        if not parts:
            return {"auc": None, "brier": None, "ece": None, "n": 0, "positives": 0}
        return scores(np.concatenate([y for y, _ in parts]), np.concatenate([p for _, p in parts]))


def _mean(parts: list[Floats]) -> float | None:
    return round(float(np.concatenate(parts).mean()), 4) if parts else None


def _dated(errors: list[float]) -> dict[str, float | None]:
    if not errors:
        return {"median_days": None, "within_3_days": None, "within_7_days": None}
    apart = np.array(errors)
    return {
        "median_days": round(float(np.median(apart)), 2),
        "within_3_days": round(float((apart <= SOON_DAYS).mean()), 3),
        "within_7_days": round(float((apart <= WEEK_DAYS).mean()), 3),
    }


def main(arguments: list[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="scripts/evaluate forecasting", description=__doc__)
    parser.add_argument("--trans", required=True, type=Path, help="trans.asc of the Berka data")
    parser.add_argument("--mode", choices=tuple(FIRST_TEST), required=True)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--plot", type=Path, help="a folder for reliability diagrams")
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    panel = panel_of(options.trans, options.mode)
    evaluation = Evaluation(panel)
    report = evaluation.report()
    report["cost"] = {
        "seconds": round(time.perf_counter() - begun, 1),
        "accounts": len(panel.first),
    }
    if options.plot is not None:
        from scripts.evaluation.plots import draw  # noqa: PLC0415 - matplotlib loads slowly

        draw(evaluation.told, ranges_of=report, folder=options.plot)
    for name in REPORTED:
        for days, cell in report[name].items():
            print(f"{name:6} {days:>3} d  AUC {cell['auc']}  Brier {cell['brier']}  ECE {cell['ece']}"
                  f"  n {cell['n']} ({cell['positives']})")  # fmt: skip
    for name in (
        "large_expense",
        "income_fall",
        "income_rise",
        "crps",
        "coverage",
        "date_error",
        "lead_time",
    ):
        print(f"{name:14} {report[name]}")
    if options.json:
        print(orjson.dumps(report).decode())
    return 0
