"""Choose between the allowed candidates and saying nothing.

Stage: 6 of 8. In: allowed candidates, features by purpose. Out: Choice with an exact propensity.

Each candidate is scored with the context that its purpose may see: features of sources that are not
granted for it are zero, which is the average customer. Silence sees what all of them may see.
"""

from collections.abc import Callable, Mapping

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
CONTEXT_OF: Mapping[Source, tuple[tuple[int, FeatureSpec], ...]] = {
    source: tuple((index, spec) for index, spec in enumerate(CONTEXT, 1) if spec.source is source)
    for source in Source
}
"""The features of a source, with their place in the context."""
X_GRID = 1024.0
X_MAX = 8.0

Arm = str


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
    """The context vectors of one customer at one moment, by what may be looked at; each source is read once."""

    def __init__(self, features: Mapping[str, float]) -> None:
        """Look at features lazily."""
        self.features = features
        self._read: dict[Source, list[tuple[int, float]]] = {}
        self._made: dict[frozenset[Source], tuple[float, ...]] = {}

    def of(self, sources: frozenset[Source]) -> tuple[float, ...]:
        """As `context_of`; the same object for the same sources."""
        made = self._made.get(sources)
        if made is None:
            values = [1.0, *(0.0,) * len(CONTEXT)]
            for source, specs in CONTEXT_OF.items():
                if source not in sources:
                    continue
                if source not in self._read:
                    self._read[source] = [
                        (index, _standard(spec, self.features[spec.name])) for index, spec in specs
                    ]
                for index, value in self._read[source]:
                    values[index] = value
            made = self._made[sources] = tuple(values)
        return made


def _standard(spec: FeatureSpec, value: float) -> float:
    x = (value - spec.centre) / spec.scale
    return round(min(max(x, -X_MAX), X_MAX) * X_GRID) / X_GRID


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
    by_purpose: dict[Purpose | None, tuple[float, ...]] = {None: contexts.of(frozenset())}
    shared: frozenset[Source] | None = None
    for candidate in candidates:
        purpose = candidate.item.purpose
        if purpose is not None:
            sources = usable(purpose)
            shared = sources if shared is None else shared & sources
            if purpose not in by_purpose:
                by_purpose[purpose] = contexts.of(sources)
    alternatives = Alternatives(
        actions=(*(c.item.id for c in candidates), SILENCE),
        contexts=(
            *(by_purpose[c.item.purpose] for c in candidates),
            contexts.of(shared or frozenset()),
        ),
        action_features=(*(c.action_features for c in candidates), SILENCE_FEATURES),
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
