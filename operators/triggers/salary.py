"""Pay that arrived, and pay that didn't.

Stage: 3 of 8. In: movements, visits, ticks. Out: salary.arrived, salary.missing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from operators.contracts import Moment, Slot
from operators.features.cash import salary_of
from operators.features.money import flow_of
from operators.features.payday import Payer
from operators.triggers.words import about, on_day
from schemas.base import DAY_MS, HOUR_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked
from schemas.signals import Signal

ARRIVED_REST_DAYS: Final = 5
MISSING_DAYS: Final = 25
"""How long after the due date a missing pay is still news."""
WAKE_HOUR_UTC: Final = 7


class SalaryArrived:
    """The main pay came in. Memory: ``said``, when that was last said."""

    name: str = "salary_arrived"
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    needs: tuple[str, ...] = ("slot:cash",)
    emits: tuple[str, ...] = ("salary.arrived",)
    slot: Slot | None = Slot("salary_arrived", Source.TRANSACTIONS, dict)

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Fire on the movement itself, once a payday, and not for one that comes very late."""
        event, cash = moment.event, moment.memories.get("cash")
        if not isinstance(event, TransactionBooked) or event.amount_minor <= 0 or not cash:
            return memory, ()
        flow, today = flow_of(event), moment.now_ms // DAY_MS
        if flow.refund or flow.day < today - 2:
            return memory, ()
        main = salary_of(cash, today=today)
        if main is None or main[0] != flow.party or main[1].last != flow.day:
            return memory, ()
        said_ms = memory.get("said")
        if said_ms is not None and moment.now_ms - said_ms < ARRIVED_REST_DAYS * DAY_MS:
            return memory, ()
        signal = Signal(
            name="salary.arrived",
            strength=0.8 if main[1].regular else 0.6,
            sources=(Source.TRANSACTIONS,),
            words=f"Your pay of about {about(flow.amount_minor, event.currency)} has arrived.",
            evidence={
                "amount_minor": flow.amount_minor,
                "currency": event.currency,
                "payments": main[1].hits,
            },
            insight=True,
        )
        return {"said": moment.now_ms}, (signal,)


class SalaryMissing:
    """The main pay is overdue past its grace. Memory: ``due``, the due day last said."""

    name: str = "salary_missing"
    kinds: frozenset[str] = frozenset({"transaction.booked", "app.opened", "clock.ticked"})
    needs: tuple[str, ...] = ("slot:cash",)
    emits: tuple[str, ...] = ("salary.missing",)
    slot: Slot | None = Slot("salary_missing", Source.TRANSACTIONS, dict)

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Fire once for each due date that passed with its grace."""
        cash = moment.memories.get("cash")
        today = moment.now_ms // DAY_MS
        expected = _expected(cash, today) if cash else None
        if not cash or expected is None:
            return memory, ()
        due = expected.due
        if not expected.late_after < today <= due + MISSING_DAYS or memory.get("due") == due:
            return memory, ()
        if _paid_otherwise(cash, expected):
            return memory, ()
        signal = Signal(
            name="salary.missing",
            strength=0.7,
            sources=(Source.TRANSACTIONS,),
            words=f"Your usual pay has not arrived yet; it was expected around {on_day(due)}.",
            evidence={
                "due_day": due,
                "days_late": today - due,
                "usual_minor": round(expected.amount),
                "currency": cash["currency"],
            },
            hold_ms=10 * DAY_MS,
            insight=True,
        )
        return {"due": due}, (signal,)


def pay_wakes(memories: Mapping[str, Memory], now_ms: int) -> dict[str, int]:
    """When to look whether pay is missing: the morning after its grace ends, if that is ahead."""
    cash = memories.get("cash")
    expected = _expected(cash, now_ms // DAY_MS) if cash else None
    if expected is None:
        return {}
    at_ms = (expected.late_after + 1) * DAY_MS + WAKE_HOUR_UTC * HOUR_MS
    return {"salary": at_ms} if at_ms > now_ms else {}


def _expected(cash: Memory, today: int) -> Payer | None:
    main = salary_of(cash, today=today, regular=True)
    return main[1] if main is not None else None


def _paid_otherwise(cash: Memory, expected: Payer) -> bool:
    """Whether someone else paid something like it since, as a new employer would."""
    since = expected.last + expected.gap / 2
    return any(
        payer.last >= since and payer.latest >= 0.5 * expected.amount
        for payer in map(Payer._make, cash["pay"].values())
        if payer.last != expected.last
    )
