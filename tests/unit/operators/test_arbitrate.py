"""The context that a purpose may see: on its grid, bounded, and nothing read of what is not given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from operators.arbitrate import Contexts, Plans, context_of
from operators.bandits.standard import X_GRID, X_MAX
from operators.contracts import FeatureSpec
from operators.features import CONTEXT
from schemas.base import DATA_SOURCES, Source

MORE = [
    replace(spec, name=f"{spec.name}:{n}", centre=spec.centre + n)
    for n in range(3)
    for spec in CONTEXT
]
"""Three times as many features, with other centres."""


class Watched(Mapping[str, float]):
    """Features that remember who was looked at."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = values
        self.seen: list[str] = []

    def __getitem__(self, name: str) -> float:
        self.seen.append(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@pytest.mark.parametrize("specs", [CONTEXT, MORE], ids=["declared", "more"])
@given(data=st.data(), sources=st.frozensets(st.sampled_from(DATA_SOURCES)))
@example(data=0.0, sources=frozenset())
@example(data=1.0, sources=frozenset({CONTEXT[0].source}))
@example(data=-1e30, sources=frozenset(DATA_SOURCES))
@example(data=inf, sources=frozenset(DATA_SOURCES))
def test_a_context_is_standardised_rounded_and_bounded(
    specs: Sequence[FeatureSpec], data: st.DataObject | float, sources: frozenset[Source]
) -> None:
    """As by the plain formula; a source that is not given reads as zero, and is not looked at."""
    if isinstance(data, float):
        values = [data] * len(specs)
    else:
        usual, any_value = st.floats(-20.0, 20.0), st.floats(allow_nan=False, width=32)
        kind = data.draw(st.sampled_from([usual, any_value]))
        values = data.draw(st.lists(kind, min_size=len(specs), max_size=len(specs)))
    features = Watched({spec.name: value for spec, value in zip(specs, values, strict=True)})
    expected = [1.0]
    for spec, value in zip(specs, values, strict=True):
        standing = max(-X_MAX, min(X_MAX, (value - spec.centre) / spec.scale))
        expected.append(round(standing * X_GRID) / X_GRID if spec.source in sources else 0.0)
    assert Plans(specs).read(features, sources) == tuple(expected)
    assert features.seen == [spec.name for spec in specs if spec.source in sources]


@pytest.mark.parametrize("specs", [CONTEXT, MORE], ids=["declared", "more"])
def test_what_is_not_a_number_is_refused(specs: Sequence[FeatureSpec]) -> None:
    """No model can say anything of it, be it one among many."""
    features = {spec.name: 0.0 for spec in specs} | {specs[1].name: float("nan")}
    with pytest.raises(ValueError, match="not a number"):
        Plans(specs).read(features, frozenset(DATA_SOURCES))


@given(st.lists(st.frozensets(st.sampled_from(DATA_SOURCES)), min_size=1, max_size=6))
def test_what_was_seen_before_changes_no_context(asked: list[frozenset[Source]]) -> None:
    """In whatever order contexts are asked for: each is what it is alone, and nothing else was looked at."""
    values = {spec.name: spec.centre + n * spec.scale for n, spec in enumerate(CONTEXT)}
    features = Watched(values)
    contexts = Contexts(features)
    for sources in asked:
        assert contexts.of(sources) == context_of(values, sources)
        assert contexts.of(sources) is contexts.of(sources)
    given = frozenset().union(*asked)
    assert set(features.seen) == {spec.name for spec in CONTEXT if spec.source in given}
