"""From one decision to the customer's next: what a lesson says of how customers move, and what they earn on the way.

In: the lessons of one customer, in the order of their log. Out: moves and earnings, as sums can take them.

A decision moves the customer from the context that it was made in to that of their next decision. What was earned
belongs to the decision that it names, and money that names none to the last one. A decision is known by its instant.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from schemas.base import DAY_MS
from schemas.decisions import WORTH, Lesson

Rewards = tuple[float, float]
"""What came in by ledger, the customer's and the bank's, in units of 10 EUR."""


@dataclass(slots=True, frozen=True)
class Last:
    """A customer's last decision, with what was earned since: it waits for the next one."""

    at_ms: int
    action: str
    context: tuple[float, ...]
    action_features: tuple[float, ...]
    rewards: Rewards


class Move(NamedTuple):
    """From a decision to the next one; ``after`` is None if there is none, since the customer left."""

    at_ms: int
    action: str
    context: tuple[float, ...]
    action_features: tuple[float, ...]
    rewards: Rewards
    after: tuple[float, ...] | None
    days: float


class Earning(NamedTuple):
    """What a decision whose move is known earned beyond what was counted with it."""

    at_ms: int
    context: tuple[float, ...]
    rewards: Rewards


def follow(last: Last | None, lesson: Lesson) -> tuple[Last | None, Move | Earning | None]:
    """Take one lesson of a customer.

    Args:
        last: Their last decision so far.
        lesson: A reward (a first label or a revision), or worth.

    Returns:
        The last decision now, and what is known by the lesson, if anything is. A first label that comes after that of a
        later decision leads to the later one.
    """
    if lesson.kind == WORTH:
        return last and replace(last, rewards=_plus(last.rewards, _parts(lesson))), None
    if lesson.label_before is not None:
        if last is not None and last.at_ms == lesson.at_ms:
            return replace(last, rewards=_plus(last.rewards, _parts(lesson))), None
        return last, Earning(lesson.at_ms, lesson.context, _parts(lesson))
    one = Last(lesson.at_ms, lesson.action, lesson.context, lesson.action_features, _parts(lesson))
    if last is None:
        return one, None
    if lesson.at_ms < last.at_ms:
        return last, _move(one, last)
    return one, _move(last, one)


def left(last: Last) -> Move:
    """The move of who never came back."""
    return Move(
        last.at_ms, last.action, last.context, last.action_features, last.rewards, None, 0.0
    )


def replay(lessons: Iterable[Lesson]) -> tuple[Last | None, list[Move | Earning]]:
    """All of one customer's lessons at once: the same as one by one."""
    last: Last | None = None
    known: list[Move | Earning] = []
    for lesson in lessons:
        last, found = follow(last, lesson)
        if found is not None:
            known.append(found)
    return last, known


def _move(one: Last, following: Last) -> Move:
    days = (following.at_ms - one.at_ms) / DAY_MS
    return Move(
        one.at_ms,
        one.action,
        one.context,
        one.action_features,
        one.rewards,
        following.context,
        days,
    )


def _parts(lesson: Lesson) -> Rewards:
    """What a lesson brings, by ledger: its label, or the change of it."""
    return lesson.label - (lesson.label_before or 0.0) - lesson.bank, lesson.bank


def _plus(one: Rewards, other: Rewards) -> Rewards:
    return one[0] + other[0], one[1] + other[1]
