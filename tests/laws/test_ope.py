"""What holds for every estimator of another policy's worth, and for the sequences, whatever comes."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from operators.ope import ESTIMATORS
from operators.ope.blends import CAB, DR_OS, SWITCH_DR, Blend
from operators.ope.estimators import Estimator
from operators.ope.intervals import standard_error
from operators.ope.log import Log, Sample
from operators.ope.sequences import at_these_moments, bounded, lower, of_policy
from schemas.models import Floats

EVERY = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=list(ESTIMATORS))
BLENDS = pytest.mark.parametrize("blend", [SWITCH_DR, DR_OS, CAB], ids=lambda blend: blend.name)
UNBIASED = ("ips", "dr")
WITHIN = ("snips", "dm")
SHIFTING = ("snips", "dm", "dr", "switch_dr", "dr_os")
EXACT_ON_POLICY = ("ips", "snips")


def _shares(count: int, actions: int, *, low: int = 0) -> st.SearchStrategy[Floats]:
    parts = arrays(np.int64, (count, actions), elements=st.integers(low, 8))
    return parts.map(lambda rows: _normal(rows.astype(np.float64)))


def _normal(rows: Floats) -> Floats:
    rows[rows.sum(axis=1) == 0.0, 0] = 1.0
    return rows / rows.sum(axis=1, keepdims=True)


@st.composite
def samples(draw: st.DrawFn, *, same: bool = False) -> Sample:
    """Up to twelve decisions over two to four actions, all of which the log may choose."""
    count, actions = draw(st.integers(2, 12)), draw(st.integers(2, 4))
    logged = draw(_shares(count, actions, low=1))
    taken = draw(arrays(np.int64, count, elements=st.integers(0, actions - 1)))
    unit = st.integers(0, 16).map(lambda n: n / 16)
    log = Log(
        actions=taken,
        rewards=draw(arrays(np.float64, count, elements=unit)),
        propensities=logged[np.arange(count), taken],
        contexts=np.zeros((count, 1)),
        action_count=actions,
        logged=logged,
    )
    shares = logged if same else draw(_shares(count, actions))
    expected = draw(arrays(np.float64, (count, actions), elements=unit))
    return Sample(log, shares, expected)


def _values(estimator: Estimator, sample: Sample, *, low: float = 0.0) -> list[float]:
    """The estimate; of a family that with every lever, since a lever on the edge may tip by the last bit."""
    if not isinstance(estimator, Blend):
        return [estimator.estimate(sample).value]
    levers = [lever for lever in estimator.levers(sample) if lever >= low]
    return [estimator.at(sample, lever).value for lever in levers]


@given(drawn=samples(), means=st.data())
@pytest.mark.parametrize("name", UNBIASED)
def test_unbiased_where_the_log_is_known(name: str, drawn: Sample, means: st.DataObject) -> None:
    """Summed over all that could have been chosen and answered, the estimate is the truth, exactly."""
    log = drawn.log
    assert log.logged is not None
    unit = st.integers(0, 16).map(lambda n: n / 16)
    truth = means.draw(arrays(np.float64, log.logged.shape, elements=unit))
    total = 0.0
    for action in range(log.action_count):
        for reward in (0.0, 1.0):
            chances = log.logged[:, action] * (
                truth[:, action] if reward else 1.0 - truth[:, action]
            )
            case = replace(
                log,
                actions=np.full(len(log), action),
                rewards=np.full(len(log), reward),
                propensities=log.logged[:, action],
            )
            terms = ESTIMATORS[name].estimate(replace(drawn, log=case)).terms
            total += float((chances * terms).mean())
    assert total == pytest.approx(float((drawn.shares * truth).sum(axis=1).mean()), abs=1e-9)


@EVERY
@given(drawn=samples(same=True))
def test_the_same_policy_is_worth_what_it_earned(estimator: Estimator, drawn: Sample) -> None:
    """Where both policies are one, the estimate is the mean reward; with a model, if the model is flat."""
    mean = float(drawn.log.rewards.mean())
    flat = replace(drawn, expected=np.full_like(drawn.expected, mean))
    assert estimator.estimate(flat).value == pytest.approx(mean, abs=1e-9)
    if estimator.name in EXACT_ON_POLICY:
        assert estimator.estimate(drawn).value == pytest.approx(mean, abs=1e-9)
    if estimator is CAB:
        # No weight is above 1 then, so that every lever from there on counts the rewards in full.
        assert all(v == pytest.approx(mean, abs=1e-9) for v in _values(CAB, drawn, low=1.0))


@EVERY
@given(drawn=samples())
def test_bounded(estimator: Estimator, drawn: Sample) -> None:
    """No estimate of rewards within 0..1 leaves what its weights allow; terms average to the value."""
    estimate = estimator.estimate(drawn)
    top = float(drawn.weights.max())
    assert -top - 1e-9 <= estimate.value <= 1.0 + top + 1e-9
    assert np.isfinite(estimate.terms).all()
    assert float(estimate.terms.mean()) == pytest.approx(estimate.value, abs=1e-9)
    assert standard_error(estimate.terms) >= 0.0
    if estimator.name in WITHIN:
        assert -1e-9 <= estimate.value <= 1.0 + 1e-9
    if estimator.name == "ips":
        assert estimate.value >= 0.0


@EVERY
@given(drawn=samples(), order=st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(
    estimator: Estimator, drawn: Sample, order: random.Random
) -> None:
    """Decisions in another order and actions under other numbers give the same."""
    log = drawn.log
    assert log.logged is not None
    rows, names = list(range(len(log))), list(range(log.action_count))
    order.shuffle(rows)
    order.shuffle(names)
    renamed = np.argsort(np.array(names))
    other = Sample(
        replace(
            log,
            actions=renamed[log.actions][rows],
            rewards=log.rewards[rows],
            propensities=log.propensities[rows],
            logged=log.logged[rows][:, names],
        ),
        drawn.shares[rows][:, names],
        drawn.expected[rows][:, names],
    )
    assert _values(estimator, drawn) == pytest.approx(_values(estimator, other), abs=1e-9)


@EVERY
@given(drawn=samples())
def test_twice_the_log_is_the_same_answer(estimator: Estimator, drawn: Sample) -> None:
    """A log written down twice gives the same estimate with every lever."""
    log = drawn.log
    assert log.logged is not None
    twice = Sample(
        replace(
            log,
            actions=np.tile(log.actions, 2),
            rewards=np.tile(log.rewards, 2),
            propensities=np.tile(log.propensities, 2),
            contexts=np.tile(log.contexts, (2, 1)),
            logged=np.tile(log.logged, (2, 1)),
        ),
        np.tile(drawn.shares, (2, 1)),
        np.tile(drawn.expected, (2, 1)),
    )
    if isinstance(estimator, Blend):
        for lever in estimator.levers(drawn):
            value = estimator.at(drawn, lever).value
            assert estimator.at(twice, lever).value == pytest.approx(value, abs=1e-9)
    else:
        value = estimator.estimate(drawn).value
        assert estimator.estimate(twice).value == pytest.approx(value, abs=1e-9)


@EVERY
@given(drawn=samples(), scale=st.sampled_from([0.25, 2.0, 8.0]), shift=st.sampled_from([0.5, 2.0]))
def test_units_of_the_reward(
    estimator: Estimator, drawn: Sample, scale: float, shift: float
) -> None:
    """Rewards in other units give the estimate in those units; what shifts all, shifts the estimate."""
    value = estimator.estimate(drawn).value
    scaled = Sample(
        replace(drawn.log, rewards=drawn.log.rewards * scale), drawn.shares, drawn.expected * scale
    )
    assert estimator.estimate(scaled).value == pytest.approx(value * scale, abs=1e-9)
    if estimator.name in SHIFTING and drawn.weights.sum() > 0.0:
        moved = Sample(
            replace(drawn.log, rewards=drawn.log.rewards + shift),
            drawn.shares,
            drawn.expected + shift,
        )
        values = [value + shift for value in _values(estimator, drawn)]
        assert _values(estimator, moved) == pytest.approx(values, abs=1e-9)


@BLENDS
@given(drawn=samples())
def test_the_ends_of_a_lever_are_what_it_blends(blend: Blend, drawn: Sample) -> None:
    """The lever ∞ is the unbiased estimator, the lever 0 the model."""
    unbiased = ESTIMATORS["ips" if blend is CAB else "dr"].estimate(drawn)
    assert blend.at(drawn, np.inf).value == pytest.approx(unbiased.value, abs=1e-9)
    model = ESTIMATORS["dm"].estimate(drawn)
    assert blend.at(drawn, 0.0).value == pytest.approx(model.value, abs=1e-9)
    levers = blend.levers(drawn)
    assert list(levers) == sorted(levers, reverse=True)
    assert blend.estimate(drawn).lever in levers


@EVERY
@given(drawn=samples())
def test_a_perfect_model_leaves_nothing_to_weigh(estimator: Estimator, drawn: Sample) -> None:
    """Where the model knows every reward, whoever uses it gives its answer, weights or not."""
    log = drawn.log
    known = replace(log, rewards=drawn.expected[np.arange(len(log)), log.actions])
    sample = replace(drawn, log=known)
    if estimator.name in {"dm", "dr", "switch_dr", "dr_os"}:
        value = float((drawn.shares * drawn.expected).sum(axis=1).mean())
        assert estimator.estimate(sample).value == pytest.approx(value, abs=1e-9)


@given(
    values=arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1)),
    alpha=st.sampled_from([0.01, 0.05, 0.2]),
)
def test_sequences_only_tighten_and_mirror(values: Floats, alpha: float) -> None:
    """Bounds stay within 0..1, never loosen, and are the mirror image for mirrored values."""
    found = bounded(values, alpha=alpha)
    assert (np.diff(found.low) >= 0.0).all()
    assert (np.diff(found.high) <= 0.0).all()
    assert (found.low >= 0.0).all()
    assert (found.high <= 1.0).all()
    mirrored = bounded(1.0 - values, alpha=alpha)
    np.testing.assert_allclose(mirrored.low, 1.0 - found.high, atol=1e-9)


@given(
    values=arrays(np.float64, st.integers(2, 60), elements=st.floats(0, 1)),
    cut=st.integers(1, 59),
)
def test_what_comes_later_changes_no_earlier_bound(values: Floats, cut: int) -> None:
    """A bound is made from what was known at its step: more log never changes it."""
    cut = min(cut, len(values) - 1)
    whole, part = lower(values, alpha=0.05), lower(values[:cut], alpha=0.05)
    np.testing.assert_allclose(whole[:cut], part, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("known", ["nothing", "a bound", "each moment"])
@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
def test_a_sequence_misses_at_no_step_more_often_than_promised(known: str, rate: float) -> None:
    """Over 400 logs the whole sequence holds the truth in at least 95 % (here: misses at most 20)."""
    source = np.random.default_rng(7)
    logged, candidate = np.array([0.1, 0.2, 0.7]), np.array([0.5, 0.4, 0.1])
    rates = np.array([1.0, 0.6, 0.2]) * rate
    taken = source.choice(3, size=(400, 600), p=logged)
    rewards = (source.random(taken.shape) < rates[taken]).astype(np.float64)
    weights = (candidate / logged)[taken]
    if known == "each moment":
        found = at_these_moments(weights, rewards, np.full(weights.shape, 5.0), alpha=0.05)
    else:
        found = of_policy(
            weights, rewards, alpha=0.05, weight_max=None if known == "nothing" else 5.0
        )
    truth = float(candidate @ rates)
    held = ((found.low <= truth) & (truth <= found.high)).all(axis=1)
    assert (~held).sum() <= 20
    assert (found.high[:, -1] - found.low[:, -1]).mean() < 0.6


def test_moments_may_drift() -> None:
    """Where the moments themselves change, the bounds hold what the candidate was worth at those met."""
    source = np.random.default_rng(11)
    rates = np.linspace(0.9, 0.1, 500)
    taken = source.random((400, 500)) < 0.25
    rewards = (source.random(taken.shape) < np.where(taken, rates, 0.0)).astype(np.float64)
    weights = np.where(taken, 4.0, 0.0)
    found = at_these_moments(weights, rewards, np.full(weights.shape, 4.0), alpha=0.05)
    # The weighted mean lies between the mean so far and the first rate, which is the highest.
    means = np.cumsum(rates) / np.arange(1, 501)
    assert (found.high < means).any(axis=1).sum() <= 20
    assert (found.low > rates[0]).any(axis=1).sum() <= 20


def test_what_a_sequence_can_not_use_is_refused() -> None:
    """Rewards outside 0..1 and weights above their bound have their own words."""
    ones = np.ones(3)
    with pytest.raises(ValueError, match="scale them"):
        of_policy(ones, ones * 2.0, alpha=0.05)
    with pytest.raises(ValueError, match="above what it could be"):
        at_these_moments(ones * 2.0, ones, ones, alpha=0.05)
