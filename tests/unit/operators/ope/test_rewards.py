"""The reward model, and whether a log can tell."""

import numpy as np
import pytest

from operators.ope.log import Log, Sample
from operators.ope.overlap import overlap, reasons
from operators.ope.rewards import cross_fit, deal, fit


def _log(count: int = 600, *, seed: int = 3) -> Log:
    """Three actions, of which each pays by its own slope of the context."""
    source = np.random.default_rng(seed)
    contexts = source.normal(size=(count, 2))
    taken = source.integers(0, 3, size=count)
    slopes = np.array([[0.5, 0.0], [0.0, 0.5], [-0.5, 0.2]])
    rewards = 1.0 + (contexts * slopes[taken]).sum(axis=1)
    third = np.full((count, 3), 1 / 3)
    return Log(taken, rewards, np.full(count, 1 / 3), contexts, 3, logged=third)


def test_the_model_finds_what_is_linear() -> None:
    """Each action's own slopes are found from rewards without noise."""
    log = _log()
    expected = fit(log, np.arange(600), penalty=1e-6).predict(log.contexts)
    np.testing.assert_allclose(expected[np.arange(600), log.actions], log.rewards, atol=1e-5)


def test_contexts_may_differ_by_action() -> None:
    """The same context given once for each action is the same model."""
    log = _log()
    wide = Log(
        log.actions,
        log.rewards,
        log.propensities,
        np.repeat(log.contexts[:, None, :], 3, axis=1),
        3,
    )
    np.testing.assert_allclose(cross_fit(log), cross_fit(wide), atol=1e-9)


def test_no_row_is_learnt_from_for_itself() -> None:
    """Changing a row's reward changes nothing that is expected for its own cluster."""
    log = _log(90)
    clusters = np.repeat(np.arange(30), 3)
    grouped = Log(log.actions, log.rewards, log.propensities, log.contexts, 3, clusters=clusters)
    changed = log.rewards.copy()
    changed[4] += 0.5
    other = Log(log.actions, changed, log.propensities, log.contexts, 3, clusters=clusters)
    before, after = cross_fit(grouped), cross_fit(other)
    np.testing.assert_array_equal(before[clusters == 1], after[clusters == 1])
    assert (before != after).any()


def test_clusters_are_dealt_whole() -> None:
    """All decisions of a customer are in one fold, and the seed decides which."""
    log = _log(90)
    clusters = np.repeat(np.arange(30), 3)
    grouped = Log(log.actions, log.rewards, log.propensities, log.contexts, 3, clusters=clusters)
    parts = deal(grouped, folds=3, seed=1)
    assert all(len(set(parts[clusters == c].tolist())) == 1 for c in range(30))
    assert np.bincount(parts).tolist() == [30, 30, 30]
    assert (deal(grouped, folds=3, seed=1) == parts).all()
    assert (deal(grouped, folds=3, seed=2) != parts).any()


def test_the_log_can_tell_of_what_it_holds() -> None:
    """A third of the weight everywhere is enough, and nothing is missing."""
    sample = Sample(_log(), np.tile([0.5, 0.3, 0.2], (600, 1)), np.zeros((600, 3)))
    found = overlap(sample)
    assert found.missing == 0.0
    assert found.effective > 400
    assert reasons(sample, found) == ()


def test_what_was_never_possible_is_named() -> None:
    """A candidate that does what the log never could is refused, with the action's name."""
    log = _log(400)
    logged = np.tile([0.5, 0.5, 0.0], (400, 1))
    taken = log.actions % 2
    half = Log(taken, log.rewards, np.full(400, 0.5), log.contexts, 3, logged=logged)
    sample = Sample(half, np.tile([0.5, 0.2, 0.3], (400, 1)), np.zeros((400, 3)))
    found = overlap(sample)
    assert found.missing == pytest.approx(0.3)
    assert found.missing_actions == (2,)
    words = reasons(sample, found, names=("pot", "card", "loan"))
    assert len(words) == 1
    assert "loan" in words[0]
    assert "floor" in words[0]


def test_too_few_and_too_heavy_are_refused() -> None:
    """A log that is worth a handful of decisions says how many more it takes."""
    log = _log(60)
    sample = Sample(log, np.tile([1.0, 0.0, 0.0], (60, 1)), np.zeros((60, 3)))
    words = " ".join(reasons(sample, overlap(sample)))
    assert "record about" in words
    taken = np.zeros(2000, dtype=np.int64)
    taken[0] = 1
    heavy = Log(taken, np.ones(2000), np.where(taken == 1, 1e-3, 0.999), np.zeros((2000, 1)), 2)
    sample = Sample(heavy, np.tile([0.5, 0.5], (2000, 1)), np.zeros((2000, 2)))
    assert any("carries" in word or "worth" in word for word in reasons(sample, overlap(sample)))


def test_wrong_propensities_are_noticed() -> None:
    """Weights that do not average one betray propensities that were not chosen with."""
    log = _log()
    wrong = Log(log.actions, log.rewards, np.full(600, 0.2), log.contexts, 3)
    sample = Sample(wrong, np.full((600, 3), 1 / 3), np.zeros((600, 3)))
    assert any("mend the logging" in word for word in reasons(sample, overlap(sample)))


def test_few_customers_are_refused() -> None:
    """Many decisions of a handful of customers tell luck from merit no better than a handful would."""
    log = _log()
    few = Log(
        log.actions,
        log.rewards,
        log.propensities,
        log.contexts,
        3,
        logged=log.logged,
        clusters=np.arange(600) % 5,
    )
    sample = Sample(few, np.tile([0.5, 0.3, 0.2], (600, 1)), np.zeros((600, 3)))
    assert any("5 independent customers" in word for word in reasons(sample, overlap(sample)))
