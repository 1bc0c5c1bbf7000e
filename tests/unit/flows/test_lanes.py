"""What was read and waits: whose turn it is, and what goes first."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.kafka.lanes import BACKLOG, BRISK, FAIR_EVERY, Lanes
from flows.pressing import pressing
from flows.records import Batch, Record

PRESSES = b"!"


def _record(shard: int, offset: int, *, presses: bool = False) -> Record:
    return Record("customer-events", shard, offset, b"c", PRESSES if presses else b"", (), 0)


def _source(record: Record) -> bytes | None:
    return record.headers[0][1].split(b":")[0] if record.headers else None


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


def test_what_presses_waits_for_its_own_customer_alone() -> None:
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


ONE = st.tuples(
    st.integers(0, 1), st.sampled_from("abc"), st.sampled_from(("", "p", "q")), st.booleans()
)
"""Shard, customer, source, whether it presses."""


class Followed:
    """Lanes, and what they must hold to."""

    def __init__(self, piece_max: int | None) -> None:
        self.piece_max = piece_max
        self.lanes = _lanes(piece_max)
        self.logs: dict[int, list[Record]] = {}
        self.handed: dict[int, list[int]] = {}
        self.ticks = 0

    def add(self, shard: int, who: str, source: str, presses: bool) -> None:  # noqa: FBT001 - drawn by position
        log = self.logs.setdefault(shard, [])
        offset, head = 2 * len(log) + 5, ()
        if source:
            head = (("source", f"{source}:0:{offset}:0".encode()),)
        value = PRESSES if presses else b""
        log.append(Record("customer-events", shard, offset, who.encode(), value, head, 0))
        self.lanes.add(log[-1])

    def next(self) -> bool:
        """A batch is no larger than allowed, and says what was passed over."""
        batch = self.lanes.next()
        if batch is None:
            return False
        if batch.tick_ms is not None:
            self.ticks -= 1
            return True
        assert 1 <= len(batch.records) <= (self.piece_max or 999)
        handed, log = self.handed.setdefault(batch.shard, []), self.logs[batch.shard]
        handed.extend(record.offset for record in batch.records)
        end = log[-1].offset + 1
        floor = min({record.offset for record in log} - set(handed), default=end)
        if batch.floors is None:
            assert sorted(handed) == [record.offset for record in log[: len(handed)]]
            assert handed[-1] == max(handed)
        else:
            assert batch.floors == {("customer-events", batch.shard): floor}
        return True

    def waiting(self) -> int:
        return sum(map(len, self.logs.values())) - sum(map(len, self.handed.values()))


@given(
    steps=st.lists(st.one_of(ONE, ONE, st.sampled_from(("next", "tick"))), max_size=80),
    piece_max=st.none() | st.integers(1, 4),
)
def test_nothing_is_lost_and_what_belongs_together_keeps_its_order(
    steps: list[tuple[int, str, str, bool] | str], piece_max: int | None
) -> None:
    """Each customer's records, and each source's, are handed on in log order."""
    followed = Followed(piece_max)
    for step in steps:
        if step == "next":
            followed.next()
        elif isinstance(step, str):
            followed.lanes.tick(1, 77)
            followed.ticks += 1
        else:
            followed.add(*step)
        assert len(followed.lanes) == followed.waiting() + followed.ticks
    while followed.next():
        pass

    assert not followed.lanes
    for shard, log in followed.logs.items():
        at = {offset: index for index, offset in enumerate(followed.handed[shard])}
        assert len(at) == len(log)
        for part in (lambda record: record.key, _source):
            for one in {part(record) for record in log} - {None}:
                order = [at[record.offset] for record in log if part(record) == one]
                assert order == sorted(order)


def test_what_presses_passes_others_of_its_shard() -> None:
    """With its customer's own before it; the batch says where the others begin."""
    lanes = _lanes(4)
    for offset, (who, value) in enumerate(
        ((b"a", b""), (b"b", b""), (b"c", b""), (b"b", PRESSES), (b"d", b""))
    ):
        lanes.add(Record("customer-events", 0, offset, who, value, (), 0))

    pressed, *rest = _all(lanes)
    assert _said([pressed]) == [(0, "13")]
    assert pressed.floors == {("customer-events", 0): 0}
    assert [(_said([b])[0][1], (b.floors or {}).get(("customer-events", 0))) for b in rest] == [
        ("02", 4),
        ("4", None),
    ]


def test_too_much_that_belongs_goes_in_pieces() -> None:
    """The oldest of it first, and what presses at the end of it."""
    lanes = _lanes(2)
    for offset in range(5):
        lanes.add(Record("customer-events", 0, 2 * offset, b"a", b"", (), 0))
        lanes.add(_record(0, 2 * offset + 1, presses=False))
    lanes.add(Record("customer-events", 0, 10, b"a", PRESSES, (), 0))

    assert _said(_all(lanes))[:3] == [(0, "02"), (0, "46"), (0, "810")]


@pytest.mark.parametrize(("few", "size"), [(BACKLOG, BRISK), (BACKLOG + 1, 8)])
def test_pieces_are_small_while_few_wait(few: int, size: int) -> None:
    lanes = _lanes(8)
    for offset in range(few):
        lanes.add(_record(0, offset))

    batch = lanes.next()
    assert batch is not None
    assert len(batch.records) == size


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
