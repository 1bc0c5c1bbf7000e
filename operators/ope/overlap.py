"""Whether a log can tell anything about a candidate: overlap, and what to do where there is too little.

In: Sample. Out: Overlap, and the reasons to refuse in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.ope.log import Sample

MISSING_MAX = 0.01
EFFECTIVE_MIN = 100.0
HEAVIEST_MAX = 0.1
MEAN_ERRORS_MAX = 4.0
MEAN_SLACK = 0.05
NAMED_MAX = 3
CLUSTERS_MIN = 20


@dataclass(frozen=True)
class Overlap:
    """How much of the candidate the log holds; weights are `Sample.doubts`.

    ``effective`` is (sum w)² / sum w², the number of decisions that the log is worth for this candidate;
    ``effective_rewards`` the same over w·|r|. ``missing`` is the share of the candidate's choices that the
    log could never have shown; None where the log has only the chosen action's probability.
    ``missing_actions`` are the numbers of those actions, most missed first. ``heaviest`` is the largest
    weight's share of all weight.
    """

    decisions: int
    effective: float
    effective_rewards: float
    weight_mean: float
    weight_max: float
    heaviest: float
    missing: float | None
    missing_actions: tuple[int, ...]


def overlap(sample: Sample) -> Overlap:
    """Measure it.

    Source: Kish 1965 (effective sample size); Owen, Monte Carlo, 9.3 (diagnostics of weights).
    """
    weights, logged = sample.doubts, sample.log.logged
    missing: float | None = None
    actions: tuple[int, ...] = ()
    if logged is not None:
        lost = np.where(logged > 0.0, 0.0, sample.shares)
        lost[:, list(sample.log.settled)] = 0.0
        missing = float(lost.sum() / len(weights))
        by_action = lost.sum(axis=0)
        ranked = np.argsort(-by_action, kind="stable")[:NAMED_MAX]
        actions = tuple(int(action) for action in ranked if by_action[action] > 0.0)
    total = float(weights.sum())
    return Overlap(
        decisions=len(weights),
        effective=_effective(weights),
        effective_rewards=_effective(weights * np.abs(sample.log.rewards)),
        weight_mean=float(weights.mean()),
        weight_max=float(weights.max()),
        heaviest=float(weights.max()) / total if total > 0.0 else 1.0,
        missing=missing,
        missing_actions=actions,
    )


def reasons(sample: Sample, found: Overlap, *, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Why the log can't tell, each with what to do; empty where it can.

    Args:
        sample: What was looked at.
        found: Its overlap.
        names: The actions' names, for the words.
    """
    words: list[str] = []
    if found.missing is not None and found.missing > MISSING_MAX:
        listed = ", ".join(
            names[action] if names else str(action) for action in found.missing_actions
        )
        words.append(
            f"{found.missing:.1%} of its choices had no chance in the log (most: {listed}): give those"
            " actions a floor of probability, or let the candidate choose for a share first"
        )
    need = found.decisions * EFFECTIVE_MIN / max(found.effective, 1e-9)
    if found.effective < EFFECTIVE_MIN:
        more = (
            f"record about {need:,.0f} such decisions"
            if found.effective >= 1.0
            else "raise the floor"
        )
        words.append(
            f"the log is worth {found.effective:.1f} decisions for it, and {EFFECTIVE_MIN:.0f} are needed:"
            f" {more}, or let the candidate choose for a share"
        )
    elif found.heaviest > HEAVIEST_MAX:
        words.append(
            f"one decision carries {found.heaviest:.0%} of all weight: raise the floor of what is rarely"
            " chosen, and record again"
        )
    clusters = sample.log.clusters
    groups = found.decisions if clusters is None else len(np.unique(clusters))
    if groups < CLUSTERS_MIN:
        words.append(
            f"the log is of {groups} independent customers, and {CLUSTERS_MIN} are needed to tell luck from"
            " merit: record more of them"
        )
    error = float(sample.doubts.std(ddof=1)) / found.decisions**0.5 if found.decisions > 1 else 0.0
    gone = found.missing or 0.0
    # With a handful of weights their own error is not to be trusted.
    enough = found.effective >= EFFECTIVE_MIN
    if enough and abs(found.weight_mean + gone - 1.0) > MEAN_ERRORS_MAX * error + MEAN_SLACK:
        words.append(
            f"weights average {found.weight_mean:.2f} where {1.0 - gone:.2f} is due: the propensities are"
            " not those that were chosen with, or actions are missing from the log; mend the logging"
        )
    return tuple(words)


def _effective(weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0.0 else 0.0
