"""The first day below: what is seen of it, how likely each day is, which is told, and what days that came teach."""

import numpy as np
import pytest

from flows.foretold import Foretold
from operators.forecasting import dates
from operators.forecasting.learner import ForecastLearner, Row
from schemas.base import Source
from schemas.decisions import Lesson

DAY = 12


def question(draws: np.random.Generator, *, size: int, days: int = 30) -> dates.Floats:
    """What is seen of customers whose balances wander, shape (size, 61)."""
    steps = draws.normal(-2_000, 9_000, size=(size, 25, days))
    inside = np.arange(25) < draws.integers(0, 26, size=size)[:, None]
    due = np.where(draws.random((size, days)) < 0.1, -30_000.0, 0.0)
    paths = np.cumsum(steps + due[:, None, :], axis=2)
    above = draws.uniform(5_000, 60_000, size=size)
    return dates.seen(paths, inside, due=due, above=above, scale=np.full(size, 100_000.0))


@pytest.mark.parametrize("days", [30, 60, 90])
def test_it_sees_each_customer_alone(days: int) -> None:
    """What is seen of one doesn't depend on who else is asked about; shares and dues stay within 0..1."""
    draws = np.random.default_rng(3)
    paths = np.cumsum(draws.normal(0, 9_000, size=(5, 7, days)), axis=2)
    inside = np.arange(7) < np.array([0, 1, 3, 7, 7])[:, None]
    due = draws.normal(0, 20_000, size=(5, days))
    above, scale = np.full(5, 10_000.0), np.full(5, 50_000.0)
    whole = dates.seen(paths, inside, due=due, above=above, scale=scale)
    for i in range(5):
        one = slice(i, i + 1)
        alone = dates.seen(
            paths[one], inside[one], due=due[one], above=above[one], scale=scale[one]
        )
        assert (alone == whole[one]).all()
    assert whole.shape == (5, dates.FEATURES)
    assert (whole[:, 1:] >= -1e-12).all()
    assert (whole[:, 1:] <= 1).all()
    assert (whole[:, 1 : 1 + dates.STEPS].sum(axis=1) <= 1 + 1e-12).all()


def test_before_anything_is_learnt_the_scenarios_speak() -> None:
    """Where all scenarios fall on one day, that day is told, with no other day beside it."""
    paths = np.zeros((1, 9, 30))
    paths[:, :, DAY - 1 :] = -80_000.0
    x = dates.seen(
        paths,
        np.ones((1, 9), bool),
        due=np.zeros((1, 30)),
        above=np.array([40_000.0]),
        scale=np.array([100_000.0]),
    )
    p = dates.chances(dates.UNLEARNT, x)[0]
    assert p.sum() == pytest.approx(1)
    assert dates.likely(p, days=30) == (DAY, DAY, DAY)


@pytest.mark.parametrize("days", [30, 60, 90])
def test_the_day_told_lies_where_most_of_the_weight_is_near(days: int) -> None:
    """Not in the empty middle of two humps, and always within the horizon and its own range."""
    humps = np.zeros(dates.STEPS)
    humps[2:5], humps[24:27] = 0.12, 0.64 / 3
    each = days // dates.STEPS
    early, told, late = dates.likely(humps, days=days)
    assert 24 * each < early <= told <= late <= 27 * each
    inside = np.repeat(humps / each, each)[early - 1 : late].sum()
    assert inside >= dates.HALF
    flat = dates.likely(np.full(dates.STEPS, 1 / dates.STEPS), days=days)
    assert 1 <= flat[0] <= flat[1] <= flat[2] <= days


def test_days_that_came_teach_what_the_scenarios_miss() -> None:
    """Days drawn from known weights: the fit comes near them, and foretells fresh days better than before."""
    draws = np.random.default_rng(8)
    truth = np.array([0.4, 3.0, -2.0, 0.6, 0.5, 0.4])
    head = dates.LogitHead(np.zeros(6), np.ones(6), truth, None, 1, 1)

    def sample(size: int) -> tuple[dates.Floats, dates.Floats]:
        x = question(draws, size=size)
        p = np.cumsum(dates.chances(head, x), axis=1)
        return x, (draws.random(size)[:, None] > p).sum(axis=1).clip(0, 29).astype(float)

    x, step = sample(6_000)
    made = dates.fit(x, step, months=12)
    assert made.weights / made.scale == pytest.approx(truth, abs=0.5)
    fresh, came = sample(2_000)
    row, at = np.arange(2_000), came.astype(int)
    learnt = np.log(dates.chances(made, fresh)[row, at]).mean()
    best = np.log(dates.chances(head, fresh)[row, at]).mean()
    before = np.log(dates.chances(dates.UNLEARNT, fresh)[row, at]).mean()
    assert best - 0.01 < learnt
    assert before + 0.1 < learnt


def test_the_learner_fits_days_from_few_rows_and_forgets_exactly() -> None:
    """A head from forty days that came; none under that; in any order the same; and without who is forgotten."""
    draws = np.random.default_rng(4)
    x = question(draws, size=90).astype(np.float32)
    rows = [Row(f"d{i:03d}", f"c-{i % 9}", i % 5, x[i], float(i % 30)) for i in range(90)]
    few, one, two = ForecastLearner(), ForecastLearner(), ForecastLearner()
    few.learn("date:30", rows[: dates.ROWS_MIN - 1])
    assert few.snapshot(1).heads == {}
    one.learn("date:30", rows)
    two.learn("date:30", [row for row in reversed(rows) if row.customer != "c-3"])
    assert one.snapshot(1).heads["date:30"].rows == 90
    assert one.forget("c-3") == 10
    assert one.snapshot(1).digest == two.snapshot(1).digest


@pytest.mark.parametrize("label", [-1.0, 30.0, 2.5])
def test_a_day_outside_of_the_horizon_teaches_nothing(label: float) -> None:
    """Such a lesson is refused, so that it can't break the fit of all others."""
    lesson = Lesson(
        lesson_id="l-1",
        kind="forecast",
        customer="c-1",
        at_ms=0,
        action="date:30",
        context=(0.0,) * dates.FEATURES,
        label=label,
        sources=(Source.TRANSACTIONS,),
    )
    assert not Foretold().learn(lesson)
