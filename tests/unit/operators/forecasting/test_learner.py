"""The learner: priors, fits, ranges, records, and what it forgets."""

from dataclasses import replace

import numpy as np
import pytest

from operators.forecasting import bands, pooled
from operators.forecasting.describe import NAMES, THRESHOLD
from operators.forecasting.learner import ROWS_MIN, ForecastLearner, Row, prior_of

TARGET = "shortfall:30"


def rows(count: int, *, seed: int = 1, said: float | None = None) -> list[Row]:
    """Rows whose truth follows the first feature."""
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(count, len(NAMES))).astype(np.float32)
    y = draws.random(count) < 1 / (1 + np.exp(-2 * x[:, 0]))
    return [
        Row(f"{seed}-{i:05d}", f"c-{i % 50}", i % 40, x[i], float(y[i]), said) for i in range(count)
    ]


def test_little_data_leaves_the_prior() -> None:
    """Under two hundred rows there is no head."""
    learner = ForecastLearner()
    learner.learn(TARGET, rows(ROWS_MIN - 1))
    assert learner.snapshot(1).heads == {}


def test_it_learns_and_is_calibrated() -> None:
    """Foretold shares come true on rows that it hasn't seen."""
    learner = ForecastLearner()
    learner.learn(TARGET, rows(4_000))
    head = learner.snapshot(1).heads[TARGET]
    fresh = rows(4_000, seed=2)
    p = pooled.probability(head, np.stack([row.x for row in fresh]).astype(float))
    y = np.array([row.y for row in fresh])
    for low in (0.0, 0.25, 0.5, 0.75):
        inside = (p >= low) & (p < low + 0.25)
        assert y[inside].mean() == pytest.approx(p[inside].mean(), abs=0.06)


def test_order_and_repetition_change_nothing() -> None:
    """A log read again, in another order, gives the same snapshot."""
    one, two = ForecastLearner(), ForecastLearner()
    taught = rows(600)
    one.learn(TARGET, taught)
    two.learn(TARGET, [*reversed(taught), *taught])
    assert one.snapshot(1).digest == two.snapshot(1).digest


def test_it_forgets_a_customer_exactly() -> None:
    """After forgetting, the head is that of a learner which never saw the customer."""
    taught = rows(900, said=0.35)
    one, two = ForecastLearner(), ForecastLearner()
    one.learn(TARGET, taught)
    two.learn(TARGET, [row for row in taught if row.customer != "c-7"])
    assert one.forget("c-7") == 18
    made, never = one.snapshot(1), two.snapshot(1)
    assert made.digest == never.digest
    assert np.array_equal(made.record[TARGET], never.record[TARGET])


def test_a_full_window_spans_months() -> None:
    """Of many customers half are listened to, and half again, until a window holds a year; then the oldest rows go."""
    draws = np.random.default_rng(3)
    x = draws.normal(size=(1, len(NAMES))).astype(np.float32)[0]
    taught = [
        Row(f"{month:02d}-{c:04d}", f"c-{c}", month, x, float(c % 9 == 0), 0.35)
        for month in range(30)
        for c in range(1_600)
    ]
    learner = ForecastLearner(rows_max=6_000)
    learner.learn(TARGET, taught)
    kept = learner._remembered[TARGET]
    assert len(kept.rows) <= 6_000
    months = {row.month for row in kept.rows.values()}
    assert months == set(range(30 - len(months), 30))
    assert 12 <= len(months) <= 24
    listened = {row.customer for row in kept.rows.values()}
    assert len(kept.rows) >= len(listened) * (len(months) - 1)
    for customer in sorted(listened):
        assert learner.forget(customer) >= len(months) - 1
    assert not kept.rows
    assert not kept.months


def test_a_single_customer_is_always_heard() -> None:
    """However much few customers teach in a month, the newest rows stay."""
    taught = [replace(row, customer="c-1", month=7) for row in rows(900)]
    learner = ForecastLearner(rows_max=300)
    learner.learn(TARGET, taught)
    assert list(learner._remembered[TARGET].rows) == [row.row_id for row in taught[-300:]]


def test_the_record_counts_what_was_said_and_what_came() -> None:
    """Per tenth of probability: how many, and how many came true."""
    learner = ForecastLearner()
    taught = rows(300, said=0.35)
    learner.learn(TARGET, taught)
    record = learner.snapshot(1).record[TARGET]
    assert record[3].tolist() == [300.0, sum(row.y for row in taught)]
    assert record.sum() == record[3].sum()


def test_separable_rows_do_not_diverge() -> None:
    """A feature that tells all leaves finite weights and sure probabilities."""
    x = np.linspace(-1, 1, 400)[:, None] * np.ones(len(NAMES))
    y = (x[:, 0] > 0).astype(float)
    head = pooled.fit(x, y, prior=prior_of(TARGET), cross=THRESHOLD, months=40)
    assert np.isfinite(head.weights).all()
    p = pooled.probability(head, x)
    assert p[0] < 0.05
    assert p[-1] > 0.95


def test_few_months_make_no_sure_word() -> None:
    """The same rows from two months say less surely what they say from forty, and rank the same."""
    taught = rows(2_000)
    x = np.stack([row.x for row in taught]).astype(float)
    y = np.array([row.y for row in taught])
    few, many = (
        pooled.fit(x, y, prior=prior_of(TARGET), cross=THRESHOLD, months=months)
        for months in (2, 40)
    )
    p, q = pooled.probability(few, x), pooled.probability(many, x)
    assert (np.abs(p - 0.5) <= np.abs(q - 0.5)).all()
    assert np.array_equal(np.argsort(p, kind="stable"), np.argsort(q, kind="stable"))


def test_a_range_covers_four_fifths() -> None:
    """The errors' quantiles are those of the rows, a little wider with few months."""
    draws = np.random.default_rng(3)
    features = np.ones((2_000, bands.LOCATIONS + bands.SPREADS))
    change = draws.normal(size=2_000)
    head = bands.fit(features, change, months=50)
    assert head.errors[bands.LOW] < head.errors[bands.MEDIAN] < head.errors[bands.HIGH]
    spread = float(np.exp(head.spread.sum()))
    place = float(head.location.sum())
    inside = np.abs(change - place - spread * head.errors[bands.MEDIAN])
    bound = spread * (head.errors[bands.HIGH] - head.errors[bands.LOW]) / 2
    assert (inside <= bound).mean() == pytest.approx(0.8, abs=0.03)
