"""Moments of our own recorded decisions: what could be chosen, with which probability, and what came of it.

Reads decisions.jsonl, impact.jsonl and lessons.jsonl of a dump. Left out, and counted: moments with nothing to
choose, customers who must not be experimented on, the holdout, and what served without a model.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from operators.ope.log import TOLERANCE
from schemas import topics
from schemas.base import DAY_MS
from schemas.decisions import Rival
from scripts.auditing.logs import lines

MINOR_PER_EUR = 100.0
UNWELCOME: frozenset[str] = frozenset({"dismissed", "muted", "complained"})


@dataclass(frozen=True)
class Moment:
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
    rival: Rival | None = None
    """What a challenger would have done, where one was heard."""


@dataclass(frozen=True)
class Came:
    """What came of a decision: the worth of what was said, and the answers that counted."""

    worth_eur: float
    answers: set[str]


@dataclass
class Recording:
    """What a dump holds: moments of the committee, those of the control, why others are left out."""

    moments: list[Moment] = field(default_factory=list)
    control: list[Moment] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    answers: dict[str, set[str]] = field(default_factory=dict)

    def came(self, moment: Moment) -> Came:
        """What came of a moment by the end of the dump."""
        return Came(moment.worths[moment.chosen], self.answers.get(moment.decision_id, set()))


Reward = Callable[[Came], float]
REWARDS: Mapping[str, Reward] = {
    "taken": lambda came: float("completed" in came.answers),
    "worth": lambda came: came.worth_eur if "completed" in came.answers else 0.0,
    "unwelcome": lambda came: float(bool(UNWELCOME & came.answers)),
}
"""What a decision brought by the log's end: 1 if taken up; its worth in EUR then; 1 if it was unwelcome."""


def here(folder: Path) -> bool:
    """Whether the folder is a dump with decisions."""
    return (folder / f"{topics.DECISIONS}.jsonl").is_file()


def read(folder: Path, *, settle_days: float = 0.0) -> Recording:
    """The moments of a dump in the order of their time, each once.

    Args:
        folder: What `scripts/demo --keep` wrote.
        settle_days: Decisions younger than this at the end are left out: their answers may be to come.

    Raises:
        ValueError: The files are not a dump, or of other records.
    """
    return recording_of(
        _values(folder, topics.DECISIONS),
        _values(folder, topics.IMPACT),
        _values(folder, topics.LESSONS),
        settle_days=settle_days,
    )


def recording_of(
    decisions: Iterable[Mapping[str, Any]],
    impact: Iterable[Mapping[str, Any]],
    lessons: Iterable[Mapping[str, Any]],
    *,
    settle_days: float = 0.0,
) -> Recording:
    """The moments of records, in the order of their time; as `read`."""
    try:
        return _recording(decisions, impact, lessons, settle_days=settle_days)
    except (KeyError, TypeError) as error:
        raise ValueError(f"a record is not as this version writes it: {error!r} in it") from error


def _recording(
    decisions: Iterable[Mapping[str, Any]],
    impact: Iterable[Mapping[str, Any]],
    lessons: Iterable[Mapping[str, Any]],
    *,
    settle_days: float,
) -> Recording:
    recording = Recording()
    learnt = sorted(
        int(lesson["at_ms"])
        for lesson in lessons
        if lesson.get("kind") == "reward" and lesson.get("label_before") is None
    )
    by_id = {row["decision_id"]: row for row in decisions}
    for row in impact:
        if row.get("type") == "feedback" and row.get("counted"):
            recording.answers.setdefault(str(row["decision_id"]), set()).add(str(row["outcome"]))
    times = {
        key: int(datetime.fromisoformat(row["decided_at"]).timestamp() * 1000)
        for key, row in by_id.items()
    }
    last_ms = max(times.values(), default=0) - settle_days * DAY_MS
    for key in sorted(by_id, key=lambda k: (times[k], k)):
        row = by_id[key]
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


def _moment(row: Mapping[str, Any], at_ms: int, *, lessons: int) -> Moment:
    allowed = [c for c in row["candidates"] if c["stage_reached"] == "arbitrate"]
    actions = tuple(str(c["action"]) for c in allowed)
    return Moment(
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
        rival=Rival(**row["rival"]) if row.get("rival") else None,
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
