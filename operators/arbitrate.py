"""Choose between the allowed candidates and saying nothing.

Stage: 6 of 8. In: allowed candidates, features by purpose. Out: Choice with an exact propensity.

Each candidate is scored with the context that its purpose may see: features of sources that are not
granted for it are zero, which is the average customer. Silence sees what all of them may see.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from operators.bandits import BANDITS
from operators.bandits.standard import standardised
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
            read = self._by_sources[sources] = _reader(given, self._specs)
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


def _reader(given: Sequence[FeatureSpec], every: Sequence[FeatureSpec]) -> _Read:
    """Reads the features that are given, and a zero for each that is not."""
    read = _getter([spec.name for spec in given])
    centres, scales = [spec.centre for spec in given], [spec.scale for spec in given]
    places = {spec.name: place for place, spec in enumerate(given, 1)}
    spread = _getter([0, *(places.get(spec.name, -1) for spec in every)])

    if len(given) == len(every):
        return lambda features: tuple(standardised(read(features), centres, scales))
    # What is not given reads as the zero at the end.
    return lambda features: spread([*standardised(read(features), centres, scales), 0.0])


def _getter(keys: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """As `itemgetter`, which of fewer than two gives no tuple."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda held: tuple(held[key] for key in keys)


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
