"""Choose between the allowed candidates and saying nothing.

Stage: 6 of 8. In: allowed candidates, features by purpose. Out: Choice with an exact propensity.

Each candidate is scored with the context that its purpose may see: features of sources that are not
granted for it are zero, which is the average customer. Silence sees what all of them may see.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isnan, nan
from operator import itemgetter
from struct import Struct
from typing import Any

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
from schemas.models import Models
from schemas.rules import Rules

CONTEXT_NAMES: tuple[str, ...] = ("const", *(spec.name for spec in CONTEXT))
"""The bandit's context, in order (dx): one, then the standardised features."""
X_GRID = 1024.0
X_MIN, X_MAX = -8.0, 8.0
MANY = 32
"""From so many features on an array is standardised sooner than a list."""
TO_GRID = 1.5 * 2.0**52 / X_GRID
"""Added and taken away again it rounds to the grid, halves to even, as `round` would and much faster."""
_TO_GRID = np.array(TO_GRID)
"""An array, since numpy makes one of a number each time."""

Arm = str


_Read = Callable[[Mapping[str, float]], tuple[float, ...]]
"""A customer's features to the context."""
_Spread = Callable[[Any], tuple[float, ...]]
"""Numbers to some of them, in another order."""


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
            made = self._made[sources] = self._make(sources)
        return made

    def _make(self, sources: frozenset[Source]) -> tuple[float, ...]:
        for wider, held in self._made.items():
            if sources < wider:
                return self._plans.narrow(held, wider, sources)
        return self._plans.read(self.features, sources)


class Plans:
    """Which features to read for which sources, and how they are standardised; worked out once."""

    def __init__(self, specs: Sequence[FeatureSpec]) -> None:
        """For these features, in the order of the context."""
        self._specs = tuple(specs)
        self._by_sources: dict[frozenset[Source], _Read] = {}
        self._narrow: dict[tuple[frozenset[Source], frozenset[Source]], _Spread] = {}

    def read(self, features: Mapping[str, float], sources: frozenset[Source]) -> tuple[float, ...]:
        """One, then the features on the 2^-10 grid within ±8; 0 where a source is not given.

        Raises:
            ValueError: A feature is not a number.
        """
        read = self._by_sources.get(sources)
        if read is None:
            given = [spec for spec in self._specs if spec.source in sources]
            made = _many if len(given) >= MANY else _few
            read = self._by_sources[sources] = made(given, self._specs)
        return read(features)

    def narrow(
        self, context: tuple[float, ...], wider: frozenset[Source], sources: frozenset[Source]
    ) -> tuple[float, ...]:
        """What `read` gives for some of the sources, out of what it gave for more of them."""
        spread = self._narrow.get((wider, sources))
        if spread is None:
            kept = [p if s.source in sources else -1 for p, s in enumerate(self._specs, 1)]
            spread = self._narrow[wider, sources] = _getter([0, *kept])
        return spread((*context, 0.0))


def _few(given: Sequence[FeatureSpec], every: Sequence[FeatureSpec]) -> _Read:
    """One feature after another."""
    read = _getter([spec.name for spec in given])
    scales = [(spec.centre, spec.scale) for spec in given]
    places = {spec.name: place for place, spec in enumerate(given, 1)}
    spread = _getter([0, *(places.get(spec.name, -1) for spec in every)])
    whole = len(given) == len(every)

    def standing(features: Mapping[str, float]) -> tuple[float, ...]:
        made = [
            x + TO_GRID - TO_GRID
            if X_MIN <= (x := (value - centre) / scale) <= X_MAX
            else _outside(x)
            for value, (centre, scale) in zip(read(features), scales, strict=True)
        ]
        # What is not given reads as the zero at the end.
        return (1.0, *made) if whole else spread((1.0, *made, 0.0))

    return standing


def _many(given: Sequence[FeatureSpec], every: Sequence[FeatureSpec]) -> _Read:
    """All at once; the same bits."""
    read = _getter([spec.name for spec in given])
    names = {spec.name for spec in given}
    # A float where one is given, and eight bytes of padding, which are a zero, where not.
    place = Struct("d" + "".join("d" if s.name in names else "8x" for s in every)).pack
    centres = np.array([0.0, *(s.centre if s.name in names else 0.0 for s in every)])
    scales = np.array([1.0, *(spec.scale for spec in every)])

    def standing(features: Mapping[str, float]) -> tuple[float, ...]:
        x = np.subtract(np.frombuffer(place(1.0, *read(features))), centres)
        np.divide(x, scales, x)
        # None is beyond ±8 whose squares sum to at most 64; with a NaN nothing is at most anything.
        if not x.dot(x) <= X_MAX * X_MAX:
            if np.isnan(x).any():
                _outside(nan)
            np.clip(x, X_MIN, X_MAX, out=x)
        np.add(x, _TO_GRID, x)
        np.subtract(x, _TO_GRID, x)
        return tuple(x.tolist())

    return standing


def _getter(keys: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """As `itemgetter`, which of fewer than two gives no tuple."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda held: tuple(held[key] for key in keys)


def _outside(x: float) -> float:
    if isnan(x):
        message = "a feature of the context is not a number"
        raise ValueError(message)
    return X_MAX if x > 0.0 else X_MIN


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
    if len(seen) > 1:
        # Each feature is standardised once, whichever purposes see it.
        contexts.of(frozenset().union(*seen.values()))
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
