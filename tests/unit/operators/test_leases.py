import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.leases import SAID_MAX, Lease, share, used_up


@given(
    cap=st.integers(0, 5000),
    shards=st.integers(1, 128),
    day=st.integers(0, 40_000),
    item=st.text(min_size=1, max_size=12),
)
def test_the_parts_sum_to_the_cap(cap: int, shards: int, day: int, item: str) -> None:
    """Whole parts that differ by one at most: nothing is lost, and nothing is leased twice."""
    parts = [share(cap, item=item, day=day, shard=n, shards=shards) for n in range(shards)]
    assert sum(parts) == cap
    assert max(parts) - min(parts) <= 1


@given(
    cap=st.integers(0, 9),
    days=st.lists(st.integers(100, 104), max_size=60),
    shards=st.integers(1, 4),
)
def test_no_order_of_days_overspends(cap: int, days: list[int], shards: int) -> None:
    """Events of earlier days come late, and whoever asks first stays within each day's part."""
    lease, said = Lease(), dict.fromkeys(range(100, 105), 0)
    for day in days:
        kept = Lease.unpack(lease.pack())
        if used_up({"v": cap}, {"v": kept}, day=day, shard=0, shards=shards):
            continue
        lease = kept.one_more(day)
        said[day] += 1
    for day, count in said.items():
        assert count <= share(cap, item="v", day=day, shard=0, shards=shards)


def test_it_fails_closed() -> None:
    """A cap of nothing, a day whose lease has ended and a count that can't be right all say nothing."""
    asked = {"day": 7, "shard": 0, "shards": 1}
    assert used_up({"v": 0}, {}, **asked) == {"v"}
    assert used_up({"v": 5}, {"v": Lease(8, 1)}, **asked) == {"v"}
    assert used_up({"v": SAID_MAX * 2}, {"v": Lease(7, SAID_MAX)}, **asked) == {"v"}
    assert used_up({"v": 5}, {"v": Lease(6, 99)}, **asked) == frozenset()


@pytest.mark.parametrize("lease", [Lease(8, 1), Lease(7, SAID_MAX)])
def test_nothing_is_counted_without_a_lease(lease: Lease) -> None:
    """Whoever says more than was asked for is stopped, not noted."""
    with pytest.raises(ValueError, match="without a lease"):
        lease.one_more(7)
