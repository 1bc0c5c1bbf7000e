"""The posterior committee: plausible models vote, and the vote share is the exact propensity.

Stage: 6 of 8. In: Alternatives, CommitteeSnapshot. Out: Choice.

Contexts and action features come on dyadic grids (`operators.bandits.grid`), and a snapshot is made so
that every sum fits the 53 bits of a float: the votes are the same bits on every machine, in every order
of summation. There is no exp, log or power anywhere.
"""

from collections.abc import Sequence

import numpy as np

from operators.bandits.draw import certain, pick
from operators.bandits.layout import (
    Layout,
    Menu,
    borrow,
    distinct,
    lay_out,
    menu_of,
    score,
    shares_of,
)
from operators.contracts import Alternatives
from operators.draws import uniform
from schemas.decisions import Choice, Parts
from schemas.errors import ComponentError
from schemas.models import CommitteeSnapshot, Floats, Models
from schemas.rules import Rules


class PosteriorCommittee:
    """Ensemble sampling from the posterior of a hybrid bilinear ridge model, with a floor.

    The probability of action k is (1 − floor)·votes_k/M + floor/|E| over the allowed actions E. It's a
    fixed function between two snapshots, so an off-policy estimate treats a snapshot as one stationary
    policy, and an auditor can compute it for anyone.

    Source: Lu & Van Roy 2017, "Ensemble sampling"; Li et al. 2010, hybrid LinUCB's features.
    """

    name = "committee"

    def __init__(self) -> None:
        """Start without layouts; they're made when a snapshot, or a set of actions, is first seen.

        That of a snapshot is kept while it serves, that of actions while the very same are offered.
        """
        self._layout: Layout | None = None
        self._menu: Menu | None = None

    def choose(self, alternatives: Alternatives, *, models: Models, rules: Rules) -> Choice:
        """Count the votes and draw.

        Returns:
            The choice. ``arm`` is ``exploit`` if no action has more votes than the chosen one, else
            ``explore``. Without ``explore`` the posterior mean chooses, with propensity 1.

        Raises:
            ComponentError: No snapshot, or one made for other features. Disposition: degrade.
        """
        del rules
        layout = self._lay_out(models.committee)
        snapshot = layout.snapshot
        menu = self._laid(layout, alternatives)
        actions, count = alternatives.actions, len(alternatives.actions)
        contexts, which = distinct(layout, alternatives.contexts)
        work = borrow(layout, count)
        score(work, menu, contexts, which)
        votes = np.bincount(work.members.argmax(1), minlength=count)
        mean: list[float] = work.mean.tolist()
        layout.spare[count].append(work)
        propensities: list[float]
        if alternatives.explore:
            by_votes = layout.shares.get(count)
            shares = (shares_of(layout, count) if by_votes is None else by_votes)[votes]
            propensities = shares.tolist()
            draw = uniform(alternatives.key, snapshot.digest)
            chosen = pick(shares, draw)
            # Two thirds of the price of `votes.max()`.
            arm = "exploit" if votes.item(chosen) == votes.item(votes.argmax()) else "explore"
        else:
            chosen = max(range(count), key=mean.__getitem__)
            propensities = list(certain(count, chosen))
            draw, arm = 0.0, "exploit"
        slopes = menu.slopes.get(chosen)
        if slopes is None:
            slopes = menu.slopes[chosen] = layout.slopes.dot(menu.columns[:, chosen])
        # As `explain`, from what is laid out already.
        adds = (contexts[which[chosen]] if which else contexts) - snapshot.context_mean
        adds *= slopes
        return Choice(
            action=actions[chosen],
            arm=arm,
            propensity=propensities[chosen],
            actions=actions,
            scores=mean,
            propensities=propensities,
            draw=draw,
            model=snapshot.digest,
            parts=Parts(
                snapshot.context_names, alternatives.contexts[chosen], layout.usually, adds.tolist()
            ),
            votes=votes.item(chosen),
            voters=layout.members,
        )

    def _lay_out(self, snapshot: CommitteeSnapshot | None) -> Layout:
        if snapshot is None:
            raise ComponentError("component.bandit", "no committee was published")
        layout = self._layout
        if layout is None or layout.snapshot is not snapshot:
            layout = self._layout = lay_out(snapshot)
        return layout

    def _laid(self, layout: Layout, alternatives: Alternatives) -> Menu:
        menu, actions = self._menu, alternatives.actions
        if (
            menu is None
            or menu.layout is not layout
            # Tuples that are equal element by element, and mostly differ in one of their first.
            or (
                menu.features is not alternatives.action_features
                and menu.features != alternatives.action_features
            )
            or (menu.actions is not actions and menu.actions != actions)
        ):
            menu = self._menu = menu_of(layout, alternatives)
        return menu


def explain(
    snapshot: CommitteeSnapshot, *, context: Sequence[float], action_features: Sequence[float]
) -> Parts:
    """The exact additive parts of an action's score: a feature adds (x_i − x̄_i)·(Θ a)_i.

    They sum, with `reference`, to the score of the mean model.

    Source: Lundberg & Lee 2017, linear SHAP (interventional), which is exact for a linear model.
    """
    adds = np.array(context) - snapshot.context_mean
    adds *= _slopes(snapshot, action_features)
    usual: list[float] = snapshot.context_mean.tolist()
    return Parts(snapshot.context_names, context, usual, adds.tolist())


def reference(
    snapshot: CommitteeSnapshot,
    *,
    action: str,
    context: Sequence[float],
    action_features: Sequence[float],
) -> float:
    """The score of the average customer for an action: what the contributions are counted from."""
    slopes: list[float] = _slopes(snapshot, action_features).tolist()
    means: list[float] = snapshot.context_mean.tolist()
    usual = sum(
        (mean * slope for x, mean, slope in zip(context, means, slopes, strict=True) if x != 0.0),
        start=0.0,
    )
    size = len(snapshot.context_names) * len(snapshot.action_names)
    if action in snapshot.actions:
        return usual + float(snapshot.mean[size + snapshot.actions.index(action)])
    return usual


def _slopes(snapshot: CommitteeSnapshot, action_features: Sequence[float]) -> Floats:
    """(Θ a) of the mean model, one slope a context feature."""
    dx, da = len(snapshot.context_names), len(snapshot.action_names)
    slopes: Floats = snapshot.mean[: dx * da].reshape(dx, da) @ np.array(action_features)
    return slopes
