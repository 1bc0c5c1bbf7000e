"""Every view equals a naive oracle: plain loops over the events themselves, in any order of arrival."""

import math
import random
from calendar import monthrange
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from statistics import median, pstdev

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features import VIEWS
from operators.features.money import Flow, flow_of
from operators.features.spending import CATEGORIES
from operators.features.views.categories import ESSENTIAL, LEISURE, SPENT
from operators.features.views.rhythm import WEEKDAYS
from schemas.base import DAY_MS
from schemas.events import EventBase, TransactionBooked
from tests.accounts import moved
from tests.laws.test_feature_views import memories_of, read
from tests.oracles import close, compared, ledger, within_the_month

VIEW = {view.name: view for view in VIEWS}
KINDS_OF_SPENDING = (
    {"mcc": "5411", "method": "card", "merchant": "Grocer"},
    {"mcc": "5812", "method": "card", "merchant": "Café"},
    {"mcc": "3005", "method": "card", "country": "FR"},
    {"mcc": "5311", "method": "card", "country": "GB"},
    {"method": "fee"},
    {"method": "cash"},
    {"method": "direct_debit", "counterparty": "utility-1"},
    {"method": "standing_order", "counterparty": "landlord-1"},
    {"method": "transfer", "reference": "loan 7"},
    {"method": "transfer", "reference": "savings"},
)
payments = st.lists(
    st.tuples(st.integers(0, 150), st.integers(100, 90_000), st.sampled_from(KINDS_OF_SPENDING)),
    min_size=1,
    max_size=25,
)
incomes = st.lists(st.tuples(st.integers(0, 150), st.integers(1_000, 300_000)), max_size=6)


def told(
    spent: list[tuple[int, int, dict[str, str]]], got: list[tuple[int, int]]
) -> list[EventBase]:
    """Payments and income as movements, in the order of their days."""
    events = [
        moved(day, -amount, index=index, **fields)
        for index, (day, amount, fields) in enumerate(spent)
    ]
    events += [
        moved(day, amount, index=1_000 + index, method="transfer", counterparty=f"payer-{index}")
        for index, (day, amount) in enumerate(got)
    ]
    return sorted(events, key=lambda event: event.at_ms)


def shuffled(events: list[EventBase], shuffle: random.Random) -> list[EventBase]:
    made = list(events)
    shuffle.shuffle(made)
    return made


def flows_of(events: list[EventBase]) -> list[Flow]:
    return [flow_of(event) for event in events if isinstance(event, TransactionBooked)]


def peaks_and_places(
    out: list[Flow], countries: dict[str, list[float]], *, now_ms: int
) -> dict[str, float]:
    """The largest payment of late over those before, and what was paid away from home, if home is known."""
    weekly = [0.0] * 14
    for flow in out:
        ago = now_ms // DAY_MS // 7 - flow.day // 7
        if flow.category not in ("housing", "debt") and ago < 14:
            weekly[ago] = max(weekly[ago], -flow.amount_minor / 100)
    lately, before = max(weekly[:4]), max(weekly[4:])
    found = {"largest_ratio": min(10.0, lately / before) if before else 1.0}
    home = max(countries, key=lambda name: (countries[name][0], name), default="")
    at_home = countries[home][0] if home else 0.0
    if out:
        at_home *= math.exp((now_ms - max(flow.at_ms for flow in out)) / DAY_MS / 90)
    if abs(at_home - 3) > 0.01:
        for place, name in enumerate(("abroad_count_90d", "abroad_90d_eur")):
            away = sum(both[place] for country, both in countries.items() if country != home)
            found[name] = away if at_home >= 3 else 0.0
    return found


@settings(max_examples=60, deadline=None)
@given(payments, incomes, st.integers(0, 40), st.randoms(use_true_random=False))
def test_categories(
    spent: list[tuple[int, int, dict[str, str]]],
    got: list[tuple[int, int]],
    wait_days: int,
    shuffle: random.Random,
) -> None:
    """Amounts fade as exp(-age / 90 d), shares are of their sum, and the rest is counting."""
    events = told(spent, got)
    now_ms = events[-1].at_ms + wait_days * DAY_MS
    values = read(VIEW["categories"], memories_of(shuffled(events, shuffle)), now_ms=now_ms)
    amounts = dict.fromkeys(CATEGORIES, 0.0)
    countries: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    cards = 0.0
    out = [(f, e) for f, e in zip(flows_of(events), events, strict=True) if f.amount_minor < 0]
    out = [(f, e) for f, e in out if f.category != "savings"]
    for flow, event in out:
        assert isinstance(event, TransactionBooked)
        age_days = (now_ms - flow.at_ms) / DAY_MS
        fading = math.exp(-age_days / 90)
        amounts[flow.category] += -flow.amount_minor / 100 * fading
        cards += math.exp(-age_days / 30) if event.method == "card" else 0.0
        if event.country is not None:
            countries[event.country][0] += fading
            countries[event.country][1] += -flow.amount_minor / 100 * fading
    total = sum(amounts.values())
    for name in SPENT:
        for end, oracle in (
            ("90d_eur", amounts[name]),
            ("share", amounts[name] / max(total, 1e-9)),
        ):
            if f"categories.{name}_{end}" in values:
                close(values[f"categories.{name}_{end}"], oracle, name=name, least=1e-4)
    some = {
        "total_90d_eur": total,
        "essentials_90d_eur": sum(amounts[name] for name in ESSENTIAL),
        "leisure_90d_eur": sum(amounts[name] for name in LEISURE),
        "top_share": max(amounts.values()) / total if total else 0.0,
        "payment_mean_eur": total / 3 / max(1.0, cards),
        "food_out_share": amounts["dining"] / max(1e-9, amounts["dining"] + amounts["groceries"]),
        "largest_28d_eur": max(
            (-f.amount_minor / 100 for f, _ in out
             if f.category not in ("housing", "debt") and now_ms // DAY_MS // 7 - f.day // 7 < 4),
            default=0.0,
        ),
        "countries_count": sum(count >= 0.1 for count, _ in countries.values()),
    }  # fmt: skip
    some |= peaks_and_places([flow for flow, _ in out], countries, now_ms=now_ms)
    some |= {
        "essentials_share": some["essentials_90d_eur"] / total if total else 0.0,
        "leisure_share": some["leisure_90d_eur"] / total if total else 0.0,
        "active_count": sum(a >= 0.02 * total for a in amounts.values()) if total else 0,
    }
    for days in (7, 14):
        recent = {f.party for f, _ in out if f.party and now_ms // DAY_MS - f.day < days}
        some[f"merchants_{days}d"] = len(recent)
    shares = [amount / total for amount in amounts.values() if amount > 0]
    entropy = -sum(share * math.log(share) for share in shares) / math.log(len(SPENT))
    some["evenness"] = entropy if len(shares) > 1 else 0.0
    for name, oracle in some.items():
        close(values[f"categories.{name}"], oracle, name=name, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(payments, incomes, st.integers(0, 40), st.randoms(use_true_random=False))
def test_months(
    spent: list[tuple[int, int, dict[str, str]]],
    got: list[tuple[int, int]],
    wait_days: int,
    shuffle: random.Random,
) -> None:
    """Sums by calendar month, each beside the median of the whole months before it."""
    events = told(spent, got)
    now_ms = events[-1].at_ms + wait_days * DAY_MS
    values = read(VIEW["months"], memories_of(shuffled(events, shuffle)), now_ms=now_ms)
    sums: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for flow in flows_of(events):
        month = _month(flow.day)
        if flow.category == "savings":
            sums["saved"][month] -= flow.amount_minor / 100
        elif flow.amount_minor < 0:
            sums[flow.category][month] -= flow.amount_minor / 100
            sums["spent"][month] -= flow.amount_minor / 100
        elif flow.category != "debt":
            sums["income"][month] += flow.amount_minor / 100
    now = _month(now_ms // DAY_MS)
    first = min(flow.day for flow in flows_of(events))
    began = _month(first) + (datetime.fromtimestamp(first * 86_400, UTC).day > 2)

    def usual(bins: dict[int, float], month: int) -> float | None:
        before = [bins[m] for m in range(max(began, now - 6), month)]
        return median(before) if len(before) >= 2 else None

    def against(bins: dict[int, float]) -> float:
        often = usual(bins, now - 1)
        return 1.0 if often is None or often <= 0 else min(10.0, max(0.0, bins[now - 1] / often))

    for name in SPENT:
        close(values[f"months.{name}_eur"], sums[name][now], name=name)
        close(values[f"months.{name}_ratio"], against(sums[name]), name=name)
    for name in ("spent", "income"):
        close(values[f"months.{name}_eur"], sums[name][now], name=name)
        close(values[f"months.{name}_last_eur"], sums[name][now - 1], name=name)
        close(values[f"months.{name}_ratio"], against(sums[name]), name=name)
    close(values["months.saved_last_eur"], sums["saved"][now - 1], name="saved")
    close(values["months.saved_eur"], sums["saved"][now], name="saved now")
    got_last, spent_last = sums["income"][now - 1], sums["spent"][now - 1]
    kept = max(0.0, (got_last - spent_last) / got_last) if got_last > 0 else 0.0
    close(values["months.kept_last_share"], min(1.0, kept), name="kept")
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    passed = at.day / monthrange(at.year, at.month)[1]
    often = usual(sums["spent"], now)
    pace = 1.0 if not often or often <= 0 else sums["spent"][now] / often / passed
    close(values["months.pace_ratio"], min(10.0, max(0.0, pace)), name="pace")
    last = range(now - 3, now)
    assert values["months.aside_months"] == sum(sums["saved"][m] > 0 for m in last)
    assert values["months.over_months"] == sum(sums["spent"][m] > sums["income"][m] for m in last)
    assert values["months.known_count"] == max(0, min(6, now - began))


def _month(day: int) -> int:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return (at.year - 1970) * 12 + at.month - 1


@settings(max_examples=60, deadline=None)
@given(payments, incomes, st.integers(0, 40), st.randoms(use_true_random=False))
def test_rhythm(
    spent: list[tuple[int, int, dict[str, str]]],
    got: list[tuple[int, int]],
    wait_days: int,
    shuffle: random.Random,
) -> None:
    """Plain sums by day, up to the half-floats that days are kept in."""
    events = told(spent, got)
    today = events[-1].at_ms // DAY_MS + wait_days
    memories = memories_of(shuffled(events, shuffle))
    values = read(VIEW["rhythm"], memories, now_ms=today * DAY_MS)
    out, income = defaultdict(float), defaultdict(float)
    for flow in flows_of(events):
        if flow.amount_minor < 0:
            out[flow.day] -= flow.amount_minor / 100
        else:
            income[flow.day] += flow.amount_minor / 100
    last = [today - back for back in range(192)]
    blur = 0.002 * (sum(out.values()) + sum(income.values()))
    oracle: dict[str, float] = {}
    for days in (7, 14, 30, 60, 90, 180):
        oracle[f"out_{days}d_eur"] = sum(out[day] for day in last[:days])
        if days != 14:
            oracle[f"income_{days}d_eur"] = sum(income[day] for day in last[:days])
        if days != 30:
            oracle[f"net_{days}d_eur"] = sum(income[day] - out[day] for day in last[:days])
    for name, value in oracle.items():
        close(values[f"rhythm.{name}"], value, name=name, least=blur)
    # Half-floats hold what a day nets to: beside a large income a small payment of the same day is blurred.
    apart = 0.01 + min(1.0, blur / max(1e-9, sum(out[day] for day in last[:84])))
    by_weekday = [sum(out[d] for d in last[:84] if (d + 3) % 7 == w) for w in range(7)]
    whole = sum(by_weekday)
    for weekday, name in enumerate(WEEKDAYS):
        share = by_weekday[weekday] / whole if whole else 0.0
        close(values[f"rhythm.{name}_share"], share, name=name, least=apart)
    known = today - min(flow.day for flow in flows_of(events)) + 1
    quiet = [out[day] == 0 for day in last[: min(30, known)]]
    assert values["rhythm.quiet_days_30d"] == sum(quiet)
    runs = "".join("q" if one else " " for one in quiet).split()
    assert values["rhythm.longest_quiet_30d"] == max((len(run) for run in runs), default=0)
    assert values["rhythm.income_days_90d"] == sum(income[day] > 0 for day in last[:90])
    peaks = [-f.amount_minor / 100 for f in flows_of(events) if today // 7 - f.day // 7 < 28]
    close(values["rhythm.peak_eur"], max(0.0, *peaks, 0.0), name="peak", rel=1e-3)
    within_the_month(values, out, income, today=today, apart=apart)
    weekend = sum(by_weekday[5:]) / whole if whole else 0.0
    compared(values, flows_of(events), today=today, known=known, weekend=weekend, apart=apart)


@settings(max_examples=60, deadline=None)
@given(payments, incomes, st.integers(0, 10), st.randoms(use_true_random=False))
def test_budget(
    spent: list[tuple[int, int, dict[str, str]]],
    got: list[tuple[int, int]],
    wait_days: int,
    shuffle: random.Random,
) -> None:
    """Balance, lows, whole weeks and what is fixed, from a plain ledger."""
    events = told(spent, got)
    today = events[-1].at_ms // DAY_MS + wait_days
    values = read(VIEW["budget"], memories_of(events), now_ms=today * DAY_MS)
    late = read(VIEW["budget"], memories_of(shuffled(events, shuffle)), now_ms=today * DAY_MS)
    flows = flows_of(events)
    balance, lows = ledger(flows, today=today)
    recent = [low for day, low in lows.items() if day > today - 30]
    close(values["budget.available_eur"], balance, name="balance")
    close(values["budget.low_7d_eur"], min(recent[-7:]), name="low", rel=1e-6)
    close(values["budget.above_low_eur"], balance - min(recent), name="above low", rel=1e-6)
    close(values["budget.low_mean_30d_eur"], sum(recent) / len(recent), name="mean", rel=1e-6)
    assert values["budget.below_zero_30d"] == sum(low < 0 for low in recent)
    week = today // 7
    weekly: dict[str, list[float]] = {}
    for part, taken in (
        ("income", lambda f: f.amount_minor > 0 and f.category not in ("debt", "savings")),
        ("spending", lambda f: f.amount_minor < 0 and f.category != "savings"),
        ("debt", lambda f: f.amount_minor < 0 and f.category == "debt"),
        ("housing", lambda f: f.amount_minor < 0 and f.category == "housing"),
    ):
        bins = [0.0] * 13
        for flow in flows:
            if taken(flow) and week - flow.day // 7 < 13:
                bins[week - flow.day // 7] += abs(flow.amount_minor) / 100
        weekly[part] = bins[1:]
        for found in (values, late):
            close(found[f"budget.{part}_weeks_eur"], sum(bins[1:5]), name=part)
    for part in ("income", "spending", "debt"):
        kept = weekly[part]
        trend = sum(kept[:4]) * 3 / sum(kept) if sum(kept) else 1.0
        close(values[f"budget.{part}_trend"], trend, name=part)
    assert values["budget.dear_weeks"] == sum(
        s > i for s, i in zip(weekly["spending"], weekly["income"], strict=True)
    )
    close(values["budget.dearest_week_eur"], max(weekly["spending"]), name="dearest")
    mean = sum(weekly["spending"]) / 12
    uneven = min(10.0, pstdev(weekly["spending"]) / mean) if mean else 0.0
    close(values["budget.spending_unevenness"], uneven, name="uneven")
    mean = sum(weekly["income"]) / 12
    uneven = min(10.0, pstdev(weekly["income"]) / mean) if mean else 0.0
    close(values["budget.income_unevenness"], uneven, name="uneven income")
    assert values["budget.accounts_count"] == 1
    assert values["budget.main_account_share"] == (balance > 0)
