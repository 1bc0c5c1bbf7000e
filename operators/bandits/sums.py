"""Sums of lessons that are exact in any order: what a worker adds, and what a merge adds up."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from operators.bandits.grid import (
    EXACT_SQUARES,
    Z_STEPS,
    action_columns,
    context_columns,
    snap_rewards,
    to_grid,
)
from schemas.decisions import Lesson
from schemas.models import Floats, Integers

BLOCK = 1 << 15
"""Numbers that are multiplied and rounded in one go: 256 KiB."""
FEW = 48
"""Lessons up to which a plain product is worked out sooner than what pays for many: half of a symmetric one that is
then mirrored, and sums by action that walk through segments."""


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
    numbers: dict[str, int] = {}
    whose = np.array([numbers.setdefault(one.action, len(numbers)) for one in lessons])
    first = np.array([one.label_before is None for one in lessons])
    actions, firsts = len(numbers), int(np.count_nonzero(first))
    if len(lessons) > FEW:
        # First labels first and action by action: what is summed together lies together, and sums don't mind.
        order = np.where(first, whose, whose + actions).argsort(kind="stable")
        lessons, whose = [lessons[index] for index in order.tolist()], whose[order]
    kept = first if firsts < len(lessons) <= FEW else slice(firsts)
    x = context_columns([one.context for one in lessons])
    q = crossed(x, action_columns([one.action_features for one in lessons]))
    fresh, fresh_whose = q[:, kept], whose[kept]
    new = snap_rewards(np.array([one.label for one in lessons]))
    old = snap_rewards(np.array([one.label_before or 0.0 for one in lessons]))
    change, bank = new - old, snap_rewards(np.array([one.bank for one in lessons]))
    sizes = np.bincount(fresh_whose, minlength=actions)
    total = Statistics(
        # Of one and the same array, which numpy sees: it works half of the symmetric product out, and mirrors it.
        gram=fresh @ (fresh.T.copy() if len(lessons) <= FEW else fresh.T),
        moment=q @ change,
        contexts=x[:, kept].sum(axis=1),
        bank=q @ bank if bank.any() else np.zeros(len(q)),
        cross=dict(zip(numbers, _by_action(fresh, fresh_whose, sizes), strict=True)),
        count=dict(zip(numbers, sizes.tolist(), strict=True)),
        reward=dict(zip(numbers, np.bincount(whose, change).tolist(), strict=True)),
        squares=float(np.sum(new * new - old * old)),
    )
    for index in bank.nonzero()[0].tolist():
        action, part = lessons[index].action, float(bank[index])
        total.bank_reward[action] = total.bank_reward.get(action, 0.0) + part
    return total


def _by_action(columns: Floats, whose: Integers, sizes: Integers) -> Floats:
    """Sums of columns by action, a row each: ``whose`` they are, and how many each has; many lie action by action."""
    if len(whose) <= FEW:
        has = whose == np.arange(len(sizes))[:, None]
        summed: Floats = has.astype(np.float64) @ columns.T
        return summed
    summed = np.zeros((len(sizes), len(columns)))
    present = sizes.nonzero()[0]
    summed[present] = np.add.reduceat(columns, (sizes.cumsum() - sizes)[present], axis=1).T
    return summed


def crossed(x: Floats, a: Floats) -> Floats:
    """X ⊗ a of contexts (dx, n) and action features (da, n) on their grids, a column each, shape (dx·da, n).

    The product is put back on the 2^-10 grid, which makes room for 10^9 lessons in an exact sum.
    """
    x, a = np.ascontiguousarray(x), np.ascontiguousarray(a)
    q = np.empty((len(x), *a.shape))
    # A few contexts' features at a time, so that what is rounded is still at hand.
    step = max(1, BLOCK // max(1, a.size))
    for begin in range(0, len(x), step):
        block = q[begin : begin + step]
        np.multiply(x[begin : begin + step, None], a, out=block)
        to_grid(block, Z_STEPS)
    return q.reshape(-1, a.shape[1])
