"""Laws of value: sums in any order, LSTD as in one batch, a revised label as if it had been the first."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from operators.bandits.ridge import PosteriorRidge
from operators.value.lstd import ValueSums, discounted, solve, transitions
from operators.value.signs import STAGE_OF, Signs
from operators.value.surrogate import Labels, Surrogate
from schemas.base import DAY_MS
from schemas.decisions import Lesson
from schemas.models import Floats
from tests import alternatives as cases

DAY = 0.999
_numbers = st.integers(-4096, 4096).map(lambda n: n / 1024)


@st.composite
def ways(draw: st.DrawFn) -> tuple[Floats, Floats, Floats, Floats]:
    """Transitions: features before and after, days, rewards in two ledgers. Some customers left."""
    count = draw(st.integers(1, 30))
    before = draw(arrays(np.float64, (count, 3), elements=_numbers))
    after = draw(arrays(np.float64, (count, 3), elements=_numbers))
    left = draw(arrays(np.bool_, count))
    after[left] = 0.0
    days = draw(arrays(np.float64, count, elements=st.integers(0, 400)))
    return before, after, days, draw(arrays(np.float64, (count, 2), elements=_numbers))


def summed(way: tuple[Floats, Floats, Floats, Floats], rows: list[int]) -> ValueSums:
    """The sums of some of the transitions."""
    before, after, days, rewards = (part[rows] for part in way)
    return transitions(before, discounted(after, days, discount_day=DAY), rewards)


@given(way=ways(), data=st.data())
@settings(deadline=None)
def test_value_sums_merge_in_any_order(
    way: tuple[Floats, Floats, Floats, Floats], data: st.DataObject
) -> None:
    """However the transitions are dealt to workers and in whatever order merged, bits are the same."""
    count = len(way[0])
    whole = summed(way, list(range(count)))
    order = data.draw(st.permutations(range(count)))
    parts = ValueSums.zero(3, 2)
    for start in range(3):
        parts.add(summed(way, order[start::3]))
    assert parts.gram.tobytes() == whole.gram.tobytes()
    assert parts.reward.tobytes() == whole.reward.tobytes()
    assert solve(parts, ridge=1.0).tobytes() == solve(whole, ridge=1.0).tobytes()
    parts.add(summed(way, order[1::3]), sign=-1)
    rest = summed(way, sorted(order[0::3] + order[2::3]))
    assert (parts.gram == rest.gram).all()
    assert parts.count == rest.count


@given(way=ways())
@settings(deadline=None)
def test_lstd_is_the_batch_solution(way: tuple[Floats, Floats, Floats, Floats]) -> None:
    """The weights make Σ φ (r + γφ'·w − φ·w) = λw, which is LSTD's definition, up to the grid."""
    before, after, days, rewards = way
    weights = solve(summed(way, list(range(len(before)))), ridge=64.0)
    faded = after * (DAY**days)[:, None]
    errors = rewards + faded @ weights - before @ weights
    assert np.allclose(before.T @ errors, 64.0 * weights, atol=0.05)


@given(
    labels=st.lists(st.lists(st.floats(-70, 70), min_size=1, max_size=5), min_size=1, max_size=8),
    data=st.data(),
)
@settings(deadline=None)
def test_when_all_labels_are_closed_only_the_last_ones_count(
    labels: list[list[float]], data: st.DataObject
) -> None:
    """First label and corrections, in any order, are bit for bit one lesson of what came in the end."""
    held, taught, plain = Labels(), [], []
    for number, course in enumerate(labels):
        for index, label in enumerate(course):
            act = held.close if index == len(course) - 1 else held.revise
            change = act(str(number), label)
            if change is not None:
                taught.append(lesson(number, *change))
        plain.append(lesson(number, course[-1], None))
    assert not len(held)
    revised, once = learner(), learner()
    for taken in data.draw(st.permutations(taught)):
        revised.learn(taken)
    for taken in plain:
        once.learn(taken)
    one, other = revised.snapshot(1), once.snapshot(1)
    assert one.theta.tobytes() == other.theta.tobytes()
    assert one.digest == other.digest


@given(
    rows=arrays(np.float64, (2, 12, 3), elements=_numbers),
    values=arrays(np.float64, 12, elements=_numbers),
    cut=st.integers(0, 12),
)
@settings(deadline=None)
def test_surrogates_merge_in_any_order(rows: Floats, values: Floats, cut: int) -> None:
    """Two workers' cohorts, merged either way round, estimate the same bits as one worker's."""
    whole, one, other = (Surrogate(3, horizons=2) for _ in range(3))
    whole.mature(list(rows), values)
    one.mature(list(rows[:, cut:]), values[cut:])
    other.mature(list(rows[:, :cut]), values[:cut])
    one.merge(other)
    for surrogate in (whole, one):
        surrogate.refresh()
    assert one.weights.tobytes() == whole.weights.tobytes()
    assert one.estimate(1, rows[0]).tobytes() == whole.estimate(1, rows[0]).tobytes()


def learner() -> PosteriorRidge:
    """A learner of the test's features."""
    return PosteriorRidge(
        cases.CONTEXT_NAMES, cases.ACTION_NAMES, actions=cases.ACTIONS, levers=cases.LEVERS
    )


def lesson(number: int, label: float, before: float | None) -> Lesson:
    """A label of decision ``number``, the first or a revision."""
    return Lesson(
        f"l{number}",
        "reward",
        "c",
        number,
        action="card",
        context=(1.0, number / 4, 0.0),
        action_features=(1.0, 0.5, 0.0, 0.0),
        label=label,
        label_before=before,
    )


@given(
    steps=st.lists(
        st.tuples(
            st.integers(1, 24),
            st.integers(0, 9),
            st.sampled_from(cases.ACTIONS),
            st.sampled_from([None, *STAGE_OF]),
            st.sampled_from([*STAGE_OF, "no_response"]),
            _numbers,
            _numbers,
        ),
        min_size=1,
        max_size=24,
    ),
    data=st.data(),
)
@settings(deadline=None)
def test_signs_are_learnt_in_any_order_by_any_workers(
    steps: list[tuple[int, int, str, str | None, str, float, float]], data: st.DataObject
) -> None:
    """Lessons in any order, dealt to three workers: what is foretold, and of whom, is the same to the last bit."""
    lessons = [sign(number, step) for number, step in enumerate(steps)]
    whole, *workers = (Signs(3, 4, epoch_days=28) for _ in range(4))
    for one in lessons:
        whole.learn(one)
    for place, one in enumerate(data.draw(st.permutations(lessons))):
        workers[place % 3].learn(one)
    workers[2].merge(workers[0])
    workers[2].merge(workers[1])
    fade = {0: 0.75}
    expected, merged = (
        each.ahead(cases.ACTIONS, fade, 0, np.ones(2)) for each in (whole, workers[2])
    )
    assert merged.value.tobytes() == expected.value.tobytes()
    assert merged.moments.tobytes() == expected.moments.tobytes()
    assert (merged.squares, merged.moves) == (expected.squares, expected.moves)


def sign(number: int, step: tuple[int, int, str, str | None, str, float, float]) -> Lesson:
    """An answer on its way, or the end of one."""
    day, after, action, before, outcome, label, bank = step
    return replace(
        lesson(number, label, None if before is None else bank),
        at_ms=day * DAY_MS,
        action=action,
        seen_ms=(day + after) * DAY_MS,
        outcome=outcome,
        outcome_before=before,
        bank=bank,
        stated=(label, bank),
    )
