"""Life events: what was said last, stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.features.life import LifeEvents
from schemas.base import DAY_MS
from schemas.customer import Memory
from tests.strategies import event

GROUP = LifeEvents()
Word = tuple[float, str, bool | None]


def fold(words: list[Word]) -> tuple[Memory, int]:
    """The memory after words given as (days, life event, confirmed, or None if declared)."""
    memory, now_ms = GROUP.slot.zero(), 0
    for index, (days, name, confirmed) in enumerate(words):
        body: dict[str, object] = {"kind": "life.declared", "event": name}
        if confirmed is not None:
            body = {"kind": "life.answered", "event": name, "confirmed": confirmed}
        one = event(body, minutes=days * 1440, index=index)
        now_ms = max(now_ms, one.at_ms)
        memory = GROUP.update(memory, one, now_ms=now_ms)
    return memory, now_ms


def test_nothing_said_reads_as_long_ago() -> None:
    """The empty memory is the neutral customer."""
    assert GROUP.read(GROUP.slot.zero(), now_ms=0) == (365.0, 0.0)


def test_the_newest_event_counts() -> None:
    """Two events count as two, and the newer one tells how recent."""
    memory, now_ms = fold([(0, "moving", None), (20, "new_job", True)])
    assert GROUP.read(memory, now_ms=now_ms + 5 * DAY_MS) == (5.0, 2.0)


def test_a_denial_takes_it_back() -> None:
    """What the customer denies later is no fact, however sure the bank was."""
    memory, now_ms = fold([(0, "moving", True), (2, "moving", False)])
    assert GROUP.read(memory, now_ms=now_ms) == (365.0, 0.0)


def test_a_year_later_it_is_over() -> None:
    """An event leaves after 365 days."""
    memory, now_ms = fold([(0, "marriage", None)])
    assert GROUP.read(memory, now_ms=now_ms + 365 * DAY_MS) == (365.0, 0.0)


@given(
    words=st.lists(
        st.tuples(
            st.integers(0, 400),
            st.sampled_from(["moving", "baby", "bereavement"]),
            st.sampled_from([None, True, False]),
        ),
        min_size=1,
        max_size=15,
    ),
    data=st.data(),
)
def test_order_does_not_matter(words: list[Word], data: st.DataObject) -> None:
    """Words count by their own time: any order reads the same."""
    first, now_ms = fold(words)
    second, _ = fold(data.draw(st.permutations(words)))
    assert GROUP.read(first, now_ms=now_ms) == pytest.approx(GROUP.read(second, now_ms=now_ms))
