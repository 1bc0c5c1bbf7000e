"""Fixed random features: what a linear learner needs to learn bends, without losing its exact sums.

phi(x) = [1, x, relu(W x + c)]. W and c are a pure function of a key, and the result lies on the grid of
contexts: a learner over phi(x) merges, replays and revises its labels like any other.
"""

import numpy as np

from operators.bandits.grid import snap_context
from operators.bandits.normal import normals
from schemas.models import Floats


class Lift:
    """The features [1, x, relu(W x + c)] of contexts with ``inputs`` numbers.

    The columns are ordered: the first 1 + inputs + w of them are the features of width w, so sums over the
    widest hold those of all narrower ones.

    Source: Rahimi & Recht 2008, "Weighted sums of random kitchen sinks".
    """

    def __init__(self, inputs: int, *, width: int, key: int) -> None:
        """Draw the directions; they stay."""
        drawn = normals((inputs + 1) * width, key=key).reshape(inputs + 1, width)
        self.inputs = inputs
        self.width = width
        self._weights: Floats = drawn[:-1] / max(inputs, 1) ** 0.5
        self._offsets: Floats = drawn[-1]

    def __call__(self, contexts: Floats) -> Floats:
        """Lift contexts of shape (n, inputs) to (n, 1 + inputs + width), on the 2^-10 grid within ±8."""
        rows = snap_context(contexts)
        bent = np.maximum(rows @ self._weights + self._offsets, 0.0)
        lifted: Floats = snap_context(np.hstack((np.ones((len(rows), 1)), rows, bent)))
        return lifted

    def features(self, width: int) -> int:
        """How many leading columns the features of a width have."""
        return 1 + self.inputs + width
