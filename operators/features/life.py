"""What the customer told the bank of their life, and how long ago.

Stage: 2 of 8. In: life.declared, life.answered. Out: memory, feature values.

Memory: ``{life event: [stated_ms, denied_ms]}``, the newest of each; at most one entry per `LifeEvent`.
"""

from operators.contracts import FeatureSpec, Slot
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import EventBase, LifeAnswered, LifeDeclared

YEAR_DAYS = 365


class LifeEvents:
    """Life events that stand: declared or confirmed, and not denied since.

    Only what the customer said counts here. What the bank merely suspects stays a signal.

    Source: GDPR article 5(1)(d), accuracy; article 16, rectification.
    """

    slot: Slot = Slot("life", Source.LIFE_EVENTS, dict)
    kinds: frozenset[str] = frozenset({"life.declared", "life.answered"})
    specs: tuple[FeatureSpec, ...] = (
        FeatureSpec(
            name="life.days_since_event",
            source=Source.LIFE_EVENTS,
            unit="days",
            description=f"Days since the newest life event; {YEAR_DAYS} if none within a year.",
            words="how recent the change in your life is that you told us of",
            centre=float(YEAR_DAYS),
            scale=120.0,
            context=True,
            window_days=365,
            owner="customer data",
        ),
        FeatureSpec(
            name="life.events_365d",
            source=Source.LIFE_EVENTS,
            unit="count",
            description="Different life events declared or confirmed in the last 365 days.",
            words="the changes in your life that you told us of",
            centre=0.5,
            scale=1.0,
            window_days=365,
            owner="customer data",
        ),
    )

    def update(
        self,
        memory: Memory,
        event: EventBase,
        *,
        now_ms: int,  # noqa: ARG002 - every group is told
    ) -> Memory:
        """Note that an event was stated or denied; of each the newest word counts, in any order.

        Args:
            memory: The memory so far.
            event: A `LifeDeclared`, or a `LifeAnswered` to something that was detected.
            now_ms: Not needed: each word carries its own time.
        """
        if isinstance(event, LifeDeclared):
            confirmed = True
        elif isinstance(event, LifeAnswered):
            confirmed = event.confirmed
        else:
            return memory
        stated_ms, denied_ms = memory.get(event.event, (0, 0))
        if confirmed:
            stated_ms = max(stated_ms, event.at_ms)
        else:
            denied_ms = max(denied_ms, event.at_ms)
        return {**memory, event.event: [stated_ms, denied_ms]}

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant.

        Example:
            >>> LifeEvents().read({"moving": [10 * DAY_MS, 0]}, now_ms=13 * DAY_MS)
            (3.0, 1.0)
            >>> LifeEvents().read({"moving": [10 * DAY_MS, 11 * DAY_MS]}, now_ms=13 * DAY_MS)
            (365.0, 0.0)
        """
        newest_days, count = float(YEAR_DAYS), 0
        for stated_ms, denied_ms in memory.values():
            if stated_ms > denied_ms and now_ms - stated_ms < YEAR_DAYS * DAY_MS:
                newest_days = min(newest_days, max(now_ms - stated_ms, 0) / DAY_MS)
                count += 1
        return (newest_days, float(count))
