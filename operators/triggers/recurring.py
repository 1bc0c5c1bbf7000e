"""Changes in regular payments: a new one, and one that costs more.

Stage: 3 of 8. In: transaction.booked. Out: recurring.new, recurring.price_up.
"""

from collections.abc import Sequence
from typing import Final

from operators.contracts import Moment, Slot
from operators.features.money import flow_of
from operators.features.recurring import first_of, key_of, stream_of
from operators.features.streams import Stream
from operators.triggers.spending import IN_WORDS
from operators.triggers.words import about, exactly, on_day, to_payee
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked
from schemas.signals import Signal

ANNOUNCED_MAX: Final = 48
KNOWN_DAYS_MIN: Final = 45
"""How long the account was known before a stream began, for the stream to be new and not just newly seen."""
STEADY_RUN_MIN: Final = 2
RISE_MIN: Final = 0.02
RISE_MAX: Final = 1.0


class RecurringChanges:
    """A payment became regular, or a fixed one rose. Memory: keys of streams already announced."""

    name: str = "recurring_changes"
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    needs: tuple[str, ...] = ("slot:recurring",)
    emits: tuple[str, ...] = ("recurring.new", "recurring.price_up")
    slot: Slot | None = Slot("recurring_changes", Source.TRANSACTIONS, list)

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Look at the stream that this movement belongs to."""
        event, recurring = moment.event, moment.memories.get("recurring")
        if not isinstance(event, TransactionBooked) or event.amount_minor >= 0 or not recurring:
            return memory, ()
        flow = flow_of(event)
        key = key_of(flow, event.method)
        stale = flow.refund or flow.day < moment.now_ms // DAY_MS - 7
        stream = None if stale else stream_of(recurring, key)
        if stream is None:
            return memory, ()
        if flow.party and stream.matured == flow.day == stream.last and key not in memory:
            began_late = stream.first >= first_of(recurring) + KNOWN_DAYS_MIN
            announced = [*memory, key][-ANNOUNCED_MAX:]
            return announced, (_new(stream, key, event.currency),) if began_late else ()
        if not stream.matured or stream.last != flow.day:
            return memory, ()
        rise = stream.latest / stream.previous - 1 if stream.previous else 0.0
        if stream.run == 1 and stream.run_before >= STEADY_RUN_MIN and RISE_MIN <= rise <= RISE_MAX:
            return memory, (_price_up(stream, key, event.currency, rise),)
        return memory, ()


def _new(stream: Stream, key: str, currency: str) -> Signal:
    return Signal(
        name="recurring.new",
        strength=0.5,
        sources=(Source.TRANSACTIONS,),
        words=f"You have a new regular payment{_whom(stream, key)} of about "
        f"{about(stream.amount, currency)}, expected again around {on_day(stream.due)}.",
        evidence={
            "key": key,
            "amount_minor": round(stream.amount),
            "gap_days": stream.gap,
            "payments": stream.hits,
            "next_day": stream.due,
            "currency": currency,
        },
        hold_ms=7 * DAY_MS,
        insight=True,
    )


def _whom(stream: Stream, key: str) -> str:
    """Whom a stream pays, else what for, as far as either can be said."""
    told = stream.category not in ("other", "savings")
    return to_payee(key) or (
        f" for {IN_WORDS.get(stream.category, stream.category)}" if told else ""
    )


def _year(stream: Stream) -> float:
    """What a change of price comes to in a year."""
    return abs(stream.latest - stream.previous) * 365 / max(1.0, stream.gap)


def _price_up(stream: Stream, key: str, currency: str, rise: float) -> Signal:
    before, now = exactly(stream.previous, currency), exactly(stream.latest, currency)
    return Signal(
        name="recurring.price_up",
        strength=round(min(1.0, 0.5 + rise), 3),
        sources=(Source.TRANSACTIONS,),
        words=f"Your regular payment{_whom(stream, key)} went up from {before} to {now}, "
        f"which is about {about(_year(stream), currency)} more a year.",
        evidence={
            "key": key,
            "before_minor": stream.previous,
            "now_minor": stream.latest,
            "rise": round(rise, 4),
            "currency": currency,
        },
        hold_ms=14 * DAY_MS,
        insight=True,
    )
