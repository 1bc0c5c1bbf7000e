"""The context that a purpose may see: on its grid, bounded, and nothing read of what is not given."""

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from operators.arbitrate import X_GRID, X_MAX, Plans
from operators.features import CONTEXT
from schemas.base import DATA_SOURCES, Source

VALUES = st.lists(
    st.floats(allow_nan=False, width=32), min_size=len(CONTEXT), max_size=len(CONTEXT)
)


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


@given(VALUES, st.frozensets(st.sampled_from(DATA_SOURCES)))
@example([0.0] * len(CONTEXT), frozenset())
@example([1.0] * len(CONTEXT), frozenset({CONTEXT[0].source}))
@example([-1e30] * len(CONTEXT), frozenset(DATA_SOURCES))
def test_a_context_is_standardised_rounded_and_bounded(
    values: list[float], sources: frozenset[Source]
) -> None:
    """As by the plain formula; a source that is not given reads as zero, and is not looked at."""
    features = Watched({spec.name: value for spec, value in zip(CONTEXT, values, strict=True)})
    expected = [1.0]
    for spec, value in zip(CONTEXT, values, strict=True):
        standing = max(-X_MAX, min(X_MAX, (value - spec.centre) / spec.scale))
        expected.append(round(standing * X_GRID) / X_GRID if spec.source in sources else 0.0)
    assert Plans(CONTEXT).read(features, sources) == tuple(expected)
    assert features.seen == [spec.name for spec in CONTEXT if spec.source in sources]


def test_what_is_not_a_number_is_refused() -> None:
    """No model can say anything of it."""
    features = {spec.name: float("nan") for spec in CONTEXT}
    with pytest.raises(ValueError, match="not a number"):
        Plans(CONTEXT).read(features, frozenset(DATA_SOURCES))
