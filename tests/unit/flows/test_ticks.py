"""Ticks of a worker's shards are spread over the period, and none is lost or doubled."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flows.kafka.ticks import Rota

PERIOD_S = 1.0
ROUNDS = 4


@given(shards=st.integers(1, 40), asked_per_s=st.integers(20, 400))
def test_each_shard_has_its_tick_once_a_period_whatever_the_pace_of_asking(
    shards: int, asked_per_s: int
) -> None:
    rota = Rota(range(shards), period_s=PERIOD_S, now_s=0.0)
    told: dict[int, list[float]] = {shard: [] for shard in range(shards)}
    for turn in range(ROUNDS * asked_per_s):
        for shard in rota.due(turn / asked_per_s):
            told[shard].append(turn / asked_per_s)
    for times in told.values():
        assert ROUNDS - 1 <= len(times) <= ROUNDS + 1
        assert all(abs(b - a - PERIOD_S) <= 2 / asked_per_s for a, b in pairwise(times))


@given(shards=st.integers(2, 40))
def test_who_asks_often_enough_hears_of_one_shard_at_a_time(shards: int) -> None:
    rota = Rota(range(shards), period_s=PERIOD_S, now_s=0.0)
    step_s = PERIOD_S / shards / 3
    assert all(len(rota.due(turn * step_s)) <= 1 for turn in range(6 * shards))


@given(shards=st.integers(1, 40), pause_s=st.floats(PERIOD_S, 1e6))
def test_after_a_pause_each_shard_has_one_tick_and_the_next_comes_a_step_later(
    shards: int, pause_s: float
) -> None:
    rota = Rota(range(shards), period_s=PERIOD_S, now_s=0.0)
    assert sorted(rota.due(pause_s)) == list(range(shards))
    assert rota.due(pause_s) == []
    assert len(rota.due(pause_s + PERIOD_S / shards + 1e-6 * pause_s)) >= 1


def test_without_shards_nobody_is_due() -> None:
    assert Rota([], period_s=PERIOD_S, now_s=0.0).due(5.0) == []
