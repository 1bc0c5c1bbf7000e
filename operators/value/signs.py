"""What an early sign says of the value that comes later: a label before there is one, revised until there is.

In: reward lessons, which say how far an answer has come and when. Out: what is still to come of the decisions that are
not mature yet, as it adds to the committee's sums.

A decision is told, clicked, started, completed, paid or refused, and so many days old. What it earns from there on is linear in
φ = (1, the item's value to the customer, its value to the bank), by stage and age, learnt from cohorts that are
mature alone: in a younger one, who answers is seen before who doesn't. The value of one stage rests on that of the next
(a Markov chain with rewards), so that no path needs to be kept. A decision is counted in each stage when it enters and when it leaves:
sums on a grid, exact in any order, which merge by adding and are taken back by subtracting.

The estimate ŷ = φ'w is linear in w, and so is what it adds to b: Σ z ŷ = (Σ z φ') w over those that stand at a stage. Every
early label is that of the newest w at once; at maturity nothing is left of it but what came in.
Source: Athey, Chetty, Imbens & Kang 2019, "The surrogate index"; Chapelle 2014 (delayed feedback); Bradtke & Barto 1996.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from operators.bandits.ahead import Ahead
from operators.bandits.grid import EXACT_SQUARES, action_columns, context_columns, snap_rewards
from operators.bandits.sums import crossed
from operators.value.lstd import ValueSums, solve
from schemas.base import DAY_MS
from schemas.decisions import SILENCE, Lesson
from schemas.models import LEDGERS, Floats

STAGES = ("told", "clicked", "started", "completed", "paid", "refused")
STAGE_OF: Mapping[str, int] = {
    "delivered": 0,
    "viewed": 0,
    "clicked": 1,
    "lapsed": 1,
    "started": 2,
    "stalled": 2,
    "completed": 3,
    "value": 4,
    "dismissed": 5,
    "muted": 5,
    "complained": 5,
}
"""Outcome → its stage; silence, and what was never seen, have none. A click that came to nothing stays one, of some age."""
AGES = (0, 1, 3, 7)
"""Days after the decision at which an age begins."""
PHI = 3
NOWHERE = -1
CHUNK = 256


@dataclass(slots=True, frozen=True)
class SignLevers:
    """The governed settings of early labels.

    A decision is mature after ``days``: what signs foretell is learnt from mature ones and told of the others; 0 leaves
    early labels out. ``ridge`` is how many answers have to be seen before they are believed.
    """

    days: float = 4.0
    ridge: float = 20.0


@dataclass(slots=True)
class Cohort:
    """The decisions of one day.

    By stage s and age h: ``entered`` and ``left`` are Σ φφ' of who came and went, shape (S, H, 3, 3), ``moved`` that of
    who went from s to s', (H, S, S, 3, 3), ``earned`` is Σ φ y of what came in with it, (S, H, 3, ledgers).
    ``standing`` is Σ q φ' of who stands at a stage now, shape (S, d, 3), ``own`` Σ φ of them by action, (S, 3), and ``there`` Σ φφ'.
    """

    entered: Floats
    left: Floats
    moved: Floats
    earned: Floats
    standing: Floats
    there: Floats
    own: dict[str, Floats] = field(default_factory=dict)
    count: int = 0

    @classmethod
    def zero(cls, d: int) -> "Cohort":
        """Nobody was told anything."""
        s, h = len(STAGES), len(AGES) + 1
        return cls(
            np.zeros((s, h, PHI, PHI)),
            np.zeros((s, h, PHI, PHI)),
            np.zeros((h, s, s, PHI, PHI)),
            np.zeros((s, h, PHI, len(LEDGERS))),
            np.zeros((s, d, PHI)),
            np.zeros((s, PHI, PHI)),
        )

    def add(self, other: "Cohort", *, weight: float = 1.0) -> None:
        """Add another cohort's sums; exactly, if the weight is 1 or −1.

        Raises:
            OverflowError: The sums left the range in which a float is exact.
        """
        self.chain(other, weight=weight)
        self.standing += weight * other.standing
        self.there += weight * other.there
        for action, own in other.own.items():
            self.own[action] = self.own.get(action, 0.0) + weight * own
        self.count += other.count
        if float(self.entered.max(initial=0.0)) >= EXACT_SQUARES:
            raise OverflowError("a day holds too many decisions to be exact")

    def chain(self, other: "Cohort", *, weight: float) -> None:
        """Add only what says how decisions go on, and not where they stand."""
        self.entered += weight * other.entered
        self.left += weight * other.left
        self.moved += weight * other.moved
        self.earned += weight * other.earned

    @property
    def empty(self) -> bool:
        """Whether nothing is left in any sum."""
        sums = (self.entered, self.left, self.moved, self.earned, self.standing, *self.own.values())
        return not (self.count or any(one.any() for one in sums))


class Signs:
    """The learner of what signs foretell; beside a `PosteriorRidge`."""

    def __init__(
        self, dx: int, da: int, *, epoch_days: int, levers: SignLevers | None = None
    ) -> None:
        """Begin with nothing seen: nothing is foretold."""
        self._d = dx * da
        self._epoch_ms = epoch_days * DAY_MS
        self.levers = levers or SignLevers()
        self._ages = tuple(age for age in AGES if age < self.levers.days)
        self._cohorts: dict[int, Cohort] = {}
        self._waiting: list[Lesson] = []

    def learn(self, lesson: Lesson) -> None:
        """Take a reward lesson; one that says not when it was seen, or of silence, shows no sign."""
        if self.levers.days and lesson.seen_ms and lesson.action != SILENCE:
            self._waiting.append(lesson)
            if len(self._waiting) >= CHUNK:
                self._flush()

    def unlearn(self, lessons: Iterable[Lesson]) -> None:
        """Take lessons back, exactly."""
        self._flush()
        shown = [one for one in lessons if one.seen_ms and one.action != SILENCE]
        if self.levers.days:
            self._sum(shown, sign=-1.0)

    def retire(self, before_ms: int) -> None:
        """Let go of the cohorts before an instant, whole."""
        self._flush()
        for day in [day for day in self._cohorts if day * DAY_MS < before_ms]:
            del self._cohorts[day]

    def merge(self, other: "Signs") -> None:
        """Add what another worker learnt, exactly."""
        self._flush()
        other._flush()  # noqa: SLF001 - of the same class
        for day, cohort in other._cohorts.items():  # noqa: SLF001
            self._cohort(day).add(cohort)

    def weights(self, fade: Mapping[int, float]) -> Floats:
        """w, shape (2, S·H·3): what is still to come by ledger, for stage s, age h and φ, in units of 10 EUR.

        Args:
            fade: Epoch → its weight; others do not count.
        """
        self._flush()
        total = Cohort.zero(self._d)
        today = self._today()
        for day in sorted(self._cohorts):
            if today - day >= self.levers.days:
                total.chain(self._cohorts[day], weight=self._fade(day, fade))
        return solve(_chained(total, len(self._ages)), ridge=self.levers.ridge).T

    def ahead(
        self, actions: Sequence[str], fade: Mapping[int, float], newest: int, counts: Floats
    ) -> Ahead:
        """What is still to come of young decisions, as it adds to the committee's b and Σ y².

        What came in and what is foretold are taken for unrelated in Σ y², which only sets how much is tried.
        """
        del newest
        weights = self.weights(fade)
        ages, today = len(self._ages), self._today()
        by_age = weights.reshape(len(LEDGERS), len(STAGES), ages, PHI)
        moments = np.zeros((len(LEDGERS), self._d + len(actions)))
        squares, young = 0.0, 0
        for day in sorted(self._cohorts):
            age = today - day
            if age >= self.levers.days:
                continue
            cohort, fades = self._cohorts[day], self._fade(day, fade)
            w = by_age[:, :, _age(max(age, 0), self._ages)]
            moments[:, : self._d] += fades * np.einsum("sdp,lsp->ld", cohort.standing, w)
            for index, action in enumerate(actions, start=self._d):
                if action in cohort.own:
                    moments[:, index] += fades * np.einsum("sp,lsp->l", cohort.own[action], w)
            both = np.einsum("l,lsp->sp", counts, w)
            squares += fades * float(np.einsum("sp,spr,sr->", both, cohort.there, both))
            young += cohort.count
        return Ahead(moments, max(squares, 0.0), young, weights)

    def _today(self) -> int:
        """The day that counts as now: a hundredth of all decisions are of it or later."""
        later, least = 0, sum(cohort.count for cohort in self._cohorts.values()) / 100
        for day in sorted(self._cohorts, reverse=True):
            later += self._cohorts[day].count
            if later >= least:
                return day
        return 0

    def _fade(self, day: int, fade: Mapping[int, float]) -> float:
        return fade.get(day * DAY_MS // self._epoch_ms, 0.0)

    def _cohort(self, day: int) -> Cohort:
        return self._cohorts.setdefault(day, Cohort.zero(self._d))

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._sum(waiting)

    def _sum(self, lessons: Iterable[Lesson], *, sign: float = 1.0) -> None:
        by_day: dict[int, list[Lesson]] = {}
        for lesson in lessons:
            by_day.setdefault(lesson.at_ms // DAY_MS, []).append(lesson)
        for day, some in by_day.items():
            made = self._counted(some)
            if sign < 0.0:
                made.count = -made.count
            cohort = self._cohort(day)
            cohort.add(made, weight=sign)
            if sign < 0.0 and cohort.empty:
                del self._cohorts[day]

    def _age_of(self, lesson: Lesson) -> int:
        """The index of the age at which it was seen; that of who is mature is one after the last."""
        days = (lesson.seen_ms - lesson.at_ms) // DAY_MS
        return len(AGES) if days >= self.levers.days else _age(days, self._ages)

    def _counted(self, lessons: Sequence[Lesson]) -> Cohort:
        """The sums of some lessons of one day."""
        made = Cohort.zero(self._d)
        x = context_columns([lesson.context for lesson in lessons])
        q = crossed(x, action_columns([lesson.action_features for lesson in lessons]))
        stated = snap_rewards(np.array([lesson.stated for lesson in lessons]))
        phi = np.hstack((np.ones((len(lessons), 1)), stated))
        outer = phi[:, :, None] * phi[:, None, :]
        ages = np.array([self._age_of(lesson) for lesson in lessons])
        now = np.array([STAGE_OF.get(lesson.outcome, NOWHERE) for lesson in lessons])
        before = np.array([STAGE_OF.get(one.outcome_before or "", NOWHERE) for one in lessons])
        change = np.array([one.label - (one.label_before or 0.0) for one in lessons])
        bank = np.array([lesson.bank for lesson in lessons])
        parts = np.stack((change - bank, bank), axis=1)
        came, went = now != NOWHERE, before != NOWHERE
        np.add.at(made.entered, (now[came], ages[came]), outer[came])
        np.add.at(made.left, (before[went], ages[went]), outer[went])
        earned = phi[:, :, None] * parts[:, None, :]
        np.add.at(made.earned, (before[went], ages[went]), earned[went])
        on = came & went
        np.add.at(made.moved, (ages[on], before[on], now[on]), outer[on])
        actions = sorted({lesson.action for lesson in lessons})
        places = np.array([actions.index(lesson.action) for lesson in lessons])
        own = np.zeros((len(actions), len(STAGES), PHI))
        for stages, there, sign in ((now, came, 1.0), (before, went, -1.0)):
            np.add.at(own, (places[there], stages[there]), sign * phi[there])
            np.add.at(made.there, stages[there], sign * outer[there])
            for stage in np.unique(stages[there]).tolist():
                some = stages == stage
                made.standing[stage] += sign * (q[:, some] @ phi[some])
        made.own = dict(zip(actions, own, strict=True))
        made.count = sum(lesson.label_before is None for lesson in lessons)
        return made


def _age(days: float, ages: Sequence[int]) -> int:
    """The index of an age."""
    return max(sum(days >= begins for begins in ages) - 1, 0)


def _chained(total: Cohort, ages: int) -> ValueSums:
    """C and d of the chain of stages and ages: who stays until the last age ends is done."""
    size = len(STAGES) * ages * PHI
    c = np.zeros((len(STAGES), ages, PHI, len(STAGES), ages, PHI))
    entered, left = total.entered[:, :ages].cumsum(axis=1), total.left[:, :ages]
    present = entered - left.cumsum(axis=1) + left
    for stage in range(len(STAGES)):
        for age in range(ages):
            c[stage, age, :, stage, age] += present[stage, age]
            c[stage, age, :, :, age] -= total.moved[age, stage].transpose(1, 0, 2)
            if age + 1 < ages:
                c[stage, age, :, stage, age + 1] -= present[stage, age] - left[stage, age]
    reward = total.earned[:, :ages].reshape(size, len(LEDGERS))
    return ValueSums(c.reshape(size, size), reward, total.count)
