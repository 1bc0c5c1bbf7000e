"""What holds for every bandit, and for the learner behind the committee, whatever comes."""

import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.bandits import BANDITS
from operators.bandits.committee import explain, reference
from operators.bandits.grid import snap_label
from operators.bandits.ridge import PosteriorRidge
from operators.contracts import Alternatives, Bandit
from schemas.decisions import Lesson
from schemas.models import Models
from schemas.rules import Rules
from tests import alternatives as cases

MODELS = Models(committee=cases.snapshot())
EVERY = pytest.mark.parametrize("bandit", BANDITS.values(), ids=list(BANDITS))
# 99.9 % quantiles of chi-square by degrees of freedom.
CHI_SQUARE_MAX = {1: 10.83, 2: 13.82, 3: 16.27}


@EVERY
@given(offered=cases.alternatives())
def test_propensities_are_a_distribution(bandit: Bandit, offered: Alternatives) -> None:
    """Propensities are not negative, sum to one, and the choice has its own above zero."""
    choice = bandit.choose(offered, models=MODELS, rules=Rules())
    propensities = [scored.propensity for scored in choice.scored]
    assert math.isclose(math.fsum(propensities), 1.0, abs_tol=1e-12)
    assert min(propensities) >= 0.0
    assert tuple(scored.action for scored in choice.scored) == offered.actions
    assert choice.propensity == propensities[offered.actions.index(choice.action)] > 0.0
    assert choice.model
    assert 0.0 <= choice.draw < 1.0


@EVERY
@given(offered=cases.alternatives())
def test_the_same_key_gives_the_same_choice(bandit: Bandit, offered: Alternatives) -> None:
    """A choice is a pure function of its alternatives and the models."""
    first = bandit.choose(offered, models=MODELS, rules=Rules())
    assert bandit.choose(offered, models=MODELS, rules=Rules()) == first


@EVERY
@given(offered=cases.alternatives(explore=False))
def test_nobody_is_experimented_on_who_must_not_be(bandit: Bandit, offered: Alternatives) -> None:
    """Without exploring the choice is certain."""
    choice = bandit.choose(offered, models=MODELS, rules=Rules())
    assert choice.propensity == 1.0
    assert sorted(s.propensity for s in choice.scored)[:-1] == [0.0] * (len(offered.actions) - 1)


@EVERY
def test_draws_follow_the_propensities(bandit: Bandit) -> None:
    """Over many keys each action is chosen as often as its propensity says (chi-square, 99.9 %)."""
    count = 4000
    chosen: Counter[str] = Counter()
    for number in range(count):
        offered = cases.pot_or_loan(0.2, key=f"key-{number}")
        choice = bandit.choose(offered, models=MODELS, rules=Rules())
        chosen[choice.action] += 1
    expected = {s.action: s.propensity * count for s in choice.scored if s.propensity > 0}
    assert set(chosen) <= set(expected)
    if len(expected) > 1:
        statistic = sum((chosen[a] - e) ** 2 / e for a, e in expected.items())
        assert statistic < CHI_SQUARE_MAX[len(expected) - 1]


@given(offered=cases.alternatives())
def test_the_committee_keeps_the_floor(offered: Alternatives) -> None:
    """Every allowed action keeps its share of the floor, an unknown one too."""
    choice = BANDITS["committee"].choose(offered, models=MODELS, rules=Rules())
    floor = cases.LEVERS.floor / len(offered.actions)
    assert all(scored.propensity >= floor for scored in choice.scored)
    weight = (1 - cases.LEVERS.floor) / choice.voters
    assert choice.propensity == weight * choice.votes + floor


@given(offered=cases.alternatives(), order=st.randoms(use_true_random=False))
def test_scores_are_the_same_bits_in_any_order(offered: Alternatives, order: random.Random) -> None:
    """An action's score does not depend on what stands beside it."""
    choice = BANDITS["committee"].choose(offered, models=MODELS, rules=Rules())
    scores = {scored.action: scored.score for scored in choice.scored}
    places = list(range(len(offered.actions)))
    order.shuffle(places)
    places = places[: max(1, len(places) // 2)]
    fewer = Alternatives(
        actions=tuple(offered.actions[i] for i in places),
        # Equal tuples that are other objects: the grouping by context must not matter either.
        contexts=tuple((*offered.contexts[i][:1], *offered.contexts[i][1:]) for i in places),
        action_features=tuple(offered.action_features[i] for i in places),
        key=offered.key,
    )
    again = BANDITS["committee"].choose(fewer, models=MODELS, rules=Rules())
    assert {s.action: s.score for s in again.scored}.items() <= scores.items()


@given(offered=cases.alternatives())
def test_contributions_and_reference_sum_to_the_score(offered: Alternatives) -> None:
    """The explanation is exact: nothing of the score is left over."""
    snapshot = MODELS.committee
    assert snapshot is not None
    choice = BANDITS["committee"].choose(offered, models=MODELS, rules=Rules())
    for index, scored in enumerate(choice.scored):
        context, features = offered.contexts[index], offered.action_features[index]
        factors = explain(snapshot, context=context, action_features=features).ranked()
        base = reference(snapshot, action=scored.action, context=context, action_features=features)
        total = base + math.fsum(contribution for _, _, contribution in factors)
        assert math.isclose(total, scored.score, abs_tol=1e-9)
        if scored.action == choice.action:
            assert choice.contributions == factors


def sums_of(learner: PosteriorRidge) -> list[object]:
    """Every bit of a learner's sums."""
    return [
        (
            epoch,
            statistics.gram.tobytes(),
            statistics.moment.tobytes(),
            statistics.contexts.tobytes(),
            {action: row.tobytes() for action, row in sorted(statistics.cross.items())},
            sorted(statistics.count.items()),
            sorted(statistics.reward.items()),
            statistics.squares,
        )
        for epoch, statistics in sorted(learner.statistics().items())
    ]


def learner(lessons: Sequence[Lesson]) -> PosteriorRidge:
    """A learner that took these lessons in this order."""
    ridge = PosteriorRidge(cases.CONTEXT_NAMES, cases.ACTION_NAMES, levers=cases.LEVERS)
    for lesson in lessons:
        assert ridge.learn(lesson)
    return ridge


@given(
    lessons=st.lists(cases.lessons, min_size=1, max_size=30),
    order=st.randoms(use_true_random=False),
    workers=st.integers(1, 7),
)
def test_order_and_workers_change_no_bit(
    lessons: list[Lesson], order: random.Random, workers: int
) -> None:
    """One worker in order, and any number of them in any order, hold the same sums."""
    alone = learner(lessons)
    shuffled = list(lessons)
    order.shuffle(shuffled)
    parts = [learner(shuffled[start::workers]) for start in range(workers)]
    order.shuffle(parts)
    for part in parts[1:]:
        part.statistics()
        parts[0].merge(part)
    assert sums_of(parts[0]) == sums_of(alone)
    assert parts[0].lessons == alone.lessons


@given(
    first=st.lists(cases.lessons, min_size=1, max_size=12),
    truth=st.lists(cases.labels, min_size=12, max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_closing_labels_equals_learning_the_truth_at_once(
    first: list[Lesson], truth: list[float], order: random.Random
) -> None:
    """Estimates that were revised leave no trace in A and b: late truth is as good as early truth."""
    story: list[Lesson] = []
    at_once: list[Lesson] = []
    for guess, true in zip(first, truth, strict=False):
        label, middle, final = snap_label(guess.label), snap_label(true / 2), snap_label(true)
        story += [
            _labelled(guess, label, None),
            _labelled(guess, middle, label),
            _labelled(guess, final, middle),
        ]
        at_once.append(_labelled(guess, final, None))
    order.shuffle(story)
    assert sums_of(learner(story)) == sums_of(learner(at_once))


def _labelled(lesson: Lesson, label: float, before: float | None) -> Lesson:
    return Lesson(
        lesson_id=f"{lesson.lesson_id}:{label}:{before}",
        kind="reward",
        customer=lesson.customer,
        at_ms=lesson.at_ms,
        action=lesson.action,
        context=lesson.context,
        action_features=lesson.action_features,
        label=label,
        label_before=before,
    )


@given(late=cases.lessons)
@settings(max_examples=25)
def test_a_late_lesson_for_a_retired_action_is_safe(late: Lesson) -> None:
    """An action that nobody knows any more is learnt from, and the committee still serves."""
    ridge = cases.taught(60)
    retired = _labelled(
        Lesson(**{**{f: getattr(late, f) for f in late.__slots__}, "action": "gone"}), 64.0, 12.0
    )
    assert ridge.learn(retired)
    snapshot = ridge.snapshot(9)
    assert np.isfinite(snapshot.theta).all()
    choice = BANDITS["committee"].choose(
        cases.pot_or_loan(1.0), models=Models(committee=snapshot), rules=Rules()
    )
    assert choice.action in {"loan", "pot", "silence"}
