"""What choosing and learning cost: a decision end to end, a lesson, beside River's LinUCB and Vowpal Wabbit.

    features → contexts → committee → propensities, draw, contributions

All run in this process, in turns, on the same offers and contexts; times are of CPU, by decision.

A figure is the median within the quietest round, the one with the least median, for everybody alike: what slows a
whole round is another tenant of the machine, and a busy round says of it more than of the code. The table shows
the median of all rounds beside it.

Source: Python's documentation of `timeit.repeat` (higher values are other processes, the least one counts).
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain

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
FEW = 5
"""Times a round of what takes long."""


@dataclass(slots=True)
class Series:
    """Something timed again and again: how often in a round, of how many each time, and what it took.

    ``rounds`` are the microseconds of CPU of one, by round.
    """

    work: Callable[[int], object]
    count: int
    of: int = 1
    rounds: list[list[float]] = field(default_factory=list)

    def run(self) -> None:
        """One round."""
        took = []
        for number in range(self.count):
            began = time.thread_time_ns()
            self.work(number)
            took.append((time.thread_time_ns() - began) / 1e3 / self.of)
        self.rounds.append(took)

    @property
    def quiet(self) -> float:
        """The median within the quietest round, microseconds."""
        return min(map(statistics.median, self.rounds))

    @property
    def took(self) -> list[float]:
        """All rounds, sorted, microseconds."""
        return sorted(chain.from_iterable(self.rounds))

    @property
    def median(self) -> float:
        """Of all rounds, microseconds."""
        return statistics.median(self.took)

    @property
    def late(self) -> float:
        """The 99th percentile of all rounds, microseconds."""
        took = self.took
        return took[len(took) * 99 // 100]


def main(arguments: list[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="scripts/bench choose", description=__doc__)
    parser.add_argument("--offers", type=int, default=100, help="with silence")
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--action-features", type=int, default=10, help="of an offer")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--decisions", type=int, default=200, help="of ours, a round")
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
        "decide": Series(made.decide_again, decisions),
        "… contributions ranked": Series(
            lambda number: made.decide_again(number).contributions, decisions
        ),
        "… in the stream": Series(stream.decide, decisions),
        "… in the stream, three": Series(stream.decide_apart, decisions),
        "a lesson at a time": Series(
            lambda _: [*map(learner.learn, lessons), learner.statistics()], FEW, BATCH
        ),
        "sums of a batch": Series(lambda _: sums(lessons), FEW, BATCH),
        "River LinUCBDisjoint": Series(made.river(), max(FEW, decisions // 100)),
    }
    vowpal = made.vowpal()
    if vowpal is not None:
        timed["Vowpal Wabbit squarecb"] = Series(vowpal, max(FEW, decisions // 20))
    for series in timed.values():
        series.work(0)
    # As a worker does: no decision is interrupted by a search for garbage.
    gc.freeze()
    gc.disable()
    for _ in range(rounds):
        for series in timed.values():
            series.run()
    return timed


def _found(timed: dict[str, Series]) -> dict[str, float | None]:
    decide, batch = timed["decide"], timed["sums of a batch"]
    vowpal = timed.get("Vowpal Wabbit squarecb")
    return {
        "decide_us": decide.quiet,
        "decide_all_us": decide.median,
        "decide_p99_us": decide.late,
        "stream_us": timed["… in the stream"].quiet,
        "river_ratio": decide.quiet / timed["River LinUCBDisjoint"].quiet,
        "vw_ratio": None if vowpal is None else decide.quiet / vowpal.quiet,
        "learn_us": timed["a lesson at a time"].quiet,
        "learn_batch_us": batch.quiet,
        "learn_batch_all_us": batch.median,
    }


def _table(timed: dict[str, Series]) -> Table:
    table = Table(
        title="microseconds of CPU: median of the quietest round, beside decide; of all rounds"
    )
    table.add_column("what")
    for title in ("quietest", "beside", "least", "all", "p99"):
        table.add_column(title, justify="right")
    ours = timed["decide"].quiet
    for name, series in timed.items():
        table.add_row(
            name,
            f"{series.quiet:,.1f}",
            f"× {series.quiet / ours:,.2f}",
            f"{series.took[0]:,.1f}",
            f"{series.median:,.1f}",
            f"{series.late:,.1f}",
        )
    return table
