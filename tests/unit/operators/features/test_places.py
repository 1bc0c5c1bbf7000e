"""Places: days and zones, never more."""

from hypothesis import given
from hypothesis import strategies as st

from operators.features.places import AIRPORT_DAYS_MAX, LONG_AGO_DAYS, ZONES_MAX, Places
from schemas.base import DAY_MS
from schemas.customer import Memory
from tests.strategies import event

GROUP = Places()
Entry = tuple[float, str, str]


def fold(entries: list[Entry]) -> tuple[Memory, int]:
    """The memory after entries given as (days after the start, zone, kind), and the newest instant."""
    memory, now_ms = GROUP.slot.zero(), 0
    for index, (days, zone, kind) in enumerate(entries):
        body = {"kind": "location.zone_entered", "zone": zone, "zone_kind": kind}
        one = event(body, minutes=days * 1440, index=index)
        now_ms = max(now_ms, one.at_ms)
        memory = GROUP.update(memory, one, now_ms=now_ms)
    return memory, now_ms


def test_in_and_out_of_a_terminal_is_one_day() -> None:
    """Several entries on one day are one airport day; the next day is another."""
    memory, now_ms = fold([(d, "airport:LHR", "airport") for d in (0, 0.05, 0.1, 1)])
    assert GROUP.read(memory, now_ms=now_ms) == (2.0, 0.0, 1.0)
    assert GROUP.read(memory, now_ms=now_ms + 10 * DAY_MS) == (2.0, 10.0, 1.0)
    assert GROUP.read(memory, now_ms=now_ms + 90 * DAY_MS) == (0.0, LONG_AGO_DAYS, 0.0)


def test_outside_every_zone_is_nowhere() -> None:
    """Being elsewhere leaves no trace at all."""
    memory, _ = fold([(0, "elsewhere", "elsewhere")])
    assert memory == GROUP.slot.zero()


def test_what_is_too_old_is_not_kept() -> None:
    """Days and zones beyond their windows leave the memory with the next entry."""
    memory, _ = fold([(0, "airport:LHR", "airport"), (100, "airport:JFK", "airport")])
    assert list(memory["zones"]) == ["airport:JFK"]
    assert len(memory["airport_days"]) == 1


def test_the_memory_is_bounded() -> None:
    """A courier's year keeps only so many days and zones."""
    memory, _ = fold([(i / 3, f"airport:{i}", "airport") for i in range(1000)])
    assert len(memory["airport_days"]) <= AIRPORT_DAYS_MAX
    assert len(memory["zones"]) <= ZONES_MAX


@given(
    entries=st.lists(
        st.tuples(
            st.integers(0, 28),
            st.sampled_from(["airport:LHR", "airport:CDG", "branch:1"]),
            st.sampled_from(["airport", "branch", "shop", "home", "elsewhere"]),
        ),
        min_size=1,
        max_size=25,
    ),
    data=st.data(),
)
def test_order_does_not_matter(entries: list[Entry], data: st.DataObject) -> None:
    """Late entries count on their own day: any order gives the same memory."""
    first, now_ms = fold(entries)
    second, _ = fold(data.draw(st.permutations(entries)))
    assert GROUP.read(first, now_ms=now_ms) == GROUP.read(second, now_ms=now_ms)
