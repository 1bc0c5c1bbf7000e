"""What an action brings that no early sign shows: what a surrogate left over, once it is known, by context and action.

In: decisions that matured, with their value less what the signs had foretold. Out: what to add to the labels of those that have
not. Where the surrogate is valid there is nothing to find and nothing is added; where it isn't, its bias would otherwise be learnt
from every decision that has not matured yet. The sums are those of the committee's learner: exact, mergeable, revisable.
Source: Athey, Chetty, Imbens & Kang 2019 (bias of a surrogate index, from a sample in which the outcome is seen).
"""

from collections.abc import Iterable, Sequence

import numpy as np

from operators.bandits.grid import snap_actions, snap_context
from operators.bandits.ridge import Levers, PosteriorRidge
from schemas.decisions import Lesson
from schemas.models import Floats


class Unseen:
    """A ridge regression of what is left over on context × action features."""

    def __init__(
        self,
        context_names: Sequence[str],
        action_names: Sequence[str],
        *,
        actions: Iterable[str] = (),
        levers: Levers | None = None,
    ) -> None:
        """Begin with nothing matured: nothing is added."""
        self._ridge = PosteriorRidge(context_names, action_names, actions=actions, levers=levers)
        self._mean: Floats | None = None
        self._rows: dict[str, int] = {}
        self._size = (len(context_names), len(action_names))

    def mature(self, lesson: Lesson) -> None:
        """Take what a decision brought beyond what its signs foretold, as the label of a lesson."""
        self._ridge.learn(lesson)

    def refresh(self, version: int) -> None:
        """Use all that matured from now on."""
        snapshot = self._ridge.snapshot(version)
        self._mean = snapshot.mean
        self._rows = {action: row for row, action in enumerate(snapshot.actions)}

    def expect(self, contexts: Floats, action_features: Floats, actions: Sequence[str]) -> Floats:
        """What is still to come unseen, shape (n,), in units of 10 EUR; 0 before anything matured."""
        if self._mean is None:
            return np.zeros(len(contexts))
        dx, da = self._size
        slopes, offsets = self._mean[: dx * da].reshape(dx, da), self._mean[dx * da :]
        x, a = snap_context(contexts), snap_actions(action_features)
        own = [float(offsets[self._rows[k]]) if k in self._rows else 0.0 for k in actions]
        expected: Floats = np.einsum("ni,ij,nj->n", x, slopes, a) + np.array(own)
        return expected
