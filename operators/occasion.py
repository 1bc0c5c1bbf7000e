"""What a deliberation is made of: the occasion to speak, and one pass from proposals to a choice."""

from functools import cache

from msgspec import Struct

from operators.contracts import Alternatives, Situation
from operators.sense import View
from schemas.base import Channel, Source
from schemas.customer import Customer
from schemas.decisions import Candidate, Choice, Screened


class Occasion(Struct, frozen=True):
    """A moment to speak; ``channel`` None means that only fresh signals may speak.

    ``key`` is the decision id and keys the draw. ``arm`` is the customer's, ``explore`` False for
    customers who must not be experimented on.
    """

    key: str
    arm: str
    channel: Channel | None
    fresh: frozenset[str]
    explore: bool


class Deliberation(Struct, frozen=True):
    """One pass from proposals to a choice; ``alternatives`` are what the choice was made from.

    ``chosen`` is the chosen candidate, None for silence; ``chosen_index`` where the chosen action stands among the
    alternatives.
    """

    screened: tuple[Screened, ...]
    allowed: tuple[Candidate, ...]
    choice: Choice
    alternatives: Alternatives
    chosen: Candidate | None
    chosen_index: int

    @classmethod
    def of(
        cls,
        screened: tuple[Screened, ...],
        allowed: tuple[Candidate, ...],
        choice: Choice,
        alternatives: Alternatives,
    ) -> "Deliberation":
        """With what was chosen looked up, once for all who ask."""
        index = alternatives.actions.index(choice.action)
        # The alternatives are the allowed in their order, and silence.
        chosen = allowed[index] if index < len(allowed) else None
        return cls(screened, allowed, choice, alternatives, chosen, index)


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
    purposes = {candidate.item.purpose for candidate in made.allowed} - {None}
    used = [view.usable(purpose) for purpose in purposes if purpose is not None]
    # The very set, mostly, whose hash is known.
    return used[0] if len(used) == 1 else frozenset[Source]().union(*used)


@cache
def in_order(sources: frozenset[Source]) -> tuple[Source, ...]:
    """Sources as they are written down."""
    return tuple(sorted(sources))
