"""What the committee learns: additive statistics of a hybrid bilinear ridge regression.

In: lessons, in any order, on any number of workers. Out: CommitteeSnapshot.

z(x, k) = [x ⊗ a_k ; e_k]. The statistics A = Σ z z', b = Σ z y, n and Σ y² are sums of numbers on a dyadic
grid, so they are exact: order, chunks, workers and CPU can't change a bit, and merging is addition. A
label may be revised for good, since b is linear in it: b += z·(y_new − y_old).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil

import numpy as np

from operators.bandits.ahead import Future, joined
from operators.bandits.grid import snap_parameters
from operators.bandits.normal import normals
from operators.bandits.sums import Statistics, sums
from schemas.base import DAY_MS
from schemas.decisions import SILENCE, Lesson
from schemas.models import NO_LEDGERS, CommitteeSnapshot, Floats

CHUNK = 1024
"""Lessons that are summed in one go; how many changes no bit."""
MEMBERS = 64
PRIOR_COUNT = 6.0


CONST = "const"
"""The context feature that is one for everybody."""


@dataclass(slots=True, frozen=True)
class Levers:
    """The governed settings of learning; each change is a change of policy.

    ``ridge`` is the prior precision of what depends on the context, ``ridge_main`` that of what an action
    feature does for everybody (the context feature ``const``), ``ridge_offset`` that of an action's own
    offset. ``spread`` (v) scales the members' distance from the mean: more explores more. ``floor`` is the
    share of probability spread evenly. ``half_life_days`` halves the weight of old lessons.
    ``prior`` is the mean before any lesson, by (context feature, action feature), in units of 10 EUR of the customer's.
    ``weight_customer`` and ``weight_bank`` are what a EUR of the customer's and one of the bank's count in a choice.
    """

    ridge: float = 4000.0
    ridge_main: float = 12.0
    ridge_offset: float = 12.0
    spread: float = 0.1
    floor: float = 0.02
    members: int = MEMBERS
    half_life_days: float = 365.0
    epoch_days: int = 28
    weight_customer: float = 1.0
    weight_bank: float = 1.0
    prior: tuple[tuple[str, str, float], ...] = (
        ("const", "strength", 0.25),
        ("const", "fatigue", -0.1),
    )


class PosteriorRidge:
    """The learner behind `PosteriorCommittee`.

    Source: Hoerl & Kennard 1970; Li et al. 2010 (hybrid features); conjugate Bayesian regression with an
    inverse-gamma noise, Bishop 2006, 3.3; exact sums on a grid: Demmel & Nguyen 2013.
    """

    def __init__(
        self,
        context_names: Sequence[str],
        action_names: Sequence[str],
        *,
        actions: Iterable[str] = (),
        levers: Levers | None = None,
    ) -> None:
        """Begin with the prior; ``actions`` are known before their first lesson."""
        self.context_names = tuple(context_names)
        self.action_names = tuple(action_names)
        self.levers = levers or Levers()
        self.known: set[str] = {SILENCE, *actions}
        self.lessons = 0
        self._epochs: dict[int, Statistics] = {}
        self._waiting: list[Lesson] = []

    def learn(self, lesson: Lesson) -> bool:
        """Take one reward lesson: a first label, or a revision of one.

        A revision may come before its first label, and a lesson may be of an action that is no longer
        offered: sums don't mind.

        Returns:
            False if the lesson is of another shape of features, and was left out.
        """
        if len(lesson.context) != len(self.context_names) or len(lesson.action_features) != len(
            self.action_names
        ):
            return False
        self._waiting.append(lesson)
        self.known.add(lesson.action)
        if lesson.label_before is None:
            self.lessons += 1
        if len(self._waiting) >= CHUNK:
            self._flush()
        return True

    def unlearn(self, lessons: Sequence[Lesson]) -> None:
        """Take lessons back that were learnt, exactly: the sums are then those that never held them."""
        self._flush()
        for epoch, gone in self._by_epoch(lessons).items():
            held = self._epoch(epoch)
            held.subtract(sums(gone))
            if held.empty:
                del self._epochs[epoch]
        self.lessons -= sum(lesson.label_before is None for lesson in lessons)

    def first_kept_ms(self, keep_days: float) -> int:
        """From which instant on lessons are kept, if they are kept for so long; the start of an epoch.

        Counted from the epoch that counts as now, so that one clock that is years ahead retires nothing.
        """
        self._flush()
        epochs = ceil(keep_days / self.levers.epoch_days)
        return (self._newest() - epochs) * self.levers.epoch_days * DAY_MS

    def second_epoch_ms(self) -> int | None:
        """When the second oldest epoch begins; None if there are fewer than two."""
        self._flush()
        known = sorted(self._epochs)
        return known[1] * self.levers.epoch_days * DAY_MS if len(known) > 1 else None

    def retire(self, before_ms: int) -> bool:
        """Let go of the epochs before an instant, whole: nothing of their lessons is left in any sum.

        Returns:
            Whether there were any.
        """
        self._flush()
        old = [e for e in self._epochs if e * self.levers.epoch_days * DAY_MS < before_ms]
        for epoch in old:
            self.lessons -= sum(self._epochs.pop(epoch).count.values())
        return bool(old)

    def statistics(self) -> dict[int, Statistics]:
        """The sums by epoch, every lesson included."""
        self._flush()
        return self._epochs

    def merge(self, other: "PosteriorRidge") -> None:
        """Add what another worker learnt, exactly.

        Raises:
            ValueError: The other one has other features or epochs.
            OverflowError: The sums left the range in which a float is exact.
        """
        if (other.context_names, other.action_names, other.levers.epoch_days) != (
            self.context_names,
            self.action_names,
            self.levers.epoch_days,
        ):
            message = "only learners of the same features and epochs merge"
            raise ValueError(message)
        self._flush()
        for epoch, statistics in other.statistics().items():
            self._epoch(epoch).add(statistics)
        self.known |= other.known
        self.lessons += other.lessons

    def fade(self) -> tuple[dict[int, float], int]:
        """Epoch → what its lessons count for now, and the epoch that counts as now."""
        self._flush()
        newest, levers = self._newest(), self.levers
        return {
            epoch: 0.5 ** (max(newest - epoch, 0) * levers.epoch_days / levers.half_life_days)
            for epoch in self._epochs
        }, newest

    def snapshot(
        self,
        version: int,
        *,
        position: str = "",
        prices: Mapping[str, float] | None = None,
        future: Future | None = None,
        early: Future | None = None,
    ) -> CommitteeSnapshot:
        """Draw a committee from the posterior.

        Args:
            version: The snapshot's number; it keys the draw of the members.
            position: Where on the log of lessons the snapshot stands.
            prices: What scarce actions cost, taken from every model's offset; unknown actions have none.
            future: What is worth more or less later, as it adds to b and to Σ y²; by default nothing is.
            early: What signs foretell of decisions that are not mature, likewise; it is taken as it is.

        Returns:
            A snapshot whose digest covers all that a choice depends on. Made once and published: a
            Cholesky factor is not the same bits on every CPU, so nobody computes it again.
        """
        levers = self.levers
        actions = tuple(sorted(self.known))
        weights = np.array((levers.weight_customer, levers.weight_bank))
        a, moments, count, squares, contexts = self._posterior(actions)
        # Of the two parts of a label only the sum is known squared: the larger weight bounds it.
        squares *= float(weights.max()) ** 2
        lower = np.linalg.cholesky(a)
        seen = (actions, *self.fade(), weights)
        later, foretold = future and future(*seen), early and early(*seen)
        moments, squares = joined(
            moments, squares, lower.astype(np.float64), weights, foretold=foretold, later=later
        )
        ledgers = np.linalg.solve(lower.T, np.linalg.solve(lower, moments.T)).T
        mean, b = weights @ ledgers, weights @ moments
        rss = max(squares - float(mean @ b), 0.0)
        variance = (PRIOR_COUNT + rss / 2.0) / (PRIOR_COUNT + count / 2.0)
        noise = normals(levers.members * len(b), key=version).reshape(len(b), levers.members)
        spread = levers.spread * variance**0.5
        members = mean + spread * np.linalg.solve(lower.T, noise).T
        rows = np.vstack((mean, members))
        charged = tuple((k, v) for k, v in sorted((prices or {}).items()) if k in self.known)
        for action, price in charged:
            rows[:, len(b) - len(actions) + actions.index(action)] -= price
        rows = snap_parameters(rows)
        context_mean = np.rint(contexts / max(count, 1.0) * 1024.0) / 1024.0
        if not count:
            context_mean[0] = 1.0
        return sealed(
            CommitteeSnapshot(
                version=version,
                digest="",
                context_names=self.context_names,
                action_names=self.action_names,
                actions=actions,
                theta=rows[1:],
                mean=rows[0],
                context_mean=context_mean,
                floor=levers.floor,
                lessons=self.lessons,
                position=position,
                prices=charged,
                weights=(levers.weight_customer, levers.weight_bank),
                ledgers=snap_parameters(ledgers),
                value=later.value if later else NO_LEDGERS,
                signs=foretold.value if foretold else NO_LEDGERS,
            )
        )

    def _posterior(self, actions: tuple[str, ...]) -> tuple[Floats, Floats, float, float, Floats]:
        """Precision (D, D), moments by ledger (2, D), weighted count, Σ y² and Σ x, with forgetting, epoch by epoch."""
        self._flush()
        levers = self.levers
        d = len(self.context_names) * len(self.action_names)
        size = d + len(actions)
        ridge = np.full(size, levers.ridge_offset, dtype=np.float64)
        ridge[:d] = levers.ridge
        if CONST in self.context_names:
            # Few lessons can tell what works at all, many are needed to tell for whom.
            row = self.context_names.index(CONST) * len(self.action_names)
            ridge[row : row + len(self.action_names)] = levers.ridge_main
        prior = self._prior(size)
        a = np.diag(ridge)
        b = np.vstack((ridge * prior, np.zeros(size)))
        count, squares = 0.0, float(prior @ b[0])
        contexts = np.zeros(len(self.context_names))
        weights, _ = self.fade()
        for epoch in sorted(self._epochs):
            statistics, weight = self._epochs[epoch], weights[epoch]
            a[:d, :d] += weight * statistics.gram
            b[0, :d] += weight * (statistics.moment - statistics.bank)
            b[1, :d] += weight * statistics.bank
            contexts += weight * statistics.contexts
            squares += weight * statistics.squares
            for index, action in enumerate(actions, start=d):
                if action not in statistics.cross:
                    continue
                a[index, :d] += weight * statistics.cross[action]
                a[:d, index] += weight * statistics.cross[action]
                a[index, index] += weight * statistics.count[action]
                bank = statistics.bank_reward.get(action, 0.0)
                b[0, index] += weight * (statistics.reward[action] - bank)
                b[1, index] += weight * bank
                count += weight * statistics.count[action]
        return a, b, count, squares, contexts

    def _newest(self) -> int:
        """The epoch that counts as now: a hundredth of all lessons are of it or later.

        So a few lessons with a clock that is years ahead don't make everything else old.
        """
        counts = {epoch: sum(s.count.values()) for epoch, s in self._epochs.items()}
        later, least = 0, sum(counts.values()) / 100
        for epoch in sorted(counts, reverse=True):
            later += counts[epoch]
            if later >= least:
                return epoch
        return 0

    def _prior(self, size: int) -> Floats:
        prior = np.zeros(size)
        for feature, action_feature, value in self.levers.prior:
            if feature in self.context_names and action_feature in self.action_names:
                row = self.context_names.index(feature) * len(self.action_names)
                prior[row + self.action_names.index(action_feature)] = value
        return prior

    def _epoch(self, epoch: int) -> Statistics:
        dx = len(self.context_names)
        return self._epochs.setdefault(epoch, Statistics.zero(dx, dx * len(self.action_names)))

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for epoch, lessons in self._by_epoch(waiting).items():
            self._epoch(epoch).add(sums(lessons))

    def _by_epoch(self, lessons: Iterable[Lesson]) -> dict[int, list[Lesson]]:
        by_epoch: dict[int, list[Lesson]] = {}
        epoch_ms = self.levers.epoch_days * DAY_MS
        for lesson in lessons:
            by_epoch.setdefault(lesson.at_ms // epoch_ms, []).append(lesson)
        return by_epoch


def sealed(snapshot: CommitteeSnapshot) -> CommitteeSnapshot:
    """The same snapshot with the digest of its content: names, numbers, floor and version."""
    digest = sha256()
    for names in (snapshot.context_names, snapshot.action_names, snapshot.actions):
        digest.update("\x1f".join(names).encode() + b"\x1e")
    numbers = (snapshot.floor, *snapshot.weights)
    digest.update(f"{snapshot.version}:{numbers!r}:{snapshot.lessons}".encode())
    made = (snapshot.theta, snapshot.mean, snapshot.context_mean, snapshot.ledgers, snapshot.value)
    for array in (*made, snapshot.signs):
        digest.update(array.astype("<f8").tobytes())
    return replace(snapshot, digest=digest.hexdigest()[:32])
