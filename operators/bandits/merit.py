"""Fair merit: exposure in proportion to what an action is worth, so that a near tie is no landslide.

Stage: 6 of 8. In: Alternatives, CommitteeSnapshot. Out: Choice.
"""

from functools import partial

from operators.bandits.closed_form import choose_by
from operators.bandits.shares import fair_merit
from operators.contracts import Alternatives
from schemas.decisions import Choice
from schemas.models import Models
from schemas.rules import Rules


class FairMerit:
    """p_k in proportion to 1 / (1 + gain·(s_max − s_k)).

    Source: Wang, Bai, Sun & Joachims 2021, "Fairness of exposure in stochastic bandits", with rational f.
    """

    name = "fair_merit"

    def __init__(self, *, gain: float = 50.0) -> None:
        """Set how strictly merit counts: ``gain`` is per unit of reward (10 EUR), and not negative."""
        self._shares = partial(fair_merit, gain=gain)

    def choose(self, alternatives: Alternatives, *, models: Models, rules: Rules) -> Choice:
        """Weigh by merit and draw.

        Raises:
            ComponentError: No snapshot, or one made for other features. Disposition: degrade.
        """
        return choose_by(self._shares, alternatives, models=models, rules=rules)
