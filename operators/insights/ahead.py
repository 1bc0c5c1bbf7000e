"""What is coming: an expense out of the ordinary, income that changes. Said before it happens, or not at all.

Stage: 3 of 8. In: transaction.booked. Out: expense.ahead, income.fall_ahead, income.rise_ahead.
"""

from collections.abc import Sequence

from operators.contracts import Moment, Slot
from operators.triggers.words import about
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.signals import Signal

LIKELY = 0.5
"""More likely than not: half of what is said comes true at the least, if the chances are right."""
LOOK_DAYS = 7
"""A month ahead changes little from day to day."""
REST_DAYS = 45
WORDS: dict[str, str] = {
    "expense.ahead": "A payment larger than your usual ones is likely within the next month, of about {limit} or more.",
    "income.fall_ahead": "Your income will probably be lower over the next three months than it was.",
    "income.rise_ahead": "Your income will probably be higher over the next three months than it was.",
}


class ChangesAhead:
    """Looks ahead once a week, and says of each thing what is likely once in `REST_DAYS`.

    Memory: ``looked``, the day of the last look; name → day it was said.
    """

    name: str = "changes_ahead"
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    needs: tuple[str, ...] = ("slot:cash", "forecast:changes")
    emits: tuple[str, ...] = tuple(WORDS)
    slot: Slot | None = Slot("changes_ahead", Source.TRANSACTIONS, dict)

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Say what became likely, unless it was said lately."""
        today = moment.now_ms // DAY_MS
        if today - memory.get("looked", -LOOK_DAYS) < LOOK_DAYS:
            return memory, ()
        forecast = moment.forecasts.get("changes")
        if forecast is None:
            return memory, ()
        made = {**memory, "looked": today}
        signals = []
        chances = (forecast.large, forecast.fall, forecast.rise)
        for name, chance in zip(WORDS, chances, strict=True):
            if chance is None or chance < LIKELY or today - made.get(name, -REST_DAYS) < REST_DAYS:
                continue
            made[name] = today
            signals.append(self._signal(name, chance, moment))
        return made, signals

    def _signal(self, name: str, chance: float, moment: Moment) -> Signal:
        forecast = moment.forecasts["changes"]
        limit = 0 if forecast is None else forecast.large_minor or 0
        currency = moment.memories["cash"]["currency"]
        return Signal(
            name=name,
            strength=chance,
            sources=(Source.TRANSACTIONS,),
            words=WORDS[name].format(limit=about(limit, currency)),
            evidence={
                "probability": round(chance, 4),
                "horizon_days": 30 if name == "expense.ahead" else 90,
                **({"large_minor": limit, "currency": currency} if name == "expense.ahead" else {}),
            },
            insight=True,
        )
