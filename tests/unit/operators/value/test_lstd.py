import numpy as np
import pytest

from operators.value.lstd import ValueSums, discounted, solve, transitions

STAY, DISCOUNT, STEPS = 0.9, 0.95, 30.0


def test_retention_is_in_the_value() -> None:
    """Customers who bring 2 a period and stay with chance .9 are worth 2 / (1 − .95 · .9)."""
    generator = np.random.default_rng(3)
    ones = np.ones((40_000, 1))
    stays = (generator.random((40_000, 1)) < STAY).astype(float)
    days = np.full(len(ones), STEPS)
    faded = discounted(ones * stays, days, discount_day=DISCOUNT ** (1 / STEPS))
    sums = transitions(ones, faded, np.full((len(ones), 1), 2.0))
    worth = float(solve(sums, ridge=1.0)[0, 0])
    assert worth == pytest.approx(2.0 / (1.0 - DISCOUNT * STAY), rel=0.03)


def test_two_ledgers_are_kept_apart() -> None:
    """What a customer gains and what the bank earns are two columns of the same solution."""
    generator = np.random.default_rng(4)
    before = np.hstack((np.ones((500, 1)), generator.normal(size=(500, 1))))
    rewards = np.stack((before[:, 1], 1.0 - before[:, 1]), axis=1)
    sums = transitions(before, np.zeros_like(before), rewards)
    weights = solve(sums, ridge=0.01)
    assert np.allclose(weights, [[0.0, 1.0], [1.0, -1.0]], atol=0.01)


@pytest.mark.parametrize("gram", [-1.0, -1.0 + 2.0**-40, 0.0, np.inf, np.nan])
def test_a_singular_matrix_says_less_rather_than_nonsense(gram: float) -> None:
    """Where C + λI is singular or no number, λ grows until the weights are finite and small."""
    sums = ValueSums(np.diag([gram, 1.0]), np.array([[1.0], [1.0]]), 2)
    weights = solve(sums, ridge=1.0)
    assert np.isfinite(weights).all()
    assert np.abs(weights).max() < 1024.0


def test_nothing_seen_is_worth_nothing() -> None:
    """Without a transition every state is worth 0."""
    assert not solve(ValueSums.zero(3, 2), ridge=1.0).any()


def test_sums_that_are_no_longer_exact_are_refused() -> None:
    """Beyond 2^33 a float is not exact on the grid: it is said, not rounded."""
    sums = ValueSums.zero(1)
    with pytest.raises(OverflowError, match="epochs shorter"):
        sums.add(ValueSums(np.array([[2.0**34]]), np.zeros((1, 1)), 1))
