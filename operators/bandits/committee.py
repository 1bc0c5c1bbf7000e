"""The posterior committee: plausible models vote, and the vote share is the exact propensity.

Stage: 6 of 8. In: Alternatives, CommitteeSnapshot. Out: Choice.

Contexts and action features come on dyadic grids (`operators.bandits.grid`), and a snapshot is made so
that every sum fits the 53 bits of a float: the votes are the same bits on every machine, in every order
of summation. There is no exp, log or power anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from operators.bandits.draw import certain, pick
from operators.contracts import Alternatives
from operators.draws import uniform
from schemas.decisions import Choice
from schemas.errors import ComponentError
from schemas.models import CommitteeSnapshot, Floats, Models
from schemas.rules import Rules


@dataclass(slots=True, frozen=True)
class _Layout:
    """A snapshot laid out for deciding: row 0 is the mean, rows 1..M are the members.

    ``bilinear`` has shape (dx, (M + 1)·da), ``offsets`` shape (K + 1, M + 1); its last row is the zero
    offset of an action that the snapshot doesn't know. ``rows`` is action → row of ``offsets``.
    """

    snapshot: CommitteeSnapshot
    bilinear: Floats
    offsets: Floats
    rows: dict[str, int]
    members: int
    da: int


class PosteriorCommittee:
    """Ensemble sampling from the posterior of a hybrid bilinear ridge model, with a floor.

    The probability of action k is (1 − floor)·votes_k/M + floor/|E| over the allowed actions E. It's a
    fixed function between two snapshots, so an off-policy estimate treats a snapshot as one stationary
    policy, and an auditor can compute it for anyone.

    Source: Lu & Van Roy 2017, "Ensemble sampling"; Li et al. 2010, hybrid LinUCB's features.
    """

    name = "committee"

    def __init__(self) -> None:
        """Start without a layout; it's made when a snapshot is first seen, and kept while it serves."""
        self._layout: _Layout | None = None

    def choose(self, alternatives: Alternatives, *, models: Models, rules: Rules) -> Choice:
        """Count the votes and draw.

        Returns:
            The choice. ``arm`` is ``exploit`` if no action has more votes than the chosen one, else
            ``explore``. Without ``explore`` the posterior mean chooses, with propensity 1.

        Raises:
            ComponentError: No snapshot, or one made for other features. Disposition: degrade.
        """
        del rules
        layout = self._lay_out(models.committee, alternatives)
        snapshot = layout.snapshot
        scores = _scores(layout, alternatives)
        count = len(alternatives.actions)
        votes = np.bincount(scores[:, 1:].argmax(axis=0), minlength=count).tolist()
        mean = scores[:, 0].tolist()
        if alternatives.explore:
            share = snapshot.floor / count
            weight = (1.0 - snapshot.floor) / layout.members
            propensities = [weight * vote + share for vote in votes]
            draw = uniform(alternatives.key, snapshot.digest)
            chosen = pick(propensities, draw)
            arm = "exploit" if votes[chosen] == max(votes) else "explore"
        else:
            chosen = max(range(count), key=mean.__getitem__)
            propensities = list(certain(count, chosen))
            draw, arm = 0.0, "exploit"
        return Choice(
            action=alternatives.actions[chosen],
            arm=arm,
            propensity=propensities[chosen],
            actions=alternatives.actions,
            scores=mean,
            propensities=propensities,
            draw=draw,
            model=snapshot.digest,
            contributions=explain(
                snapshot,
                context=alternatives.contexts[chosen],
                action_features=alternatives.action_features[chosen],
            ),
            votes=votes[chosen],
            voters=layout.members,
        )

    def _lay_out(self, snapshot: CommitteeSnapshot | None, alternatives: Alternatives) -> _Layout:
        if snapshot is None:
            raise ComponentError("component.bandit", "no committee was published")
        layout = self._layout
        if layout is None or layout.snapshot is not snapshot:
            layout = self._layout = _prepare(snapshot)
        dx, da = len(snapshot.context_names), layout.da
        if set(map(len, alternatives.contexts)) != {dx} or set(
            map(len, alternatives.action_features)
        ) != {da}:
            detail = f"the snapshot expects {dx} context and {da} action features"
            raise ComponentError("component.bandit", detail, hint="let the learner publish anew")
        return layout


def _prepare(snapshot: CommitteeSnapshot) -> _Layout:
    dx, da = len(snapshot.context_names), len(snapshot.action_names)
    rows = np.vstack((snapshot.mean, snapshot.theta))
    count = rows.shape[0]
    bilinear = rows[:, : dx * da].reshape(count, dx, da).transpose(1, 0, 2).reshape(dx, count * da)
    offsets = np.zeros((len(snapshot.actions) + 1, count))
    offsets[:-1] = rows[:, dx * da :].T
    known = {action: index for index, action in enumerate(snapshot.actions)}
    return _Layout(snapshot, np.ascontiguousarray(bilinear), offsets, known, count - 1, da)


def _scores(layout: _Layout, alternatives: Alternatives) -> Floats:
    """Scores of shape (actions, M + 1).

    Actions of one purpose share their context: the models are contracted with each context once.
    """
    distinct: dict[int, int] = {}
    which = [distinct.setdefault(id(x), len(distinct)) for x in alternatives.contexts]
    contexts = _matrix([alternatives.contexts[which.index(g)] for g in range(len(distinct))])
    actions = _matrix(alternatives.action_features)
    contracted = (contexts @ layout.bilinear).reshape(-1, layout.da)
    every = (actions @ contracted.T).reshape(len(which), len(distinct), layout.members + 1)
    unknown = len(layout.rows)
    known = [layout.rows.get(action, unknown) for action in alternatives.actions]
    scores: Floats = every[np.arange(len(which)), which]
    scores += layout.offsets[known]
    return scores


def _matrix(rows: Sequence[tuple[float, ...]]) -> Floats:
    """Rows of one length as an array; on so few numbers much faster than `numpy.array`."""
    count, size = len(rows), len(rows[0])
    return np.fromiter(chain.from_iterable(rows), np.float64, count * size).reshape(count, size)


def explain(
    snapshot: CommitteeSnapshot, *, context: Sequence[float], action_features: Sequence[float]
) -> tuple[tuple[str, float, float], ...]:
    """The exact additive parts of an action's score: (feature, value, contribution), largest first.

    A feature adds (x_i − x̄_i)·(Θ a)_i against the average context. A zero was withheld (or is exactly
    usual), so it adds nothing and isn't named.

    Returns:
        Factors whose contributions sum, with `reference`, to the score of the mean model.

    Source: Lundberg & Lee 2017, linear SHAP (interventional), which is exact for a linear model.
    """
    slopes = _slopes(snapshot, action_features)
    factors = [
        (name, value, (value - usual) * slope)
        for name, value, usual, slope in zip(
            snapshot.context_names, context, snapshot.context_mean.tolist(), slopes, strict=True
        )
        if value not in (0.0, usual)
    ]
    factors.sort(key=lambda factor: (-abs(factor[2]), factor[0]))
    return tuple(factors)


def reference(
    snapshot: CommitteeSnapshot,
    *,
    action: str,
    context: Sequence[float],
    action_features: Sequence[float],
) -> float:
    """The score of the average customer for an action: what the contributions are counted from."""
    slopes = _slopes(snapshot, action_features)
    means: list[float] = snapshot.context_mean.tolist()
    usual = sum(
        (mean * slope for x, mean, slope in zip(context, means, slopes, strict=True) if x != 0.0),
        start=0.0,
    )
    size = len(snapshot.context_names) * len(snapshot.action_names)
    if action in snapshot.actions:
        return usual + float(snapshot.mean[size + snapshot.actions.index(action)])
    return usual


def _slopes(snapshot: CommitteeSnapshot, action_features: Sequence[float]) -> list[float]:
    """(Θ a) of the mean model, one slope a context feature."""
    dx, da = len(snapshot.context_names), len(snapshot.action_names)
    slopes: Floats = snapshot.mean[: dx * da].reshape(dx, da) @ np.array(action_features)
    values: list[float] = slopes.tolist()
    return values
