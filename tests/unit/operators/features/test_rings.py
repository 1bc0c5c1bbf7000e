"""Rings against a plain dictionary of days, written in any order and by any number of days at once."""

from base64 import b64encode

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.features import balances, rings
from schemas.events import TransactionBooked
from tests.accounts import START_DAY, moved

moves = st.lists(st.tuples(st.integers(0, 400), st.integers(-(10**6), 10**6)), max_size=30)


@given(moves, st.sampled_from([rings.DAYS, 192]))
def test_a_ring_is_what_a_dictionary_of_days_says(moves: list[tuple[int, int]], size: int) -> None:
    """Each day holds the sum of what was added to it while it was within the ring, in float32."""
    ring, newest, plain = b"", 0, dict[int, np.float32]()
    for day, amount in moves:
        if day > newest - size:
            plain[day] = np.float32(plain.get(day, np.float32(0)) + np.float32(amount))
        ring = rings.add(ring, day, float(amount), newest=newest, size=size)
        newest = max(newest, day)
        plain = {d: held for d, held in plain.items() if d > newest - size}
    found = rings.window(ring, newest=newest, until=newest, days=size, size=size)
    assert list(found) == [plain.get(newest - back, 0.0) for back in range(size)][::-1]
    for day, held in plain.items():
        if ring and day >= 0:
            assert rings.cell(ring, day, size=size) == held


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(-(10**5), 10**5)), min_size=1, max_size=40)
)
def test_daily_lows_in_order(steps: list[tuple[int, int]]) -> None:
    """Each day's low is the least of what it began with and of every balance on it."""
    day, balance, newest, low = 0, 0, START_DAY, b""
    lows: dict[int, int] = {}
    for ahead, amount in [(0, steps[0][1]), *steps]:
        before, balance, day = balance, balance + amount, day + ahead
        lows |= dict.fromkeys(range(newest + 1, START_DAY + day + 1), before)
        newest = START_DAY + day
        lows[newest] = min(lows.get(newest, balance), balance)
        event = moved(day, amount)
        assert isinstance(event, TransactionBooked)
        memory = {"low": low, "day": newest - ahead, "first": START_DAY, "accounts": {"a-1": None}}
        low = balances.lowered(memory, event, before, balance)
    size = balances.LOW_DAYS
    for known, held in lows.items():
        if known > newest - size:
            assert rings.cell(low, known, size=size) == held


@given(moves.filter(bool))
def test_a_longer_ring_of_text_is_packed(moves: list[tuple[int, int]]) -> None:
    """What an earlier release wrote, half a year in base64, is the ring that was packed from the start."""
    long, short, newest = b"", b"", 0
    for day, amount in moves:
        long = rings.add(long, day, float(amount), newest=newest, size=192)
        short = rings.add(short, day, float(amount), newest=newest)
        newest = max(newest, day)
    if not short:
        return
    assert rings.packed(b64encode(long).decode(), newest=newest) == short
    assert rings.packed(b64encode(short).decode(), newest=newest) == short
    assert rings.packed(short, newest=newest) == short
    assert rings.packed("", newest=newest) == b""
