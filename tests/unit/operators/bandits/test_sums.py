from dataclasses import replace

import numpy as np
import pytest

from operators.bandits.grid import action_columns, context_columns, snap_actions, snap_context
from operators.bandits.sums import FEW, Statistics, crossed, sums
from schemas.decisions import Lesson
from tests import alternatives as cases

LESSONS = [
    replace(
        cases.lesson(n, ("pot", "loan")[n % 3 % 2], n / 32 - 1.0, balance=n / 16 - 2.0),
        label_before=None if n % 4 else n / 16,
        bank=n % 5 / 4,
        action_features=(1.0, n / 64 - 0.5, 0.0, -0.3),
    )
    for n in range(2 * FEW + 7)
]


def by_hand(lessons: list[Lesson]) -> Statistics:
    """The definition, lesson by lesson."""
    total = Statistics.zero(3, 12)
    for one in lessons:
        x, a = snap_context([one.context])[0], snap_actions([one.action_features])[0]
        q = np.rint(np.outer(x, a).ravel() * 1024) / 1024 + 0.0
        change = one.label - (one.label_before or 0.0)
        first = one.label_before is None
        total.gram += first * np.outer(q, q)
        total.contexts += first * x
        total.moment += q * change
        total.bank += q * one.bank
        total.squares += one.label**2 - (one.label_before or 0.0) ** 2
        total.cross[one.action] = total.cross.get(one.action, 0.0) + first * q
        total.count[one.action] = total.count.get(one.action, 0) + first
        total.reward[one.action] = total.reward.get(one.action, 0.0) + change
        if one.bank:
            total.bank_reward[one.action] = total.bank_reward.get(one.action, 0.0) + one.bank
    return total


@pytest.mark.parametrize(
    "lessons",
    [
        LESSONS,
        LESSONS[: FEW // 2],
        LESSONS[1:2],
        [one for one in LESSONS if one.label_before is not None][:5],
        [one for one in LESSONS if one.label_before is None],
        [replace(one, label_before=1.0) for one in LESSONS],
        [*LESSONS[:1], *(replace(one, action="pot") for one in LESSONS if one.label_before)],
        [*LESSONS[:1], *(replace(one, action="pot", label_before=0.5) for one in LESSONS)],
    ],
    ids=[
        "mixed",
        "few mixed",
        "one",
        "few revisions",
        "first labels",
        "revisions",
        "few, an action of revisions",
        "an action of revisions",
    ],
)
def test_sums_are_the_definition(lessons: list[Lesson]) -> None:
    """First labels count in full, revisions move what is linear in the label: each number, exactly."""
    made, expected = sums(lessons), by_hand(lessons)
    for name in ("gram", "moment", "contexts", "bank"):
        assert np.array_equal(getattr(made, name), getattr(expected, name)), name
    assert {k: row.tolist() for k, row in made.cross.items()} == {
        k: row.tolist() for k, row in expected.cross.items()
    }
    assert (made.count, made.reward, made.bank_reward, made.squares) == (
        expected.count,
        expected.reward,
        expected.bank_reward,
        expected.squares,
    )


def test_columns_are_the_rows_on_their_grids() -> None:
    """The same numbers as row by row, clipped and rounded alike."""
    rows = [(1.0, 0.1, -99.0, 8.0), (1.0, 1.5 / 1024, 2.5 / 1024, -0.0001)]
    assert np.array_equal(context_columns(rows), snap_context(rows).T)
    assert np.array_equal(action_columns(rows), snap_actions(rows).T)
    assert not np.signbit(context_columns(rows)[3, 1])


def test_a_product_of_many_is_worked_out_in_blocks() -> None:
    """More numbers than fit one block are the same products."""
    draws = np.random.Generator(np.random.Philox(3))
    x, a = np.rint(draws.normal(size=(9, 900)) * 1024) / 1024, np.rint(draws.normal(size=(14, 900)))
    q = crossed(x, a)
    assert np.array_equal(q.reshape(9, 14, 900), np.rint(x[:, None] * a * 1024) / 1024)
