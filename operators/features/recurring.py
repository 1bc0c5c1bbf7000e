"""Recurring payments: streams by payee, which of them are mature, and what is left without them.

Stage: 2 of 8. In: transaction.booked. Out: memory, feature values, `recurring_of`.

Memory: one `operators.features.book`, bytes of a fixed size, empty until the first movement. Movements in
another currency than the first are left out, there being no rate.
"""

from typing import Final

from operators.contracts import FeatureSpec, Slot
from operators.features import book
from operators.features.money import MONTH_DAYS, Flow, flow_of, unit_of
from operators.features.streams import Stream
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import EventBase, TransactionBooked
from schemas.signals import Recurring

SUBSCRIPTIONS = frozenset({"subscriptions", "entertainment"})
_NO_INCOME: Final = frozenset({"debt", "savings"})


def _spec(
    name: str, unit: str, description: str, words: str, grid: tuple[float, float], *,
    days: int | None,
) -> FeatureSpec:  # fmt: skip
    return FeatureSpec(
        "recurring." + name, Source.TRANSACTIONS, unit, description, words, *grid,
        window_days=days, owner="payments",
    )  # fmt: skip


class RecurringPayments:
    """Bills, standing orders, subscriptions and pay, found by rhythm and amount."""

    slot: Slot = Slot("recurring", Source.TRANSACTIONS, bytes, version=3)
    kinds: frozenset[str] = frozenset({"transaction.booked"})
    specs: tuple[FeatureSpec, ...] = (
        _spec("count", "count", "Mature streams that are current.",
              "your regular payments", (5.0, 4.0), days=None),
        _spec("outflow_month_eur", "major / month", "Regular money out a month.",
              "your regular bills", (900.0, 800.0), days=None),
        _spec("inflow_month_eur", "major / month", "Regular money in a month.",
              "your regular income", (2000.0, 1500.0), days=None),
        _spec("subscription_count", "count", "Subscriptions: media, clubs, fixed card payments.",
              "your subscriptions", (2.0, 2.0), days=None),
    )  # fmt: skip

    def update(self, memory: Memory, event: EventBase, *, now_ms: int) -> Memory:  # noqa: ARG002 - the event tells its time
        """Fold one movement; a late one lands on its day, and bends no rhythm that is already known."""
        if not isinstance(event, TransactionBooked):
            return memory
        flow = flow_of(event)
        amount = flow.amount_minor
        own = flow.refund or amount == 0
        earned = amount > 0 and not own and event.method != "interest"
        return book.folded(
            _book(memory),
            day=flow.day,
            amount=amount,
            income=amount if earned and flow.category not in _NO_INCOME else 0,
            currency=event.currency,
            key=b"" if own else book.key_hash(key_of(flow, event.method)),
            known=bool(flow.party),
            category=flow.category,
            method=event.method,
        )

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant; zeros before the first movement."""
        kept = _book(memory)
        if not kept:
            return (0.0, 0.0, 0.0, 0.0)
        head = book.head(kept)
        count = subscriptions = 0
        outflow = inflow = 0.0
        for stream in mature_of(kept, today=max(now_ms // DAY_MS, head.last)).values():
            count += 1
            month = stream.amount * MONTH_DAYS / stream.gap
            if month > 0:
                inflow += month
            else:
                outflow -= month
                subscriptions += subscription(stream)
        unit = unit_of(head.currency.decode())
        return (float(count), outflow / unit, inflow / unit, float(subscriptions))


def key_of(flow: Flow, method: str) -> str:
    """The stream a movement belongs to: direction and payee, else direction, method and category."""
    sign = "-" if flow.amount_minor < 0 else "+"
    return sign + (flow.party or f"x:{method}:{flow.category}")


def subscription(stream: Stream) -> bool:
    """Whether a mature outflow is a subscription, by what it is for or by a fixed amount on a card."""
    fixed = stream.deviation <= 0.02 * abs(stream.amount)
    return stream.category in SUBSCRIPTIONS or (stream.method == "card" and fixed)


def streams_of(memory: Memory) -> dict[str, Stream]:
    """Every stream that is remembered, mature or not, by its name (`book.name_of` its key)."""
    return book.streams_of(_book(memory))


_LAST: list[tuple[Memory, str, Stream | None]] = []
"""The stream looked up last: two plug-ins ask for the one of the same movement, one after the other."""


def stream_of(memory: Memory, key: str) -> Stream | None:
    """The stream with a key, if it is remembered."""
    if _LAST and _LAST[0][0] is memory and _LAST[0][1] == key:
        return _LAST[0][2]
    found = book.stream_of(_book(memory), book.key_hash(key))
    _LAST[:] = [(memory, key, found)]
    return found


def first_of(memory: Memory) -> int:
    """The oldest day of a movement, days since 1970; of a memory that isn't empty."""
    return book.head(memory).first


def mature_of(memory: Memory, *, today: int) -> dict[str, Stream]:
    """The streams that are mature and current on a day, by name."""
    return {
        name: stream
        for name, stream in book.streams_of(_book(memory), mature=True).items()
        if stream.current(today)
    }


def recurring_of(memory: Memory, now_ms: int) -> tuple[Recurring, ...]:
    """The recurring payments that are mature and current, the next due first.

    Args:
        memory: The memory of the ``recurring`` slot.
        now_ms: The instant; a payment that is overdue is due today.
    """
    today = now_ms // DAY_MS
    found = [
        Recurring(
            key=name,
            amount_minor=round(stream.amount),
            gap_days=round(stream.gap, 2),
            next_day=max(today, stream.due),
            alive=round(stream.survival(today), 4),
            count=stream.hits,
            category=stream.category,
        )
        for name, stream in mature_of(memory, today=today).items()
    ]
    return tuple(sorted(found, key=lambda r: (r.next_day, r.key)))


def _book(memory: Memory) -> bytes:
    # Version 1 was a dict; its customers begin anew, which is as if their bank had just been connected.
    return memory if isinstance(memory, bytes) else b""
