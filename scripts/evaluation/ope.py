"""What another policy would have earned, from the log of the one that decided; or that the log can't tell.

`--log DIR`: a folder that `scripts/demo --keep DIR` wrote (decisions and impact), or the Open Bandit data
(DIR/random/all/all.csv and so on), where each of two policies is estimated from the other's log. `--data`:
a classification table made into logs with known truth. `--town SEED`: a simulated town's decisions, beside what
is true there. `--coverage`: how often the sequences miss.

Intervals are for 95 %. Levers are those of least estimated error. Clusters are customers where known.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from scripts.evaluation.offpolicy import coverage, moments, openbandit, recorded, tables, town
from scripts.evaluation.town import CUSTOMERS, EVENTS

Evaluation = Callable[[argparse.Namespace], dict[str, Any]]


def main(argv: Sequence[str]) -> int:
    """Run the evaluation; 0, 2 if the data can't be used, 3 if the log can't tell of any candidate."""
    options = _parser().parse_args(argv)
    try:
        result = _evaluation(options)(options)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"scripts/evaluate ope: {error}\n")
        return 2
    if options.json:
        print(json.dumps(_plain(result)))
    return 3 if result.get("told") == 0 else 0


def _evaluation(options: argparse.Namespace) -> Evaluation:
    if options.coverage:
        return coverage.run
    if options.data is not None:
        return tables.run
    if options.town is not None:
        return town.run
    if options.log is None:
        raise ValueError(
            "nothing to evaluate: give --log DIR, --data FILE, --town SEED or --coverage"
        )
    if not options.log.is_dir():
        raise ValueError(f"{options.log} is no folder: give the one that scripts/demo --keep wrote")
    if moments.here(options.log):
        return recorded.run
    if openbandit.here(options.log):
        return openbandit.run
    raise ValueError(
        f"{options.log} holds neither decisions.jsonl (of scripts/demo --keep DIR) nor the Open Bandit"
        " data (random/CAMPAIGN/CAMPAIGN.csv, bts/…): is it another folder?"
    )


def _plain(value: Any) -> Any:
    """JSON has no infinity: what is not bounded is null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/evaluate ope", description=__doc__)
    parser.add_argument("--log", type=Path, help="a folder of recorded decisions")
    parser.add_argument("--data", help="a classification table, label last; or the word digits")
    parser.add_argument("--town", metavar="SEED", help="a simulated town, whose truth is known")
    parser.add_argument("--coverage", action="store_true", help="simulated logs, step by step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    own = parser.add_argument_group("recorded decisions and towns")
    own.add_argument(
        "--candidate",
        action="append",
        choices=list(recorded.CANDIDATES),
        help="a policy to judge; may be repeated; by default all",
    )
    own.add_argument("--reward", choices=list(moments.REWARDS), default="taken")
    own.add_argument(
        "--settle-days", type=float, default=0.0, help="leave out the log's last so many days"
    )
    own.add_argument("--insist", action="store_true", help="estimate where the log can't tell")
    own.add_argument("--events", type=int, default=EVENTS, help="events of a town")
    own.add_argument("--customers", type=int, default=CUSTOMERS, help="residents of a town")
    bandit = parser.add_argument_group("Open Bandit")
    bandit.add_argument("--campaign", action="append", help="by default all, men and women")
    bandit.add_argument("--resamples", type=int, default=1000, help="of the log, for intervals")
    runs = parser.add_argument_group("tables and coverage")
    runs.add_argument(
        "--runs", type=int, help="how many; by default 30 of a table, 1,000 simulated"
    )
    runs.add_argument("--steps", type=int, default=2000, help="decisions of a simulated log")
    runs.add_argument("--label", default="last", help="the table's label: last, first or its name")
    return parser
