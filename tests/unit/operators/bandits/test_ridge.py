from dataclasses import replace

import numpy as np
import pytest

from operators.bandits import sums
from operators.bandits.ridge import Levers, PosteriorRidge
from schemas.base import DAY_MS
from schemas.decisions import SILENCE
from tests import alternatives as cases


def ridge(levers: Levers = cases.LEVERS) -> PosteriorRidge:
    """A learner of the test features that knows nothing."""
    return PosteriorRidge(cases.CONTEXT_NAMES, cases.ACTION_NAMES, levers=levers)


def offset(learner: PosteriorRidge, action: str) -> float:
    """The mean offset of an action plus the common bias: its expected label in the usual context."""
    snapshot = learner.snapshot(1)
    return float(snapshot.mean[0] + snapshot.mean[12 + snapshot.actions.index(action)])


def test_the_mean_is_ridge_regression() -> None:
    """The posterior mean solves (λI + Z'Z) m = Z'y + λ μ0 as a direct solver does."""
    lessons = [cases.lesson(n, "pot" if n % 2 else "loan", n / 8, balance=n / 4) for n in range(9)]
    levers = replace(
        cases.LEVERS, ridge=2.0, ridge_main=2.0, ridge_offset=3.0, prior=(("const", "bias", 0.5),)
    )
    learner = ridge(levers)
    z = np.zeros((9, 15))
    for row, lesson in zip(z, lessons, strict=True):
        learner.learn(lesson)
        row[:12] = np.outer(lesson.context, lesson.action_features).ravel()
        row[12 + ("loan", "pot", SILENCE).index(lesson.action)] = 1.0
    precision = np.diag([2.0] * 12 + [3.0] * 3)
    prior = np.zeros(15)
    prior[0] = 0.5
    y = np.array([lesson.label for lesson in lessons])
    expected = np.linalg.solve(precision + z.T @ z, z.T @ y + precision @ prior)
    assert learner.snapshot(1).mean == pytest.approx(expected, abs=1e-6)


def test_the_prior_answers_signals() -> None:
    """Before any lesson a strong signal scores above silence, and fatigue below."""
    names = ("bias", "strength", "fatigue")
    learner = PosteriorRidge(("const",), names, levers=Levers())
    assert learner.snapshot(1).mean.tolist()[:3] == pytest.approx([0.0, 0.25, -0.1], abs=1e-6)


def test_a_revision_moves_the_label() -> None:
    """A label of 1 revised to 5 is a label of 5."""
    revised, direct = ridge(), ridge()
    first = cases.lesson(1, "pot", 1.0)
    revised.learn(first)
    revised.learn(replace(first, label=5.0, label_before=1.0))
    direct.learn(replace(first, label=5.0))
    assert revised.snapshot(1).digest == direct.snapshot(1).digest
    assert revised.lessons == 1


def test_other_shapes_are_left_out() -> None:
    """A lesson of an earlier release's features changes nothing."""
    learner = ridge()
    before = learner.snapshot(1).digest
    assert not learner.learn(replace(cases.lesson(1, "pot", 9.0), context=(1.0,)))
    assert not learner.learn(replace(cases.lesson(1, "pot", 9.0), action_features=()))
    assert learner.snapshot(1).digest == before


def test_old_lessons_fade() -> None:
    """After a half-life the new truth outweighs twice as many old lessons."""
    levers = replace(cases.LEVERS, half_life_days=28.0, epoch_days=28)
    forgetting, keeping = ridge(levers), ridge(replace(levers, half_life_days=1e9))
    for learner in (forgetting, keeping):
        for number in range(200):
            learner.learn(replace(cases.lesson(number, "pot", 4.0), at_ms=0))
        for number in range(100):
            learner.learn(replace(cases.lesson(number, "pot", 0.0), at_ms=60 * DAY_MS))
    assert offset(keeping, "pot") == pytest.approx(2.65, abs=0.05)
    assert offset(forgetting, "pot") == pytest.approx(1.32, abs=0.05)


def test_a_wrong_clock_does_not_age_the_rest() -> None:
    """One lesson from the far future leaves the weight of the others as it was."""
    learner = ridge(replace(cases.LEVERS, half_life_days=28.0))
    for number in range(300):
        learner.learn(cases.lesson(number, "pot", 4.0))
    before = offset(learner, "pot")
    learner.learn(replace(cases.lesson(301, "pot", 4.0), at_ms=40_000 * DAY_MS))
    assert offset(learner, "pot") == pytest.approx(before, abs=0.05)


def test_members_spread_less_as_lessons_come() -> None:
    """The committee agrees on what it has seen often, and not on what it has not."""
    few, many = cases.taught(20).snapshot(1), cases.taught(2000).snapshot(1)
    seen = 4 * 1 + 1
    assert many.theta[:, seen].std() < 0.5 * few.theta[:, seen].std()
    unseen = 4 * 2 + 3
    assert many.theta[:, unseen].std() == pytest.approx(few.theta[:, unseen].std(), rel=0.9)


def test_a_snapshot_says_what_it_is() -> None:
    """Names, shapes, lessons and position; the digest changes with the version."""
    snapshot = cases.snapshot()
    assert snapshot.actions == (*cases.ACTIONS, SILENCE)
    assert snapshot.theta.shape == (64, 16)
    assert (snapshot.lessons, snapshot.position, snapshot.floor) == (300, "0:300", 0.05)
    assert snapshot.context_mean[0] == 1.0
    assert snapshot.digest != cases.taught().snapshot(4).digest


def test_only_like_learners_merge() -> None:
    """Sums over other features can't be added."""
    with pytest.raises(ValueError, match="same features"):
        ridge().merge(PosteriorRidge(("const",), cases.ACTION_NAMES))


def test_sums_that_would_not_be_exact_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the range of exact sums the learner stops instead of drifting."""
    monkeypatch.setattr(sums, "EXACT_SQUARES", 50.0)
    learner = ridge()
    learner.learn(cases.lesson(1, "pot", 1.0, balance=8.0))
    with pytest.raises(OverflowError, match="shorter"):
        learner.snapshot(1)


def test_lessons_of_any_number_are_summed_in_chunks() -> None:
    """A thousand lessons in chunks are the sums of a thousand lessons."""
    lessons = [cases.lesson(n, "pot", n % 7, balance=(n % 9) / 2) for n in range(1000)]
    learner = ridge()
    for lesson in lessons:
        learner.learn(lesson)
    whole = sums.sums(lessons)
    (statistics,) = learner.statistics().values()
    assert statistics.gram.tobytes() == whole.gram.tobytes()
    assert statistics.moment.tobytes() == whole.moment.tobytes()
    assert learner.lessons == whole.count["pot"] == 1000


def test_minus_zero_leaves_no_bit() -> None:
    """A product that rounds to −0 is the same as none, whether it comes alone or with others."""
    tiny = replace(
        cases.lesson(1, "pot", 1.0, balance=1 / 1024), action_features=(1.0, -1 / 64, 0.0, 0.0)
    )
    alone = sums.sums([tiny]).cross["pot"]
    assert not np.signbit(alone[alone == 0]).any()
