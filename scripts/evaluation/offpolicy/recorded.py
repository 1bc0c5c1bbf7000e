"""Our own recorded decisions: every candidate action with its score and exact probability, and what came of it.

Reads decisions.jsonl, impact.jsonl and lessons.jsonl of a dump. A candidate is a registered policy over the
logged scores, an even draw, or silence, at the same moments and among the same allowed actions. Left out, and
counted: moments with nothing to choose, customers who must not be experimented on, the holdout, and what served
without a model. The control's even draws are no part of the log: they are what the even draw's estimate is held
to. What an action changes later, beyond its own answer, is not seen.
"""

import argparse
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from operators.bandits.shares import fair_merit, greedy, inverse_gap
from operators.ope.compare import Finding, compare
from operators.ope.intervals import Z_95, standard_error
from operators.ope.log import TOLERANCE, Log
from schemas import topics
from schemas.base import DAY_MS
from schemas.decisions import SILENCE
from schemas.models import Floats
from scripts.auditing.logs import lines

IGW_GAIN = 4.0
"""As `operators.bandits.igw` serves it, for rewards in units of 10 EUR."""
SCORE_SCALE = 10.0
MINOR_PER_EUR = 100.0
UNWELCOME: frozenset[str] = frozenset({"dismissed", "muted", "complained"})


@dataclass(frozen=True)
class _Moment:
    """One decision in which something could be chosen; ``actions``, ``scores``, ``shares`` are aligned."""

    decision_id: str
    customer: str
    at_ms: int
    chosen: int
    actions: tuple[str, ...]
    scores: tuple[float, ...]
    shares: tuple[float, ...]
    worths: tuple[float, ...]
    """What an action brings if it is taken up, EUR."""
    signals: tuple[float, ...]
    lessons: int = 0


@dataclass(frozen=True)
class _Came:
    """What came of a decision: the worth of what was said, and the answers that counted."""

    worth_eur: float
    answers: set[str]


@dataclass
class _Recording:
    """What a dump holds: moments of the committee, those of the control, why others are left out."""

    moments: list[_Moment] = field(default_factory=list)
    control: list[_Moment] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    answers: dict[str, set[str]] = field(default_factory=dict)

    def came(self, moment: _Moment) -> _Came:
        """What came of a moment by the end of the dump."""
        return _Came(moment.worths[moment.chosen], self.answers.get(moment.decision_id, set()))


Candidate = Callable[[_Moment], Floats]
Reward = Callable[[_Came], float]


def _over_scores(shares: Callable[[Floats, int], Floats]) -> Candidate:
    return lambda moment: shares(np.array(moment.scores).reshape(1, 1, -1), moment.lessons)[0]


def _evenly(moment: _Moment) -> Floats:
    return np.full(len(moment.actions), 1.0 / len(moment.actions))


def _silent(moment: _Moment) -> Floats:
    return np.array([float(action == SILENCE) for action in moment.actions])


def _as_logged(moment: _Moment) -> Floats:
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
REWARDS: Mapping[str, Reward] = {
    "taken": lambda came: float("completed" in came.answers),
    "worth": lambda came: came.worth_eur if "completed" in came.answers else 0.0,
    "unwelcome": lambda came: float(bool(UNWELCOME & came.answers)),
}
"""What a decision brought by the log's end: 1 if taken up; its worth in EUR then; 1 if it was unwelcome."""


def here(folder: Path) -> bool:
    """Whether the folder is a dump with decisions."""
    return (folder / f"{topics.DECISIONS}.jsonl").is_file()


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Judge the candidates.

    Raises:
        ValueError: No decision can be used, or the files are not a dump.
    """
    recording = _read(options.log, settle_days=options.settle_days)
    if not recording.moments:
        why = ", ".join(f"{count} {word}" for word, count in recording.left_out.items())
        raise ValueError(f"no decision of the committee can be used ({why or 'none there'})")
    names = tuple(sorted({a for m in recording.moments for a in m.actions}))
    log = _log(recording, names, reward=options.reward)
    wanted = options.candidate or list(CANDIDATES)
    places = {name: index for index, name in enumerate(names)}
    shares = {name: _spread(recording.moments, places, CANDIDATES[name]) for name in wanted}
    findings = compare(log, shares, names=names, seed=options.seed, insist=options.insist)
    earned = float(log.rewards.mean())
    result: dict[str, Any] = {
        "data": "recorded decisions",
        "reward": options.reward,
        "decisions": len(log),
        "customers": len(np.unique(log.clusters)) if log.clusters is not None else 0,
        "actions": len(names),
        "earned": earned,
        "left_out": dict(recording.left_out),
        "told": sum(not finding.refused for finding in findings),
        "candidates": {finding.candidate: _row(finding) for finding in findings},
        "control": _control(recording, options.reward),
    }
    _tell(result, findings)
    return result


def _read(folder: Path, *, settle_days: float) -> _Recording:
    """The moments in the order of their time, each once."""
    recording = _Recording()
    learnt = sorted(
        int(lesson["at_ms"])
        for lesson in _values(folder, topics.LESSONS)
        if lesson.get("kind") == "reward" and lesson.get("label_before") is None
    )
    decisions = {row["decision_id"]: row for row in _values(folder, topics.DECISIONS)}
    for row in _values(folder, topics.IMPACT):
        if row.get("type") == "feedback" and row.get("counted"):
            recording.answers.setdefault(str(row["decision_id"]), set()).add(str(row["outcome"]))
    times = {
        key: int(datetime.fromisoformat(row["decided_at"]).timestamp() * 1000)
        for key, row in decisions.items()
    }
    last_ms = max(times.values(), default=0) - settle_days * DAY_MS
    for key in sorted(decisions, key=lambda k: (times[k], k)):
        row = decisions[key]
        why = "too young" if times[key] > last_ms else _unusable(row)
        if why:
            recording.left_out[why] += 1
            continue
        moment = _moment(row, times[key], lessons=bisect_right(learnt, times[key]))
        (recording.control if row["arm"] == "control" else recording.moments).append(moment)
    return recording


def _unusable(row: Mapping[str, Any]) -> str:
    """Why a decision says nothing about other policies, in a word; empty if it does."""
    allowed = [c for c in row["candidates"] if c["stage_reached"] == "arbitrate"]
    if row["arm"] == "holdout":
        return "holdout"
    if len(allowed) < 2:  # noqa: PLR2004 - silence alone is no choice
        return "nothing to choose"
    if row["vulnerability_brake"]:
        return "not to be experimented on"
    if row["digests"].get("model") == "fallback":
        return "without a model"
    total = sum(c["p_final"] for c in allowed)
    mine = [c["p_final"] for c in allowed if c["action"] == row["chosen"]]
    if abs(total - 1.0) > TOLERANCE or mine != [row["propensity"]]:
        return "propensities that do not add up"
    return ""


def _moment(row: Mapping[str, Any], at_ms: int, *, lessons: int) -> _Moment:
    allowed = [c for c in row["candidates"] if c["stage_reached"] == "arbitrate"]
    actions = tuple(str(c["action"]) for c in allowed)
    return _Moment(
        decision_id=row["decision_id"],
        customer=row["customer"],
        at_ms=at_ms,
        chosen=actions.index(row["chosen"]),
        actions=actions,
        scores=tuple(float(c["score"]) for c in allowed),
        shares=tuple(float(c["p_final"]) for c in allowed),
        worths=tuple(
            (c.get("value_customer", 0) + c.get("value_bank", 0)) / MINOR_PER_EUR for c in allowed
        ),
        signals=tuple(float(bool(c.get("signal"))) for c in allowed),
        lessons=lessons,
    )


def _log(recording: _Recording, names: tuple[str, ...], *, reward: str) -> Log:
    """The committee's moments as arrays; an action is seen by its score, its signal and its worth."""
    moments = recording.moments
    places = {name: index for index, name in enumerate(names)}
    who = {name: index for index, name in enumerate(sorted({m.customer for m in moments}))}
    contexts = np.zeros((len(moments), len(names), 4))
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
        action_count=len(names),
        logged=_spread(moments, places, _as_logged),
        clusters=np.array([who[m.customer] for m in moments]),
        reward_range=(0.0, top if reward == "worth" else 1.0),
    )


def _spread(moments: list[_Moment], places: Mapping[str, int], candidate: Candidate) -> Floats:
    """A candidate's probabilities over all actions, shape (n, K); 0 where one was not allowed."""
    shares = np.zeros((len(moments), len(places)))
    for number, moment in enumerate(moments):
        shares[number, [places[action] for action in moment.actions]] = candidate(moment)
    return shares


def _control(recording: _Recording, reward: str) -> dict[str, Any] | None:
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
        print(
            f"{finding.candidate:12} {worth.value:.4f} ({worth.low:.4f} to {worth.high:.4f}), gain"
            f" {gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}): {finding.verdict};"
            f" worth {finding.overlap.effective:,.0f} decisions, largest weight"
            f" {finding.overlap.weight_max:.1f}"
        )
    control = result["control"]
    if control is not None:
        low, high = control["interval"]
        print(
            f"control      {control['earned']:.4f} ({low:.4f} to {high:.4f}) earned by even draws for other"
            f" customers, {control['decisions']:,} decisions: what «evenly» is held to"
        )


def _values(folder: Path, role: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number, record in enumerate(lines(folder, role), start=1):
        if record.value is None:
            continue
        try:
            found.append(orjson.loads(record.value))
        except orjson.JSONDecodeError as error:
            raise ValueError(f"{role}.jsonl, line {number}, holds no JSON: {error}") from error
    return found
