"""The control policy: every allowed action, silence included, with the same probability.

Stage: 6 of 8. In: Alternatives. Out: Choice with propensity 1/|E|.
"""

from operators.bandits.fallback import FixedOrder
from operators.contracts import Alternatives
from operators.draws import uniform
from schemas.decisions import Choice
from schemas.models import Models
from schemas.rules import Rules

MODEL = "evenly"


class Evenly:
    """Uniform over what is allowed: the base against which learning proves its worth.

    Source: Li et al. 2011, uniform logging for unbiased offline evaluation.
    """

    name = "evenly"

    def __init__(self) -> None:
        """Keep the fixed order at hand for those who must not be experimented on."""
        self._fixed = FixedOrder()

    def choose(self, alternatives: Alternatives, *, models: Models, rules: Rules) -> Choice:
        """Draw one evenly; the models have no influence. Without ``explore`` the fixed order serves."""
        if not alternatives.explore:
            return self._fixed.choose(alternatives, models=models, rules=rules)
        count = len(alternatives.actions)
        draw = uniform(alternatives.key, MODEL)
        propensity = 1.0 / count
        return Choice(
            action=alternatives.actions[min(int(draw * count), count - 1)],
            arm="control",
            propensity=propensity,
            actions=alternatives.actions,
            scores=(0.0,) * count,
            propensities=(propensity,) * count,
            draw=draw,
            model=MODEL,
        )
