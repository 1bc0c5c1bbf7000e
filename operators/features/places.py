"""Where the customer has been lately, as zones and days; never a coordinate, never an hour.

Stage: 2 of 8. In: location.zone_entered. Out: memory, feature values.

Memory: ``{"airport_days": [day, …], "zones": {zone: last day}}``, days since 1970 UTC. At most
`AIRPORT_DAYS_MAX` days and `ZONES_MAX` zones are held, and none that is older than its window.
"""

from operators.contracts import FeatureSpec, Slot
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import EventBase, ZoneEntered

AIRPORT_WINDOW_DAYS = 90
ZONE_WINDOW_DAYS = 30
AIRPORT_DAYS_MAX = 32
ZONES_MAX = 24
LONG_AGO_DAYS = 365.0
"""What «days since» reads when it never happened, or longer ago."""


def _zero() -> Memory:
    return {"airport_days": [], "zones": {}}


class Places:
    """Airports and zones, counted in days: in and out of a terminal five times is one day there.

    Source: data minimisation, GDPR article 5(1)(c); the day is the finest time that is kept.
    """

    slot: Slot = Slot("places", Source.LOCATION, _zero, ttl_days=395)
    kinds: frozenset[str] = frozenset({"location.zone_entered"})
    specs: tuple[FeatureSpec, ...] = (
        FeatureSpec(
            name="places.airports_90d",
            source=Source.LOCATION,
            unit="days",
            description="Days of the last 90 with a visit to an airport.",
            words="how often you were at an airport lately",
            centre=1.0,
            scale=2.0,
            context=True,
            window_days=90,
            owner="travel",
        ),
        FeatureSpec(
            name="places.days_since_airport",
            source=Source.LOCATION,
            unit="days",
            description=f"Whole days since the last airport visit; {LONG_AGO_DAYS:.0f} if none in 90.",
            words="how long ago you were at an airport",
            centre=180.0,
            scale=120.0,
            window_days=90,
            owner="travel",
        ),
        FeatureSpec(
            name="places.zones_30d",
            source=Source.LOCATION,
            unit="count",
            description="Different known zones entered in the last 30 days.",
            words="how many different places you went to lately",
            centre=4.0,
            scale=4.0,
            window_days=30,
            owner="travel",
        ),
    )

    def update(self, memory: Memory, event: EventBase, *, now_ms: int) -> Memory:
        """Note the day of a zone; a late entry counts where its day belongs.

        Args:
            memory: The memory so far.
            event: A `ZoneEntered`; one outside every zone changes nothing.
            now_ms: The customer's newest instant, which bounds what is still worth keeping.
        """
        if not isinstance(event, ZoneEntered) or event.zone_kind == "elsewhere":
            return memory
        day, today = event.at_ms // DAY_MS, now_ms // DAY_MS
        days: list[int] = memory["airport_days"]
        if event.zone_kind == "airport" and day not in days:
            kept = {d for d in (*days, day) if today - d < AIRPORT_WINDOW_DAYS}
            days = sorted(kept)[-AIRPORT_DAYS_MAX:]
        zones: dict[str, int] = memory["zones"]
        if day > zones.get(event.zone, -1) and today - day < ZONE_WINDOW_DAYS:
            zones = {z: d for z, d in zones.items() if today - d < ZONE_WINDOW_DAYS}
            zones[event.zone] = day
            if len(zones) > ZONES_MAX:
                del zones[min(zones, key=lambda zone: (zones[zone], zone))]
        return {"airport_days": days, "zones": zones}

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant.

        Example:
            >>> Places().read({"airport_days": [100, 101], "zones": {"gym": 101}}, now_ms=103 * DAY_MS)
            (2.0, 2.0, 1.0)
        """
        today = now_ms // DAY_MS
        days: list[int] = memory["airport_days"]
        recent = sum(1 for day in days if today - day < AIRPORT_WINDOW_DAYS)
        since = float(max(today - days[-1], 0)) if recent else LONG_AGO_DAYS
        zones: dict[str, int] = memory["zones"]
        visited = sum(1 for day in zones.values() if today - day < ZONE_WINDOW_DAYS)
        return (float(recent), since, float(visited))
