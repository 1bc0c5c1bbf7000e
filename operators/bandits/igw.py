"""Inverse-gap weighting: the further behind the best, the less likely.

Stage: 6 of 8. In: Alternatives, CommitteeSnapshot. Out: Choice.

Only plus, minus, times, division and square root: the same bits on every machine.
"""

from dataclasses import replace

from operators.bandits.committee import PosteriorCommittee, explain
from operators.bandits.draw import pick
from operators.contracts import Alternatives
from operators.draws import uniform
from schemas.decisions import Choice
from schemas.models import Models
from schemas.rules import Rules


class InverseGap:
    """SquareCB over the committee's posterior mean.

    p_k = 1 / (E + g·(s_max − s_k)) for all but the best, which takes the rest; g = gain·sqrt(lessons).

    Source: Foster & Rakhlin 2020, "Beyond UCB", algorithm 1 (Abe & Long 1999).
    """

    name = "inverse_gap"

    def __init__(self, *, gain: float = 4.0) -> None:
        """Set how fast exploration fades: ``gain`` is per unit of reward (10 EUR), and above zero."""
        self._gain = gain
        self._committee = PosteriorCommittee()

    def choose(self, alternatives: Alternatives, *, models: Models, rules: Rules) -> Choice:
        """Weigh by the gaps and draw.

        Raises:
            ComponentError: No snapshot, or one made for other features. Disposition: degrade.
        """
        greedy = self._committee.choose(
            replace(alternatives, explore=False), models=models, rules=rules
        )
        snapshot = models.committee
        if not alternatives.explore or snapshot is None:
            return greedy
        count = len(alternatives.actions)
        scores = greedy.scores
        best = alternatives.actions.index(greedy.action)
        gain = self._gain * float(snapshot.lessons) ** 0.5
        propensities = [1.0 / (count + gain * (scores[best] - score)) for score in scores]
        propensities[best] = 0.0
        propensities[best] = 1.0 - sum(propensities)
        draw = uniform(alternatives.key, snapshot.digest)
        chosen = pick(propensities, draw)
        action = alternatives.actions[chosen]
        return replace(
            greedy,
            action=action,
            arm="exploit" if chosen == best else "explore",
            propensity=propensities[chosen],
            propensities=propensities,
            draw=draw,
            contributions=explain(
                snapshot,
                context=alternatives.contexts[chosen],
                action_features=alternatives.action_features[chosen],
            ),
            votes=0,
            voters=0,
        )
