"""What is promised: regular payments by what they are for, when they fall due, how their prices move.

Stage: 2 of 8, when read. In: memory of ``recurring``. Out: feature values.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from operators.features import book
from operators.features.money import MONTH_DAYS, unit_of
from operators.features.recurring import subscription
from operators.features.streams import ANNUAL_GAP_DAYS, Stream
from operators.features.views.lens import Lens, Reading, ratio, share
from schemas.base import DAY_MS, Source
from schemas.customer import Memory

GROUPS: dict[str, tuple[str, str]] = {
    "housing": ("housing", "rent or mortgage"),
    "utilities": ("utilities", "power, water and telephone"),
    "insurance": ("insurance", "insurance"),
    "debt": ("debt", "repayments"),
    "savings": ("savings", "what you put aside"),
    "education": ("education", "education"),
}
"""Category → itself and what it is called."""
NONE_DAYS = 366.0
"""What «days to» says when nothing is due."""
CHANGED_MIN = 0.02
STEADY_RUN_MIN = 2
RECENT_DAYS = 90
WEEKLY_GAP_DAYS = (5.5, 9.5)
MEMORY_DAYS = 180


@dataclass(frozen=True)
class Promises:
    """Regular payments at an instant: those that run, out and in, and those that have ended.

    Amounts of streams are signed minor units. ``unit`` makes major ones.
    """

    out: list[Stream]
    inward: list[Stream]
    ended: list[Stream]
    today: int
    unit: int

    def month(self, streams: list[Stream]) -> float:
        """What some streams come to a month, major units."""
        return sum(abs(s.amount) * MONTH_DAYS / s.gap for s in streams) / self.unit

    @cached_property
    def due(self) -> list[int]:
        """The day that each payment out is due, in their order."""
        return [stream.due for stream in self.out]

    @cached_property
    def waits(self) -> list[int]:
        """Days until each payment out is due; what is overdue is due today."""
        return [max(0, day - self.today) for day in self.due]

    @cached_property
    def wait_in(self) -> int | None:
        """Days until the next regular income; None if there is none."""
        return min((max(0, stream.due - self.today) for stream in self.inward), default=None)

    @cached_property
    def months(self) -> list[float]:
        """What each payment out comes to a month, major units."""
        return [self.month([stream]) for stream in self.out]

    @cached_property
    def bills(self) -> float:
        """What all of them come to a month."""
        return self.month(self.out)

    @cached_property
    def subscribed(self) -> float:
        """What subscriptions come to a month."""
        return self.month(self.subscriptions)

    @cached_property
    def subscriptions(self) -> list[Stream]:
        """Those that are media, clubs or fixed payments on a card."""
        return [s for s in self.out if subscription(s)]


def look(memories: Mapping[str, Memory], now_ms: int) -> Promises | None:
    """The regular payments at an instant."""
    memory = memories.get("recurring")
    if not memory or not isinstance(memory, bytes):
        return None
    head = book.head(memory)
    today = max(now_ms // DAY_MS, head.last)
    mature = book.streams_of(memory, mature=True).values()
    running = [s for s in mature if s.current(today)]
    return Promises(
        [s for s in running if s.amount < 0],
        [s for s in running if s.amount > 0],
        [s for s in mature if not s.current(today) and s.amount < 0 and today - s.last <= MEMORY_DAYS],
        today,
        unit_of(head.currency.decode()),
    )  # fmt: skip


def change(stream: Stream) -> float:
    """How much the last payment of a fixed one rose (or fell) against the one before; 0 if it was not fixed."""
    fixed = stream.run == 1 and stream.run_before >= STEADY_RUN_MIN and stream.previous
    moved = stream.latest / stream.previous - 1 if fixed else 0.0
    return moved if abs(moved) >= CHANGED_MIN else 0.0


def _changed(seen: Promises, *, up: bool) -> list[Stream]:
    since = seen.today - RECENT_DAYS
    return [s for s in seen.out if s.last > since and (change(s) > 0 if up else change(s) < 0)]


def _dearer_year(seen: Promises) -> float:
    return sum(
        (abs(s.latest) - abs(s.previous)) * 365 / s.gap for s in _changed(seen, up=True)
    ) / seen.unit  # fmt: skip


def _due_count(seen: Promises, days: int) -> float:
    """Those whose next payment falls within so many days."""
    return sum(wait < days for wait in seen.waits)


def _within(of: Callable[[Promises, int], float], days: int) -> Callable[[Promises], float]:
    return lambda seen: of(seen, days)


def _due_minor(seen: Promises, days: int) -> float:
    """What falls due within so many days, with every payment of those that come more than once."""
    total = 0.0
    for stream, first in zip(seen.out, seen.waits, strict=True):
        if first < days:
            total += abs(stream.amount) * (1 + int((days - 1 - first) / stream.gap))
    return total / seen.unit


def _to_pay(seen: Promises) -> float:
    """What falls due before the next regular income, or within a month where none is known."""
    incoming = seen.wait_in
    return _due_minor(seen, 30 if incoming is None else max(1, incoming))


def _next(seen: Promises) -> float:
    """What is due next; of several on one day the largest."""
    if not seen.out:
        return 0.0
    return -min(zip(seen.due, (s.amount for s in seen.out), strict=True))[1] / seen.unit


def _overdue(seen: Promises) -> float:
    late = zip(seen.out, seen.due, strict=True)
    return sum(seen.today > due + stream.grace_days for stream, due in late)


def _twins(seen: Promises) -> float:
    """Subscriptions that cost the same in the same rhythm as another: one thing paid twice, perhaps."""
    kept = seen.subscriptions
    return sum(
        any(
            one is not other
            and abs(one.amount - other.amount) <= 0.01 * abs(one.amount)
            and abs(one.gap - other.gap) <= 0.1 * one.gap
            for other in kept
        )
        for one in kept
    )


def _group(category: str, *, months: bool) -> Callable[[Promises], float]:
    def of(seen: Promises) -> float:
        found = [s for s in seen.out if s.category == category]
        return seen.month(found) if months else len(found)

    return of


def _by_group() -> Iterator[Reading[Promises]]:
    for name, (category, called) in GROUPS.items():
        yield Reading(
            f"{name}_count",
            "count",
            f"Regular payments for {name}.",
            called,
            _group(category, months=False),
        )
        yield Reading(f"{name}_month_eur", "major / month", f"Regular payments for {name}, a month.",
                      called, _group(category, months=True))  # fmt: skip
    for days in (7, 14, 30):
        yield Reading(
            f"due_{days}d_eur",
            "major",
            f"Regular payments that fall due within {days} days.",
            "bills that are coming",
            _within(_due_minor, days),
            days,
        )
        yield Reading(f"due_count_{days}d", "count", f"Regular payees due within {days} days.",
                      "bills that are coming", _within(_due_count, days), days)  # fmt: skip


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


COMMITMENTS_VIEW: Lens[Promises] = Lens(
    "commitments",
    slots=("recurring",),
    sources=(Source.TRANSACTIONS,),
    owner="payments",
    look=look,
    readings=(
        *_by_group(),
        Reading("out_count", "count", "Regular payments that run.", "your regular payments", lambda p: len(p.out)),
        Reading("in_count", "count", "Regular income that runs.", "your regular income", lambda p: len(p.inward)),
        Reading("weekly_count", "count", "Regular payments that come every week.", "your weekly payments",
                lambda p: sum(WEEKLY_GAP_DAYS[0] <= s.gap <= WEEKLY_GAP_DAYS[1] for s in p.out)),
        Reading("monthly_count", "count", "Regular payments that come every month.", "your monthly payments",
                lambda p: sum(s.monthly for s in p.out)),
        Reading("annual_count", "count", "Regular payments that come every year.", "your yearly payments",
                lambda p: sum(ANNUAL_GAP_DAYS[0] <= s.gap <= ANNUAL_GAP_DAYS[1] for s in p.out)),
        Reading("days_to_next", "days", f"Days to the next regular payment; {NONE_DAYS:.0f} if none runs.", "your next bill",
                lambda p: min(p.waits, default=NONE_DAYS), unknown=NONE_DAYS),
        Reading("next_eur", "major", "The regular payment that is due next.", "your next bill",
                _next),
        Reading("before_income_eur", "major", "Regular payments due before the next regular income.",
                "bills before your next income", _to_pay),
        Reading("overdue_count", "count", "Regular payments past their day of grace.", "bills that did not come",
                _overdue),
        Reading("largest_month_eur", "major / month", "The largest regular payment, a month.", "your largest bill",
                lambda p: max(p.months, default=0.0)),
        Reading("largest_share", "0..1", "Share of regular payments that is the largest one.", "your largest bill",
                lambda p: share(max(p.months, default=0.0), p.bills)),
        Reading("income_share", "0..1", "Regular payments over regular income.", "what your bills take of your income",
                lambda p: share(p.bills, p.month(p.inward))),
        Reading("new_count_90d", "count", "Payments that became regular within 90 days.", "your new regular payments",
                lambda p: sum(p.today - s.matured < RECENT_DAYS for s in p.out), 90),
        Reading("ended_count", "count", "Regular payments that ended within about half a year.",
                "regular payments that ended", lambda p: len(p.ended), MEMORY_DAYS),
        Reading("dearer_count_90d", "count", "Fixed payments that rose at their last payment, 90 days.",
                "bills that went up", lambda p: len(_changed(p, up=True)), 90),
        Reading("cheaper_count_90d", "count", "Fixed payments that fell at their last payment, 90 days.",
                "bills that went down", lambda p: len(_changed(p, up=False)), 90),
        Reading("dearer_year_eur", "major / year", "What the rises of 90 days come to a year.",
                "what went up, over a year", _dearer_year, 90),
        Reading("rise_max", "ratio", "The largest rise of a fixed payment within 90 days.", "the bill that went up most",
                lambda p: min(1.0, max((change(s) for s in _changed(p, up=True)), default=0.0)), 90),
        Reading("wobble", "ratio", "Mean deviation of regular payments over their amount.", "how much your bills vary",
                lambda p: _mean([ratio(s.deviation, abs(s.amount)) for s in p.out])),
        Reading("alive_mean", "0..1", "Mean probability that regular payments go on.", "how sure your bills are",
                lambda p: _mean([s.survival(p.today) for s in p.out])),
        Reading("oldest_days", "days", "Days since the oldest regular payment that runs began.", "your oldest regular payment",
                lambda p: max((p.today - s.first for s in p.out), default=0)),
        Reading("subscriptions_month_eur", "major / month", "Subscriptions, a month.", "your subscriptions",
                lambda p: p.subscribed),
        Reading("subscriptions_year_eur", "major / year", "Subscriptions, a year.", "your subscriptions",
                lambda p: 12 * p.subscribed),
        Reading("subscriptions_share", "0..1", "Share of regular payments that are subscriptions.", "your subscriptions",
                lambda p: share(p.subscribed, p.bills)),
        Reading("subscription_max_eur", "major / month", "The dearest subscription, a month.", "your dearest subscription",
                lambda p: max((p.month([s]) for s in p.subscriptions), default=0.0)),
        Reading("subscriptions_new_90d", "count", "Subscriptions that became regular within 90 days.", "your new subscriptions",
                lambda p: sum(p.today - s.matured < RECENT_DAYS for s in p.subscriptions), 90),
        Reading("subscription_twins", "count", "Subscriptions alike in price and rhythm to another.",
                "subscriptions that you may pay twice", _twins),
        Reading("incoming_month_eur", "major / month", "Regular income but for the largest, a month.", "your second income",
                lambda p: p.month(p.inward) - max((p.month([s]) for s in p.inward), default=0.0)),
        Reading("days_to_income", "days", f"Days to the next regular income; {NONE_DAYS:.0f} if none runs.",
                "your next income", lambda p: NONE_DAYS if p.wait_in is None else p.wait_in, unknown=NONE_DAYS),
    ),
)  # fmt: skip
"""Regular payments."""
