"""The challenger of a roll-out, judged by the champion's log: its chance of what was chosen lies beside each choice.

The log has that one probability of the challenger's, so that only weighting can tell; no reward model helps.
"""

import argparse
from dataclasses import asdict
from typing import Any

import numpy as np

from operators.ope.compare import compare
from operators.ope.log import Log
from scripts.evaluation.offpolicy.moments import REWARDS, Moment, Recording

ESTIMATES = ("ips", "snips")


def judge(recording: Recording, options: argparse.Namespace) -> dict[str, Any] | None:
    """Judge the newest challenger; None where none was heard."""
    heard = [moment for moment in recording.moments if moment.rival is not None]
    if not heard or heard[-1].rival is None:
        return None
    newest = heard[-1].rival
    moments = [m for m in heard if m.rival is not None and m.rival.model == newest.model]
    _, who = np.unique([moment.customer for moment in moments], return_inverse=True)
    theirs = np.array([_chance(moment) for moment in moments])
    # Action 0 is what was chosen, 1 is everything else.
    log = Log(
        actions=np.zeros(len(moments), dtype=np.int64),
        rewards=np.array([REWARDS[options.reward](recording.came(m)) for m in moments]),
        propensities=np.array([moment.shares[moment.chosen] for moment in moments]),
        contexts=np.zeros((len(moments), 1)),
        action_count=2,
        clusters=who,
        reward_range=None if options.reward == "worth" else (0.0, 1.0),
    )
    shares = np.stack([theirs, 1.0 - theirs], axis=1)
    name = f"challenger ({newest.policy})"
    (finding,) = compare(
        log, {name: shares}, expected=np.zeros((len(moments), 2)), insist=options.insist
    )
    for words in finding.refused:
        print(f"{name:12} the log can't tell: {words}")
    worths = {key: asdict(finding.worths[key]) for key in ESTIMATES if finding.worths}
    if finding.gain is not None:
        worth, gain = finding.worths["snips"], finding.gain
        print(
            f"{name} {worth.value:.4f} ({worth.low:.4f} to {worth.high:.4f}), gain {gain.value:+.4f}"
            f" ({gain.low:+.4f} to {gain.high:+.4f}): {finding.verdict}"
        )
    return {
        "model": newest.model,
        "policy": newest.policy,
        "decisions": len(moments),
        "served": sum(m.rival is not None and m.rival.served for m in moments),
        "verdict": finding.verdict,
        "refused": list(finding.refused),
        "estimates": worths,
        "gain": None if finding.gain is None else asdict(finding.gain),
        "sequence": finding.sequence,
        "effective": round(finding.overlap.effective, 1),
    }


def _chance(moment: Moment) -> float:
    return 0.0 if moment.rival is None else moment.rival.propensity
