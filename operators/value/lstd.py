"""The value function: what a state is worth from here on, by least squares over transitions.

In: transitions, in any order, on any number of workers. Out: weights, one column a ledger.

V(x) = w·φ(x), where C = Σ φ (φ − γ^days φ')', d = Σ φ r, w = (C + λI)⁻¹ d. A customer who left has φ' = 0, so
what retention is worth is in V. C and d are sums on a dyadic grid: exact in any order, and merged by adding.
Source: Bradtke & Barto 1996, "Linear least-squares algorithms for temporal difference learning"; transitions
of unequal length: Bradtke & Duff 1994 (semi-Markov).
"""

from dataclasses import dataclass

import numpy as np

from operators.bandits.grid import EXACT_SQUARES, snap_context, snap_rewards
from schemas.models import Floats

WEIGHT_STEPS = 2.0**20
WEIGHT_MAX = 1024.0
"""A solution beyond this is no estimate but a singular matrix."""
FIRMER = 4.0
RIDGE_LAST = 2.0**60


@dataclass(slots=True)
class ValueSums:
    """C, shape (d, d), and d, shape (d, ledgers), of ``count`` transitions."""

    gram: Floats
    reward: Floats
    count: int = 0

    @classmethod
    def zero(cls, size: int, ledgers: int = 1) -> "ValueSums":
        """Sums of nothing."""
        return cls(np.zeros((size, size)), np.zeros((size, ledgers)))

    def add(self, other: "ValueSums", *, sign: int = 1) -> None:
        """Add other sums to these, or with ``sign`` −1 take them out, exactly.

        Raises:
            OverflowError: The sums left the range in which a float is exact.
        """
        self.gram += sign * other.gram
        self.reward += sign * other.reward
        self.count += sign * other.count
        largest = max(
            float(np.abs(self.gram).max(initial=0.0)), float(np.abs(self.reward).max(initial=0.0))
        )
        if largest >= EXACT_SQUARES:
            raise OverflowError(
                "an epoch holds too many transitions to be exact: make epochs shorter"
            )


def discounted(after: Floats, days: Floats, *, discount_day: float) -> Floats:
    """φ' as it counts at the beginning of its transition, on the 2^-10 grid; shape (n, d).

    Args:
        after: Features at the end, shape (n, d); a row of zeros for who left.
        days: How long each transition took, shape (n,).
        discount_day: γ, the worth today of what comes in a day.
    """
    factor = np.array([discount_day ** float(d) for d in days])
    # The last bits of a power differ between processors; on the grid they don't.
    faded: Floats = snap_context(after * factor[:, None])
    return faded + 0.0


def transitions(before: Floats, faded: Floats, rewards: Floats) -> ValueSums:
    """The sums of some transitions.

    Args:
        before: Features at the beginning, shape (n, d).
        faded: Those at the end as `discounted` gives them, shape (n, d).
        rewards: What was earned on the way, shape (n, ledgers), in units of 10 EUR.
    """
    phi = snap_context(before) + 0.0
    return ValueSums(phi.T @ (phi - faded) + 0.0, phi.T @ snap_rewards(rewards) + 0.0, len(phi))


def solve(sums: ValueSums, *, ridge: float) -> Floats:
    """The weights, shape (d, ledgers), on the 2^-20 grid.

    C need not be symmetric nor positive, so C + λI may be singular for an unlucky λ. It then is solved with a larger
    one, until the weights are finite and within ±1,024: less is said, rather than nonsense.

    Example:
        >>> sums = ValueSums(np.array([[-4.0]]), np.array([[1.0]]), 1)
        >>> solve(sums, ridge=4.0).tolist()
        [[0.08333301544189453]]
    """
    size = len(sums.gram)
    while ridge < RIDGE_LAST:
        try:
            weights = np.linalg.solve(sums.gram + ridge * np.eye(size), sums.reward)
        except np.linalg.LinAlgError:
            weights = np.full_like(sums.reward, np.inf)
        if np.isfinite(weights).all() and np.abs(weights).max(initial=0.0) < WEIGHT_MAX:
            snapped: Floats = np.rint(weights * WEIGHT_STEPS) / WEIGHT_STEPS + 0.0
            return snapped
        ridge *= FIRMER
    return np.zeros_like(sums.reward)
