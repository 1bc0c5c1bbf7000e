"""The customer is travelling, or about to: by payments, or by having entered an airport.

Stage: 3 of 8. In: transaction.booked, location.zone_entered. Out: travel.detected, airport.entered.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from operators.contracts import Moment, Slot
from operators.features.decay import halved
from operators.features.spend import home_of
from schemas.base import DAY_MS, HOUR_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked, ZoneEntered
from schemas.signals import Signal

HALF_LIFE_DAYS: Final = 10
FIRE_AT: Final = 2.9
"""Sum of weights of evidence, the prior included, at which travel is four times likelier than not."""
WEIGHTS = {"ticket": 3.0, "agency": 3.0, "hotel": 1.5, "hire_car": 1.5, "abroad": 1.6}
EVIDENCE_MAX: Final = 8
AIRPORTS_MAX: Final = 8


CODES: tuple[tuple[frozenset[int] | range, str], ...] = (
    (range(3000, 3351), "ticket"),
    (frozenset({4411, 4511}), "ticket"),
    (range(3351, 3501), "hire_car"),
    (frozenset({7512}), "hire_car"),
    (range(3501, 4000), "hotel"),
    (frozenset({7011}), "hotel"),
    (frozenset({4722}), "agency"),
)
"""What a merchant category code says of travel."""


@lru_cache(maxsize=2048)
def kind_of(mcc: str | None) -> str | None:
    """What a merchant category code says of travel.

    Example:
        >>> kind_of("3005"), kind_of("3640"), kind_of("7512"), kind_of("5411"), kind_of(None)
        ('ticket', 'hotel', 'hire_car', None, None)

    Source: ISO 18245; 3000-3350 airlines, 3351-3500 car hire, 3501-3999 hotels.
    """
    code = int(mcc) if mcc is not None else 0
    return next((kind for codes, kind in CODES if code in codes), None)


class TravelDetected:
    """Tickets, hotels, or payments abroad on two days.

    Memory: ``seen`` as [kind, day] pairs, newest last, and ``said``, when it was last said.
    """

    name: str = "travel"
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    needs: tuple[str, ...] = ("slot:spend",)
    emits: tuple[str, ...] = ("travel.detected",)
    slot: Slot | None = Slot("travel", Source.TRANSACTIONS, dict)

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Add what this payment tells; one piece of evidence a kind and day."""
        event = moment.event
        if not isinstance(event, TransactionBooked) or event.amount_minor >= 0:
            return memory, ()
        kinds = {kind_of(event.mcc)} - {None}
        home = home_of(moment.memories.get("spend") or {})
        if event.country is not None and home is not None and event.country != home:
            kinds.add("abroad")
        if not kinds:
            return memory, ()
        day = event.at_ms // DAY_MS
        seen = [[kind, at] for kind, at in memory.get("seen", []) if at > day - 3 * HALF_LIFE_DAYS]
        new = [[kind, day] for kind in sorted(k for k in kinds if k) if [kind, day] not in seen]
        if not new:
            return memory, ()
        seen = [*seen, *new][-EVIDENCE_MAX:]
        today = moment.now_ms // DAY_MS
        weight = sum(WEIGHTS[kind] * halved(today - at, HALF_LIFE_DAYS) for kind, at in seen)
        said_ms = memory.get("said", 0)
        if weight < FIRE_AT or moment.now_ms - said_ms < HALF_LIFE_DAYS * DAY_MS:
            return {"seen": seen, "said": said_ms}, ()
        signal = Signal(
            name="travel.detected",
            strength=round(min(1.0, weight / 5), 3),
            sources=(Source.TRANSACTIONS,),
            words="It looks as if you are travelling, or about to.",
            evidence={"weight": round(weight, 2), "kinds": sorted({kind for kind, _ in seen})},
            hold_ms=HALF_LIFE_DAYS * DAY_MS,
        )
        return {"seen": seen, "said": moment.now_ms}, (signal,)


class AirportEntered:
    """The customer entered an airport. Memory: airport → when that was last said."""

    name: str = "airport"
    kinds: frozenset[str] = frozenset({"location.zone_entered"})
    needs: tuple[str, ...] = ()
    emits: tuple[str, ...] = ("airport.entered",)
    slot: Slot | None = Slot("airport", Source.LOCATION, dict, ttl_days=395)
    rest_hours: int = 12

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Fire on entering, once in half a day for one airport; an entry reported late is past."""
        event, now_ms = moment.event, moment.now_ms
        if not isinstance(event, ZoneEntered) or event.zone_kind != "airport":
            return memory, ()
        rest_ms = self.rest_hours * HOUR_MS
        if now_ms - event.at_ms >= rest_ms or now_ms - memory.get(event.zone, 0) < rest_ms:
            return memory, ()
        made = {**memory, event.zone: now_ms}
        while len(made) > AIRPORTS_MAX:
            del made[min(made, key=lambda zone: (made[zone], zone))]
        signal = Signal(
            name="airport.entered",
            strength=0.8,
            sources=(Source.LOCATION,),
            words="You are at an airport.",
            evidence={"zone": event.zone},
            hold_ms=12 * HOUR_MS,
        )
        return made, (signal,)
