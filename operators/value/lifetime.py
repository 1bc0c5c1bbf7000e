"""Lifetime value in the labels of the committee: what a decision changes in what the customer is worth from there on.

In: lessons. Out: what is to be added to the committee's sums.

The label of a decision is what it earned, y, and by how much its customer is worth more at their next decision:
y + γ^days (V(x') − V(x)); V(x') is 0 for who left. Both V's look only at what both contexts may show, so that data that one
purpose may not use is no loss of value. What is earned between two decisions whatever is said belongs to V alone, and
taking it out of the label (a baseline that no action changes) leaves less noise. So does taking out what x foretells of ψ.

V is linear in its weights w, so the sum of z·label is Σ z y + (Σ z ψ') w with ψ = γ^days (x' − x): Σ z ψ' is one more
sum on the grid, exact in any order, and every label there ever was is revised to the newest V by one product.
Source: Ng, Harada & Russell 1999 (potential-based shaping keeps the best policy); `operators.value.lstd`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from operators.bandits.ahead import Ahead
from operators.bandits.grid import EXACT_SQUARES, action_columns, snap_context, snap_rewards
from operators.bandits.sums import crossed
from operators.value.chain import Earning, Last, Move, follow, left, replay
from operators.value.lstd import ValueSums, discounted, solve
from operators.value.signs import SignLevers
from schemas.base import DAY_MS
from schemas.decisions import Lesson
from schemas.models import LEDGERS, Floats

CHUNK = 256
DAYS_OF_YEAR = 365.25


@dataclass(slots=True, frozen=True)
class ValueLevers:
    """The governed settings of lifetime value.

    ``discount_year`` is the worth today of what comes in a year; 0 leaves lifetime value out. ``ridge`` is how much has to
    be seen before V is believed: about so many customer years, each times 1 − ``discount_year``. A customer without
    a decision for ``leave_days`` counts as gone until they come back. ``signs`` are those of early labels.
    """

    discount_year: float = 0.9
    ridge: float = 100.0
    leave_days: float = 180.0
    signs: SignLevers = field(default_factory=SignLevers)


@dataclass(slots=True)
class Future:
    """The sums of an epoch: those of V, and of u = [ψ, x], shape (2·dx,).

    ``shared`` is Σ (x ⊗ a) u', shape (d, 2·dx); ``squares`` Σ uu'; ``own`` Σ u by action.
    """

    value: ValueSums
    shared: Floats
    squares: Floats
    own: dict[str, Floats] = field(default_factory=dict)

    @classmethod
    def zero(cls, dx: int, d: int) -> "Future":
        """Sums of nothing."""
        return cls(
            ValueSums.zero(dx, len(LEDGERS)), np.zeros((d, 2 * dx)), np.zeros((2 * dx, 2 * dx))
        )

    def add(self, other: "Future", *, sign: int = 1) -> None:
        """Add other sums, or with ``sign`` −1 take them out, exactly.

        Raises:
            OverflowError: The sums left the range in which a float is exact.
        """
        self.value.add(other.value, sign=sign)
        self.shared += sign * other.shared
        self.squares += sign * other.squares
        for action, change in other.own.items():
            self.own[action] = self.own.get(action, 0.0) + sign * change
        if float(self.squares.diagonal().max(initial=0.0)) >= EXACT_SQUARES:
            raise OverflowError("an epoch holds too many moves to be exact: make epochs shorter")


class Lifetime:
    """The learner of V, and of what each kind of action does to it; beside a `PosteriorRidge`."""

    def __init__(
        self, dx: int, da: int, *, epoch_days: int, levers: ValueLevers | None = None
    ) -> None:
        """Begin with nothing seen: V is 0 for everybody."""
        self._dx, self._da = dx, da
        self._epoch_ms = epoch_days * DAY_MS
        self.levers = levers or ValueLevers()
        self._day = self.levers.discount_year ** (1.0 / DAYS_OF_YEAR)
        self._last: dict[str, Last] = {}
        self._waiting_in: dict[int, set[str]] = {}
        self._epochs: dict[int, Future] = {}
        self._known: list[Move | Earning] = []

    def learn(self, lesson: Lesson) -> None:
        """Take a reward or worth; the lessons of one customer come in the order of their log."""
        if not self.levers.discount_year:
            return
        last, found = follow(self._last.get(lesson.customer), lesson)
        self._stand(lesson.customer, last)
        if found is not None:
            self._known.append(found)
            if len(self._known) >= CHUNK:
                self._flush()

    def relearn(self, customer: str, before: Sequence[Lesson], after: Sequence[Lesson]) -> None:
        """Put what a customer's lessons said before in the place of what those say that stay, exactly."""
        if not self.levers.discount_year:
            return
        self._flush()
        self._sum(replay(before)[1], sign=-1)
        last, known = replay(after)
        self._sum(known)
        self._stand(customer, last)

    def retire(self, before_ms: int) -> None:
        """Let go of epochs before an instant, whole, and of the customers who were last seen there."""
        self._flush()
        for epoch in [e for e in self._epochs if e * self._epoch_ms < before_ms]:
            del self._epochs[epoch]
        for epoch in [e for e in self._waiting_in if e * self._epoch_ms < before_ms]:
            for customer in self._waiting_in.pop(epoch):
                del self._last[customer]

    def merge(self, other: "Lifetime") -> None:
        """Add what another worker learnt of other customers, exactly."""
        self._flush()
        other._flush()  # noqa: SLF001 - of the same class
        for epoch, sums in other._epochs.items():  # noqa: SLF001
            self._epoch(epoch).add(sums)
        for customer, last in other._last.items():  # noqa: SLF001
            self._stand(customer, last)

    def weights(self, fade: Mapping[int, float], *, newest: int) -> Floats:
        """w, shape (2, dx): what a context feature says of what a customer is worth, by ledger, in units of 10 EUR.

        Args:
            fade: Epoch → its weight; others do not count.
            newest: The epoch that counts as now.
        """
        return self._solved(self._faded(fade, newest=newest)).T

    def moment(
        self,
        actions: Sequence[str],
        fade: Mapping[int, float],
        newest: int,
        counts: Floats,
    ) -> Ahead:
        """What lifetime value adds to the committee's b and Σ y²; ``counts`` is what each ledger counts, shape (2,).

        What was earned and what was changed are taken for unrelated in Σ y², which only sets how much is tried.
        """
        total = self._faded(fade, newest=newest)
        weights = self._solved(total)
        dx = self._dx
        # What moves whatever is said is foretold from x and taken out: it is the same for every action.
        states = total.squares[dx:, dx:] + np.eye(dx)
        usual = np.linalg.solve(states, total.squares[dx:, :dx] @ weights)
        left_over = np.concatenate((weights, -usual))
        nothing = np.zeros(2 * dx)
        own = [total.own.get(action, nothing) @ left_over for action in actions]
        moments: Floats = np.vstack((total.shared @ left_over, *own)).T
        combined = left_over @ counts
        squares = max(float(combined @ total.squares @ combined), 0.0)
        return Ahead(moments, squares, total.value.count, weights.T)

    def _solved(self, total: Future) -> Floats:
        return solve(total.value, ridge=self.levers.ridge)

    def _faded(self, fade: Mapping[int, float], *, newest: int) -> Future:
        """All epochs by their weights, and those who left by now."""
        self._flush()
        total = Future.zero(self._dx, self._dx * self._da)
        leave_ms = self.levers.leave_days * DAY_MS
        for epoch in sorted(self._epochs.keys() | self._waiting_in.keys()):
            sums = Future.zero(self._dx, self._dx * self._da)
            if epoch in self._epochs:
                sums.add(self._epochs[epoch])
            if (newest - epoch) * self._epoch_ms >= leave_ms:
                gone = [left(self._last[who]) for who in self._waiting_in.get(epoch, ())]
                for start in range(0, len(gone), CHUNK):
                    sums.add(self._moves(gone[start : start + CHUNK]))
            _weigh(sums, fade.get(epoch, 0.0))
            total.add(sums)
        return total

    def _stand(self, customer: str, last: Last | None) -> None:
        before = self._last.pop(customer, None)
        if before is not None:
            held = self._waiting_in[before.at_ms // self._epoch_ms]
            held.discard(customer)
            if not held:
                del self._waiting_in[before.at_ms // self._epoch_ms]
        if last is not None:
            self._last[customer] = last
            self._waiting_in.setdefault(last.at_ms // self._epoch_ms, set()).add(customer)

    def _epoch(self, epoch: int) -> Future:
        return self._epochs.setdefault(epoch, Future.zero(self._dx, self._dx * self._da))

    def _flush(self) -> None:
        known, self._known = self._known, []
        self._sum(known)

    def _sum(self, known: Iterable[Move | Earning], *, sign: int = 1) -> None:
        moves: dict[int, list[Move]] = {}
        earnings: dict[int, list[Earning]] = {}
        for one in known:
            epoch = one.at_ms // self._epoch_ms
            if isinstance(one, Move):
                moves.setdefault(epoch, []).append(one)
            else:
                earnings.setdefault(epoch, []).append(one)
        for epoch, some in moves.items():
            self._epoch(epoch).add(self._moves(some), sign=sign)
        for epoch, few in earnings.items():
            nowhere = np.zeros((self._dx, self._dx))
            x = snap_context([one.context for one in few]) + 0.0
            y = snap_rewards(np.array([one.rewards for one in few]))
            self._epoch(epoch).value.add(ValueSums(nowhere, x.T @ y), sign=sign)

    def _moves(self, moves: Sequence[Move]) -> Future:
        x = snap_context([move.context for move in moves]) + 0.0
        stays = np.array([move.after is not None for move in moves])[:, None]
        ends = snap_context([move.after or move.context for move in moves])
        both = (x != 0.0) & (ends != 0.0)
        begin, end = np.where(both | ~stays, x, 0.0), np.where(both & stays, ends, 0.0)
        days = np.array([move.days for move in moves])
        rewards = snap_rewards(np.array([move.rewards for move in moves]))
        faded = discounted(end, days, discount_day=self._day)
        psi = discounted(end - begin, days, discount_day=self._day)
        a = action_columns([move.action_features for move in moves])
        q = crossed(x.T, a)
        u = np.hstack((psi, x))
        own: dict[str, Floats] = {}
        for row, move in zip(u, moves, strict=True):
            own[move.action] = own[move.action] + row if move.action in own else row
        value = ValueSums(x.T @ (begin - faded) + 0.0, x.T @ rewards + 0.0, len(moves))
        return Future(value, q @ u + 0.0, u.T @ u + 0.0, own)


def _weigh(sums: Future, weight: float) -> None:
    sums.value.gram *= weight
    sums.value.reward *= weight
    sums.shared *= weight
    sums.squares *= weight
    sums.own = {action: own * weight for action, own in sums.own.items()}
