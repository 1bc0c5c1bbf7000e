"""Who pays the customer: credits that come like a salary, and when the next one is due.

A payer is remembered with its rhythm and its usual amount. It is salary-like when the rhythm is
between weekly and monthly and both gap and amount keep steady, or when the payment calls itself one.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from operators.features.money import MONTH_DAYS, Flow
from operators.features.schedule import day_of_month, next_due
from schemas.events import TransactionBooked

PAYERS_MAX: Final = 6
GRACE_DAYS: Final = 5
TWICE: Final = 2
"""Payments that show a gap."""
PAYMENTS_MIN: Final = 3
"""Payments that show a rhythm."""
PAY_GAP_DAYS = (6.0, 35.0)
_LATE_DAYS_MAX: Final = 100
NAMED = re.compile(
    r"\b(?:salary|payroll|wages?|employer|gehalt|lohn|salaire|nomina|stipendio|pension|duchod)\b"
)
_SEPARATORS: Final = str.maketrans("_.:-", "    ")


class Payer(NamedTuple):
    """One payer: days since 1970, the mean gap and its mean deviation in days, amounts in minor units.

    ``named``: it calls itself pay (`NAMED`). ``latest`` is what the last payday brought.
    """

    first: int
    last: int
    hits: int
    gap: float
    gap_deviation: float
    amount: float
    amount_deviation: float
    named: bool
    latest: float

    @property
    def regular(self) -> bool:
        """Whether the rhythm is a salary's: steady, and between weekly and monthly."""
        return (
            self.hits >= TWICE
            and PAY_GAP_DAYS[0] <= self.gap <= PAY_GAP_DAYS[1]
            and self.gap_deviation <= max(2.0, 0.2 * self.gap)
            and self.amount_deviation <= 0.35 * self.amount
        )

    @property
    def salary_like(self) -> bool:
        """Whether its payments can be called pay: a third steady one, or a name and not yet a rhythm."""
        return (self.regular and self.hits >= PAYMENTS_MIN) or (self.named and self.hits >= 1)

    @property
    def monthly_amount(self) -> float:
        """What it pays a month, minor units."""
        return self.amount * MONTH_DAYS / self.gap if self.hits >= TWICE else self.amount

    @property
    def due(self) -> int:
        """The day the next payment is due; the first gap is taken as a month."""
        gap = self.gap if self.hits >= TWICE else MONTH_DAYS
        return next_due(self.last, gap, nominal=day_of_month(self.last))

    @property
    def late_after(self) -> int:
        """The last day on which the next payment would still be in time."""
        return self.due + max(GRACE_DAYS, round(3 * self.gap_deviation))


def named(event: TransactionBooked) -> bool:
    """Whether a credit calls itself pay."""
    text = f"{event.reference or ''} {event.merchant or ''} {event.counterparty or ''}"
    return NAMED.search(text.lower().translate(_SEPARATORS)) is not None


def folded(
    payers: Mapping[str, list[Any]], flow: Flow, *, calls_itself_pay: bool
) -> dict[str, list[Any]]:
    """The payers with one credit folded; the least and stalest payer gives way past `PAYERS_MAX`."""
    made = dict(payers)
    if flow.party in made:
        payer = _hit(Payer(*made[flow.party]), flow, called=calls_itself_pay)
    else:
        amount = float(flow.amount_minor)
        payer = Payer(flow.day, flow.day, 1, 0.0, 0.0, amount, 0.0, calls_itself_pay, amount)
    made[flow.party] = list(payer)
    if len(made) > PAYERS_MAX:
        newest = max(int(p[1]) for p in made.values())
        weakest = min(made, key=lambda party: _standing(Payer(*made[party]), newest))
        del made[weakest]
    return made


def _hit(payer: Payer, flow: Flow, *, called: bool) -> Payer:
    amount = float(flow.amount_minor)
    called = payer.named or called
    if flow.day == payer.last:
        together = payer.latest + amount
        usual = together if payer.hits == 1 else payer.amount
        return payer._replace(amount=usual, named=called, latest=together)
    if flow.day < payer.last:
        if payer.hits > 1 or flow.day < payer.last - _LATE_DAYS_MAX:
            return payer._replace(named=called)
        # Two payments in the wrong order: fold them as if the later one had come second.
        first = Payer(flow.day, flow.day, 1, 0.0, 0.0, amount, 0.0, called, amount)
        later = flow._replace(day=payer.last, amount_minor=round(payer.latest))
        return _hit(first, later, called=called)
    gap = flow.day - payer.last
    if payer.hits == 1:
        spread = abs(amount - payer.amount)
        return Payer(
            payer.first, flow.day, 2, float(gap), 0.0,
            (amount + payer.amount) / 2, spread / 2, called, amount,
        )  # fmt: skip
    return Payer(
        payer.first,
        flow.day,
        payer.hits + 1,
        payer.gap + 0.3 * (gap - payer.gap),
        payer.gap_deviation + 0.3 * (abs(gap - payer.gap) - payer.gap_deviation),
        payer.amount + 0.3 * (amount - payer.amount),
        payer.amount_deviation
        + 0.3 * (min(abs(amount - payer.amount), payer.amount) - payer.amount_deviation),
        called,
        amount,
    )


def _standing(payer: Payer, newest: int) -> tuple[bool, float]:
    stale = 1 + max(0, newest - payer.last) / 35
    return payer.salary_like, payer.monthly_amount / stale
