"""Does the model still foretell what happens? A detector that proposes, and changes nothing.

Stage: 8 of 8. In: what each lesson brought, and what the model in use foretold. Out: a shift, if one is found.

A first label brings its value less what was foretold, a revision what it adds: over all lessons that comes to
zero as long as the model is right on average. What to do about a shift (let old lessons fade sooner, say) is a
change of policy, and so a record that a person sends (`operators.drift.LEVER`).
Source: Bifet & Gavaldà 2007, "Learning from time-changing data with adaptive windowing" (ADWIN), by River.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from operators.bandits.ridge import Levers
from schemas.decisions import Lesson
from schemas.models import CommitteeSnapshot

LEVER = "lever"
"""The kind of a lesson that sets a governed setting: ``action`` names it, ``label`` is its value."""
BOUNDS: Mapping[str, tuple[float, float]] = {
    "half_life_days": (1.0, 36_500.0),
    "spread": (0.0, 4.0),
    "floor": (0.0, 1.0),
    "weight_customer": (0.01, 100.0),
    "weight_bank": (0.0, 100.0),
}
"""What may be set while it runs, and within what."""
RESIDUAL_MAX = 8.0
"""Residuals beyond this (80 EUR) count as this: one mortgage is no drift."""
DELTA = 0.002
LESSONS_MIN = 500
"""Before so many lessons the model itself moves more than the world."""
FASTER = 0.5
"""What is proposed: this share of the half-life."""


@dataclass(slots=True, frozen=True)
class Shift:
    """A change of the mean residual, in units of 10 EUR, after so many lessons."""

    before: float
    after: float
    lessons: int


class Residuals:
    """The detector over the residuals of one model."""

    def __init__(self, *, delta: float = DELTA) -> None:
        """Watch with ``delta``, the chance of a false alarm at a look."""
        self._delta = delta
        self._window: Any = None
        self._mean = 0.0
        self.lessons = 0

    def see(self, lesson: Lesson, model: CommitteeSnapshot | None) -> Shift | None:
        """Take one reward lesson, and the model that served when it came; None while history is read again.

        Returns:
            The shift, at the lesson at which it shows.
        """
        if model is None:
            return None
        residual = lesson.label - (
            foretold(model, lesson) if lesson.label_before is None else lesson.label_before
        )
        self.lessons += 1
        if self.lessons <= LESSONS_MIN:
            return None
        if self._window is None:
            from river.drift import ADWIN  # noqa: PLC0415 - takes seconds; only learners pay

            detector: Any = ADWIN
            self._window = detector(delta=self._delta)
        bounded = min(max(residual, -RESIDUAL_MAX), RESIDUAL_MAX)
        before = self._mean
        self._window.update((bounded + RESIDUAL_MAX) / (2 * RESIDUAL_MAX))
        self._mean = 2 * RESIDUAL_MAX * float(self._window.estimation) - RESIDUAL_MAX
        if not self._window.drift_detected:
            return None
        return Shift(before, self._mean, self.lessons)


def foretold(model: CommitteeSnapshot, lesson: Lesson) -> float:
    """The label that the posterior mean expects; 0 for features that it was not made for."""
    dx, da = len(model.context_names), len(model.action_names)
    if (len(lesson.context), len(lesson.action_features)) != (dx, da):
        return 0.0
    # Labels are the plain sum of both ledgers. The mean weighs them, and has prices taken off, which are no forecast.
    plain = bool(model.ledgers.size)
    mean = model.ledgers.sum(axis=0) if plain else model.mean
    slopes = mean[: dx * da].reshape(dx, da)
    score = float(np.array(lesson.context) @ slopes @ np.array(lesson.action_features))
    if lesson.action in model.actions:
        score += float(mean[dx * da + model.actions.index(lesson.action)])
    return score if plain else score + dict(model.prices).get(lesson.action, 0.0)


def pull(levers: Levers, lesson: Lesson) -> Levers | None:
    """The levers after a record that sets one; None if there is no such lever, or it can't stand there.

    Example:
        >>> pull(Levers(), Lesson("l", "lever", "", 0, action="half_life_days", label=90.0)).half_life_days
        90.0
        >>> pull(Levers(), Lesson("l", "lever", "", 0, action="floor", label=2.0)) is None
        True
    """
    bounds = BOUNDS.get(lesson.action)
    if bounds is None or not bounds[0] <= lesson.label <= bounds[1]:
        return None
    changed: dict[str, float] = {lesson.action: lesson.label}
    return replace(levers, **changed)  # type: ignore[arg-type]
