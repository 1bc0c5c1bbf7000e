"""Timers of a shard: what follows from a change of a record, and which one is next."""

from collections.abc import Callable
from typing import NamedTuple

from schemas.customer import Customer


class Timer(NamedTuple):
    """A named instant at which a customer wants to be woken; the earliest comes first."""

    due_ms: int
    customer: str
    name: str


def changed_timers(
    before: Customer | None, after: Customer | None
) -> tuple[set[Timer], set[Timer]]:
    """The timers to delete and those to put when a record takes another's place.

    Example:
        >>> gone, new = changed_timers(None, Customer("c-1", timers={"salary": 9}))
        >>> sorted(gone), sorted(new)
        ([], [Timer(due_ms=9, customer='c-1', name='salary')])
    """
    if before is not None and after is not None and before.timers == after.timers:
        return set(), set()  # as nearly always, and a set of timers takes longer than the look
    return _missing(before, after), _missing(after, before)


def _missing(record: Customer | None, other: Customer | None) -> set[Timer]:
    """The timers of a record that another one of the customer doesn't have."""
    if record is None:
        return set()
    others = {} if other is None else other.timers
    return {
        Timer(due_ms, record.customer, name)
        for name, due_ms in record.timers.items()
        if others.get(name) != due_ms
    }


class NextDue:
    """The instant of the earliest timer, kept up as timers come and go.

    ``first_from`` looks on disk for the earliest instant not before the given one. It is asked only when
    the earliest timer went, and from where that one lay: before it are only the tombstones of timers that
    fired, which an ordered store would walk one by one.
    """

    def __init__(self, first_from: Callable[[int], int | None]) -> None:
        self._first_from = first_from
        self._from_ms = 0
        self._due_ms: int | None = None
        self._known = False

    def due_ms(self) -> int | None:
        """When the earliest timer is due, None without one."""
        if not self._known:
            self._due_ms = self._first_from(self._from_ms)
            self._known = True
            if self._due_ms is not None:
                self._from_ms = self._due_ms
        return self._due_ms

    def track(self, gone: set[Timer], new: set[Timer]) -> None:
        """Take note of a commit."""
        if any(timer.due_ms == self._due_ms for timer in gone):
            self._known = False
        earliest_ms = min((timer.due_ms for timer in new), default=None)
        if earliest_ms is None:
            return
        self._from_ms = min(self._from_ms, earliest_ms)
        if self._known and (self._due_ms is None or earliest_ms < self._due_ms):
            self._due_ms = earliest_ms
