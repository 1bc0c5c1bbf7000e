"""What an early sign says of the value that comes later: a regression a horizon, learnt from cohorts that matured.

In: evidence at each horizon with the value that came in the end. Out: an estimate of that value from what is seen by now.

The sums of each horizon are exact on a grid and merge by adding. Estimates change only with `Surrogate.refresh`, so
that a label says which weights it was made with.
Source: Athey, Chetty, Imbens & Kang 2019, "The surrogate index"; an early label that is revised later: Chapelle 2014.
"""

from collections.abc import Sequence

import numpy as np

from operators.bandits.grid import EXACT_SQUARES, snap_context, snap_label, snap_rewards
from schemas.models import Floats

WEIGHT_STEPS = 2.0**20


class Surrogate:
    """A ridge regression a horizon on evidence of ``size`` numbers; what is not seen yet is 0."""

    def __init__(self, size: int, *, horizons: int, ridge: float = 1.0) -> None:
        """Begin with nothing matured: every estimate is 0."""
        self._ridge = ridge
        self.gram: Floats = np.zeros((horizons, size, size))
        self.moment: Floats = np.zeros((horizons, size))
        self.count = 0
        self.version = 0
        self.weights: Floats = np.zeros((horizons, size))

    def mature(self, evidence: Sequence[Floats], values: Floats) -> None:
        """Learn from a cohort whose value is known.

        Args:
            evidence: What was seen at each horizon, each of shape (n, size).
            values: What came in the end, shape (n,), in units of 10 EUR.

        Raises:
            ValueError: Evidence of other horizons.
            OverflowError: The sums left the range in which a float is exact.
        """
        if len(evidence) != len(self.gram):
            raise ValueError(f"evidence of {len(self.gram)} horizons is expected")
        y = snap_rewards(values)
        for horizon, rows in enumerate(evidence):
            z = snap_context(rows) + 0.0
            self.gram[horizon] += z.T @ z
            self.moment[horizon] += z.T @ y
        self.count += len(y)
        self._check()

    def merge(self, other: "Surrogate") -> None:
        """Add what another worker learnt, exactly."""
        self.gram += other.gram
        self.moment += other.moment
        self.count += other.count
        self._check()

    def refresh(self) -> None:
        """Solve for the weights in use, on the 2^-20 grid."""
        prior = self._ridge * np.eye(self.gram.shape[1])
        solved = [
            np.linalg.solve(g + prior, m) for g, m in zip(self.gram, self.moment, strict=True)
        ]
        self.weights = np.rint(np.array(solved) * WEIGHT_STEPS) / WEIGHT_STEPS
        self.version += 1

    def estimate(self, horizon: int, evidence: Floats) -> Floats:
        """The values that evidence at a horizon stands for, shape (n,), on the grid of labels."""
        return snap_rewards(snap_context(evidence) @ self.weights[horizon]) + 0.0

    def _check(self) -> None:
        if float(self.gram.max(initial=0.0)) >= EXACT_SQUARES:
            raise OverflowError(
                "too many cohorts to be exact: begin a new surrogate from recent ones"
            )


class Labels:
    """The label that the learner holds for each open decision, so that a revision says what it replaces."""

    def __init__(self) -> None:
        """Nothing is open."""
        self._held: dict[str, float] = {}

    def __len__(self) -> int:
        """How many decisions are open."""
        return len(self._held)

    def revise(self, decision_id: str, label: float) -> tuple[float, float | None] | None:
        """Hold a new label: (label, the one before or None for the first), or None if nothing changes.

        Example:
            >>> labels = Labels()
            >>> labels.revise("d", 1.0), labels.revise("d", 1.0), labels.close("d", 3.0), len(labels)
            ((1.0, None), None, (3.0, 1.0), 0)
        """
        label = snap_label(label)
        before = self._held.get(decision_id)
        self._held[decision_id] = label
        return None if label == before else (label, before)

    def close(self, decision_id: str, label: float) -> tuple[float, float | None] | None:
        """The last revision: what came in the end. A decision that brought nothing is closed with that."""
        change = self.revise(decision_id, label)
        del self._held[decision_id]
        return change
