"""Choose between the allowed candidates and saying nothing.

Stage: 6 of 8. In: allowed candidates, features by purpose. Out: Choice with an exact propensity.

Each candidate is scored with the context that its purpose may see: features of sources that are not
granted for it are zero, which is the average customer. Silence sees what all of them may see.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from struct import Struct
from typing import Any, NamedTuple

import numpy as np

from operators.bandits import BANDITS
from operators.contracts import Alternatives, Bandit, FeatureSpec
from operators.draws import uniform
from operators.features import CONTEXT
from operators.offers import SILENCE_FEATURES
from operators.rollout import beside
from schemas.base import Purpose, Source
from schemas.decisions import SILENCE, Candidate, Choice
from schemas.errors import ComponentError
from schemas.models import Floats, Models
from schemas.rules import Rules

CONTEXT_NAMES: tuple[str, ...] = ("const", *(spec.name for spec in CONTEXT))
"""The bandit's context, in order (dx): one, then the standardised features."""
X_GRID = 1024.0
X_MAX = 8.0
TO_GRID = 1.5 * 2.0**52 / X_GRID
"""Added and taken away again it rounds to the grid, halves to even, as `round` would and much faster."""
_TO_GRID = np.array(TO_GRID)
"""An array, since numpy makes one of a number each time."""

Arm = str


class _Plan(NamedTuple):
    """What is read for some sources: the features given, where they stand in the context, their centres and scales.

    ``place`` writes one and those features as the bytes of a context, zeros for what is not given.
    """

    read: Callable[[Any], tuple[Any, ...]]
    place: Callable[..., bytes]
    centres: Floats
    scales: Floats


def assign(customer_id: str, rules: Rules) -> Arm:
    """The arm of a customer, for good: ``holdout``, ``control`` or ``treatment``, by a keyed hash."""
    u = uniform(customer_id, f"{rules.seed}:arm")
    if u < rules.holdout_share:
        return "holdout"
    if u < rules.holdout_share + rules.control_share:
        return "control"
    return "treatment"


def context_of(features: Mapping[str, float], sources: frozenset[Source]) -> tuple[float, ...]:
    """The context vector, shape (dx,), on the 2^-10 grid within ±8; sources not given read as zero."""
    return Contexts(features).of(sources)


class Contexts:
    """The context vectors of one customer at one moment, by what may be looked at."""

    def __init__(self, features: Mapping[str, float], plans: "Plans | None" = None) -> None:
        """Look at features lazily, and only at those of sources that are asked for."""
        self.features = features
        self._plans = plans or PLANS
        self._made: dict[frozenset[Source], tuple[float, ...]] = {}

    def of(self, sources: frozenset[Source]) -> tuple[float, ...]:
        """As `context_of`; the same object for the same sources."""
        made = self._made.get(sources)
        if made is None:
            made = self._made[sources] = self._plans.read(self.features, sources)
        return made


class Plans:
    """Which features to read for which sources, and how they are standardised; worked out once."""

    def __init__(self, specs: Sequence[FeatureSpec]) -> None:
        """For these features, in the order of the context."""
        self._specs = tuple(specs)
        self._by_sources: dict[frozenset[Source], _Plan] = {}

    def read(self, features: Mapping[str, float], sources: frozenset[Source]) -> tuple[float, ...]:
        """One, then the features on the 2^-10 grid within ±8; 0 where a source is not given.

        Raises:
            ValueError: A feature is not a number.
        """
        plan = self._by_sources.get(sources)
        if plan is None:
            plan = self._by_sources[sources] = self._plan(sources)
        x = np.subtract(np.frombuffer(plan.place(1.0, *plan.read(features))), plan.centres)
        np.divide(x, plan.scales, x)
        # No feature is beyond ±8 whose square is one of a sum of at most 64; with a NaN nothing is at most anything.
        if not x.dot(x) <= X_MAX * X_MAX:
            _bound(x)
        np.add(x, _TO_GRID, x)
        np.subtract(x, _TO_GRID, x)
        return tuple(x.tolist())

    def _plan(self, sources: frozenset[Source]) -> _Plan:
        given = [spec.source in sources for spec in self._specs]
        stand = [(spec.centre, spec.scale) for spec in self._specs]
        return _Plan(
            _getter([spec.name for spec in self._specs if spec.source in sources]),
            # A float where one is given, and eight bytes of padding where not.
            Struct("d" + "".join("d" if is_given else "8x" for is_given in given)).pack,
            np.array([0.0, *(c if g else 0.0 for g, (c, _) in zip(given, stand, strict=True))]),
            np.array([1.0, *(scale for _, scale in stand)]),
        )


def _getter(keys: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """As `itemgetter`, which of fewer than two gives no tuple."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda held: tuple(held[key] for key in keys)


def _bound(x: Floats) -> None:
    if np.isnan(x).any():
        message = "a feature of the context is not a number"
        raise ValueError(message)
    np.clip(x, -X_MAX, X_MAX, out=x)


PLANS = Plans(CONTEXT)


def choose(
    candidates: tuple[Candidate, ...],
    *,
    contexts: Contexts,
    usable: Callable[[Purpose], frozenset[Source]],
    models: Models,
    rules: Rules,
    arm: Arm,
    key: str,
    explore: bool,
) -> tuple[Choice, Alternatives]:
    """Choose one of the allowed candidates or silence.

    Returns:
        The choice, and the alternatives with the contexts it was made from (for the lesson).
    """
    items = [candidate.item for candidate in candidates]
    purposes = [item.purpose for item in items]
    # What is asked for without a purpose may see nothing, and says so to nobody else.
    seen = {p: frozenset() if p is None else usable(p) for p in set(purposes)}
    by_purpose = {purpose: contexts.of(sources) for purpose, sources in seen.items()}
    given = [sources for purpose, sources in seen.items() if purpose is not None]
    shared = frozenset.intersection(*given) if given else frozenset()
    alternatives = Alternatives(
        # Lists, not generators: half the time, and these are on the way of every decision.
        actions=(*[item.id for item in items], SILENCE),
        contexts=(*map(by_purpose.__getitem__, purposes), contexts.of(shared)),
        action_features=(*[c.action_features for c in candidates], SILENCE_FEATURES),
        key=key,
        explore=explore,
    )
    bandit = _bandit(models, arm=arm, explore=explore)
    try:
        choice = bandit.choose(alternatives, models=models, rules=rules)
    except ComponentError:
        choice = BANDITS["fixed_order"].choose(alternatives, models=models, rules=rules)
    if arm == "treatment":
        choice = beside(choice, alternatives, models=models, rules=rules)
    return choice, alternatives


def _bandit(models: Models, *, arm: Arm, explore: bool) -> Bandit:
    if arm == "control" and explore:
        return BANDITS["evenly"]
    if models.committee is None:
        return BANDITS["fixed_order"]
    return BANDITS["committee"]
