"""The learning head: seeds, lessons, rehearsal, and going on from a snapshot."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from river import linear_model, optim

from operators.nlu.head import EPSILON, RATE, RIDGE, SEED_PASSES, IntentHead, _numbered, _order
from operators.nlu.linear import LinearReader
from schemas.decisions import Lesson
from schemas.models import IntentSnapshot, Models

INTENTS = ("card_lost", "save_money", "other")
SIZE = 12
RNG = np.random.default_rng(7)
CENTRES = np.linalg.qr(RNG.normal(size=(SIZE, SIZE)))[0][: len(INTENTS) + 1]


def near(index: int, *, noise: float = 0.15) -> NDArray[np.float64]:
    """A unit vector near a centre."""
    vector = CENTRES[index] + noise * RNG.normal(size=SIZE)
    made: NDArray[np.float64] = vector / np.linalg.norm(vector)
    return made


SEEDS = (
    np.array([near(i % 3) for i in range(24)]),
    [INTENTS[i % 3] for i in range(24)],
)
MOODS = (np.array([CENTRES[0], CENTRES[1], CENTRES[2]]), [-1.0, 1.0, 0.0])


def seeded() -> IntentHead:
    """A head that knows the seeds."""
    return IntentHead.seeded(INTENTS, seeds=SEEDS, moods=MOODS)


def lesson(embedding: NDArray[np.float64], intent: str) -> Lesson:
    """A lesson as decide makes it."""
    return Lesson(
        lesson_id="l-1",
        kind="intent",
        customer="c-1",
        at_ms=0,
        embedding=tuple(embedding.tolist()),
        intent=intent,
    )


def intent_of(snapshot: IntentSnapshot, embedding: NDArray[np.float64]) -> str | None:
    """What the reader makes of an embedding."""
    return (
        LinearReader()
        .read(embedding.astype(np.float32), text="", models=Models(intents=snapshot))
        .intent
    )


def test_the_seed_passes_are_rivers() -> None:
    """The numpy passes over the seeds end where River's own steps end."""
    river: Any = linear_model.SoftmaxRegression(optim.AdaGrad(RATE, EPSILON), l2=RIDGE)
    for intent in INTENTS:
        river.weights[intent] = dict.fromkeys(range(SIZE + 1), 0.0)
    for number in range(SEED_PASSES):
        for i in _order(24, f"pass-{number}"):
            river.learn_one(_numbered(SEEDS[0][i]), SEEDS[1][i])
    snapshot = seeded().snapshot(1)
    for index, intent in enumerate(INTENTS):
        expected = [river.weights[intent][i] for i in range(SIZE + 1)]
        got = [*snapshot.weights[index], snapshot.bias[index]]
        assert got == pytest.approx(expected, abs=1e-9)


def test_it_knows_its_seeds_and_moods() -> None:
    """Sentences near the seeds are read as them, and moods keep their order."""
    snapshot = seeded().snapshot(1)
    assert all(intent_of(snapshot, near(i)) == INTENTS[i] for i in range(3) for _ in range(5))
    moods = np.hstack([MOODS[0], np.ones((3, 1))]) @ snapshot.sentiment
    assert moods[0] < moods[2] < moods[1]


def test_the_same_seeds_give_the_same_digest() -> None:
    """Made twice it is the same model, whatever its version; a lesson makes it another."""
    head = seeded()
    assert head.snapshot(1).digest == seeded().snapshot(2).digest
    before = head.snapshot(1)
    assert head.learn(lesson(near(3), "other"))
    assert head.snapshot(2).digest != before.digest
    assert head.snapshot(2).lessons == 1


def test_it_learns_a_new_way_to_say_it() -> None:
    """Twenty lessons teach what the seeds do not know, and unlearn nothing of them."""
    head = seeded()
    for _ in range(20):
        head.teach(near(3), "save_money")
    snapshot = head.snapshot(2)
    assert intent_of(snapshot, near(3)) == "save_money"
    assert all(intent_of(snapshot, near(i)) == INTENTS[i] for i in range(3) for _ in range(5))


def test_it_refuses_what_it_cannot_learn() -> None:
    """An unknown intent or another encoder's embedding changes nothing."""
    head = seeded()
    before = head.snapshot(1)
    assert not head.learn(lesson(near(0), "alien"))
    assert not head.learn(lesson(np.ones(3), "other"))
    assert head.snapshot(1).digest == before.digest


def test_it_goes_on_from_a_snapshot() -> None:
    """A restored head reads the same, counts on, and its next lessons do no harm."""
    snapshot = seeded().snapshot(5)
    head = IntentHead.restore(snapshot)
    assert head.snapshot(6).digest == snapshot.digest
    for _ in range(5):
        head.teach(near(0), "card_lost")
    after = head.snapshot(7)
    assert after.lessons == 5
    assert all(intent_of(after, near(i)) == INTENTS[i] for i in range(3) for _ in range(5))


def test_a_snapshot_is_a_copy() -> None:
    """Later lessons leave an earlier snapshot as it was."""
    head = seeded()
    snapshot = head.snapshot(1)
    weights = snapshot.weights.copy()
    head.teach(near(3), "other")
    assert (snapshot.weights == weights).all()


def test_seeds_must_fit() -> None:
    """A seed of an unknown intent, or one too many, is a mistake of the caller."""
    with pytest.raises(ValueError, match="alien"):
        IntentHead.seeded(INTENTS, seeds=(SEEDS[0][:1], ["alien"]), moods=MOODS)
    with pytest.raises(ValueError, match="2 embeddings for 1 seeds"):
        IntentHead.seeded(INTENTS, seeds=(SEEDS[0][:2], ["other"]), moods=MOODS)
