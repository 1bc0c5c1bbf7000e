"""What early signs foretell: learnt from mature decisions, told of young ones, revised to what came in."""

from dataclasses import replace

import numpy as np
import pytest

from operators.bandits.ridge import Levers, PosteriorRidge
from operators.value.signs import STAGES, SignLevers, Signs
from schemas.base import DAY_MS
from schemas.decisions import SILENCE, Lesson
from schemas.models import Floats

NAMES, FEATURES = ("const",), ("bias", "dear")
LEVERS = Levers(ridge=1.0, ridge_main=1.0, ridge_offset=1.0, half_life_days=36_500.0, prior=())
STATED = {"cheap": (1.0, 1.0), "dear": (4.0, 12.0)}
FADE = dict.fromkeys(range(40), 1.0)
EVEN = np.ones(2)


def way(number: int, day: int, action: str, *outcomes: tuple[str, float]) -> list[Lesson]:
    """The lessons of a decision: outcomes with the days after it at which they were seen."""
    lessons: list[Lesson] = []
    for outcome, after in outcomes:
        done = outcome == "completed"
        before = lessons[-1] if lessons else None
        lessons.append(
            Lesson(
                f"{number}-{outcome}",
                "reward",
                f"c{number}",
                day * DAY_MS,
                decision_id=f"d{number}",
                action=action,
                context=(1.0,),
                action_features=(1.0, float(action == "dear")),
                label=sum(STATED[action]) if done else 0.0,
                label_before=before.label if before else None,
                bank=STATED[action][1] if done else 0.0,
                outcome=outcome,
                outcome_before=before.outcome if before else None,
                seen_ms=round((day + after) * DAY_MS),
                stated=STATED[action],
            )
        )
    return lessons


def history(*, days: int = 30, each: int = 20) -> list[Lesson]:
    """A fifth clicks at once, and half of those complete the next day; dear and cheap alike."""
    lessons = []
    for number in range(days * each):
        day, action = 1 + number // each, ("cheap", "dear")[number % 2]
        steps = [("delivered", 0.0)]
        if number % 10 in {0, 1}:
            steps.append(("clicked", 0.5))
        if number % 20 in {0, 1}:
            steps.append(("completed", 1.5))
        lessons += way(number, day, action, *steps)
    return lessons


def learner(lessons: list[Lesson], *, days: float = 14.0, ridge: float = 0.01) -> Signs:
    """What learnt them."""
    signs = Signs(1, 2, epoch_days=28, levers=SignLevers(days=days, ridge=ridge))
    for lesson in lessons:
        signs.learn(lesson)
    return signs


def foretold(signs: Signs, stage: str, age: int, action: str) -> Floats:
    """What is still to come by ledger."""
    phi = np.array((1.0, *STATED[action]))
    weights: Floats = signs.weights(FADE).reshape(2, len(STAGES), -1, 3)
    expected: Floats = weights[:, STAGES.index(stage), age] @ phi
    return expected


@pytest.mark.parametrize("action", ["cheap", "dear"])
def test_a_sign_is_worth_what_came_of_it(action: str) -> None:
    """A tenth of the told complete, half of those who clicked, nobody later: of the item's value, in both ledgers."""
    signs = learner(history())
    customer, bank = STATED[action]
    assert foretold(signs, "told", 0, action) == pytest.approx(
        (0.1 * customer, 0.1 * bank), rel=0.05
    )
    assert foretold(signs, "clicked", 0, action) == pytest.approx(
        (0.5 * customer, 0.5 * bank), rel=0.05
    )
    assert foretold(signs, "told", 2, action) == pytest.approx((0.0, 0.0), abs=0.05)
    assert foretold(signs, "completed", 1, action) == pytest.approx((0.0, 0.0), abs=0.05)


def test_young_decisions_teach_nothing_of_signs() -> None:
    """Those who answer at once are seen before those who never do: only mature cohorts are believed."""
    lessons = history()
    rash = [
        one
        for n in range(400)
        for one in way(9000 + n, 30, "dear", ("delivered", 0.0), ("clicked", 0.1))
    ]
    assert (
        learner(lessons + rash).weights(FADE).tobytes() == learner(lessons).weights(FADE).tobytes()
    )


def test_an_early_label_counts_until_maturity() -> None:
    """A fresh click is worth half the item at once; when it has matured without a completion, nothing is left."""
    lessons = history()
    click = way(9000, 30, "dear", ("delivered", 0.0), ("clicked", 0.2))
    with_it, without = learner(lessons + click), learner(lessons)
    gain = [s.ahead(("dear",), FADE, 1, EVEN).moments[:, 2] for s in (with_it, without)]
    assert gain[0] - gain[1] == pytest.approx((2.0, 6.0), rel=0.05)
    later = [one for n in range(200) for one in way(7000 + n, 60, "cheap", ("delivered", 0.0))]
    old, never = learner(lessons + click + later), learner(lessons + later)
    fresh = [s.ahead(("dear",), FADE, 2, EVEN).moments[:, 2] for s in (old, never)]
    assert fresh[0].tolist() == fresh[1].tolist() == [0.0, 0.0]


def test_after_maturity_the_label_is_what_came_in() -> None:
    """Once all decisions are mature, the committee is, bit for bit, that of what they brought in the end."""
    lessons = history()
    signs = learner(lessons)
    quiet = way(9999, 200, "cheap", ("delivered", 0.0))
    many = [replace(quiet[0], lesson_id=f"q{n}", decision_id=f"q{n}") for n in range(40)]
    ridge, plain = (PosteriorRidge(NAMES, FEATURES, levers=LEVERS) for _ in range(2))
    last = {lesson.decision_id: lesson for lesson in lessons}
    banks = dict.fromkeys(last, 0.0)
    for lesson in lessons + many:
        ridge.learn(lesson)
        banks[lesson.decision_id] = banks.get(lesson.decision_id, 0.0) + lesson.bank
    for lesson in [*last.values(), *many]:
        plain.learn(replace(lesson, label_before=None, bank=banks[lesson.decision_id]))
    young = ridge.snapshot(1, early=signs.ahead)
    for lesson in many:
        signs.learn(replace(lesson, seen_ms=0))
    far = [replace(one, at_ms=400 * DAY_MS, seen_ms=400 * DAY_MS, action="cheap") for one in many]
    for lesson in far:
        signs.learn(lesson)
    mature = PosteriorRidge(NAMES, FEATURES, levers=LEVERS)
    mature.merge(ridge)
    snapshot = mature.snapshot(1, early=signs.ahead)
    assert young.ledgers.tobytes() != plain.snapshot(1).ledgers.tobytes()
    assert snapshot.ledgers.tobytes() == plain.snapshot(1).ledgers.tobytes()


def test_silence_and_lessons_of_earlier_releases_show_no_sign() -> None:
    """What says not when it was seen is learnt as before, and nothing is foretold from it."""
    signs = Signs(1, 2, epoch_days=28)
    (lesson,) = way(1, 2, "dear", ("delivered", 0.0))
    signs.learn(replace(lesson, seen_ms=0))
    signs.learn(replace(lesson, action=SILENCE))
    assert not signs.weights(FADE).any()
    assert not signs.ahead(("dear",), FADE, 1, EVEN).moments.any()


def test_left_out_is_left_out() -> None:
    """With days at 0 nothing is foretold."""
    assert not learner(history(), days=0.0).ahead(("dear",), FADE, 1, EVEN).moments.any()
