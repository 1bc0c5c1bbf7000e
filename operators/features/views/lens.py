"""What a view is made of: one look at the memories, and a reading of it for each feature.

A look is what several features share (a ring unpacked, the regular payments found); a reading is a line of
arithmetic on it. So one feature costs its look and itself, and two hundred cost a few looks.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from operators.contracts import EVERY_PURPOSE, FeatureSpec
from schemas.base import Purpose, Source
from schemas.customer import Memory

Seen = TypeVar("Seen")
RATIO_MAX = 10.0
"""No ratio says more than this: ten times the usual is as good as twenty."""
WELLBEING: frozenset[Purpose] = frozenset({Purpose.FINANCIAL_WELLBEING, Purpose.MODEL_TRAINING})
"""The purposes of what helps a customer with their money and is no ground to sell something."""


@dataclass(slots=True, frozen=True)
class Reading(Generic[Seen]):
    """One feature: what is declared of it, how it is read, and its value while nothing is known."""

    name: str
    unit: str
    description: str
    words: str
    of: Callable[[Seen], float]
    days: int | None = None
    unknown: float = 0.0
    purposes: frozenset[Purpose] = EVERY_PURPOSE


class Lens(Generic[Seen]):
    """A view; ``look`` returns None while nothing is known, and then every feature is at its ``unknown``."""

    def __init__(
        self,
        name: str,
        *,
        slots: tuple[str, ...],
        sources: tuple[Source, ...],
        owner: str,
        look: Callable[[Mapping[str, Memory], int], Seen | None],
        readings: Iterable[Reading[Seen]],
    ) -> None:
        """Declare a view.

        Args:
            name: What its features' names begin with.
            slots: The memories that ``look`` reads.
            sources: What those remember data of, the foremost first.
            owner: The team to ask.
            look: Memories and an instant (ms) to what the readings share.
            readings: The features.
        """
        rows = tuple(readings)
        self.name = name
        self.slots = slots
        self.specs: tuple[FeatureSpec, ...] = tuple(
            FeatureSpec(
                f"{name}.{row.name}", sources[0], row.unit, row.description, row.words,
                window_days=row.days, owner=owner, purposes=row.purposes, also=sources[1:],
            )
            for row in rows
        )  # fmt: skip
        self._look = look
        self._rows = {f"{name}.{row.name}": row for row in rows}

    def look(self, memories: Mapping[str, Memory], *, now_ms: int) -> Any:
        """What the features at an instant are read from; None while nothing is known."""
        return self._look(memories, now_ms)

    def read(self, seen: Any, name: str) -> float:
        """One feature of what `look` returned."""
        row = self._rows[name]
        return row.unknown if seen is None else float(row.of(seen))


def ratio(part: float, whole: float, *, unknown: float = 0.0) -> float:
    """One number over another, within 0..`RATIO_MAX`; where the other is not positive, what is said then.

    Example:
        >>> ratio(3.0, 2.0), ratio(3.0, 0.0), ratio(-1.0, 2.0), ratio(1e9, 1.0)
        (1.5, 0.0, 0.0, 10.0)
    """
    if whole <= 0:
        return unknown
    return min(RATIO_MAX, max(0.0, part / whole))


def share(part: float, whole: float) -> float:
    """How much of a whole a part is, 0..1; 0 of nothing.

    Example:
        >>> share(1.0, 4.0), share(5.0, 4.0), share(1.0, 0.0)
        (0.25, 1.0, 0.0)
    """
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0
