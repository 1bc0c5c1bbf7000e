"""Texts: moods and worries, without a word of what was said."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.features.text import Texts
from schemas.base import DAY_MS
from schemas.customer import Memory
from schemas.events import MessageRead
from tests.strategies import CUSTOMER, START, event

GROUP = Texts()
Said = tuple[float, str | None, float, float]


def reading(days: float, intent: str | None, probability: float, sentiment: float) -> MessageRead:
    """A reading so many days after the start."""
    return MessageRead(
        event_id="m-1",
        customer=CUSTOMER,
        at=START + timedelta(days=days),
        channel="chat",
        intent=intent,
        intent_probability=probability,
        sentiment=sentiment,
    )


def fold(said: list[Said]) -> tuple[Memory, int]:
    """The memory after readings, and the newest instant."""
    memory, now_ms = GROUP.slot.zero(), 0
    for one in (reading(*words) for words in said):
        now_ms = max(now_ms, one.at_ms)
        memory = GROUP.update(memory, one, now_ms=now_ms)
    return memory, now_ms


def test_one_angry_word_is_not_a_mood() -> None:
    """A single message moves the mood half-way; five of them nearly all the way."""
    one, now_ms = fold([(0, "fee_complaint", 0.9, -0.8)])
    many, _ = fold([(0, "fee_complaint", 0.9, -0.8)] * 5)
    assert GROUP.read(one, now_ms=now_ms)[1] == pytest.approx(-0.4)
    assert GROUP.read(many, now_ms=now_ms)[1] == pytest.approx(-0.8 * 5 / 6)


def test_the_mood_returns_to_neutral() -> None:
    """Half a year later an old quarrel weighs next to nothing."""
    memory, now_ms = fold([(0, "fee_complaint", 0.9, -1.0)] * 5)
    assert abs(GROUP.read(memory, now_ms=now_ms + 180 * DAY_MS)[1]) < 0.02


def test_money_trouble_counts_by_its_probability() -> None:
    """Two doubtful readings of money trouble are as one sure one; other intents are none."""
    memory, now_ms = fold(
        [(0, "money_trouble", 0.5, -0.5), (0, "money_trouble", 0.5, 0.0), (0, "other", 0.9, 0.5)]
    )
    assert GROUP.read(memory, now_ms=now_ms) == (3.0, 0.0, 1.0, 1.0)


def test_text_itself_is_not_folded() -> None:
    """A message that was not read, or a label, changes nothing."""
    memory = GROUP.slot.zero()
    raw = event({"kind": "message.received", "channel": "chat", "text": "hello"}, minutes=0)
    assert GROUP.update(memory, raw, now_ms=raw.at_ms) == GROUP.slot.zero()


@given(
    said=st.lists(
        st.tuples(
            st.floats(0, 60),
            st.sampled_from([None, "money_trouble", "other"]),
            st.floats(0, 1),
            st.floats(-1, 1),
        ),
        min_size=1,
        max_size=15,
    ),
    data=st.data(),
)
def test_order_does_not_matter(said: list[Said], data: st.DataObject) -> None:
    """Late messages count where their time belongs: any order reads the same."""
    first, now_ms = fold(said)
    second, _ = fold(data.draw(st.permutations(said)))
    expected = GROUP.read(first, now_ms=now_ms)
    assert GROUP.read(second, now_ms=now_ms) == pytest.approx(expected, abs=1e-6)
    assert all(abs(value) < 100 for value in expected)
