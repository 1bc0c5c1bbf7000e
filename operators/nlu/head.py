"""Learns intents from seed phrases and then, one by one, from what people say a message was about.

Stage: 8 of 8. In: lessons of the kind ``intent``. Out: IntentSnapshot.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from operators.draws import uniform
from schemas.decisions import Lesson
from schemas.models import Floats, IntentSnapshot

RATE = 0.3
RIDGE = 1e-4
EPSILON = 1e-8
SEED_PASSES = 8
SENTIMENT_RIDGE = 0.3
SENTIMENT_EDGE = 0.9
"""Seeds graded ±1 are fitted at ±0.9, since tanh never reaches ±1."""
RESTORED_SQUARES = 0.05
RESTORED_BIAS_SQUARES = 25.0
"""AdaGrad's accumulators are not in a snapshot; these are what the seed phrases leave, at the median."""

Embeddings = NDArray[np.floating[Any]]


class IntentHead:
    """River's softmax regression with AdaGrad over embeddings; a seed is rehearsed after each lesson.

    Without rehearsal, lessons on a few intents unlearn all others. Only seeds are rehearsed: no
    customer's message is kept for it.

    The seed passes are the same steps in numpy, a hundred times faster; River goes on from there.

    Source: Duchi, Hazan and Singer 2011, AdaGrad; Robins 1995, Catastrophic forgetting, rehearsal and
    pseudorehearsal; Hoerl and Kennard 1970, ridge regression (sentiment).
    """

    def __init__(
        self,
        intents: Sequence[str],
        *,
        weights: Floats,
        squares: Floats,
        sentiment: Floats,
        rehearsed: Sequence[tuple[Embeddings, str]] = (),
        lessons: int = 0,
    ) -> None:
        """Go on from given numbers; `seeded` and `restore` make them.

        Args:
            intents: The closed set of intents, in the order of the snapshot.
            weights: Shape (I, E + 1), bias last.
            squares: AdaGrad's accumulators, shape (I, E + 1).
            sentiment: Shape (E + 1,), bias last.
            rehearsed: Embeddings, shape (E,), with their intents, in the order of rehearsal.
            lessons: How many lessons are in the weights, seeds not counted.
        """
        from river import linear_model, optim  # noqa: PLC0415 - takes seconds; only learners pay

        self.intents = tuple(intents)
        self._size = weights.shape[1] - 1
        self._lessons = lessons
        self._sentiment = sentiment
        self._rehearsed = [(_numbered(embedding), intent) for embedding, intent in rehearsed]
        model: Any = linear_model.SoftmaxRegression(optim.AdaGrad(RATE, EPSILON), l2=RIDGE)
        for index, intent in enumerate(self.intents):
            model.weights[intent] = dict(enumerate(weights[index].tolist()))
            model.optimizers[intent].g2.update(enumerate(squares[index].tolist()))
        self._model = model

    @classmethod
    def seeded(
        cls,
        intents: Sequence[str],
        *,
        seeds: tuple[Embeddings, Sequence[str]],
        moods: tuple[Embeddings, Sequence[float]],
    ) -> Self:
        """A head that has learnt seed phrases, the same on every machine up to rounding.

        Args:
            intents: The closed set of intents.
            seeds: Embeddings, shape (n, E), and the intent of each.
            moods: Embeddings, shape (m, E), and the sentiment of each in -1..1.

        Raises:
            ValueError: A seed has an intent that is not in the set, or shapes differ.
        """
        embeddings = np.asarray(seeds[0], dtype=np.float64)
        labels = [list(intents).index(intent) for intent in seeds[1]]
        if len(labels) != len(embeddings):
            message = f"{len(embeddings)} embeddings for {len(labels)} seeds"
            raise ValueError(message)
        weights, squares = _learn_seeds(embeddings, labels, count=len(intents))
        return cls(
            intents,
            weights=weights,
            squares=squares,
            sentiment=fit_sentiment(np.asarray(moods[0], dtype=np.float64), moods[1]),
            rehearsed=[(embeddings[i], seeds[1][i]) for i in _order(len(labels), "rehearsal")],
        )

    @classmethod
    def restore(cls, snapshot: IntentSnapshot) -> Self:
        """A head that goes on from a snapshot; it has no seeds to rehearse."""
        weights = np.hstack([snapshot.weights, snapshot.bias[:, None]])
        squares = np.full_like(weights, RESTORED_SQUARES)
        squares[:, -1] = RESTORED_BIAS_SQUARES
        return cls(
            snapshot.intents,
            weights=weights,
            squares=squares,
            sentiment=snapshot.sentiment,
            lessons=snapshot.lessons,
        )

    def learn(self, lesson: Lesson) -> bool:
        """Take one labelled text; False if its intent is unknown or it is of another encoder."""
        if lesson.intent not in self.intents or len(lesson.embedding) != self._size:
            return False
        self.teach(np.array(lesson.embedding), lesson.intent)
        return True

    def teach(self, embedding: Embeddings, intent: str) -> None:
        """One step towards an intent, and one of rehearsal.

        Args:
            embedding: Shape (E,), L2-normalised.
            intent: One of `intents`.
        """
        self._model.learn_one(_numbered(embedding), intent)
        if self._rehearsed:
            self._model.learn_one(*self._rehearsed[self._lessons % len(self._rehearsed)])
        self._lessons += 1

    def snapshot(self, version: int) -> IntentSnapshot:
        """The head as it is now; the digest names its numbers."""
        names = range(self._size + 1)
        learnt: Mapping[str, Mapping[int, float]] = self._model.weights
        weights = np.array([[learnt[k].get(i, 0.0) for i in names] for k in self.intents])
        content = sha256("\n".join(self.intents).encode())
        content.update(weights.astype("<f8").tobytes() + self._sentiment.astype("<f8").tobytes())
        return IntentSnapshot(
            version=version,
            digest=content.hexdigest(),
            intents=self.intents,
            weights=weights[:, :-1].copy(),
            bias=weights[:, -1].copy(),
            sentiment=self._sentiment,
            lessons=self._lessons,
        )


def fit_sentiment(embeddings: Floats, grades: Sequence[float]) -> Floats:
    """The ridge weights whose tanh grades a text, shape (E + 1,), bias last and not shrunk.

    Args:
        embeddings: Shape (m, E).
        grades: Sentiment of each in -1..1.
    """
    x = np.hstack([embeddings, np.ones((len(embeddings), 1))])
    penalty = np.full(x.shape[1], SENTIMENT_RIDGE)
    penalty[-1] = EPSILON
    target = np.arctanh(SENTIMENT_EDGE * np.asarray(grades, dtype=np.float64))
    return np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ target)


def _learn_seeds(embeddings: Floats, labels: Sequence[int], *, count: int) -> tuple[Floats, Floats]:
    """The steps that River would take over the seeds: weights and AdaGrad's accumulators, (I, E + 1)."""
    x = np.hstack([embeddings, np.ones((len(embeddings), 1))])
    weights = np.zeros((count, x.shape[1]))
    squares = np.zeros_like(weights)
    for number in range(SEED_PASSES):
        for i in _order(len(labels), f"pass-{number}"):
            scores = weights @ x[i]
            errors = np.exp(scores - scores.max())
            errors /= errors.sum()
            errors[labels[i]] -= 1.0
            gradient = np.outer(errors, x[i]) + RIDGE * weights
            squares += gradient * gradient
            weights -= RATE * gradient / np.sqrt(squares + EPSILON)
    return weights, squares


def _order(count: int, key: str) -> list[int]:
    """A fixed shuffle, so that intents come mixed."""
    return sorted(range(count), key=lambda i: uniform(str(i), key))


def _numbered(embedding: Embeddings) -> dict[int, float]:
    """An embedding as River takes it, with a one for the bias behind it."""
    return dict(enumerate((*embedding.tolist(), 1.0)))
