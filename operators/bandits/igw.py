"""Inverse-gap weighting: the further behind the best, the less likely.

Stage: 6 of 8. In: Alternatives, CommitteeSnapshot. Out: Choice.

Only plus, minus, times, division and square root: the same bits on every machine.
"""

from functools import partial

from operators.bandits.closed_form import choose_by
from operators.bandits.shares import inverse_gap
from operators.contracts import Alternatives
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
        self._shares = partial(inverse_gap, gain=gain)

    def choose(self, alternatives: Alternatives, *, models: Models, rules: Rules) -> Choice:
        """Weigh by the gaps and draw.

        Raises:
            ComponentError: No snapshot, or one made for other features. Disposition: degrade.
        """
        return choose_by(self._shares, alternatives, models=models, rules=rules)
