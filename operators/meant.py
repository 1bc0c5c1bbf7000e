"""What a feature is meant for: one that is not meant for a purpose is not read for it, whatever is agreed to.

Stage: 3 of 8, around the triggers and insights. In: features, what each purpose may use. Out: features to read.

A trigger serves whatever answers its signals, so it reads what is meant for any purpose that may use its sources;
its signals are then used for those purposes alone that all it reads is meant for. An insight serves wellbeing.
To hold something back is no use of a feature, so the policies look at all of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from operators.contracts import EVERY_PURPOSE, Trigger
from operators.features import SPECS
from operators.insights import INSIGHTS
from operators.triggers import TRIGGERS
from schemas.base import Purpose, Source

NARROW: dict[str, tuple[frozenset[Purpose], frozenset[Source]]] = {
    spec.name: (spec.purposes, spec.sources)
    for spec in SPECS
    if spec.purposes != EVERY_PURPOSE or spec.also
}
"""The features that some purpose may not read though it may use their source: not meant for it, or of another
source as well. What they are meant for, and what they are made of."""


def of_needs(needs: tuple[str, ...]) -> frozenset[Purpose]:
    """The purposes that every feature among the needs of a plug-in is meant for.

    Example:
        >>> sorted(of_needs(("slot:text", "feature:text.money_trouble_90d")))
        [<Purpose.FINANCIAL_WELLBEING: 'financial_wellbeing'>, <Purpose.MODEL_TRAINING: 'model_training'>]
    """
    meant = EVERY_PURPOSE
    for need in needs:
        name = need.removeprefix("feature:")
        if name != need and name in NARROW:
            meant &= NARROW[name][0]
    return meant


def of_signals(plugins: tuple[Trigger, ...]) -> dict[str, frozenset[Purpose]]:
    """Signal → the purposes that it may serve, where that is not every one."""
    return {
        signal: meant
        for plugin in plugins
        if (meant := of_needs(plugin.needs)) != EVERY_PURPOSE
        for signal in plugin.emits
    }


NARROW_SIGNALS: dict[str, frozenset[Purpose]] = of_signals((*TRIGGERS, *INSIGHTS))
"""Signals that rest on a feature which is not meant for every purpose."""


def may_serve(signal: str, purpose: Purpose) -> bool:
    """Whether what a signal rests on is meant for a purpose."""
    meant = NARROW_SIGNALS.get(signal)
    return meant is None or purpose in meant


class Meant(Mapping[str, float]):
    """The features that may be read for one of some purposes; of another it is as if it did not exist."""

    __slots__ = ("_features", "_purposes", "_usable")

    def __init__(
        self,
        features: Mapping[str, float],
        purposes: Iterable[Purpose],
        usable: Callable[[Purpose], frozenset[Source]],
    ) -> None:
        """Look through at features.

        Args:
            features: All of them, computed when looked at.
            purposes: Those that are served.
            usable: The sources that a purpose may use.
        """
        self._features = features
        self._purposes = purposes
        self._usable = usable

    def _hidden(self, name: str) -> bool:
        narrow = NARROW.get(name)
        if narrow is None:
            return False
        meant, sources = narrow
        return not any(
            purpose in meant and sources <= self._usable(purpose) for purpose in self._purposes
        )

    def __getitem__(self, name: str) -> float:
        """The value; nothing is computed of a feature that is meant for none of the purposes."""
        if name in NARROW and self._hidden(name):
            raise KeyError(name)
        return self._features[name]

    def get(self, name: str, default: Any = None) -> Any:
        """As of any mapping, without an exception on the way."""
        if name in NARROW and self._hidden(name):
            return default
        try:
            return self._features[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        """Whether it may be read."""
        return not self._hidden(str(name)) and name in self._features

    def __iter__(self) -> Iterator[str]:
        """The names of those that may be read."""
        return (name for name in self._features if not self._hidden(name))

    def __len__(self) -> int:
        """How many may be read."""
        return sum(1 for _ in self)
