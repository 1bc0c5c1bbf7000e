"""A regular payment that became cheaper.

Stage: 3 of 8. In: transaction.booked. Out: recurring.price_down. A rise is `operators.triggers.recurring`'s,
since it is answered.
"""

from collections.abc import Sequence
from typing import Final

from operators.contracts import Moment, Slot
from operators.features.money import flow_of
from operators.features.recurring import key_of, stream_of
from operators.triggers.words import about, exactly, to_payee
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked
from schemas.signals import Signal

STEADY_RUN_MIN: Final = 2
FALL_MIN: Final = 0.02


class PriceCuts:
    """A fixed regular payment fell, and by how much a year that is."""

    name: str = "price_cuts"
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    needs: tuple[str, ...] = ("slot:recurring",)
    emits: tuple[str, ...] = ("recurring.price_down",)
    slot: Slot | None = None

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Look at the stream that this payment belongs to."""
        event, recurring = moment.event, moment.memories.get("recurring")
        if not isinstance(event, TransactionBooked) or event.amount_minor >= 0 or not recurring:
            return memory, ()
        flow = flow_of(event)
        if flow.refund or flow.day < moment.now_ms // DAY_MS - 7:
            return memory, ()
        key = key_of(flow, event.method)
        stream = stream_of(recurring, key)
        if stream is None or not stream.matured or stream.last != flow.day or not stream.previous:
            return memory, ()
        fall = 1 - stream.latest / stream.previous
        steady = stream.run == 1 and stream.run_before >= STEADY_RUN_MIN
        if not steady or not FALL_MIN <= fall < 1:
            return memory, ()
        before, now = (exactly(a, event.currency) for a in (stream.previous, stream.latest))
        saved = abs(stream.previous - stream.latest) * 365 / max(1.0, stream.gap)
        signal = Signal(
            name="recurring.price_down",
            strength=round(min(0.6, 0.3 + fall), 3),
            sources=(Source.TRANSACTIONS,),
            words=f"Your regular payment{to_payee(key)} went down from {before} to {now}, "
            f"which is about {about(saved, event.currency)} less a year.",
            evidence={
                "before_minor": stream.previous,
                "now_minor": stream.latest,
                "fall": round(fall, 4),
                "currency": event.currency,
            },
            insight=True,
        )
        return memory, (signal,)
