"""Pictures of an evaluation: whether probabilities came true, and how errors grow with the horizon."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Told = Mapping[str, Sequence[tuple[Floats, Floats]]]


def draw(told: Told, *, ranges_of: Mapping[str, Any], folder: Path) -> None:
    """Write ``reliability.svg`` and ``horizons.svg``."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, 3, figsize=(12, 8))
    targets = ["rel50:30", "rel50:60", "rel50:90", "large:30", "fall:90", "rise:90"]
    for axis, target in zip(axes.flat, targets, strict=True):
        y = np.concatenate([part[0] for part in told[target]])
        p = np.concatenate([part[1] for part in told[target]])
        bins = np.array_split(np.argsort(p, kind="stable"), 10)
        axis.plot([0, 1], [0, 1], color="0.8")
        axis.plot([p[b].mean() for b in bins], [y[b].mean() for b in bins], "o-")
        axis.set(title=target, xlabel="foretold", ylabel="came true")
    figure.tight_layout()
    figure.savefig(folder / "reliability.svg")
    figure, axis = plt.subplots(figsize=(6, 4))
    for name in ("crps", "coverage"):
        cells = ranges_of[name]
        axis.plot([int(days) for days in cells], list(cells.values()), "o-", label=name)
    axis.set(xlabel="days ahead", title="error and 80 % coverage of the balance")
    axis.legend()
    figure.tight_layout()
    figure.savefig(folder / "horizons.svg")
