"""The app gets in the customer's way.

Stage: 3 of 8. In: app errors, rage taps, abandoned flows. Out: app.friction.
"""

from collections.abc import Sequence

from operators.contracts import Moment, Slot
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.signals import Signal

REST_DAYS = 3
FIRE_AT = 2.5
WEIGHTS = {"app.errors_7d": 1.0, "app.rage_taps_7d": 1.5, "app.abandoned_30d": 1.0}


class AppFriction:
    """Trouble that adds up: about three errors or abandoned flows, or two rage taps, in short time.

    Memory: ``said``, when that was last said.
    """

    name: str = "app_friction"
    kinds: frozenset[str] = frozenset({"app.error_shown", "app.rage_tapped", "app.flow_abandoned"})
    needs: tuple[str, ...] = tuple(f"feature:{name}" for name in WEIGHTS)
    emits: tuple[str, ...] = ("app.friction",)
    slot: Slot | None = Slot("app_friction", Source.APP, dict)

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Weigh the trouble, this one included."""
        said_ms = memory.get("said")
        if said_ms is not None and moment.now_ms - said_ms < REST_DAYS * DAY_MS:
            return memory, ()
        found = {name: moment.features.get(name, 0.0) for name in WEIGHTS}
        weight = sum(WEIGHTS[name] * value for name, value in found.items())
        if weight < FIRE_AT:
            return memory, ()
        signal = Signal(
            name="app.friction",
            strength=round(min(1.0, weight / 6), 3),
            sources=(Source.APP,),
            words="Something in the app seems to be getting in your way.",
            evidence={name: round(value, 2) for name, value in found.items()},
            hold_ms=2 * DAY_MS,
        )
        return {"said": moment.now_ms}, (signal,)
