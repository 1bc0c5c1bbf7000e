"""The posterior committee: plausible models vote, and the vote share is the exact propensity.

Stage: 6 of 8. In: Alternatives, CommitteeSnapshot. Out: Choice.

Contexts and action features come on dyadic grids (`operators.bandits.grid`), and a snapshot is made so
that every sum fits the 53 bits of a float: the votes are the same bits on every machine, in every order
of summation. There is no exp, log or power anywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import starmap
from struct import Struct
from struct import error as StructError  # noqa: N812 - it is an exception

import numpy as np

from operators.bandits.draw import certain, pick
from operators.contracts import Alternatives
from operators.draws import uniform
from schemas.decisions import Choice, Parts
from schemas.errors import ComponentError
from schemas.models import CommitteeSnapshot, Floats, Models
from schemas.rules import Rules


@dataclass(slots=True, frozen=True)
class _Layout:
    """A snapshot laid out for deciding: row 0 is the mean, rows 1..M are the members.

    ``bilinear`` has shape (dx, (M + 1)·da), ``offsets`` shape (K + 1, M + 1); its last row is the zero
    offset of an action that the snapshot doesn't know. ``rows`` is action → row of ``offsets``.
    ``pack`` and ``pack_context`` write the features of one action and of a context as bytes. ``slopes``, shape
    (dx, da), is the mean model and ``usually``, dx numbers, the average context. ``shares`` is the number of
    actions → the propensity of each number of votes.
    """

    snapshot: CommitteeSnapshot
    bilinear: Floats
    offsets: Floats
    rows: dict[str, int]
    members: int
    pack: Callable[..., bytes]
    pack_context: Callable[..., bytes]
    slopes: Floats
    usually: list[float]
    shares: dict[int, Floats]


@dataclass(slots=True, frozen=True)
class _Menu:
    """Actions laid out: their features, shape (da, actions), and their offsets, shape (M + 1, actions).

    ``slopes``, shape (actions, dx), are the mean model's slopes of each action.
    """

    layout: _Layout
    actions: tuple[str, ...]
    features: tuple[tuple[float, ...], ...]
    columns: Floats
    offsets: Floats
    slopes: Floats


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
        self._layout: _Layout | None = None
        self._menu: _Menu | None = None

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
        contexts, which = _distinct(layout, alternatives.contexts)
        scores = _scores(menu, contexts, which)
        count = len(alternatives.actions)
        votes = np.bincount(scores[1:].argmax(axis=1), minlength=count)
        mean: list[float] = scores[0].tolist()
        propensities: list[float]
        if alternatives.explore:
            by_votes = layout.shares.get(count)
            shares = (_shares(layout, count) if by_votes is None else by_votes).take(votes)
            propensities = shares.tolist()
            draw = uniform(alternatives.key, snapshot.digest)
            chosen = pick(shares, draw)
            # The method is half the price of `votes.max()`.
            arm = "exploit" if votes[chosen] == votes[votes.argmax()] else "explore"
        else:
            chosen = max(range(count), key=mean.__getitem__)
            propensities = list(certain(count, chosen))
            draw, arm = 0.0, "exploit"
        # As `explain`, from what is laid out already.
        adds = contexts[which[chosen] if which else 0] - snapshot.context_mean
        adds *= menu.slopes[chosen]
        return Choice(
            action=alternatives.actions[chosen],
            arm=arm,
            propensity=propensities[chosen],
            actions=alternatives.actions,
            scores=mean,
            propensities=propensities,
            draw=draw,
            model=snapshot.digest,
            parts=Parts(
                snapshot.context_names, alternatives.contexts[chosen], layout.usually, adds.tolist()
            ),
            votes=int(votes[chosen]),
            voters=layout.members,
        )

    def _lay_out(self, snapshot: CommitteeSnapshot | None) -> _Layout:
        if snapshot is None:
            raise ComponentError("component.bandit", "no committee was published")
        layout = self._layout
        if layout is None or layout.snapshot is not snapshot:
            layout = self._layout = _prepare(snapshot)
        return layout

    def _laid(self, layout: _Layout, alternatives: Alternatives) -> _Menu:
        menu = self._menu
        if (
            menu is None
            or menu.actions is not alternatives.actions
            or menu.features is not alternatives.action_features
            or menu.layout is not layout
        ):
            menu = self._menu = _offered(layout, alternatives)
        return menu


def _prepare(snapshot: CommitteeSnapshot) -> _Layout:
    dx, da = len(snapshot.context_names), len(snapshot.action_names)
    rows = np.vstack((snapshot.mean, snapshot.theta))
    count = rows.shape[0]
    bilinear = rows[:, : dx * da].reshape(count, dx, da).transpose(1, 0, 2).reshape(dx, count * da)
    return _Layout(
        snapshot=snapshot,
        bilinear=np.ascontiguousarray(bilinear),
        offsets=np.vstack((rows[:, dx * da :].T, np.zeros((1, count)))),
        rows={action: index for index, action in enumerate(snapshot.actions)},
        members=count - 1,
        pack=Struct(f"={da}d").pack,
        pack_context=Struct(f"={dx}d").pack,
        slopes=np.ascontiguousarray(snapshot.mean[: dx * da].reshape(dx, da)),
        usually=snapshot.context_mean.tolist(),
        shares={},
    )


def _shares(layout: _Layout, count: int) -> Floats:
    """The propensity of an action by its votes, where there are so many actions."""
    floor = layout.snapshot.floor
    share, weight = floor / count, (1.0 - floor) / layout.members
    made: Floats = weight * np.arange(layout.members + 1, dtype=np.float64) + share
    layout.shares[count] = made
    return made


def _offered(layout: _Layout, alternatives: Alternatives) -> _Menu:
    try:
        packed = b"".join(starmap(layout.pack, alternatives.action_features))
    except StructError:
        raise _misfit(layout) from None
    rows = np.frombuffer(packed).reshape(len(alternatives.actions), -1)
    unknown = len(layout.rows)
    known = [layout.rows.get(action, unknown) for action in alternatives.actions]
    return _Menu(
        layout,
        alternatives.actions,
        alternatives.action_features,
        np.ascontiguousarray(rows.T),
        np.ascontiguousarray(layout.offsets.take(known, axis=0).T),
        rows.dot(layout.slopes.T),
    )


def _distinct(layout: _Layout, contexts: tuple[tuple[float, ...], ...]) -> tuple[Floats, list[int]]:
    """The different contexts, a row each, and by action the row of its own; none if all have the same.

    Actions of one purpose share their context: the models are contracted with each context once.
    """
    try:
        if contexts.count(contexts[0]) == len(contexts):
            return np.frombuffer(layout.pack_context(*contexts[0])).reshape(1, -1), []
        ids = [*map(id, contexts)]
        found = dict(zip(ids, contexts, strict=True))
        packed = b"".join(starmap(layout.pack_context, found.values()))
    except StructError:
        raise _misfit(layout) from None
    places = {key: place for place, key in enumerate(found)}
    return np.frombuffer(packed).reshape(len(found), -1), [*map(places.__getitem__, ids)]


def _scores(menu: _Menu, contexts: Floats, which: list[int]) -> Floats:
    """Scores of shape (M + 1, actions)."""
    layout, groups = menu.layout, len(contexts)
    models = contexts.dot(layout.bilinear).reshape(groups * (layout.members + 1), -1)
    scores: Floats = models.dot(menu.columns)
    if which:
        every = scores.reshape(groups, layout.members + 1, -1)
        scores = every[which, :, np.arange(len(which))].T
    scores += menu.offsets
    return scores


def _misfit(layout: _Layout) -> ComponentError:
    dx, da = len(layout.snapshot.context_names), len(layout.snapshot.action_names)
    detail = f"the snapshot expects {dx} context and {da} action features"
    return ComponentError("component.bandit", detail, hint="let the learner publish anew")


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
