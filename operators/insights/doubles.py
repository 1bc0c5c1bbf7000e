"""A subscription that two accounts pay, one of them at another bank.

Stage: 3 of 8. In: transaction.booked, openbanking.transaction. Out: subscription.duplicate.
"""

from collections.abc import Sequence
from typing import Final

from operators.contracts import Moment, Slot
from operators.features.money import flow_of, unit_of
from operators.features.outside import payee_of
from operators.features.views.overlap import subscribed
from operators.triggers.words import about, to_payee
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import ExternalTransaction, TransactionBooked
from schemas.signals import Signal

TWICE: Final = 2


class DoubleSubscriptions:
    """One payee's subscription leaves two accounts; told once a year, as the second payment comes in.

    Memory: payee (its hash) → the day it was told.
    """

    name: str = "double_subscriptions"
    kinds: frozenset[str] = frozenset({"transaction.booked", "openbanking.transaction"})
    needs: tuple[str, ...] = ("slot:recurring", "slot:outside")
    emits: tuple[str, ...] = ("subscription.duplicate",)
    slot: Slot | None = Slot("double_subscriptions", Source.OPEN_BANKING, dict)
    rest_days: int = 365
    kept: int = 16

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Look whether what was just paid is paid by another account as well."""
        event, outside = moment.event, moment.memories.get("outside")
        if not isinstance(event, TransactionBooked | ExternalTransaction) or not outside:
            return memory, ()
        flow, today = flow_of(event), moment.now_ms // DAY_MS
        payee = payee_of(flow.party)
        if flow.amount_minor >= 0 or not flow.party or today - flow.day > self.rest_days:
            return memory, ()
        if today - memory.get(payee, -self.rest_days) < self.rest_days:
            return memory, ()
        here = moment.memories.get("recurring") or b""
        months = subscribed(here, outside, today=today).by_payee.get(payee, [])
        if len(months) < TWICE:
            return memory, ()
        both = payee in subscribed(here, {}, today=today).by_payee
        told = sorted({**memory, payee: today}.items(), key=lambda row: (row[1], row[0]))
        extra = sum(months) - max(months)
        times = "twice" if len(months) == TWICE else f"{len(months)} times"
        places = "here and at another bank" if both else "from accounts at other banks"
        signal = Signal(
            name="subscription.duplicate",
            strength=0.6,
            sources=(Source.TRANSACTIONS, Source.OPEN_BANKING) if both else (Source.OPEN_BANKING,),
            words=f"A subscription{to_payee('-' + flow.party)} is paid {times}, {places}. If one is not needed, "
            f"that is about {about(12 * extra * unit_of(event.currency), event.currency)} a year.",
            evidence={
                "accounts": len(months),
                "extra_month": round(extra, 2),
                "currency": event.currency,
            },
            insight=True,
        )
        return dict(told[-self.kept :]), (signal,)
