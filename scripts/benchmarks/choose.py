"""What choosing and learning cost: a decision end to end, a lesson, beside River's LinUCB and Vowpal Wabbit.

    features → contexts → committee → propensities, draw, contributions

All run in this process, in turns, on the same offers and contexts; times are of CPU, by decision.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from operators.bandits.sums import sums
from operators.offers import ACTION_NAMES
from scripts.benchmarks import contest
from scripts.benchmarks.contest import Contest

BARS: dict[str, float] = {
    "decide_us": 30.0,
    "river_ratio": 1 / 80,
    "vw_ratio": 1 / 10,
    "learn_us": 20.0,
    "learn_batch_us": 8.0,
}
"""What is aimed at: microseconds, and shares of what the others take."""
BATCH = 1024


@dataclass(slots=True)
class Series:
    """Something timed again and again: how often in a round, and what each time took (µs of CPU)."""

    work: Callable[[int], object]
    count: int
    took: list[float]

    def run(self) -> None:
        """One round."""
        for number in range(self.count):
            began = time.thread_time_ns()
            self.work(number)
            self.took.append((time.thread_time_ns() - began) / 1e3)

    @property
    def median(self) -> float:
        """Microseconds."""
        return statistics.median(self.took)

    @property
    def late(self) -> float:
        """The 99th percentile, microseconds."""
        return sorted(self.took)[len(self.took) * 99 // 100]


def main(arguments: list[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="scripts/bench choose", description=__doc__)
    parser.add_argument("--offers", type=int, default=100, help="with silence")
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--action-features", type=int, default=10, help="of an offer")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--decisions", type=int, default=500, help="of ours, a round")
    parser.add_argument("--json", action="store_true", help="one JSON object in the last line")
    options = parser.parse_args(arguments)
    with threadpool_limits(1):
        made = contest.stage(
            options.offers, options.features, action_features=options.action_features
        )
        stream = contest.stage(options.offers, options.features, action_features=len(ACTION_NAMES))
        timed = _timed(made, stream, rounds=options.rounds, decisions=options.decisions)
    found = _found(timed)
    console = Console(highlight=False)
    console.print(_table(timed))
    for name, bar in BARS.items():
        value = found[name]
        if value is None:
            console.print(f"{name}: vowpalwabbit is not installed; it is part of requirements-dev")
        else:
            console.print(
                f"{name}: {value:.4g} of {bar:.4g}, {'met' if value <= bar else 'MISSED'}"
            )
    if options.json:
        sys.stdout.write(json.dumps(found) + "\n")
    return 0


def _timed(made: Contest, stream: Contest, *, rounds: int, decisions: int) -> dict[str, Series]:
    lessons = made.lessons(BATCH)
    learner = made.learner()
    timed = {
        "decide": Series(made.decide_again, decisions, []),
        "and the contributions named and ranked": Series(
            lambda number: made.decide_again(number).contributions, decisions, []
        ),
        "decide in the stream, one purpose": Series(stream.decide, decisions, []),
        "decide in the stream, three purposes": Series(stream.decide_apart, decisions, []),
        "a lesson at a time": Series(
            lambda _: [*map(learner.learn, lessons), learner.statistics()], 1, []
        ),
        "sums of a batch": Series(lambda _: sums(lessons), 1, []),
        "River LinUCBDisjoint": Series(made.river(), max(1, decisions // 100), []),
    }
    vowpal = made.vowpal()
    if vowpal is not None:
        timed["Vowpal Wabbit squarecb, text"] = Series(vowpal, max(1, decisions // 20), [])
    for series in timed.values():
        series.work(0)
    # As a worker does: no decision is interrupted by a search for garbage.
    gc.freeze()
    gc.disable()
    for _ in range(rounds):
        for series in timed.values():
            series.run()
    for name in ("a lesson at a time", "sums of a batch"):
        timed[name].took = [took / BATCH for took in timed[name].took]
    return timed


def _found(timed: dict[str, Series]) -> dict[str, float | None]:
    ours = timed["decide"].median
    vowpal = timed.get("Vowpal Wabbit squarecb, text")
    return {
        "decide_us": ours,
        "decide_p99_us": timed["decide"].late,
        "stream_us": timed["decide in the stream, one purpose"].median,
        "river_ratio": ours / timed["River LinUCBDisjoint"].median,
        "vw_ratio": None if vowpal is None else ours / vowpal.median,
        "learn_us": timed["a lesson at a time"].median,
        "learn_batch_us": timed["sums of a batch"].median,
    }


def _table(timed: dict[str, Series]) -> Table:
    table = Table(title="microseconds of CPU")
    table.add_column("what")
    for title in ("least", "median", "p99", "beside decide"):
        table.add_column(title, justify="right")
    ours = timed["decide"].median
    for name, series in timed.items():
        table.add_row(
            name,
            f"{min(series.took):,.1f}",
            f"{series.median:,.1f}",
            f"{series.late:,.1f}",
            f"× {series.median / ours:,.2f}",
        )
    return table
