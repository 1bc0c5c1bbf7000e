"""One stream of payments between the customer and one payee: its rhythm, its amount, whether it lives.

Source: cadence after Plaid's recurring transactions (mature at three on a regular cadence); survival
after Teunter, Syntetos and Babai 2011 (the probability of demand decays with every missed due date).
"""

from typing import NamedTuple

from operators.features.schedule import (
    MONTHLY_GAP_DAYS,
    day_of_month,
    in_month,
    month_end,
    next_due,
    rolled,
)

SURVIVAL_RATE = 0.3
ANNUAL_GAP_DAYS = (350.0, 380.0)
CADENCE_DAYS = (6.0, 100.0)
HITS_MIN = 3
HABIT_HITS_MIN = 5
MISS_MAX = 4
_SAME_AMOUNT = 0.01
_STEADY = 0.02
_WEEKEND = 5
_MOVED_DAYS_MAX = 3


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
    if day == stream.last:
        together = stream.latest + amount_minor
        usual = float(together) if stream.hits == 1 else stream.amount
        return stream._replace(latest=together, amount=usual)
    gap = day - stream.last
    hits = stream.hits + 1
    if stream.hits == 1:
        usual_gap, miss = float(gap), 0
    elif abs(gap - stream.gap) > max(2.0, 0.15 * stream.gap):
        usual_gap, miss = stream.gap, min(MISS_MAX, stream.miss + 2)
        if miss >= MISS_MAX:
            # The rhythm was wrong, not the payments: begin it anew from the gap just seen.
            usual_gap = float(gap)
    else:
        usual_gap, miss = stream.gap + 0.3 * (gap - stream.gap), max(0, stream.miss - 1)
    change = amount_minor - stream.amount
    rate = 0.5 if stream.hits < HITS_MIN else 0.3
    deviation = stream.deviation + 0.3 * (abs(change) - stream.deviation)
    same = abs(amount_minor - stream.latest) <= _SAME_AMOUNT * abs(stream.latest)
    nominal, shift = _nominal(stream, day)
    made = Stream(
        stream.first,
        day,
        hits,
        round(usual_gap, 3),
        miss,
        nominal,
        shift,
        round(stream.amount + rate * change, 1),
        round(deviation, 1),
        amount_minor,
        stream.latest,
        stream.run + 1 if same else 1,
        stream.run_before if same else stream.run,
        stream.matured,
        round(stream.alive + SURVIVAL_RATE * (1 - stream.alive), 4),
        stream.category,
        stream.method,
    )
    if not _mature(made, known_payee=known_payee):
        return made._replace(matured=0) if made.matured else made
    return made if made.matured else made._replace(matured=day)


def _mature(stream: Stream, *, known_payee: bool) -> bool:
    if stream.miss > 1:
        return False
    if stream.hits < HITS_MIN:
        rhythm = (
            MONTHLY_GAP_DAYS[0] <= stream.gap <= MONTHLY_GAP_DAYS[1]
            or ANNUAL_GAP_DAYS[0] <= stream.gap <= ANNUAL_GAP_DAYS[1]
        )
        return known_payee and rhythm and stream.run == stream.hits
    # A rhythm of habit (cash, shops with varying amounts) is often chance, so it must show longer.
    habit = stream.method == "card" and stream.deviation > _STEADY * abs(stream.amount)
    enough = stream.hits >= (HITS_MIN if known_payee and not habit else HABIT_HITS_MIN)
    rhythm = (
        CADENCE_DAYS[0] <= stream.gap <= CADENCE_DAYS[1]
        or ANNUAL_GAP_DAYS[0] <= stream.gap <= ANNUAL_GAP_DAYS[1]
    )
    return enough and rhythm and stream.deviation <= 0.30 * abs(stream.amount)


def _nominal(stream: Stream, day: int) -> tuple[int, int]:
    """The day of month that the payer means, and which way weekends move it."""
    for months in (0, 1, 2):
        meant = in_month(stream.last, months, stream.nominal)
        if abs(meant - day) > _MOVED_DAYS_MAX:
            continue
        if (meant + 3) % 7 < _WEEKEND:
            # On a weekday nothing moves it, so what is seen is what is meant.
            break
        if day == meant:
            return stream.nominal, 0
        direction = 1 if day > meant else -1
        if day == rolled(meant, direction):
            return stream.nominal, max(-3, min(3, stream.shift + direction))
    clipped = month_end(day) and stream.nominal > day_of_month(day)
    return (stream.nominal if clipped else day_of_month(day)), stream.shift
