"""The trail: how far a position may go when some customers are committed and others wait."""

from flows.trail import Step, Trail, beyond, changes
from state.store import ShardBatch

LOG, DIRECT = ("customer-events", 0), ("messages", 0)


def trail_of(*steps: tuple[tuple[str, int], int, str | None, int | None]) -> Trail:
    """Steps, the last of each being the offset of its source."""
    trail = Trail({}, {})
    for spot, offset, customer, source in steps:
        origin = None if source is None else (("transactions", 0), (source, 0))
        trail.add(Step(spot, offset, customer, origin))
    return trail


def cut(trail: Trail, *customers: str) -> ShardBatch:
    batch = ShardBatch()
    trail.cut(customers, batch)
    return batch


def test_a_position_stays_before_the_first_record_that_waits() -> None:
    """All records of who is committed lie ahead of it, and a source position goes no further than it."""
    trail = trail_of(
        (LOG, 90, "a", 7), (LOG, 91, "b", 8), (LOG, 95, "a", 9), (LOG, 96, None, None), (LOG, 97, "b", 10)
    )  # fmt: skip
    batch = cut(trail, "b")
    assert (batch.positions, batch.source_positions) == ({}, {})
    assert batch.ahead == {LOG: frozenset({91, 97})}
    batch = cut(trail, "a")
    assert batch.positions == {LOG: 98}
    assert batch.source_positions == {("transactions", 0): (10, 0)}
    assert batch.ahead == {LOG: frozenset()}
    assert len(trail) == 0


def test_who_is_committed_and_comes_again_waits_again() -> None:
    """What was committed before stays ahead; what came since does not."""
    trail = trail_of((LOG, 1, "a", None), (LOG, 2, "b", None))
    assert cut(trail, "b").ahead == {LOG: frozenset({2})}
    trail.add(Step(LOG, 3, "b", None))
    assert trail.oldest(9) == ["a", "b"]
    batch = cut(trail, "a")
    assert (batch.positions, batch.ahead) == ({LOG: 3}, {LOG: frozenset()})
    assert trail.oldest(9) == ["b"]


def test_topics_have_positions_of_their_own() -> None:
    """A record that waits holds the other topic's position where its own record came after."""
    trail = trail_of((DIRECT, 5, "a", None), (LOG, 1, "b", None), (DIRECT, 6, "c", None))
    batch = cut(trail, "b", "c")
    assert (batch.positions, batch.ahead) == ({}, {LOG: frozenset({1}), DIRECT: frozenset({6})})
    batch = cut(trail, "a")
    assert batch.positions == {DIRECT: 7, LOG: 2}
    assert batch.ahead == {LOG: frozenset(), DIRECT: frozenset()}


def test_what_the_store_says_is_kept_until_the_position_is_past_it() -> None:
    """After a restart nothing was taken yet, and all of it still lies ahead."""
    trail = Trail({LOG: frozenset({4, 9})}, {LOG: 3})
    trail.add(Step(LOG, 3, "a", None))
    trail.add(Step(LOG, 4, None, None))
    batch = cut(trail, "a")
    assert (batch.positions, batch.ahead) == ({LOG: 5}, {LOG: frozenset({9})})


def test_a_position_stays_before_what_was_passed_over() -> None:
    """What is committed beyond it lies ahead, whoever waits, until the log is taken from there on."""
    trail = trail_of((LOG, 4, "a", None), (LOG, 9, "b", 3))
    trail.left({LOG: 5})
    batch = cut(trail, "b")
    assert (batch.positions, batch.ahead) == ({}, {LOG: frozenset({9})})
    batch = cut(trail, "a")
    assert (batch.positions, batch.ahead) == ({LOG: 5}, {})
    assert batch.source_positions == {("transactions", 0): (3, 0)}
    trail = Trail({LOG: frozenset({9})}, {LOG: 5})
    trail.add(Step(LOG, 5, "a", None))
    trail.add(Step(LOG, 7, "b", None))
    trail.left({LOG: 6})
    batch = ShardBatch()
    trail.cut(None, batch)
    assert (batch.positions, batch.ahead) == ({LOG: 6}, {LOG: frozenset({7, 9})})
    trail.add(Step(LOG, 6, "a", None))
    trail.left({LOG: 10})
    batch = ShardBatch()
    trail.cut(None, batch)
    assert (batch.positions, batch.ahead) == ({LOG: 10}, {LOG: frozenset()})


def test_the_oldest_go_first() -> None:
    """By their first record that waits, at most as many as asked for."""
    trail = trail_of(
        (LOG, 1, "a", None), (LOG, 2, "b", None), (LOG, 3, "a", None), (LOG, 4, "c", None)
    )
    assert trail.oldest(2) == ["a", "b"]
    cut(trail, "b")
    assert trail.oldest(2) == ["a", "c"]


def test_a_store_is_told_of_changes_alone() -> None:
    """Also that nothing is left."""
    before = {LOG: frozenset({4, 9}), DIRECT: frozenset({2})}
    after = beyond(before, {LOG: 10, DIRECT: 1})
    assert after == {DIRECT: frozenset({2})}
    assert changes(before, after) == {LOG: frozenset()}
    assert changes(after, after) == {}
