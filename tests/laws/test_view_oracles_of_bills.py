"""What regular payments come to, when they fall due and how they change equals plain loops over the payments."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from operators.features import FEATURES, VIEWS
from operators.features.recurring import SUBSCRIPTIONS
from schemas.base import DAY_MS
from schemas.customer import Memory
from schemas.events import EventBase
from tests.accounts import START, START_DAY, monthly, moved
from tests.laws.test_feature_views import memories_of, read
from tests.oracles import MONTH_DAYS, asked, close

COMMITMENTS = next(view for view in VIEWS if view.name == "commitments")
RECURRING = next(group for group in FEATURES if group.slot.name == "recurring")
LAST_MONTH = 8
KINDS: dict[str, dict[str, str]] = {
    "housing": {"method": "standing_order", "reference": "rent"},
    "utilities": {"method": "direct_debit", "reference": "energy"},
    "insurance": {"method": "direct_debit", "reference": "insurance"},
    "debt": {"method": "direct_debit", "reference": "loan"},
    "savings": {"method": "standing_order", "reference": "savings"},
    "education": {"method": "direct_debit", "reference": "tuition"},
    "subscriptions": {"method": "card", "reference": "membership"},
    "other": {"method": "standing_order", "reference": "club"},
}


@dataclass(frozen=True)
class Bill:
    """A payment that is made on a day of each month, ever since one month of 2025 (negative: money out)."""

    number: int
    minor: int
    day: int
    since: int
    kind: str

    @property
    def days(self) -> list[int]:
        """The days it was paid on, days since 1970."""
        return [_day(month, self.day) for month in range(self.since, LAST_MONTH + 1)]

    @property
    def gap(self) -> float:
        """The usual gap: each new one counts three tenths."""
        gaps = [later - day for day, later in zip(self.days, self.days[1:], strict=False)]
        usual = float(gaps[0])
        for gap in gaps[1:]:
            usual += 0.3 * (gap - usual)
        return usual

    @property
    def grace(self) -> int:
        """Days after it is due for which it is still in time."""
        return max(3, round(0.1 * self.gap))

    def runs(self, today: int) -> bool:
        """Whether it isn't so late that it must have ended."""
        return today - self.days[-1] <= 1.25 * self.gap + 3

    def wait(self, today: int) -> int:
        """Days until it is due; overdue is due today."""
        return max(0, _day(LAST_MONTH + 1, self.day) - today)

    @property
    def month(self) -> float:
        """What it comes to a month."""
        return abs(self.minor) / 100 * MONTH_DAYS / self.gap

    def alive(self, today: int) -> float:
        """The probability that it goes on: half at first, a third of the rest at each hit, less by each miss."""
        sure = 1 - 0.5 * 0.7 ** (len(self.days) - 1)
        for _ in range(int(max(0, today - self.days[-1] - self.grace) / self.gap)):
            sure *= 0.7
        return sure

    def events(self) -> Iterator[EventBase]:
        """The movements."""
        yield from monthly(
            self.minor, day_of_month=self.day, months=range(self.since, LAST_MONTH + 1),
            counterparty=f"payee-{self.number}", transaction_id=f"t-{self.number}", **KINDS[self.kind],
        )  # fmt: skip


def _day(month: int, day: int) -> int:
    return START_DAY + (datetime(2025, month, day, tzinfo=UTC) - START.replace(hour=0)).days


def recurring(memory: Memory, *, now_ms: int) -> dict[str, float]:
    """The features of the group itself."""
    found = RECURRING.read(memory, now_ms=now_ms)
    return asked(dict(zip((spec.name for spec in RECURRING.specs), found, strict=True)))


BILLS = st.lists(
    st.tuples(
        st.integers(1_000, 50_000), st.integers(2, 26), st.integers(1, LAST_MONTH - 2), st.sampled_from(sorted(KINDS))
    ),
    max_size=6,
)  # fmt: skip
PAYS = st.lists(st.tuples(st.integers(80_000, 300_000), st.integers(2, 26)), max_size=2)


@settings(max_examples=80, deadline=None)
@given(BILLS, PAYS, st.integers(0, 55))
def test_bills(
    bills: list[tuple[int, int, int, str]], pays: list[tuple[int, int]], wait_days: int
) -> None:
    """Counted, summed and due on their day of the month, by what they are for; silent ones have ended."""
    out = [Bill(n, -minor, day, since, kind) for n, (minor, day, since, kind) in enumerate(bills)]
    pay = [Bill(50 + n, minor, day, 1, "other") for n, (minor, day) in enumerate(pays)]
    events = sorted((e for bill in (*out, *pay) for e in bill.events()), key=lambda e: e.at_ms)
    assume(events)
    today = events[-1].at_ms // DAY_MS + wait_days
    memories = memories_of(events)
    values = read(COMMITMENTS, memories, now_ms=today * DAY_MS)
    ended = [bill for bill in out if not bill.runs(today)]
    out = [bill for bill in out if bill.runs(today)]
    pay = [bill for bill in pay if bill.runs(today)]
    subscribed = [bill for bill in out if bill.kind in SUBSCRIPTIONS]
    total, earned = sum(bill.month for bill in out), [bill.month for bill in pay]
    next_pay = min((bill.wait(today) for bill in pay), default=None)

    def due(days: int) -> float:
        return sum(
            abs(bill.minor) / 100 * (1 + int((days - 1 - bill.wait(today)) / bill.gap))
            for bill in out
            if bill.wait(today) < days
        )

    soonest = min(((_day(LAST_MONTH + 1, b.day), b.minor) for b in out), default=(0, 0))
    fresh = [bill for bill in out if today - bill.days[1] < 90]
    oracle: dict[str, float] = {
        "out_count": len(out),
        "in_count": len(pay),
        "monthly_count": len(out),
        "weekly_count": 0,
        "annual_count": 0,
        "days_to_next": min((bill.wait(today) for bill in out), default=366),
        "days_to_income": 366 if next_pay is None else next_pay,
        "next_eur": abs(soonest[1]) / 100,
        "before_income_eur": due(30 if next_pay is None else max(1, next_pay)),
        "overdue_count": sum(today > _day(LAST_MONTH + 1, b.day) + b.grace for b in out),
        "ended_count": len(ended),
        "largest_month_eur": max((bill.month for bill in out), default=0.0),
        "largest_share": max((b.month for b in out), default=0.0) / total if total else 0.0,
        "income_share": min(1.0, total / sum(earned)) if earned else 0.0,
        "incoming_month_eur": sum(earned) - max(earned, default=0.0),
        "new_count_90d": len(fresh),
        "subscriptions_new_90d": sum(bill in subscribed for bill in fresh),
        "dearer_count_90d": 0,
        "cheaper_count_90d": 0,
        "wobble": 0.0,
        "alive_mean": sum(bill.alive(today) for bill in out) / len(out) if out else 0.0,
        "oldest_days": max((today - bill.days[0] for bill in out), default=0),
        "subscriptions_month_eur": sum(bill.month for bill in subscribed),
        "subscriptions_year_eur": 12 * sum(bill.month for bill in subscribed),
        "subscriptions_share": sum(b.month for b in subscribed) / total if total else 0.0,
        "subscription_max_eur": max((bill.month for bill in subscribed), default=0.0),
    }
    for kind in ("housing", "utilities", "insurance", "debt", "savings", "education"):
        of_kind = [bill for bill in out if bill.kind == kind]
        oracle[f"{kind}_count"] = len(of_kind)
        oracle[f"{kind}_month_eur"] = sum(bill.month for bill in of_kind)
    for days in (7, 14, 30):
        oracle[f"due_{days}d_eur"] = due(days)
        oracle[f"due_count_{days}d"] = sum(bill.wait(today) < days for bill in out)
    for name, value in oracle.items():
        close(values[f"commitments.{name}"], float(value), name=name, rel=2e-3, least=0.02)
    group = recurring(memories["recurring"], now_ms=today * DAY_MS)
    assert group["recurring.count"] == len(out) + len(pay)
    close(group["recurring.outflow_month_eur"], total, name="out", rel=2e-3)
    close(group["recurring.inflow_month_eur"], sum(earned), name="in", rel=2e-3)
    assert group["recurring.subscription_count"] == len(subscribed)


@settings(max_examples=40, deadline=None)
@given(st.integers(1_000, 9_000), st.integers(4, 12), st.integers(2, 3), st.integers(0, 6))
def test_weekly_and_yearly_payments(minor: int, weeks: int, years: int, wait_days: int) -> None:
    """A rhythm of seven days is weekly, one of a year yearly, whatever they cost."""
    last = 365 * (years - 1)
    events = [
        moved(365 * n, -10 * minor, index=n, method="direct_debit", counterparty="insurer-1")
        for n in range(years)
    ]
    events += [
        moved(last - 7 * n, -minor, index=100 + n, method="standing_order", counterparty="club-1")
        for n in range(weeks)
    ]
    events.sort(key=lambda event: event.at_ms)
    values = read(COMMITMENTS, memories_of(events), now_ms=events[-1].at_ms + wait_days * DAY_MS)
    assert values["commitments.weekly_count"] == 1
    assert values["commitments.annual_count"] == 1
    assert values["commitments.monthly_count"] == 0
    times = sum(0 <= 7 * n - wait_days < 14 for n in (1, 2, 3))
    close(values["commitments.due_14d_eur"], times * minor / 100, name="two weeks")


@settings(max_examples=40, deadline=None)
@given(
    st.permutations(range(4_000, 5_400, 200)),
    st.integers(4, 7),
    st.integers(700, 950),
    st.booleans(),
)
def test_amounts_that_vary_and_prices_that_fall(
    amounts: list[int], count: int, cheaper: int, both: int
) -> None:
    """A bill wobbles by its mean deviation over its usual amount; a fixed one that fell is told."""
    amounts = amounts[:count]
    events = [
        event
        for month, amount in enumerate(amounts, start=LAST_MONTH + 1 - len(amounts))
        for event in monthly(-amount, day_of_month=4, months=[month], method="direct_debit",
                             counterparty="power-1", transaction_id=f"p-{month}")
    ]  # fmt: skip
    if both:
        span = range(1, LAST_MONTH)
        fixed = {"method": "direct_debit", "counterparty": "tariff-1"}
        events += monthly(-1_000, day_of_month=9, months=span, **fixed)
        events += monthly(-cheaper, day_of_month=9, months=[LAST_MONTH], **fixed)
    events.sort(key=lambda event: event.at_ms)
    values = read(COMMITMENTS, memories_of(events), now_ms=events[-1].at_ms)
    usual, apart = float(amounts[0]), 0.0
    for hits, amount in enumerate(amounts[1:], start=1):
        change = amount - usual
        usual += (0.5 if hits < 3 else 0.3) * change
        apart += 0.3 * (abs(change) - apart)
    wobbles = [apart / usual]
    if both:
        wobbles.append(0.3 * (1_000 - cheaper) / (1_000 + 0.3 * (cheaper - 1_000)))
    assert values["commitments.cheaper_count_90d"] == both
    assert values["commitments.dearer_count_90d"] == 0
    close(values["commitments.wobble"], sum(wobbles) / len(wobbles), name="wobble", least=3e-3)
