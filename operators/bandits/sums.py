"""Sums of lessons that are exact in any order: what a worker adds, and what a merge adds up."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from operators.bandits.grid import (
    EXACT_SQUARES,
    Z_STEPS,
    packed,
    snap_actions,
    snap_context,
    snap_rewards,
)
from schemas.decisions import Lesson
from schemas.models import Floats


@dataclass(slots=True)
class Statistics:
    """The sums of one epoch, in blocks.

    ``gram`` has shape (d, d) with d = dx·da and is Σ q q' for q = x ⊗ a; by action k, ``cross`` is Σ q,
    shape (d,), ``count`` Σ 1 and ``reward`` Σ y. ``moment`` is Σ q y, shape (d,); ``contexts`` Σ x. ``bank`` and
    ``bank_reward`` are those of the bank's part of y.
    """

    gram: Floats
    moment: Floats
    contexts: Floats
    bank: Floats
    cross: dict[str, Floats] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=dict)
    reward: dict[str, float] = field(default_factory=dict)
    bank_reward: dict[str, float] = field(default_factory=dict)
    squares: float = 0.0

    @classmethod
    def zero(cls, dx: int, d: int) -> "Statistics":
        """Sums of nothing."""
        return cls(np.zeros((d, d)), np.zeros(d), np.zeros(dx), np.zeros(d))

    def add(self, other: "Statistics") -> None:
        """Add other sums to these, exactly.

        Raises:
            OverflowError: The sums left the range in which a float is exact.
        """
        self.gram += other.gram
        self.moment += other.moment
        self.contexts += other.contexts
        self.bank += other.bank
        for action, cross in other.cross.items():
            self.cross[action] = (
                self.cross[action] + cross if action in self.cross else cross.copy()
            )
        for action, count in other.count.items():
            self.count[action] = self.count.get(action, 0) + count
        for action, reward in other.reward.items():
            self.reward[action] = self.reward.get(action, 0.0) + reward
        for action, reward in other.bank_reward.items():
            self.bank_reward[action] = self.bank_reward.get(action, 0.0) + reward
        self.squares += other.squares
        self.check()

    @property
    def empty(self) -> bool:
        """Whether nothing is left in any sum."""
        sums = (self.moment, self.bank, self.gram)
        return not (self.count or self.squares or any(one.any() for one in sums))

    def subtract(self, other: "Statistics") -> None:
        """Take other sums out of these, exactly: what is left never held them."""
        self.gram -= other.gram
        self.moment -= other.moment
        self.contexts -= other.contexts
        self.bank -= other.bank
        self.squares -= other.squares
        for action, cross in other.cross.items():
            self.cross[action] = self.cross[action] - cross
            self.count[action] -= other.count[action]
            self.reward[action] -= other.reward[action]
            if not self.count[action] and not self.reward[action] and not self.cross[action].any():
                del self.cross[action], self.count[action], self.reward[action]
        for action, reward in other.bank_reward.items():
            self.bank_reward[action] -= reward
            if not self.bank_reward[action]:
                del self.bank_reward[action]

    def check(self) -> None:
        """Assert that the sums are still exact; the diagonal bounds the rest (Cauchy-Schwarz)."""
        largest = max(float(self.gram.diagonal().max(initial=0.0)), self.squares)
        if largest >= EXACT_SQUARES:
            message = "an epoch holds too many lessons to be exact: make epochs shorter"
            raise OverflowError(message)


def sums(lessons: Sequence[Lesson]) -> Statistics:
    """The statistics of some lessons of one shape.

    Returns:
        Exact sums: first labels count in full; revisions move ``moment``, ``reward``, ``squares`` and the bank's.
    """
    x = snap_context(packed([lesson.context for lesson in lessons]))
    q = crossed(x, snap_actions(packed([lesson.action_features for lesson in lessons])))
    before = [lesson.label_before for lesson in lessons]
    first = np.array([label is None for label in before])
    new = snap_rewards(np.array([lesson.label for lesson in lessons]))
    old = snap_rewards(np.array([label or 0.0 for label in before]))
    change = new - old
    fresh = q if first.all() else q[first]
    bank = snap_rewards(np.array([lesson.bank for lesson in lessons]))
    total = Statistics(
        # Of one and the same array, which numpy sees: it works half of the symmetric product out.
        gram=fresh.T @ fresh,
        moment=change @ q,
        contexts=x[first].sum(axis=0),
        bank=bank @ q,
        squares=float(np.sum(new * new - old * old)),
    )
    nothing = np.zeros(q.shape[1])
    changes: list[float] = change.tolist()
    for index, lesson in enumerate(lessons):
        action, is_first = lesson.action, before[index] is None
        held = total.cross.get(action)
        if held is None:
            total.cross[action] = q[index].copy() if is_first else nothing.copy()
        elif is_first:
            held += q[index]
        total.count[action] = total.count.get(action, 0) + is_first
        total.reward[action] = total.reward.get(action, 0.0) + changes[index]
    for index in bank.nonzero()[0].tolist():
        action, part = lessons[index].action, float(bank[index])
        total.bank_reward[action] = total.bank_reward.get(action, 0.0) + part
    return total


def crossed(x: Floats, a: Floats) -> Floats:
    """X ⊗ a of contexts (n, dx) and action features (n, da) on their grids, shape (n, dx·da).

    The product is put back on the 2^-10 grid, which makes room for 10^9 lessons in an exact sum.
    """
    q: Floats = np.einsum("ni,nj->nij", x * Z_STEPS, a).reshape(len(x), -1)
    np.rint(q, out=q)
    q /= Z_STEPS
    # Adding zero turns −0 into 0: equal numbers, but other bits.
    q += 0.0
    return q
