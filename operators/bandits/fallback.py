"""The fixed order that serves while no model does: answer the strongest signal, or say nothing.

Stage: 6 of 8. In: Alternatives. Out: Choice with propensity 1.
"""

from operators.bandits.draw import certain
from operators.contracts import Alternatives
from schemas.decisions import SILENCE, Choice
from schemas.models import Models
from schemas.rules import Rules

GUIDANCE_INDEX = 7
STRENGTH_INDEX = 10
"""Where `operators.offers.ACTION_NAMES` has ``guidance`` and ``strength``."""


class FixedOrder:
    """By signal strength, then guidance before selling, then by order; without a signal, silence.

    Degrading means saying less: what only taste proposes needs a model, so it stays unsaid.

    Source: the bank's own order of priority, for use when no learnt one is at hand.
    """

    name = "fixed_order"

    def choose(self, alternatives: Alternatives, *, models: Models, rules: Rules) -> Choice:
        """The first of the fixed order; the key and the models have no influence."""
        del models, rules
        scores = [
            (_at(features, STRENGTH_INDEX), _at(features, GUIDANCE_INDEX))
            for features in alternatives.action_features
        ]
        chosen = max(range(len(scores)), key=scores.__getitem__)
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
