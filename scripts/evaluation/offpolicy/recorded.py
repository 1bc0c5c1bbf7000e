"""Candidates judged by our own recorded decisions, which hold every action's score and exact probability.

A candidate is a registered policy over the logged scores, an even draw, or silence, at the same moments and
among the same allowed actions. The control's even draws are no part of the log: they are what the even draw's
estimate is held to. What an action changes later, beyond its own answer, is not seen.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from operators.bandits.shares import fair_merit, greedy, inverse_gap
from operators.ope.compare import Finding, compare
from operators.ope.intervals import Z_95, standard_error
from operators.ope.log import Log
from schemas.decisions import SILENCE
from schemas.models import Floats
from scripts.evaluation.offpolicy import challenger
from scripts.evaluation.offpolicy.moments import REWARDS, Moment, Recording, read

IGW_GAIN = 4.0
"""As `operators.bandits.igw` serves it, for rewards in units of 10 EUR."""
SCORE_SCALE = 10.0


Candidate = Callable[[Moment], Floats]
Chances = Mapping[str, Mapping[str, float]]
"""Decision id → action → the true chance that it is taken up if it is said then."""


def _over_scores(shares: Callable[[Floats, int], Floats]) -> Candidate:
    return lambda moment: shares(np.array(moment.scores).reshape(1, 1, -1), moment.lessons)[0]


def _evenly(moment: Moment) -> Floats:
    return np.full(len(moment.actions), 1.0 / len(moment.actions))


def _silent(moment: Moment) -> Floats:
    return np.array([float(action == SILENCE) for action in moment.actions])


def _as_logged(moment: Moment) -> Floats:
    return np.array(moment.shares)


CANDIDATES: Mapping[str, Candidate] = {
    "committee": _as_logged,
    "evenly": _evenly,
    "silence": _silent,
    "greedy": _over_scores(greedy),
    "inverse_gap": _over_scores(lambda s, n: inverse_gap(s, n, gain=IGW_GAIN)),
    "fair_merit": _over_scores(fair_merit),
}
"""Policies by their names in the registry; ``committee`` is the log's own, ``greedy`` the best score."""


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Judge the candidates by a dump.

    Raises:
        ValueError: No decision can be used, or the files are not a dump.
    """
    return judge(read(options.log, settle_days=options.settle_days), options)


def judge(
    recording: Recording, options: argparse.Namespace, *, chances: Chances | None = None
) -> dict[str, Any]:
    """Judge the candidates by recorded moments.

    Args:
        recording: The moments.
        options: ``reward``, ``candidate``, ``seed``, ``insist``.
        chances: The true chance that each action is taken up, by decision, where somebody knows it.

    Raises:
        ValueError: No moment can be used.
    """
    moments = recording.moments
    if not moments:
        why = ", ".join(f"{count} {word}" for word, count in recording.left_out.items())
        raise ValueError(f"no decision of the committee can be used ({why or 'none there'})")
    names = tuple(sorted({action for moment in moments for action in moment.actions}))
    places = {name: index for index, name in enumerate(names)}
    log = _log(recording, places, reward=options.reward)
    wanted = options.candidate or list(CANDIDATES)
    shares = {name: _spread(moments, places, CANDIDATES[name]) for name in wanted}
    findings = compare(log, shares, names=names, seed=options.seed, insist=options.insist)
    rows = {finding.candidate: _row(finding) for finding in findings}
    if chances is not None:
        true = _true_values(moments, places, chances, reward=options.reward)
        for name, row in rows.items():
            row["truth"] = float((shares[name] * true).sum(axis=1).mean())
    result: dict[str, Any] = {
        "data": "recorded decisions",
        "reward": options.reward,
        "decisions": len(log),
        "customers": len({moment.customer for moment in moments}),
        "actions": len(names),
        "earned": float(log.rewards.mean()),
        "left_out": dict(recording.left_out),
        "told": sum(not finding.refused for finding in findings),
        "candidates": rows,
        "control": _control(recording, options.reward),
    }
    _tell(result, findings)
    result["challenger"] = challenger.judge(recording, options)
    return result


def _log(recording: Recording, places: Mapping[str, int], *, reward: str) -> Log:
    """The committee's moments as arrays; an action is seen by its score, its signal and its worth."""
    moments = recording.moments
    who = {name: index for index, name in enumerate(sorted({m.customer for m in moments}))}
    contexts = np.zeros((len(moments), len(places), 4))
    top = max(1.0, *(max(moment.worths) for moment in moments))
    for number, moment in enumerate(moments):
        at = [places[action] for action in moment.actions]
        contexts[number, at, 0] = np.clip(np.array(moment.scores) * SCORE_SCALE, -8.0, 8.0)
        contexts[number, at, 1] = moment.signals
        contexts[number, at, 2] = np.array(moment.worths) / SCORE_SCALE
        contexts[number, :, 3] = len(moment.actions) / SCORE_SCALE
    return Log(
        actions=np.array([places[m.actions[m.chosen]] for m in moments]),
        rewards=np.array([REWARDS[reward](recording.came(m)) for m in moments]),
        propensities=np.array([m.shares[m.chosen] for m in moments]),
        contexts=contexts,
        action_count=len(places),
        logged=_spread(moments, places, _as_logged),
        clusters=np.array([who[m.customer] for m in moments]),
        reward_range=(0.0, top if reward == "worth" else 1.0),
        settled=(places[SILENCE],) if SILENCE in places else (),
    )


def _spread(moments: list[Moment], places: Mapping[str, int], candidate: Candidate) -> Floats:
    """A candidate's probabilities over all actions, shape (n, K); 0 where one was not allowed."""
    shares = np.zeros((len(moments), len(places)))
    for number, moment in enumerate(moments):
        shares[number, [places[action] for action in moment.actions]] = candidate(moment)
    return shares


def _true_values(
    moments: list[Moment], places: Mapping[str, int], chances: Chances, *, reward: str
) -> Floats:
    """What each action would truly have brought on average, shape (n, K).

    Raises:
        ValueError: The truth is of what is taken up, and says nothing of this reward.
    """
    if reward not in {"taken", "worth"}:
        raise ValueError(f"nobody knows the truth of «{reward}»: give --reward taken or worth")
    true = np.zeros((len(moments), len(places)))
    for number, moment in enumerate(moments):
        known = chances[moment.decision_id]
        for action, worth in zip(moment.actions, moment.worths, strict=True):
            chance = known.get(action, 0.0)
            true[number, places[action]] = chance * (worth if reward == "worth" else 1.0)
    return true


def _control(recording: Recording, reward: str) -> dict[str, Any] | None:
    """What the even draw truly earned for the customers who were dealt to it; None without a control."""
    if not recording.control:
        return None
    values = np.array([REWARDS[reward](recording.came(m)) for m in recording.control])
    _, who = np.unique([m.customer for m in recording.control], return_inverse=True)
    half = Z_95 * standard_error(values, who)
    mean = float(values.mean())
    return {"decisions": len(values), "earned": mean, "interval": [mean - half, mean + half]}


def _row(finding: Finding) -> dict[str, Any]:
    found = finding.overlap
    return {
        "verdict": finding.verdict,
        "refused": list(finding.refused),
        "estimates": {
            name: {
                "value": worth.value,
                "interval": [worth.low, worth.high],
                "lever": None if worth.lever is None or np.isinf(worth.lever) else worth.lever,
            }
            for name, worth in finding.worths.items()
        },
        "gain": None if finding.gain is None else asdict(finding.gain),
        "sequence": finding.sequence,
        "effective": round(found.effective, 1),
        "effective_rewards": round(found.effective_rewards, 1),
        "weight_mean": round(found.weight_mean, 4),
        "weight_max": round(found.weight_max, 3),
        "missing": found.missing,
    }


def _tell(result: Mapping[str, Any], findings: list[Finding]) -> None:
    left = ", ".join(f"{count:,} {word}" for word, count in result["left_out"].items())
    print(
        f"{result['decisions']:,} decisions for {result['customers']:,} customers; the log's policy earned"
        f" {result['earned']:.4f} a decision ({result['reward']}); left out: {left or 'none'}"
    )
    for finding in findings:
        for words in finding.refused:
            print(f"{finding.candidate:12} the log can't tell: {words}")
        if finding.gain is None:
            continue
        worth, gain = finding.worths["dr"], finding.gain
        truth = result["candidates"][finding.candidate].get("truth")
        print(
            f"{finding.candidate:12} {worth.value:.4f} ({worth.low:.4f} to {worth.high:.4f}), gain"
            f" {gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}): {finding.verdict};"
            f" worth {finding.overlap.effective:,.0f} decisions, largest weight"
            f" {finding.overlap.weight_max:.1f}" + ("" if truth is None else f"; truly {truth:.4f}")
        )
    control = result["control"]
    if control is not None:
        low, high = control["interval"]
        print(
            f"control      {control['earned']:.4f} ({low:.4f} to {high:.4f}) earned by even draws for other"
            f" customers, {control['decisions']:,} decisions: what «evenly» is held to"
        )
