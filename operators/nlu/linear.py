"""Reads intent and sentiment off an embedding with one matrix: what a worker can afford per message.

Stage: 3 of 8. In: embedding, shape (E,). Out: Reading.
"""

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ComponentError
from schemas.models import Models
from schemas.signals import Reading

UNREAD = Reading(intent=None, intent_probability=0.0, sentiment=0.0, model="none")


class LinearReader:
    """Softmax over the intents, tanh for the sentiment; says nothing until a snapshot is published.

    Always names the likeliest intent: those who use it compare its probability with
    ``rules.intent_abstain``. What belongs to no intent of the bank is learnt as the intent ``other``.

    Source: Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4.
    """

    name: str = "linear"

    def read(
        self,
        embedding: NDArray[np.float32],
        *,
        text: str,  # noqa: ARG002 - for readers that look at words
        models: Models,
    ) -> Reading:
        """The reading of one text.

        Args:
            embedding: Shape (E,), L2-normalised.
            text: The masked text, which this reader doesn't need.
            models: Their ``intents`` is used.

        Returns:
            Intent with its probability in 0..1 and sentiment in -1..1; `UNREAD` without a snapshot.

        Raises:
            ComponentError: ``component.nlu``, the snapshot is for other embeddings. Disposition: degrade.
        """
        snapshot = models.intents
        if snapshot is None:
            return UNREAD
        if embedding.shape != snapshot.weights.shape[1:]:
            raise ComponentError(
                "component.nlu",
                f"the intents were learnt from {snapshot.weights.shape[1]} numbers a text",
                hint="run the learner with the encoder of the workers",
            )
        x = embedding.astype(np.float64)
        scores = snapshot.weights @ x + snapshot.bias
        odds = np.exp(scores - scores.max())
        best = int(odds.argmax())
        mood = float(snapshot.sentiment[:-1] @ x + snapshot.sentiment[-1])
        return Reading(
            intent=snapshot.intents[best],
            intent_probability=float(odds[best] / odds.sum()),
            sentiment=float(np.tanh(mood)),
            model=f"intents@{snapshot.digest[:12]}",
        )
