"""One ridge an arm: exact merging and revising, evidence, and exact propensities."""

from hashlib import sha256

import numpy as np
import pytest

from operators.bandits.disjoint import ArmLevers, DisjointRidge
from operators.bandits.lift import Lift
from operators.bandits.shares import SHARES, floored
from schemas.models import Floats, Integers

LIFT = Lift(3, width=16, key=5)
LEVERS = ArmLevers(sizes=(LIFT.features(0), LIFT.features(16)), members=16)


def lessons(count: int, *, bent: bool = False) -> tuple[Floats, Integers, Floats]:
    """Rows, arms and rewards of a world in which the second arm pays by the first number."""
    generator = np.random.default_rng(1)
    x = generator.normal(size=(count, 3))
    arms = generator.integers(2, size=count)
    signal = np.abs(x[:, 0]) * 2.0 - 1.5 if bent else x[:, 0]
    rewards = np.where(arms == 1, signal, 0.0) + generator.normal(0.0, 0.2, count)
    return LIFT(x), arms, rewards


def sha(learner: DisjointRidge) -> str:
    """One digest of every sum."""
    digest = sha256()
    for sums in learner.sums:
        digest.update(sums.gram.tobytes() + sums.moment.tobytes())
        digest.update(f"{sums.count}:{sums.squares!r}".encode())
    return digest.hexdigest()


@pytest.mark.parametrize("workers", [1, 2, 4, 7])
def test_workers_change_no_bit(workers: int) -> None:
    rows, arms, rewards = lessons(500)
    alone = DisjointRidge(2, LEVERS)
    alone.learn(rows, arms, rewards)
    order = np.random.default_rng(workers).permutation(500)
    parts = []
    for worker in range(workers):
        part = DisjointRidge(2, LEVERS)
        for chunk in np.array_split(order[worker::workers], 5):
            part.learn(rows[chunk], arms[chunk], rewards[chunk])
        parts.append(part)
    merged = parts.pop()
    for part in parts:
        merged.merge(part)
    assert sha(merged) == sha(alone)
    assert merged.snapshot(3).digest == alone.snapshot(3).digest


def test_a_revised_label_leaves_no_trace() -> None:
    rows, arms, rewards = lessons(200)
    revised, direct = DisjointRidge(2, LEVERS), DisjointRidge(2, LEVERS)
    guesses = np.zeros(200)
    revised.learn(rows, arms, guesses)
    revised.revise(rows, arms, before=guesses, after=rewards)
    direct.learn(rows, arms, rewards)
    assert sha(revised) == sha(direct)


def test_evidence_takes_the_bends_only_where_there_are_any() -> None:
    straight, bent = DisjointRidge(2, LEVERS), DisjointRidge(2, LEVERS)
    straight.learn(*lessons(400))
    bent.learn(*lessons(400, bent=True))
    straight.snapshot(1)
    bent.snapshot(1)
    assert straight.size == LIFT.features(0)
    assert bent.size == LIFT.features(16)


def test_equal_rows_make_no_singular_matrix() -> None:
    learner = DisjointRidge(2, LEVERS)
    rows = np.repeat(LIFT(np.ones((1, 3))), 50, axis=0)
    learner.learn(rows, np.zeros(50, dtype=np.int64), np.ones(50))
    snapshot = learner.snapshot(1)
    assert np.isfinite(snapshot.theta).all()
    assert snapshot.scores(rows[:1])[0, 0, 0] > 0.9


def test_too_many_lessons_to_be_exact_are_refused() -> None:
    learner = DisjointRidge(1, LEVERS)
    learner.sums[0].squares = 2.0**33
    with pytest.raises(OverflowError, match="too many lessons"):
        learner.learn(*(part[:1] for part in lessons(2)[:1]), np.zeros(1, np.int64), np.ones(1))


@pytest.mark.parametrize("policy", SHARES)
@pytest.mark.parametrize("floor", [0.0, 0.05])
def test_shares_are_distributions_with_their_floor(policy: str, floor: float) -> None:
    rows, arms, rewards = lessons(100)
    learner = DisjointRidge(2, LEVERS)
    learner.learn(rows, arms, rewards)
    snapshot = learner.snapshot(2)
    scores = snapshot.scores(rows)
    shares = floored(SHARES[policy](scores, snapshot.lessons), scores[:, 0], floor=floor)
    assert np.allclose(shares.sum(axis=1), 1.0, atol=1e-12)
    assert shares.min() >= floor / 2


def test_a_floor_is_kept_for_the_short_list_only() -> None:
    mean = np.array([[3.0, 1.0, 2.0]])
    shares = floored(np.array([[0.0, 1.0, 0.0]]), mean, floor=0.2, shortlist=2)
    assert shares.tolist() == [[0.1, 0.8, 0.1]]
