"""Pictures of an evaluation: whether probabilities came true, and how errors grow with the horizon."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from scripts.evaluation.measures import scores

Floats = NDArray[np.float64]
Told = Mapping[str, Sequence[tuple[Floats, Floats]]]
TITLES: dict[str, str] = {
    "rel50:30": "balance below half a month's spending, 30 days",
    "rel50:60": "the same within 60 days",
    "rel50:90": "the same within 90 days",
    "large:30": "a large expense within 30 days",
    "fall:90": "income falls within 90 days",
    "rise:90": "income rises within 90 days",
}
BINS = 10
Z = 1.96
COVERED, SLACK = 0.8, 0.04
"""The share that a range is to cover, and how far off it may be."""
LEAST = 0.002
"""Where the axes begin: most forecasts are small, and on straight axes all of them are one point."""


def draw(told: Told, *, ranges_of: Mapping[str, Any], folder: Path) -> None:
    """Write ``reliability.svg`` and ``horizons.svg``."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, 3, figsize=(12.5, 8.5))
    for axis, (target, title) in zip(axes.flat, TITLES.items(), strict=True):
        if told.get(target):
            _reliability(axis, told[target], title=title)
        else:
            axis.set(title=f"{title}\nnothing came due")
    figure.suptitle(
        "Foretold and come true, by tenths of the forecasts; bars are 95 % intervals (Wilson)"
    )
    figure.tight_layout()
    figure.savefig(folder / "reliability.svg")
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.5, 4))
    _by_horizon(left, {"balance": ranges_of["crps"]})
    left.set(ylabel="CRPS, share of a month's money in and out", title="error of the balance")
    middle.axhspan(COVERED - SLACK, COVERED + SLACK, color="0.9")
    middle.axhline(COVERED, color="0.6", linewidth=1)
    _by_horizon(middle, {"covered": ranges_of["coverage"]})
    middle.set(ylim=(0.5, 1.0), ylabel="share", title="balances inside the 80 % range")
    names = {"rel50": "half a month's spending", "abs5k": "a fixed amount", "abs0": "zero"}
    _by_horizon(
        right,
        {
            called: {days: cell["auc"] for days, cell in ranges_of[name].items()}
            for name, called in names.items()
        },
    )
    right.set(ylim=(0.5, 1.0), ylabel="AUC", title="balance below")
    right.legend()
    figure.tight_layout()
    figure.savefig(folder / "horizons.svg")


def _reliability(axis: Any, parts: Sequence[tuple[Floats, Floats]], *, title: str) -> None:
    y, p = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    bins = np.array_split(np.argsort(p, kind="stable"), min(BINS, len(p)))
    said = np.array([max(LEAST, p[b].mean()) for b in bins])
    came = np.array([y[b].mean() for b in bins])
    low, high = wilson(came, np.array([len(b) for b in bins]))
    shown = np.maximum(came, LEAST)
    axis.plot([LEAST, 1], [LEAST, 1], color="0.8")
    axis.errorbar(
        said,
        shown,
        yerr=[np.maximum(0.0, shown - np.maximum(low, LEAST)), np.maximum(0.0, high - shown)],
        fmt="o",
        capsize=2,
    )
    found = scores(y, p)
    axis.set(
        title=f"{title}\n{found['positives']:,} of {found['n']:,}, AUC {found['auc']}, ECE {found['ece']}",
        xlabel="foretold",
        ylabel="came true",
        xscale="log",
        yscale="log",
        xlim=(LEAST, 1),
        ylim=(LEAST, 1),
    )


def _by_horizon(axis: Any, lines: Mapping[str, Mapping[str, float | None]]) -> None:
    for name, cells in lines.items():
        known = {int(days): value for days, value in cells.items() if value is not None}
        axis.plot(list(known), list(known.values()), "o-", label=name)
        axis.set_xticks(sorted(known))
    axis.set(xlabel="days ahead")


def wilson(share: Floats, count: Floats) -> tuple[Floats, Floats]:
    """The 95 % interval of a share, both ends.

    Example:
        >>> [round(float(end[0]), 3) for end in wilson(np.array([0.0]), np.array([10]))]
        [0.0, 0.278]

    Source: Wilson 1927.
    """
    whole = 1 + Z * Z / count
    middle = (share + Z * Z / (2 * count)) / whole
    half = Z * np.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count)) / whole
    return np.maximum(0.0, middle - half), np.minimum(1.0, middle + half)
