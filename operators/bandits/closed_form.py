"""Policies whose propensities are a closed form of the committee's mean scores.

Stage: 6 of 8. In: Alternatives, CommitteeSnapshot. Out: Choice.
"""

import numpy as np
from msgspec.structs import replace

from operators.bandits.committee import PosteriorCommittee, explain
from operators.bandits.draw import pick
from operators.bandits.shares import Shares
from operators.contracts import Alternatives
from operators.draws import uniform
from schemas.decisions import Choice
from schemas.models import Models
from schemas.rules import Rules

_COMMITTEE = PosteriorCommittee()


def choose_by(
    shares: Shares, alternatives: Alternatives, *, models: Models, rules: Rules
) -> Choice:
    """Score with the mean model, take the shares as propensities, and draw.

    Raises:
        ComponentError: No snapshot, or one made for other features. Disposition: degrade.
    """
    greedy = _COMMITTEE.choose(replace(alternatives, explore=False), models=models, rules=rules)
    snapshot = models.committee
    if not alternatives.explore or snapshot is None:
        return greedy
    mean = np.array(greedy.scores).reshape(1, 1, -1)
    propensities: list[float] = shares(mean, snapshot.lessons)[0].tolist()
    draw = uniform(alternatives.key, snapshot.digest)
    chosen = pick(propensities, draw)
    action = alternatives.actions[chosen]
    return replace(
        greedy,
        action=action,
        arm="exploit" if action == greedy.action else "explore",
        propensity=propensities[chosen],
        propensities=propensities,
        draw=draw,
        parts=explain(
            snapshot,
            context=alternatives.contexts[chosen],
            action_features=alternatives.action_features[chosen],
        ),
        votes=0,
        voters=0,
    )
