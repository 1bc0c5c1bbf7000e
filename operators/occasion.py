"""What a deliberation is made of: the occasion to speak, and one pass from proposals to a choice."""

from dataclasses import dataclass

from operators.contracts import Alternatives, Situation
from operators.sense import View
from schemas.base import Channel, Source
from schemas.customer import Customer
from schemas.decisions import Candidate, Choice, Screened


@dataclass(slots=True, frozen=True)
class Occasion:
    """A moment to speak; ``channel`` None means that only fresh signals may speak.

    ``key`` is the decision id and keys the draw. ``arm`` is the customer's, ``explore`` False for
    customers who must not be experimented on.
    """

    key: str
    arm: str
    channel: Channel | None
    fresh: frozenset[str]
    explore: bool


@dataclass(slots=True, frozen=True)
class Deliberation:
    """One pass from proposals to a choice; ``alternatives`` are what the choice was made from."""

    screened: tuple[Screened, ...]
    allowed: tuple[Candidate, ...]
    choice: Choice
    alternatives: Alternatives

    @property
    def chosen(self) -> Candidate | None:
        """The chosen candidate, None for silence."""
        return next((c for c in self.allowed if c.item.id == self.choice.action), None)

    @property
    def chosen_index(self) -> int:
        """Where the chosen action stands among the alternatives."""
        return self.alternatives.actions.index(self.choice.action)


def situation_of(me: Customer, view: View) -> Situation:
    """What the policies and the explanation look at."""
    return Situation(
        customer=me,
        now_ms=view.now_ms,
        features=view.features,
        forecasts=view.forecasts,
        rules=view.world.rules,
        models=view.world.models,
        readable=view.readable,
        used_up=view.world.used_up,
    )


def sources_used(view: View, made: Deliberation) -> frozenset[Source]:
    """Every source that any allowed alternative was scored with, or whose signal proposed it."""
    used = frozenset[Source]()
    for candidate in made.allowed:
        if candidate.item.purpose is not None:
            used |= view.usable(candidate.item.purpose)
    return used
