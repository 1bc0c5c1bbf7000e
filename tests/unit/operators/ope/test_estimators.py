"""A few logs that can be checked by hand."""

from typing import Any

import numpy as np
import pytest

from operators.ope import ESTIMATORS
from operators.ope.blends import CAB, DR_OS, SWITCH_DR
from operators.ope.estimators import mean_of
from operators.ope.intervals import interval, standard_error
from operators.ope.levers import choose
from operators.ope.log import Log, Sample


def _sample() -> Sample:
    """Two actions with chances 1/4 and 3/4; the candidate always takes the first."""
    log = Log(
        actions=np.array([0, 1, 1, 1]),
        rewards=np.array([1.0, 0.0, 1.0, 0.0]),
        propensities=np.array([0.25, 0.75, 0.75, 0.75]),
        contexts=np.zeros((4, 0)),
        action_count=2,
        logged=np.tile([0.25, 0.75], (4, 1)),
    )
    return Sample(log, np.tile([1.0, 0.0], (4, 1)), np.full((4, 2), 0.5))


def test_by_hand() -> None:
    """The only decision for the first action carries weight 4."""
    values = {name: e.estimate(_sample()).value for name, e in ESTIMATORS.items()}
    assert values["ips"] == pytest.approx(1.0)
    assert values["snips"] == pytest.approx(1.0)
    assert values["dm"] == pytest.approx(0.5)
    assert values["dr"] == pytest.approx(0.5 + 4 * 0.5 / 4)


def test_levers_by_hand() -> None:
    """Below its lever a weight counts in full, shrunk it counts less, capped it leaves room for the model."""
    sample = _sample()
    assert SWITCH_DR.at(sample, 4.0).value == pytest.approx(1.0)
    assert SWITCH_DR.at(sample, 3.9).value == pytest.approx(0.5)
    assert DR_OS.at(sample, 16.0).value == pytest.approx(0.5 + 2.0 * 0.5 / 4)
    assert CAB.at(sample, 2.0).value == pytest.approx(0.5 * 0.5 + 2.0 / 4)


def test_cab_needs_all_propensities() -> None:
    """With the chosen action's probability alone CAB says what it lacks."""
    sample = _sample()
    log = Log(
        actions=sample.log.actions,
        rewards=sample.log.rewards,
        propensities=sample.log.propensities,
        contexts=sample.log.contexts,
        action_count=2,
    )
    with pytest.raises(ValueError, match="log them all"):
        CAB.estimate(Sample(log, sample.shares, sample.expected))


def test_the_lever_of_least_error_is_taken() -> None:
    """Less variance is taken where no bias shows, and not where it does, however small the variance."""
    noise = np.tile([-1.0, 1.0], 200)
    unbiased, close, far = mean_of(5.0 + noise), mean_of(5.0 + noise / 10), mean_of(9.0 + 0 * noise)
    chosen = choose([unbiased, close, far])
    assert chosen.terms is close.terms
    assert 0.0 < chosen.bias < 0.1
    assert choose([unbiased, far]) is unbiased


def test_a_model_tells_its_own_bias() -> None:
    """The weighted residuals say how far the direct method may be off."""
    estimate = ESTIMATORS["dm"].estimate(_sample())
    assert estimate.bias > 0.5


def test_rare_rewards_have_wide_intervals() -> None:
    """Where nothing was met, what could have been is counted; in other units it's the same."""
    low, high = interval(0.0, 0.0, effective=400.0, span=(0.0, 1.0))
    assert low == pytest.approx(0.0, abs=1e-12)
    assert 0.009 < high < 0.01
    scaled = interval(-50.0, 0.0, effective=400.0, span=(-50.0, 50.0))
    assert scaled == pytest.approx((-50.0 + 100.0 * low, -50.0 + 100.0 * high))
    many = interval(0.3, 0.01, effective=1e9, span=(0.0, 1.0))
    assert many == pytest.approx((0.3 - 1.96 * 0.01, 0.3 + 1.96 * 0.01), abs=1e-5)


def test_errors_are_between_clusters() -> None:
    """What is repeated within a customer proves nothing more; one customer proves nothing."""
    terms = np.array([0.0, 1.0, 0.5, 0.2])
    twice, owners = np.repeat(terms, 2), np.repeat(np.arange(4), 2)
    assert standard_error(twice, owners) == pytest.approx(standard_error(terms))
    assert standard_error(terms, np.zeros(4, dtype=np.int64)) == float("inf")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"propensities": np.array([0.0, 0.75, 0.75, 0.75])}, "not in"),
        ({"propensities": np.array([0.3, 0.75, 0.75, 0.75])}, "disagree"),
        ({"rewards": np.array([1.0, np.nan, 0.0, 0.0])}, "no finite number"),
        ({"actions": np.array([0, 1, 1, 2])}, "renumber"),
        ({"rewards": np.zeros(3)}, "rows"),
        ({"reward_range": (0.0, 0.5)}, "leave their range"),
        ({"logged": np.full((4, 2), 0.4)}, "sum to 1"),
    ],
)
def test_a_bad_log_says_what_is_wrong(change: dict[str, Any], words: str) -> None:
    """Each flaw has its own words."""
    log = _sample().log
    whole = {
        "actions": log.actions,
        "rewards": log.rewards,
        "propensities": log.propensities,
        "contexts": log.contexts,
        "logged": log.logged,
    }
    with pytest.raises(ValueError, match=words):
        Log(action_count=2, **{**whole, **change})


def test_an_empty_log_is_refused() -> None:
    """Nothing was recorded, so nothing can be compared."""
    nothing = np.zeros(0)
    with pytest.raises(ValueError, match="record some"):
        Log(np.zeros(0, dtype=np.int64), nothing, nothing, np.zeros((0, 1)), 2)
