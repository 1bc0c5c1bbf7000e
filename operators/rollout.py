"""A challenger beside the champion: in shadow without a say, or choosing for a share of decisions.

Stage: 6 of 8. In: the champion's Choice, Alternatives, the challenger. Out: Choice with an exact propensity.

While a challenger chooses for a share, the policy that customers meet is the mixture of both, and the logged
propensities are the mixture's: an estimate from the log stays unbiased for either. In shadow the champion's
propensities stand, and the challenger's probability of what was chosen is logged beside them.
"""

from collections.abc import Mapping
from dataclasses import replace

from msgspec import structs

from operators.bandits import BANDITS
from operators.bandits.committee import PosteriorCommittee
from operators.contracts import Alternatives, Bandit
from operators.draws import uniform
from schemas.decisions import Choice, Rival
from schemas.errors import ComponentError
from schemas.models import Models
from schemas.rules import Rules

RIVALS: Mapping[str, Bandit] = {**BANDITS, "committee": PosteriorCommittee()}
"""The policies that a challenger may follow; a committee of its own, so that its layout is kept beside the
champion's."""


def beside(choice: Choice, alternatives: Alternatives, *, models: Models, rules: Rules) -> Choice:
    """Let the challenger be heard, if there is one and this decision is among its share.

    Args:
        choice: The champion's.
        alternatives: What both choose from.
        models: With the challenger and how it is tried.
        rules: For the policies.

    Returns:
        The choice to act on. Customers who must not be experimented on get the champion's. A challenger
        that can't answer, one made for other features say, has no say and is not logged.

    Source: Li et al. 2011 (unbiased evaluation from logged propensities); a mixture's propensity is the
        mixture of the propensities.
    """
    trial = models.rollout
    if trial is None or models.challenger is None or not alternatives.explore:
        return choice
    salt = f"{models.challenger.digest}:trial"
    drawn = uniform(alternatives.key, salt)
    # With a canary every decision needs both, since every propensity is the mixture's.
    if not trial.canary and drawn >= trial.shadow:
        return choice
    try:
        rival = RIVALS[trial.policy].choose(
            alternatives, models=replace(models, committee=models.challenger), rules=rules
        )
    except ComponentError:
        return choice
    served = drawn < trial.canary
    taken = rival if served else choice
    index = alternatives.actions.index(taken.action)
    mixed = [
        (1.0 - trial.canary) * ours + trial.canary * theirs
        for ours, theirs in zip(choice.propensities, rival.propensities, strict=True)
    ]
    return structs.replace(
        taken,
        propensity=mixed[index],
        propensities=mixed,
        rival=Rival(
            model=rival.model,
            policy=trial.policy,
            action=rival.action,
            propensity=rival.propensities[index],
            served=served,
        ),
    )
