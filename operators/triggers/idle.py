"""Money that lies idle: far more than the customer needs for months of spending.

Stage: 3 of 8. In: movements here, balances elsewhere. Out: idle.cash.
"""

from collections.abc import Sequence
from typing import Final

from operators.contracts import Moment, Slot
from operators.features.money import unit_of
from operators.triggers.words import about
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked
from schemas.signals import Signal

REST_DAYS: Final = 30
RESERVE_MONTHS: Final = 3.0
IDLE_MIN: Final = 1000.0
HISTORY_DAYS_MIN: Final = 60


class IdleCash:
    """A month's lowest balance well above a reserve of three months' spending.

    The reserve is the usual advice for a rainy day; what lies above it all month long earns nothing.
    Memory: ``said``, when that was last said.
    """

    name: str = "idle_cash"
    kinds: frozenset[str] = frozenset({"transaction.booked", "openbanking.balance"})
    needs: tuple[str, ...] = (
        "slot:cash",
        "feature:cash.low_30d_eur",
        "feature:cash.spend_month_eur",
        "feature:cash.history_days",
        "feature:openbank.idle_cash_eur",
    )
    emits: tuple[str, ...] = ("idle.cash",)
    slot: Slot | None = Slot("idle_cash", Source.TRANSACTIONS, dict)

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """When money comes in, look at what is here first; only when that says nothing, at all of it."""
        event, said_ms = moment.event, memory.get("said")
        if isinstance(event, TransactionBooked) and event.amount_minor <= 0:
            return memory, ()
        if said_ms is not None and moment.now_ms - said_ms < REST_DAYS * DAY_MS:
            return memory, ()
        features = moment.features
        if features.get("cash.history_days", 0.0) < HISTORY_DAYS_MIN:
            return memory, ()
        spending = features.get("cash.spend_month_eur", 0.0)
        here = features.get("cash.low_30d_eur", 0.0)
        enough = RESERVE_MONTHS * spending + max(IDLE_MIN, spending)
        sources: tuple[Source, ...] = (Source.TRANSACTIONS,)
        money = here
        if money < enough:
            money = here + features.get("openbank.idle_cash_eur", 0.0)
            sources = (Source.TRANSACTIONS, Source.OPEN_BANKING)
        if money < enough or spending <= 0:
            return memory, ()
        idle = money - RESERVE_MONTHS * spending
        currency = moment.memories["cash"]["currency"]
        where = "with us" if len(sources) == 1 else "here and at other banks"
        signal = Signal(
            name="idle.cash",
            strength=round(min(1.0, 0.4 + 0.05 * idle / spending), 3),
            sources=sources,
            words=f"About {about(idle * unit_of(currency), currency)} of your money {where} "
            "has been lying idle; it could earn more for you.",
            evidence={
                "idle": round(idle, 2),
                "spend_month": round(spending, 2),
                "currency": currency,
            },
            hold_ms=21 * DAY_MS,
            insight=True,
        )
        return {"said": moment.now_ms}, (signal,)
