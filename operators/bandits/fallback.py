"""The fixed order that serves while no model does: answer the strongest signal, or say nothing.

Stage: 6 of 8. In: Alternatives. Out: Choice with propensity 1.
"""

from operator import itemgetter

from operators.bandits.draw import certain
from operators.contracts import Alternatives
from schemas.decisions import SILENCE, Choice
from schemas.models import Models
from schemas.rules import Rules

GUIDANCE_INDEX = 7
STRENGTH_INDEX = 10
"""Where `operators.offers.ACTION_NAMES` has ``guidance`` and ``strength``."""
_STRENGTH_AND_GUIDANCE = itemgetter(STRENGTH_INDEX, GUIDANCE_INDEX)


class FixedOrder:
    """By signal strength, then guidance before selling, then by order; without a signal, silence.

    Degrading means saying less: what only taste proposes needs a model, so it stays unsaid.

    Source: the bank's own order of priority, for use when no learnt one is at hand.
    """

    name = "fixed_order"

    def choose(self, alternatives: Alternatives, *, models: Models, rules: Rules) -> Choice:
        """The first of the fixed order; the key and the models have no influence."""
        del models, rules
        features = alternatives.action_features
        try:
            scores = [*map(_STRENGTH_AND_GUIDANCE, features)]
        except IndexError:
            scores = [(_at(row, STRENGTH_INDEX), _at(row, GUIDANCE_INDEX)) for row in features]
        chosen = scores.index(max(scores))
        if scores[chosen][0] <= 0.0 and SILENCE in alternatives.actions:
            chosen = alternatives.actions.index(SILENCE)
        return Choice(
            action=alternatives.actions[chosen],
            arm="exploit",
            propensity=1.0,
            actions=alternatives.actions,
            scores=tuple(strength for strength, _ in scores),
            propensities=certain(len(scores), chosen),
            draw=0.0,
            model="fallback",
        )


def _at(features: tuple[float, ...], index: int) -> float:
    return features[index] if index < len(features) else 0.0
