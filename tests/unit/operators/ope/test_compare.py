"""The verdict on a candidate."""

from dataclasses import replace

import numpy as np
import pytest

from operators.ope.compare import Worth, compare
from operators.ope.log import Log


def _log(count: int = 3000) -> Log:
    """Three actions shown alike, which pay in .2, .4 and .6 of all cases."""
    source = np.random.default_rng(5)
    taken = source.integers(0, 3, size=count)
    rewards = (source.random(count) < np.array([0.2, 0.4, 0.6])[taken]).astype(np.float64)
    third = np.full((count, 3), 1 / 3)
    return Log(
        taken,
        rewards,
        np.full(count, 1 / 3),
        np.zeros((count, 1)),
        3,
        logged=third,
        reward_range=(0.0, 1.0),
    )


def test_better_worse_and_even() -> None:
    """The best action is found better, the worst worse, and the log's own policy neither."""
    log = _log()
    candidates = {name: np.tile(row, (3000, 1)) for name, row in zip("abc", np.eye(3), strict=True)}
    candidates["own"] = np.full((3000, 3), 1 / 3)
    found = {finding.candidate: finding for finding in compare(log, candidates)}
    assert [found[name].verdict for name in ("a", "b", "c")] == ["worse", "undecided", "better"]
    assert found["own"].verdict == "undecided"
    assert found["own"].gain == Worth(0.0, 0.0, 0.0)
    for name, truth in (("a", 0.2), ("b", 0.4), ("c", 0.6)):
        worth = found[name].worths["dr"]
        assert worth.low <= worth.value <= worth.high
        assert worth.value == pytest.approx(truth, abs=0.04)
        sequence = found[name].sequence
        assert sequence is not None
        assert sequence[0] <= truth <= sequence[1]


def test_a_refused_candidate_gets_no_number() -> None:
    """What the log can't tell is not estimated, unless somebody insists."""
    log = _log(90)
    only = {"a": np.tile([1.0, 0.0, 0.0], (90, 1))}
    (refused,) = compare(log, only)
    assert refused.verdict == "cannot tell"
    assert refused.refused
    assert not refused.worths
    (insisted,) = compare(log, only, insist=True)
    assert insisted.refused == refused.refused
    assert insisted.worths["ips"].value == pytest.approx(0.2, abs=0.2)
    assert insisted.verdict == "cannot tell"


def test_the_same_seed_gives_the_same_finding() -> None:
    """Nothing is drawn but the folds, by the seed."""
    log, shares = _log(600), {"mix": np.tile([0.2, 0.3, 0.5], (600, 1))}
    assert compare(log, shares, seed=4) == compare(log, shares, seed=4)


def test_without_all_propensities_cab_is_left_out() -> None:
    """The others answer the same, and there is a sequence either way."""
    log = _log(600)
    bare = replace(log, logged=None)
    shares = {"mix": np.tile([0.2, 0.3, 0.5], (600, 1))}
    (full,), (less,) = compare(log, shares), compare(bare, shares)
    assert set(full.worths) - set(less.worths) == {"cab"}
    assert full.sequence is not None
    assert less.sequence is not None
    assert less.worths["dr"] == full.worths["dr"]


def test_rewards_in_money_have_no_sequence() -> None:
    """Without a bound on the rewards there are intervals for this many decisions only."""
    log = _log(600)
    money = Log(log.actions, log.rewards * 12.5, log.propensities, log.contexts, 3)
    (found,) = compare(money, {"even": np.full((600, 3), 1 / 3)})
    assert found.sequence is None
    assert found.worths["dr"].value == pytest.approx(float(money.rewards.mean()), rel=0.05)


def test_what_is_settled_needs_no_log() -> None:
    """An action that never brings anything is worth 0, however rarely the log shows it."""
    source = np.random.default_rng(9)
    shares = np.tile([0.495, 0.495, 0.01], (800, 1))
    taken = source.choice(3, size=800, p=shares[0])
    rewards = (source.random(800) < np.array([0.2, 0.4, 0.0])[taken]).astype(np.float64)
    log = Log(
        taken,
        rewards,
        shares[np.arange(800), taken],
        np.zeros((800, 1)),
        3,
        logged=shares,
        reward_range=(0.0, 1.0),
    )
    silent = {"silent": np.tile([0.0, 0.0, 1.0], (800, 1))}
    assert compare(log, silent)[0].verdict == "cannot tell"
    (found,) = compare(replace(log, settled=(2,)), silent)
    assert found.worths["dr"].value == 0.0
    assert found.verdict == "worse"
    assert found.overlap.effective == pytest.approx(800.0)
    assert found.sequence is not None
    assert found.sequence[1] < 0.1
    with pytest.raises(ValueError, match="not settled"):
        replace(log, settled=(0,))


def test_intervals_hold_where_rewards_are_rare() -> None:
    """With a reward in fifty and a candidate that the log seldom shows, 95 % intervals keep their word."""
    shares, candidate = np.array([0.06, 0.24, 0.7]), np.array([0.6, 0.2, 0.2])
    rates = np.array([0.04, 0.02, 0.01])
    truth, own = float(candidate @ rates), float(shares @ rates)
    held = {"worth": 0, "gain": 0}
    for seed in range(100):
        source = np.random.default_rng(seed)
        taken = source.choice(3, size=1500, p=shares)
        rewards = (source.random(1500) < rates[taken]).astype(np.float64)
        log = Log(
            taken,
            rewards,
            shares[taken],
            np.zeros((1500, 1)),
            3,
            logged=np.tile(shares, (1500, 1)),
            reward_range=(0.0, 1.0),
        )
        (found,) = compare(log, {"candidate": np.tile(candidate, (1500, 1))})
        assert found.gain is not None
        held["worth"] += found.worths["dr"].low <= truth <= found.worths["dr"].high
        held["gain"] += found.gain.low <= truth - own <= found.gain.high
    assert held["worth"] >= 91
    assert held["gain"] >= 91
