"""App use: counts fade, features are distinct, friction is seen."""

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.features.app import FEATURES_MAX, AppUse
from schemas.base import DAY_MS
from schemas.customer import Memory
from tests.strategies import START, event

GROUP = AppUse()
NAMES = [spec.name for spec in GROUP.specs]
START_MS = round(START.timestamp() * 1000)
BODIES = [
    {"kind": "app.opened"},
    {"kind": "app.feature_used", "feature": "savings_pots"},
    {"kind": "app.feature_used", "feature": "round_up"},
    {"kind": "app.searched", "topic": "flight_delay"},
    {"kind": "app.searched", "topic": "statements"},
    {"kind": "app.error_shown", "screen": "payments", "code": "e-1"},
    {"kind": "app.rage_tapped", "screen": "payments"},
    {"kind": "app.flow_abandoned", "flow": "loan"},
]


def fold(bodies: Sequence[tuple[float, dict[str, str]]]) -> tuple[Memory, int]:
    """The memory after events given as (days after the start, body), and the newest instant."""
    memory, now_ms = GROUP.slot.zero(), 0
    for index, (days, body) in enumerate(bodies):
        one = event(body, minutes=days * 1440, index=index)
        now_ms = max(now_ms, one.at_ms)
        memory = GROUP.update(memory, one, now_ms=now_ms)
    return memory, now_ms


def read(memory: Memory, now_ms: int) -> dict[str, float]:
    """The values by name."""
    return dict(zip(NAMES, GROUP.read(memory, now_ms=now_ms), strict=True))


def test_a_steady_rate_reads_as_its_window() -> None:
    """One open a day for a year reads as about 30 in 30 days."""
    memory, now_ms = fold([(day, {"kind": "app.opened"}) for day in range(365)])
    assert read(memory, now_ms)["app.opens_30d"] == pytest.approx(30.5, abs=0.1)


def test_friction_counts_and_passes() -> None:
    """Three taps in a minute are nearly three, and are nearly forgotten a month later."""
    memory, now_ms = fold(
        [(i / 86_400, {"kind": "app.rage_tapped", "screen": "pay"}) for i in range(3)]
    )
    assert read(memory, now_ms)["app.rage_taps_7d"] == pytest.approx(3.0, abs=1e-3)
    assert read(memory, now_ms + 30 * DAY_MS)["app.rage_taps_7d"] < 0.05


def test_features_are_counted_once_each() -> None:
    """Using a feature ten times is one feature used, until ninety days pass."""
    memory, now_ms = fold(
        [(i, {"kind": "app.feature_used", "feature": "round_up"}) for i in range(10)]
        + [(10, {"kind": "app.feature_used", "feature": "travel_mode"})]
    )
    assert read(memory, now_ms)["app.features_used_count"] == 2
    assert read(memory, now_ms + 91 * DAY_MS)["app.features_used_count"] == 0


def test_a_travel_search_is_a_search_too() -> None:
    """A search about travel counts among the searches and by itself."""
    memory, now_ms = fold([(0, {"kind": "app.searched", "topic": "travel_insurance"})])
    values = read(memory, now_ms)
    assert values["app.searches_30d"] == values["app.travel_searches_30d"] == 1


def test_the_memory_is_bounded() -> None:
    """A thousand feature names keep at most the newest few."""
    memory, _ = fold(
        [(i / 50, {"kind": "app.feature_used", "feature": f"f-{i}"}) for i in range(1000)]
    )
    assert len(memory["features"]) == FEATURES_MAX
    assert "f-999" in memory["features"]


@given(
    bodies=st.lists(st.tuples(st.floats(0, 80), st.sampled_from(BODIES)), min_size=1, max_size=25),
    data=st.data(),
)
def test_order_does_not_matter(
    bodies: list[tuple[float, dict[str, str]]], data: st.DataObject
) -> None:
    """Late events count where their time belongs: any order reads the same."""
    shuffled = data.draw(st.permutations(bodies))
    first, now_ms = fold(bodies)
    second, _ = fold(shuffled)
    assert GROUP.read(second, now_ms=now_ms) == pytest.approx(GROUP.read(first, now_ms=now_ms))


@given(bodies=st.lists(st.tuples(st.floats(0, 80), st.sampled_from(BODIES)), max_size=25))
def test_memory_is_a_value(bodies: list[tuple[float, dict[str, str]]]) -> None:
    """A memory goes through JSON unharmed, and folding leaves the one it was given as it was."""
    memory, now_ms = fold(bodies)
    before = orjson.dumps(memory)
    assert orjson.loads(before) == memory
    for body in BODIES:
        GROUP.update(memory, event(body, minutes=90 * 1440), now_ms=now_ms + DAY_MS)
    assert orjson.dumps(memory) == before
