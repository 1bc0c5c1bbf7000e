import random
from dataclasses import replace

import pytest

from operators.bandits.ridge import Levers
from operators.drift import Residuals, Shift, foretold, pull
from schemas.decisions import Lesson
from tests import alternatives as cases

MODEL = cases.snapshot()


def live(detector: Residuals, *, count: int, share: float, seed: int) -> list[Shift]:
    """So many first labels of what the model foretells on average, with takers on top of a share of them."""
    rng, found = random.Random(seed), []
    for number in range(count):
        lesson = cases.lesson(number, "pot", 0.0)
        expected = foretold(MODEL, lesson)
        taken = 6.0 * (rng.random() < share) - 6.0 * 0.1
        shift = detector.see(replace(lesson, label=expected + taken), MODEL)
        found += [shift] if shift is not None else []
    return found


def test_a_steady_world_raises_no_alarm() -> None:
    """Rare takers of high worth are noise as long as their share stays."""
    assert live(Residuals(), count=6_000, share=0.1, seed=1) == []


def test_a_change_is_found_and_says_where_to() -> None:
    """When three times as many take it up, the residual rises, and the shift says by how much."""
    detector = Residuals()
    assert live(detector, count=3_000, share=0.1, seed=2) == []
    shift, *_ = live(detector, count=3_000, share=0.3, seed=3)
    assert shift.after > shift.before
    assert 3_000 < shift.lessons < 4_500


def test_the_forecast_is_the_mean_models_score() -> None:
    """As the committee scores it; nothing of lessons of other features."""
    lesson = cases.lesson(1, "pot", 0.0, balance=0.5)
    slopes = MODEL.mean[:12].reshape(3, 4)
    by_hand = sum(
        x * float(slopes[i, j]) * a
        for i, x in enumerate(lesson.context)
        for j, a in enumerate(lesson.action_features)
    )
    offset = float(MODEL.mean[12 + MODEL.actions.index("pot")])
    assert foretold(MODEL, lesson) == pytest.approx(by_hand + offset)
    assert foretold(MODEL, replace(lesson, context=(1.0,))) == 0.0
    assert Residuals().see(lesson, None) is None


@pytest.mark.parametrize(
    ("name", "value"), [("half_life_days", 0.0), ("floor", -0.1), ("members", 9.0)]
)
def test_a_lever_that_cannot_stand_there_is_refused(name: str, value: float) -> None:
    """Unknown ones, and known ones out of bounds."""
    assert pull(Levers(), Lesson("l", "lever", "", 0, action=name, label=value)) is None
