"""Regular payments at other banks, and what two accounts pay, equal plain loops over the payments."""

import random
from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from operators.features import FEATURES, VIEWS
from schemas.base import DAY_MS
from schemas.events import EventBase
from tests.accounts import START, happened, monthly
from tests.laws.test_feature_views import memories_of, read
from tests.oracles import MONTH_DAYS, asked, close

OUTSIDE = next(group for group in FEATURES if group.slot.name == "outside")
OVERLAP = next(view for view in VIEWS if view.name == "overlap")
HERE = "a-1"
SHOPS = ("Film Club", "Song Club", "Town Energy")
LAST_MONTH = 8


def paid(
    account: str, shop: int, minor: int, day: int, since: int
) -> list[tuple[EventBase, int, float]]:
    """Monthly payments to a shop from an account here or elsewhere: event, day, amount."""
    fields = {"method": "card", "merchant": SHOPS[shop]} if shop < 2 else {"method": "direct_debit", "merchant": SHOPS[shop]}  # fmt: skip
    made: list[EventBase] = []
    if account == HERE:
        made = monthly(-minor, day_of_month=day, months=range(since, LAST_MONTH + 1),
                       transaction_id=f"h-{shop}", **fields)  # fmt: skip
    else:
        for month in range(since, LAST_MONTH + 1):
            at = (datetime(2025, month, day, 9, tzinfo=UTC) - START).days
            made.append(
                happened("openbanking.transaction", at, event_id=f"{account}-{shop}-{month}", account=account,
                         institution="b", transaction_id=f"{account}-{shop}-{month}", amount_minor=-minor,
                         currency="EUR", **fields)
            )  # fmt: skip
    return [(event, event.at_ms // DAY_MS, minor / 100) for event in made]


def month_of(days: list[int], amount: float) -> float:
    """What equal payments come to a month; each new gap counts three tenths."""
    gaps = [later - day for day, later in pairwise(days)]
    usual = float(gaps[0])
    for gap in gaps[1:]:
        usual += 0.3 * (gap - usual)
    return amount * MONTH_DAYS / usual


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from([HERE, "x-1", "x-2"]), st.integers(0, 2)),
        st.tuples(st.integers(500, 5_000), st.integers(2, 26), st.integers(1, LAST_MONTH - 2)),
        max_size=6,
    ),
    st.integers(0, 60),
    st.randoms(use_true_random=False),
)
def test_what_is_paid_twice(
    kept: dict[tuple[str, int], tuple[int, int, int]], wait_days: int, shuffle: random.Random
) -> None:
    """Subscriptions are fixed card payments; one that two accounts pay is a duplicate, but for its dearest."""
    rows = {key: paid(*key, *value) for key, value in kept.items()}
    events = [event for row in rows.values() for event, *_ in row]
    assume(events)
    shuffle.shuffle(events)
    events.sort(key=lambda event: event.at_ms)
    today = events[-1].at_ms // DAY_MS + wait_days
    memories = memories_of(events)
    running: dict[tuple[str, int], float] = {}
    for key, row in rows.items():
        days = [day for _, day, _ in row]
        comes_to = month_of(days, row[0][2])
        if today - days[-1] <= 1.25 * row[0][2] * MONTH_DAYS / comes_to + 3:
            running[key] = comes_to
    group = OUTSIDE.read(memories.get("outside", {}), now_ms=today * DAY_MS)
    values = asked(dict(zip((spec.name for spec in OUTSIDE.specs), group, strict=True)))
    elsewhere = {key: comes_to for key, comes_to in running.items() if key[0] != HERE}
    subscribed = {key: comes_to for key, comes_to in running.items() if key[1] < 2}
    assert values["outside.regular_count"] == len(elsewhere)
    assert values["outside.subscription_count"] == len(elsewhere.keys() & subscribed.keys())
    close(
        values["outside.subscription_month_eur"],
        sum(comes_to for key, comes_to in elsewhere.items() if key in subscribed),
        name="elsewhere",
        rel=2e-3,
    )
    by_shop: dict[int, list[float]] = defaultdict(list)
    for (_, shop), comes_to in subscribed.items():
        by_shop[shop].append(comes_to)
    twice = [months for months in by_shop.values() if len(months) > 1]
    seen = read(OVERLAP, memories, now_ms=today * DAY_MS)
    assert seen["overlap.subscriptions_count"] == len(by_shop)
    assert seen["overlap.duplicates_count"] == len(twice)
    close(seen["overlap.subscriptions_month_eur"], sum(subscribed.values()), name="all", rel=2e-3)
    extra = sum(sum(months) - max(months) for months in twice)
    close(seen["overlap.duplicates_month_eur"], extra, name="extra", rel=2e-3, least=0.05)
