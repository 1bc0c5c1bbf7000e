"""The key layout: bytes sort as what they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from state import keys

IDS = st.text("abz019_.:-", min_size=1, max_size=4)
TIMERS = st.tuples(st.integers(0, 2**64 - 1), IDS, IDS)


@given(TIMERS, TIMERS)
def test_timers_sort_by_instant_customer_name(
    one: tuple[int, str, str], other: tuple[int, str, str]
) -> None:
    """The order of keys is the order of (instant, customer, name), and a key says what it is of."""
    assert (keys.timer_key(*one) < keys.timer_key(*other)) == (one < other)
    assert keys.timer_of(keys.timer_key(*one)) == one
    assert keys.timers_from(one[0]) <= keys.timer_key(*one)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_outbox_sorts_by_sequence(one: int, other: int) -> None:
    """Outputs lie in the order that they were made in."""
    assert (keys.outbox_key(one) < keys.outbox_key(other)) == (one < other)
    assert keys.outbox_sequence(keys.outbox_key(one)) == one


@given(st.text("abz019_.-", min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_positions_say_their_partition(topic: str, partition: int) -> None:
    """A position's key, of either sort, names its topic and partition."""
    assert keys.topic_partition(keys.position_key(topic, partition)) == (topic, partition)
    assert keys.topic_partition(keys.source_position_key(topic, partition)) == (topic, partition)
