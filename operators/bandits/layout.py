"""A committee and what is offered, laid out for counting votes: made once, used for many decisions.

In: CommitteeSnapshot, Alternatives. Out: scores of every action by every model.

Everything here changes where numbers lie, and never a bit of a score: sums on the grid are exact in any order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import starmap
from math import prod
from struct import Struct
from struct import error as StructError  # noqa: N812 - it is an exception
from typing import Any

import numpy as np

from operators.contracts import Alternatives
from schemas.errors import ComponentError
from schemas.models import CommitteeSnapshot, Floats

LINE = 8
"""Floats of a cache line."""
KEPT_MAX = 64
"""Sets of actions, and ways to part them by context, of which something is kept for a snapshot, at most."""


@dataclass(slots=True, frozen=True)
class Layout:
    """A snapshot laid out for deciding: model 0 is the mean, models 1..M are the members.

    ``bilinear`` has shape (dx, da·(M + 1)), filled up to a multiple of eight, ``offsets`` shape (K + 1, M + 1); its
    last row is the zero offset of an action that the snapshot doesn't know. ``rows`` is action → row of ``offsets``.
    ``pack`` and ``pack_context`` write the features of one action and of a context as bytes. ``slopes``, shape
    (dx, da), is the mean model and ``usually``, dx numbers, the average context. ``shares`` is the number of
    actions → the propensity of each number of votes, ``known`` actions → their offsets, shape (M + 1, actions),
    ``parted`` which action has which context → one where it has it, shape (contexts, 1, actions), and ``spare`` the
    number of actions → arrays to count in that nobody uses now.
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
    known: dict[tuple[str, ...], Floats]
    parted: dict[tuple[int, ...], Floats]
    spare: dict[int, list["Scores"]]


class Scores:
    """Arrays to score in, and views of their parts that are made once.

    ``raw`` is what the models say of a context, ``models`` the same by model, shape (M + 1, da); ``scores`` has
    shape (M + 1, actions), ``mean`` is its first row and ``members`` the rest.
    """

    __slots__ = ("mean", "members", "models", "raw", "scores")

    def __init__(self, layout: Layout, count: int) -> None:
        models, da = layout.members + 1, layout.slopes.shape[1]
        self.raw: Floats = _aligned(layout.bilinear.shape[1])
        self.models: Floats = self.raw[: models * da].reshape(da, models).T
        self.scores: Floats = _aligned(models, count)
        self.mean: Floats = self.scores[0]
        self.members: Floats = self.scores[1:]


@dataclass(slots=True, frozen=True)
class Menu:
    """Actions laid out: their features, shape (da, actions), and their offsets, shape (M + 1, actions).

    ``slopes`` is an action's place → the mean model's slopes of it, dx numbers.
    """

    layout: Layout
    actions: tuple[str, ...]
    features: tuple[tuple[float, ...], ...]
    columns: Floats
    offsets: Floats
    slopes: dict[int, Floats]


def lay_out(snapshot: CommitteeSnapshot) -> Layout:
    """Lay a snapshot out."""
    dx, da = len(snapshot.context_names), len(snapshot.action_names)
    rows = np.vstack((snapshot.mean, snapshot.theta))
    count = rows.shape[0]
    # Rows of whole cache lines: a product with a context then takes three quarters of the time, or less.
    bilinear = _aligned(dx, -(-da * count // LINE) * LINE)
    bilinear[:, da * count :] = 0.0
    by_context = rows[:, : dx * da].reshape(count, dx, da).transpose(1, 2, 0)
    bilinear[:, : da * count] = by_context.reshape(dx, da * count)
    return Layout(
        snapshot=snapshot,
        bilinear=bilinear,
        offsets=np.vstack((rows[:, dx * da :].T, np.zeros((1, count)))),
        rows={action: index for index, action in enumerate(snapshot.actions)},
        members=count - 1,
        pack=Struct(f"{da}d").pack,
        pack_context=Struct(f"{dx}d").pack,
        slopes=np.ascontiguousarray(snapshot.mean[: dx * da].reshape(dx, da)),
        usually=snapshot.context_mean.tolist(),
        shares={},
        known={},
        parted={},
        spare={},
    )


def _aligned(*shape: int) -> Floats:
    """An array that begins with a cache line, with anything in it."""
    size = prod(shape)
    room = np.empty(size + LINE)
    start = -(room.ctypes.data // room.itemsize) % LINE
    return room[start : start + size].reshape(shape)


def shares_of(layout: Layout, count: int) -> Floats:
    """The propensity of an action by its votes, where there are so many actions."""
    floor = layout.snapshot.floor
    share, weight = floor / count, (1.0 - floor) / layout.members
    made: Floats = weight * np.arange(layout.members + 1, dtype=np.float64) + share
    layout.shares[count] = made
    return made


def menu_of(layout: Layout, alternatives: Alternatives) -> Menu:
    """Lay out what is offered.

    Raises:
        ComponentError: The action features are not as many as the snapshot's. Disposition: degrade.
    """
    try:
        packed = b"".join(starmap(layout.pack, alternatives.action_features))
    except StructError:
        raise _misfit(layout) from None
    actions = alternatives.actions
    rows = np.frombuffer(packed).reshape(len(actions), -1)
    offsets = layout.known.get(actions)
    if offsets is None:
        offsets = _known(layout, actions)
    columns = np.ascontiguousarray(rows.T)
    return Menu(layout, actions, alternatives.action_features, columns, offsets, {})


def _known(layout: Layout, actions: tuple[str, ...]) -> Floats:
    """The offsets of some actions, kept: which are offered together repeats, what is seen of them does not."""
    unknown = len(layout.rows)
    rows = [layout.rows.get(action, unknown) for action in actions]
    offsets = _aligned(layout.members + 1, len(rows))
    offsets[...] = layout.offsets.take(rows, axis=0).T
    _keep(layout.known, actions, offsets)
    return offsets


def _keep(kept: dict[Any, Floats], key: object, made: Floats) -> None:
    """Keep what was made for so long as there is room: the oldest goes first."""
    if len(kept) >= KEPT_MAX:
        del kept[next(iter(kept))]
    kept[key] = made


def borrow(layout: Layout, count: int) -> Scores:
    """Arrays for so many actions, which nobody else counts in until they are put back."""
    try:
        return layout.spare[count].pop()
    except (KeyError, IndexError):
        layout.spare.setdefault(count, [])
        return Scores(layout, count)


def distinct(layout: Layout, contexts: tuple[tuple[float, ...], ...]) -> tuple[Floats, list[int]]:
    """The different contexts, a row each, and by action the row of its own; if all have the same, it and none.

    Actions of one purpose share their context: the models are contracted with each context once.

    Raises:
        ComponentError: The features are not as many as the snapshot's. Disposition: degrade.
    """
    try:
        # The last is silence, which as a rule sees less than the first as soon as purposes differ.
        if contexts[0] is contexts[-1] and contexts.count(contexts[0]) == len(contexts):
            return np.frombuffer(layout.pack_context(*contexts[0])), []
        ids = [*map(id, contexts)]
        found = dict(zip(ids, contexts, strict=True))
        packed = b"".join(starmap(layout.pack_context, found.values()))
    except StructError:
        raise _misfit(layout) from None
    places = {key: place for place, key in enumerate(found)}
    return np.frombuffer(packed).reshape(len(found), -1), [*map(places.__getitem__, ids)]


def score(work: Scores, menu: Menu, contexts: Floats, which: list[int]) -> None:
    """Score every action by every model."""
    if which:
        models, da = work.models.shape
        each = contexts.dot(menu.layout.bilinear)[:, : models * da].reshape(-1, models)
        np.dot(each.T, _apart(menu, len(contexts), which), work.scores)
    else:
        np.dot(contexts, menu.layout.bilinear, work.raw)
        np.dot(work.models, menu.columns, work.scores)
    np.add(work.scores, menu.offsets, work.scores)


def _apart(menu: Menu, groups: int, which: list[int]) -> Floats:
    """The features of actions where those with the same context have rows of their own, and zeros elsewhere."""
    parted, key = menu.layout.parted, tuple(which)
    own = parted.get(key)
    if own is None:
        own = (np.arange(groups)[:, None, None] == np.array(which)).astype(np.float64)
        _keep(parted, key, own)
    return (own * menu.columns).reshape(-1, len(which))


def _misfit(layout: Layout) -> ComponentError:
    dx, da = len(layout.snapshot.context_names), len(layout.snapshot.action_names)
    detail = f"the snapshot expects {dx} context and {da} action features"
    return ComponentError("component.bandit", detail, hint="let the learner publish anew")
