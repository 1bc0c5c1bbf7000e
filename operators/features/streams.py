"""One stream of payments between the customer and one payee: its rhythm, its amount, whether it lives.

Source: cadence after Plaid's recurring transactions (mature at three on a regular cadence); survival
after Teunter, Syntetos and Babai 2011 (the probability of demand decays with every missed due date).
"""

from typing import Final, NamedTuple

from operators.features.schedule import (
    MONTHLY_GAP_DAYS,
    day_of_month,
    in_month,
    month_end,
    next_due,
    rolled,
)

SURVIVAL_RATE: Final = 0.3
ANNUAL_GAP_DAYS = (350.0, 380.0)
CADENCE_DAYS = (6.0, 100.0)
HITS_MIN: Final = 3
HABIT_HITS_MIN: Final = 5
MISS_MAX: Final = 4
COUNT_MAX: Final = 255
GAP_DAYS_MAX: Final = 1023.0
"""Counts and gaps stop where the fields of a record end."""
_SLACK_DAYS_MIN: Final = 2.0
_SAME_AMOUNT: Final = 0.01
_STEADY: Final = 0.02
_VARIES: Final = 0.30
_WEEKEND: Final = 5
_MOVED_DAYS_MAX: Final = 3
_TWO_MONTHS_MIN_DAYS: Final = 59
_APART: Final = 6
_AROUND: Final = 22
"""Days of the month this far apart are never one moved by a weekend or clipped by a short month."""


Numbers = tuple[
    int, int, int, float, int, int, int, float, float, float, float, int, int, int, float
]
"""What a `Stream` holds before its words."""


class Stream(NamedTuple):
    """A stream; days since 1970, amounts signed in minor units.

    ``gap`` is the usual gap in days and ``miss`` how badly it was missed of late (0..4). ``nominal`` is the day of
    the month that it falls on, ``shift`` in −3..3 which way weekends move it. ``deviation`` is the mean
    deviation of the amount. ``run`` counts equal amounts in a row, ``run_before`` the run before
    that. ``matured`` is the day it became mature, 0 before. ``alive`` is the survival probability at
    the last payment.
    """

    first: int
    last: int
    hits: int
    gap: float
    miss: int
    nominal: int
    shift: int
    amount: float
    deviation: float
    latest: int
    previous: int
    run: int
    run_before: int
    matured: int
    alive: float
    category: str
    method: str

    @property
    def monthly(self) -> bool:
        """Whether it comes once a month."""
        return MONTHLY_GAP_DAYS[0] <= self.gap <= MONTHLY_GAP_DAYS[1]

    @property
    def due(self) -> int:
        """The next day due after the last payment."""
        return next_due(self.last, self.gap, nominal=self.nominal, shift=self.shift)

    @property
    def grace_days(self) -> int:
        """How many days after the due date a payment still counts as in time."""
        return max(3, round(0.1 * self.gap))

    def current(self, today: int) -> bool:
        """Whether it is mature and not so late that it must have ended."""
        return self.matured > 0 and today - self.last <= 1.25 * self.gap + 3

    def survival(self, today: int) -> float:
        """The probability that it still lives, less for each due date missed."""
        missed = int(max(0.0, today - self.last - self.grace_days) / max(1.0, self.gap))
        probability = self.alive
        for _ in range(min(missed, 8)):
            probability *= 1 - SURVIVAL_RATE
        return probability


def begin(day: int, amount_minor: int, *, category: str, method: str) -> Stream:
    """A stream of one payment."""
    return Stream(
        day, day, 1, 0.0, 0, day_of_month(day), 0, float(amount_minor), 0.0,
        amount_minor, 0, 1, 0, 0, 0.5, category, method,
    )  # fmt: skip


def hit(stream: Stream, day: int, amount_minor: int, *, known_payee: bool) -> Stream:
    """The stream after one more payment, on its last day or later."""
    card = stream.method == "card"
    numbers = paid(stream[:-2], day, amount_minor, known_payee=known_payee, card=card)
    return Stream(*numbers[:9], int(numbers[9]), int(numbers[10]), *numbers[11:], *stream[-2:])


def paid(
    numbers: Numbers, day: int, amount_minor: float, *, known_payee: bool, card: bool
) -> Numbers:
    """The numbers of a stream (all of its fields but the words) after one more payment; ``card``: by card."""
    # One unpacking and one tuple: attributes and keyword arguments would double the time.
    (
        first, last, hits, usual_gap, miss, nominal, shift, amount, deviation, latest, previous,
        run, run_before, matured, alive,
    ) = numbers  # fmt: skip
    if day == last:
        together = latest + amount_minor
        return (
            first, last, hits, usual_gap, miss, nominal, shift, float(together) if hits == 1 else amount,
            deviation, together, previous, run, run_before, matured, alive,
        )  # fmt: skip
    gap = day - last
    if hits == 1:
        usual_gap, miss = min(GAP_DAYS_MAX, float(gap)), 0
    else:
        off = gap - usual_gap
        slack = 0.15 * usual_gap
        if abs(off) <= max(_SLACK_DAYS_MIN, slack):
            usual_gap, miss = usual_gap + 0.3 * off, miss - 1 if miss else 0
        else:
            miss = min(MISS_MAX, miss + 2)
            if miss >= MISS_MAX:
                # The rhythm was wrong, not the payments: begin it anew from the gap just seen.
                usual_gap = min(GAP_DAYS_MAX, float(gap))
    change = amount_minor - amount
    amount += (0.5 if hits < HITS_MIN else 0.3) * change
    deviation += 0.3 * (abs(change) - deviation)
    if hits < COUNT_MAX:
        hits += 1
    if abs(amount_minor - latest) <= _SAME_AMOUNT * abs(latest):
        if run < COUNT_MAX:
            run += 1
    else:
        run, run_before = 1, run
    nominal, shift = _nominal(last, nominal, shift, day)
    if miss > 1 or not _mature(
        hits, usual_gap, run, size=abs(amount), deviation=deviation, card=card, known_payee=known_payee
    ):  # fmt: skip
        matured = 0
    elif not matured:
        matured = day
    return (
        first, day, hits, usual_gap, miss, nominal, shift, amount, deviation, amount_minor, latest,
        run, run_before, matured, alive + SURVIVAL_RATE * (1 - alive),
    )  # fmt: skip


def _mature(
    hits: int, gap: float, run: int, *, size: float, deviation: float, card: bool, known_payee: bool
) -> bool:
    # The tests that most payments fail come first.
    if hits < HITS_MIN:
        return (
            known_payee
            and run == hits
            and (MONTHLY_GAP_DAYS[0] <= gap <= MONTHLY_GAP_DAYS[1] or _annual(gap))
        )
    if deviation > _VARIES * size:
        return False
    # A rhythm of habit (cash, shops with varying amounts) is often chance, so it must show longer.
    habit = card and deviation > _STEADY * size
    if hits < (HITS_MIN if known_payee and not habit else HABIT_HITS_MIN):
        return False
    return CADENCE_DAYS[0] <= gap <= CADENCE_DAYS[1] or _annual(gap)


def _annual(gap: float) -> bool:
    return ANNUAL_GAP_DAYS[0] <= gap <= ANNUAL_GAP_DAYS[1]


def _nominal(last: int, nominal: int, shift: int, day: int) -> tuple[int, int]:
    """The day of month that the payer means, and which way weekends move it."""
    dom = day_of_month(day)
    if dom == nominal and day - last <= _TWO_MONTHS_MIN_DAYS:
        # It came on its very day, of this month or one of the next two.
        return nominal, shift if (day + 3) % 7 < _WEEKEND else 0
    if _APART < abs(dom - nominal) < _AROUND:
        # Too far from any such day, in this month or the next, to be a moved one.
        return dom, shift
    for months in (0, 1, 2):
        meant = in_month(last, months, nominal)
        if abs(meant - day) > _MOVED_DAYS_MAX:
            continue
        if (meant + 3) % 7 < _WEEKEND:
            # On a weekday nothing moves it, so what is seen is what is meant.
            break
        if day == meant:
            return nominal, 0
        direction = 1 if day > meant else -1
        if day == rolled(meant, direction):
            return nominal, max(-3, min(3, shift + direction))
    clipped = nominal > dom and month_end(day)
    return (nominal if clipped else dom), shift
