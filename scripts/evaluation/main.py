"""The evaluations by name; each prints one JSON object as its last line when asked with ``--json``."""

import os
import sys
from importlib import import_module

EVALUATIONS: dict[str, str] = {
    "forecasting": "balance, shortfall, large expense and income change, 30 to 90 days ahead",
    "acceptance": "who takes an offer up, learnt progressively",
    "town": "what choosing adds in a simulated bank with a known truth: regret, uplift, harm",
    "value": "regret in lifetime value when value comes late: revised labels, clicks, waiting",
    "ope": "what another policy would have earned, from a log; or that the log can't tell",
    "replay": "decisions made again bit by bit, learning in any order, and chance as logged",
    "taste": "which product a customer holds besides, hidden and found again",
    "bandit": "regret of a policy on a stream with known rewards",
}

SMALL = frozenset({"value", "ope", "replay"})
"""Those with so small matrices that threads wait for each other longer than they count."""


def main() -> int:
    """Run the evaluation that the first argument names, with the arguments behind it."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in EVALUATIONS:
        listing = "\n".join(f"  {key:<13}{words}" for key, words in EVALUATIONS.items())
        sys.stderr.write(f"usage: scripts/evaluate NAME [--help]\n{listing}\n")
        return 2
    if name in SMALL:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    outcome: int = import_module(f"scripts.evaluation.{name}").main(sys.argv[2:])
    return outcome
