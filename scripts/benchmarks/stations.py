"""Where the milliseconds of an answer went: what `scripts.benchmarks.staged` saw, joined with what the bench saw."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
from rich.table import Table

from scripts.benchmarks.staged import STATIONS

LEGS: tuple[tuple[str, str, str], ...] = (
    ("produced → out of the consumer", "produced", "read"),
    ("→ its batch's turn", "read", "taken"),
    ("→ decided on and committed", "taken", "committed"),
    ("→ with the producer", "committed", "sent"),
    ("→ readable", "sent", "readable"),
    ("acknowledged, beside", "sent", "acknowledged"),
)
Step = tuple[float, float, str]
"""When something began, how many seconds it took, and what it was."""
QUANTILES = (50.0, 90.0, 99.0)
BENCH = "the bench itself"
SLOW_SHARE = 0.01
"""The slowest answers, whose causes are counted."""


@dataclass(slots=True, frozen=True)
class Answer:
    """One answer as the bench saw it, in seconds of the machine's monotonic clock."""

    customer: str
    produced: float
    readable: float

    @property
    def ms(self) -> float:
        """From the producer's call to the consumer's."""
        return (self.readable - self.produced) * 1000


@dataclass(slots=True)
class Seen:
    """What the bench saw: answers, and when it was held up itself: (began, seconds, by what)."""

    answers: list[Answer] = field(default_factory=list)
    pauses: list[Step] = field(default_factory=list)


def tables(bench: Seen, path: Path) -> list[Table]:
    """Milliseconds by leg, and what held the loop up during the slowest answers."""
    report = orjson.loads(path.read_bytes())
    slow_steps: list[Step] = [*map(tuple, report["slow"]), *bench.pauses]
    rows = []
    for answer in bench.answers:
        seen = report["answers"].get(answer.customer, {})
        if set(STATIONS) <= seen.keys():
            rows.append({**seen, "produced": answer.produced, "readable": answer.readable})
    legs = Table(title=f"where the milliseconds go ({len(rows)} answers)")
    for title in ("leg", *(f"p{q:g}" for q in QUANTILES), "in the slowest"):
        legs.add_column(title, justify="left" if title == "leg" else "right")
    whole = [row["readable"] - row["produced"] for row in rows]
    slow = np.array(whole) >= np.percentile(whole, 100 * (1 - SLOW_SHARE))
    for name, begin, end in LEGS:
        ms = np.array([row[end] - row[begin] for row in rows]) * 1000
        shown = (*np.percentile(ms, QUANTILES), ms[slow].mean())
        legs.add_row(name, *(f"{value:.2f}" for value in shown))
    return [legs, _causes([row for row, late in zip(rows, slow, strict=True) if late], slow_steps)]


def _causes(rows: Sequence[dict[str, float]], steps: Sequence[Step]) -> Table:
    """What ran long while the slowest answers were on their way: how often, and for how long."""
    met: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for began, took, name in steps:
            if began < row["readable"] and began + took > row["produced"]:
                met[name].append(took * 1000)
    table = Table(title=f"what ran for over 3 ms meanwhile, of the {len(rows)} slowest answers")
    for title in ("step of the loop", "answers", "mean ms", "longest ms"):
        table.add_column(title, justify="left" if title.startswith("step") else "right")
    for name, ms in sorted(met.items(), key=lambda pair: -sum(pair[1])):
        table.add_row(name, str(len(ms)), f"{np.mean(ms):.1f}", f"{max(ms):.1f}")
    return table
