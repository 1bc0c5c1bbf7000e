"""Money that may be lost: a fee as it is charged, and a payment that was taken twice.

Stage: 3 of 8. In: transaction.booked. Out: fee.charged, charge.duplicate.
"""

from collections.abc import Sequence
from typing import Final
from zlib import crc32

from operators.contracts import Moment, Slot
from operators.features.money import Flow, flow_of, unit_of
from operators.insights.calendar import month_of
from operators.triggers.words import exactly
from schemas.base import DAY_MS, HOUR_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked
from schemas.signals import Signal

NEWS_DAYS: Final = 3
"""A booking that is reported later than this is no news."""


def _outgoing(moment: Moment) -> tuple[TransactionBooked, Flow] | None:
    event = moment.event
    if not isinstance(event, TransactionBooked):
        return None
    flow = flow_of(event)
    return event, flow


class FeesCharged:
    """Each fee with what fees have come to this month; small ones in a row are told once a week.

    Memory: ``month``, ``sum`` and ``count`` of its fees, ``said`` when, ``said_minor`` the sum then.
    """

    name: str = "fees_charged"
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    needs: tuple[str, ...] = ()
    emits: tuple[str, ...] = ("fee.charged",)
    slot: Slot | None = Slot("fees_charged", Source.TRANSACTIONS, dict)
    least: float = 2.0
    """In major units over the month; less is not worth a word."""
    rest_days: int = 7

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Add the fee up, then say it unless a smaller sum was said within the rest."""
        found = _outgoing(moment)
        if found is None or found[1].category != "fees" or found[1].amount_minor >= 0:
            return memory, ()
        event, flow = found
        month, fee = month_of(flow.day), -flow.amount_minor
        fresh = month > memory.get("month", -1)
        if not fresh and month < memory["month"]:
            return memory, ()
        known = {} if fresh else memory
        total, count = known.get("sum", 0) + fee, known.get("count", 0) + 1
        made = {
            "month": month,
            "sum": total,
            "count": count,
            "said": memory.get("said", 0),
            "said_minor": memory.get("said_minor", 0),
        }
        resting = moment.now_ms - made["said"] < self.rest_days * DAY_MS
        waiting = resting and fee < 2 * made["said_minor"]
        late = flow.at_ms < moment.now_ms - NEWS_DAYS * DAY_MS
        if late or waiting or total < self.least * unit_of(event.currency):
            return made, ()
        made |= {"said": moment.now_ms, "said_minor": fee}
        so_far = (
            "It is the first one this month."
            if count == 1
            else f"Fees have come to {exactly(total, event.currency)} this month, in {count} charges."
        )
        signal = Signal(
            name="fee.charged",
            strength=round(min(1.0, 0.4 + total / (100 * unit_of(event.currency))), 3),
            sources=(Source.TRANSACTIONS,),
            words=f"You were charged a fee of {exactly(fee, event.currency)}. {so_far}",
            evidence={
                "amount_minor": fee,
                "month_minor": total,
                "month_count": count,
                "currency": event.currency,
            },
            insight=True,
        )
        return made, (signal,)


class DuplicateCharges:
    """The same amount twice at one payee within a day, where that is not a habit.

    Two coffees are a habit; two hotel bills are not. A payee where it happened before is left alone.
    Memory: ``last`` [payee, amount, instant (s)] of payments that one which is still news may repeat, newest
    last; ``habit`` payees that repeat.
    """

    name: str = "duplicate_charges"
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    needs: tuple[str, ...] = ()
    emits: tuple[str, ...] = ("charge.duplicate",)
    slot: Slot | None = Slot("duplicate_charges", Source.TRANSACTIONS, dict)
    least: float = 10.0
    """In major units."""
    within_ms: int = 26 * HOUR_MS
    kept: int = 24

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Look for a twin among the last payments, then remember this one."""
        found = _outgoing(moment)
        if found is None:
            return memory, ()
        event, flow = found
        payee = crc32(flow.party.encode()) if flow.party else 0
        last, habit = memory.get("last", []), memory.get("habit", [])
        if flow.refund:
            # What came back is no longer paid twice.
            return {"last": _without(last, payee, flow.amount_minor), "habit": habit}, ()
        card = event.method in ("card", "direct_debit")
        if flow.amount_minor >= 0 or not payee or not card:
            return memory, ()
        spent, at_s = -flow.amount_minor, flow.at_ms // 1000
        twin = False
        for who, amount, then in last:
            if amount == spent and who == payee and abs(at_s - then) * 1000 <= self.within_ms:
                twin = True
        since_s = (moment.now_ms - NEWS_DAYS * DAY_MS - self.within_ms) // 1000
        held = [one for one in last if one[2] >= since_s]
        made = {"last": [*held, [payee, spent, at_s]][-self.kept :], "habit": habit}
        if not twin:
            return made, ()
        known = payee in habit
        made["habit"] = habit if known else [*habit, payee][-self.kept :]
        late = flow.at_ms < moment.now_ms - NEWS_DAYS * DAY_MS
        if known or late or spent < self.least * unit_of(event.currency):
            return made, ()
        whom = f" to {flow.party[2:].title()}" if flow.party.startswith("m:") else ""
        signal = Signal(
            name="charge.duplicate",
            strength=0.7,
            sources=(Source.TRANSACTIONS,),
            words=f"You paid {exactly(spent, event.currency)}{whom} twice within a day. "
            "If you meant to pay once, you can ask for one of them back.",
            evidence={"amount_minor": spent, "currency": event.currency, "method": event.method},
            insight=True,
        )
        return made, (signal,)


def _without(last: list[list[int]], payee: int, amount: int) -> list[list[int]]:
    """The payments without the newest one that a refund gave back."""
    for index in range(len(last) - 1, -1, -1):
        if last[index][:2] == [payee, amount]:
            return [*last[:index], *last[index + 1 :]]
    return last
