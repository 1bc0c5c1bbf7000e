"""What was read and waits: whose turn it is, and what goes first."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.kafka.lanes import FAIR_EVERY, Lanes
from flows.pressing import pressing
from flows.records import Batch, Record

PRESSES = b"!"


def _record(shard: int, offset: int, *, presses: bool = False) -> Record:
    return Record("customer-events", shard, offset, b"c", PRESSES if presses else b"", (), 0)


def _lanes(piece_max: int | None) -> Lanes:
    return Lanes(piece_max=piece_max, pressing=lambda record: record.value == PRESSES)


def _all(lanes: Lanes) -> list[Batch]:
    found = []
    while (batch := lanes.next()) is not None:
        found.append(batch)
    return found


def _said(batches: Sequence[Batch]) -> list[tuple[int, str]]:
    return [(b.shard, "".join(str(record.offset) for record in b.records)) for b in batches]


@pytest.mark.parametrize(
    ("size", "handed"),
    [
        (None, [(3, "012"), (1, "0"), (2, "01")]),
        (2, [(3, "01"), (1, "0"), (2, "01"), (3, "2")]),
        (1, [(3, "0"), (1, "0"), (2, "0"), (3, "1"), (2, "1"), (3, "2")]),
    ],
)
def test_where_nothing_presses_shards_take_turns(
    size: int | None, handed: list[tuple[int, str]]
) -> None:
    """A long backlog of one holds no other up; each keeps its order."""
    lanes = Lanes(piece_max=size)
    for shard, count in ((3, 3), (1, 1), (2, 2)):
        for offset in range(count):
            lanes.add(_record(shard, offset, presses=True))

    assert _said(_all(lanes)) == handed
    assert len(lanes) == 0


def test_what_presses_waits_for_its_own_shard_alone() -> None:
    lanes = _lanes(4)
    for offset in range(100):
        lanes.add(_record(0, offset))
    for offset in range(3):
        lanes.add(_record(1, offset, presses=offset == 1))

    assert _said([lanes.next() or Batch(9, ())]) == [(1, "01")]


def test_a_tick_goes_before_what_does_not_press() -> None:
    lanes = _lanes(4)
    lanes.add(_record(0, 0))
    lanes.add(_record(1, 0, presses=True))
    lanes.tick(2, 77)

    assert [(batch.shard, batch.tick_ms) for batch in _all(lanes)] == [
        (1, None),
        (2, 77),
        (0, None),
    ]


def test_what_presses_for_ever_lets_the_others_through() -> None:
    lanes = _lanes(1)
    lanes.add(_record(0, 0))
    lanes.tick(0, 77)
    handed: list[Batch] = []
    for offset in range(2 * FAIR_EVERY):
        lanes.add(_record(1, offset, presses=True))
        batch = lanes.next()
        assert batch is not None
        handed.append(batch)

    assert [batch.tick_ms for batch in handed if batch.shard == 0] == [77, None]


Step = tuple[str, int, bool]
STEPS = st.lists(
    st.tuples(st.sampled_from(("add", "add", "next", "tick")), st.integers(0, 3), st.booleans()),
    max_size=80,
)


@given(steps=STEPS, piece_max=st.none() | st.integers(1, 4))
def test_nothing_is_lost_and_every_shard_keeps_its_order(
    steps: list[Step], piece_max: int | None
) -> None:
    lanes = _lanes(piece_max)
    added: dict[int, list[int]] = {}
    handed: dict[int, list[int]] = {}
    ticks = 0

    def hand(batch: Batch | None) -> None:
        if batch is not None:
            assert batch.tick_ms is not None or 1 <= len(batch.records) <= (piece_max or 999)
            handed.setdefault(batch.shard, []).extend(record.offset for record in batch.records)

    for do, shard, presses in steps:
        if do == "add":
            offsets = added.setdefault(shard, [])
            lanes.add(_record(shard, len(offsets), presses=presses))
            offsets.append(len(offsets))
        elif do == "tick":
            lanes.tick(shard, ticks)
            ticks += 1
        else:
            hand(lanes.next())
    waiting = sum(map(len, added.values())) - sum(map(len, handed.values()))
    assert waiting <= len(lanes) <= waiting + ticks
    for batch in _all(lanes):
        hand(batch)

    assert {shard: found for shard, found in handed.items() if found} == added
    assert not lanes


@pytest.mark.parametrize(
    ("value", "presses"),
    [
        (b'{"kind":"transaction.booked","amount_minor":-950}', False),
        (b'{"amount_minor" : 0}', True),  # no form that anybody writes; taken for what presses
        (b'{"amount_minor": 9999}', False),
        (b'{"amount_minor":-10000}', True),
        (b'{"kind":"message.received","text":"help"}', True),
        (b"\xff\x00", True),
        (None, True),
    ],
)
def test_a_look_at_the_bytes_tells(value: bytes | None, *, presses: bool) -> None:
    look = pressing(10_000)
    assert look is not None
    assert look(Record("transactions", 0, 0, b"c", value, (), 0)) is presses


def test_without_a_bound_everything_takes_its_turn() -> None:
    assert pressing(0) is None
