"""Features of cash and spending equal naive oracles: plain loops over the events themselves, in any order of arrival."""

import math
import random
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features import FEATURES
from operators.features.money import flow_of
from schemas.base import DAY_MS
from schemas.events import EventBase
from tests.accounts import START_DAY, moved
from tests.laws.test_feature_views import memories_of
from tests.laws.test_view_oracles import flows_of, incomes, payments, shuffled, told
from tests.oracles import asked, close, ledger, monthly

GROUP = {group.slot.name: group for group in FEATURES}


def read(name: str, events: list[EventBase], *, now_ms: int) -> dict[str, float]:
    """The features of a group after events, by name."""
    group = GROUP[name]
    values = group.read(memories_of(events).get(name, group.slot.zero()), now_ms=now_ms)
    return asked({spec.name: value for spec, value in zip(group.specs, values, strict=True)})


@settings(max_examples=60, deadline=None)
@given(payments, incomes, st.integers(0, 40), st.randoms(use_true_random=False))
def test_cash(
    spent: list[tuple[int, int, dict[str, str]]],
    got: list[tuple[int, int]],
    wait_days: int,
    shuffle: random.Random,
) -> None:
    """Balance, flows and their means of a month from a plain ledger; nobody pays twice, so nothing is pay."""
    events = told(spent, got)
    today = events[-1].at_ms // DAY_MS + wait_days
    values = read("cash", shuffled(events, shuffle), now_ms=today * DAY_MS)
    straight = read("cash", events, now_ms=today * DAY_MS)
    flows = flows_of(events)
    first = min(flow.day for flow in flows)
    close(values["cash.balance_eur"], sum(f.amount_minor for f in flows) / 100, name="balance")
    month = [f.amount_minor for f in flows if f.day > today - 30]
    close(values["cash.net_30d_eur"], sum(month) / 100, name="net", rel=2e-3, least=1.0)
    _, lows = ledger(flows, today=today)
    low = min(low for day, low in lows.items() if day > today - 30)
    close(straight["cash.low_30d_eur"], low, name="low", rel=1e-6)

    earned = [(f.day, f.amount_minor / 100) for f in flows if f.amount_minor > 0]
    paid = [(f, -f.amount_minor / 100) for f in flows if f.amount_minor < 0]
    income = monthly(earned, today=today, first=first)
    spending = monthly(
        [(f.day, a) for f, a in paid if f.category != "savings"], today=today, first=first
    )
    parts = {
        name: monthly([(f.day, a) for f, a in paid if f.category == name], today=today, first=first)
        for name in ("debt", "housing")
    }
    oracle = {
        "income_month_eur": income,
        "spend_month_eur": spending,
        "debt_service_share": min(1.0, parts["debt"] / income) if income else 0.0,
        "rent_share": min(1.0, parts["housing"] / income) if income else 0.0,
        "savings_rate": max(-1.0, min(1.0, (income - spending) / income)) if income else 0.0,
        "days_since_income": 90.0,
        "income_regularity": 0.0,
        "history_days": float(today - first),
    }
    for name, value in oracle.items():
        close(values[f"cash.{name}"], value, name=name)
    whole = min(13, (today - first) // 7)
    weeks = range(1, whole + 1)
    out = [
        sum(a for f, a in paid if f.category != "savings" and today // 7 - f.day // 7 == w)
        for w in weeks
    ]
    nets = [
        sum(a for day, a in earned if today // 7 - day // 7 == w) - spent_
        for w, spent_ in zip(weeks, out, strict=True)
    ]
    volatility = 0.0
    if whole >= 4 and sum(out) > 0:
        mean = sum(nets) / whole
        volatility = math.sqrt(sum((net - mean) ** 2 for net in nets) / whole) / (sum(out) / whole)
    close(values["cash.volatility"], min(20.0, volatility), name="volatility")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(150_000, 200_000), min_size=3, max_size=9),
    st.sampled_from([7, 14, 28, 30]),
    st.integers(0, 20),
)
def test_pay(amounts: list[int], gap: int, wait_days: int) -> None:
    """Pay in a steady rhythm: days since the last, and how steady its amount is."""
    events = [
        moved(gap * index, amount, index=index, method="transfer", counterparty="firm-1")
        for index, amount in enumerate(amounts)
    ]
    today = START_DAY + gap * (len(amounts) - 1) + wait_days
    values = read("cash", events, now_ms=today * DAY_MS)
    usual, apart = (amounts[0] + amounts[1]) / 2, abs(amounts[1] - amounts[0]) / 2
    for amount in amounts[2:]:
        apart += 0.3 * (abs(amount - usual) - apart)
        usual += 0.3 * (amount - usual)
    steady = (1 - apart / usual) * min(1.0, len(amounts) / 4)
    assert values["cash.days_since_income"] == wait_days
    # A month's pay falls on its day of the month, so a few days around it are neither late nor in time.
    if not gap - 3 <= wait_days <= gap + 8:
        late = wait_days > gap
        close(values["cash.income_regularity"], steady / 2 if late else steady, name="regularity")


@settings(max_examples=60, deadline=None)
@given(payments, st.integers(0, 40), st.randoms(use_true_random=False))
def test_spend(
    spent: list[tuple[int, int, dict[str, str]]], wait_days: int, shuffle: random.Random
) -> None:
    """Amounts fade with a mean life of 90 days, shares are of their sum, and the rest is counting."""
    events = told(spent, [])
    now_ms = events[-1].at_ms + wait_days * DAY_MS
    values = read("spend", shuffled(events, shuffle), now_ms=now_ms)
    amounts: dict[str, float] = defaultdict(float)
    countries: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    cards, recent, largest = 0.0, set(), 0.0
    flows = list(map(flow_of, events))  # type: ignore[arg-type]
    newest_ms = max((flow.at_ms for flow in flows if flow.category != "savings"), default=0)
    for event, flow in zip(events, flows, strict=True):
        if flow.category == "savings":
            continue
        age_days, paid = (now_ms - flow.at_ms) / DAY_MS, -flow.amount_minor / 100
        amounts[flow.category] += paid * math.exp(-age_days / 90)
        cards += math.exp(-age_days / 30) if event.method == "card" else 0.0  # type: ignore[attr-defined]
        country = event.country  # type: ignore[attr-defined]
        if country is not None:
            countries[country][0] += math.exp(-(newest_ms - flow.at_ms) / DAY_MS / 90)
            countries[country][1] += paid * math.exp(-age_days / 90)
        if flow.party and now_ms // DAY_MS - flow.day < 30:
            recent.add(flow.party)
        if flow.category not in ("housing", "debt") and now_ms // DAY_MS // 7 - flow.day // 7 < 14:
            largest = max(largest, paid)
    total = sum(amounts.values())

    def share(*names: str) -> float:
        return sum(amounts[name] for name in names) / total if total else 0.0

    home = max(countries, key=lambda name: (countries[name][0], name), default=None)
    foreign = 0.0
    if home is not None and countries[home][0] >= 3:
        foreign = 1 - countries[home][1] / sum(amount for _, amount in countries.values())
    oracle = {
        "groceries_share": share("groceries"),
        "dining_share": share("dining"),
        "travel_90d_eur": amounts["travel"],
        "transport_share": share("transport"),
        "home_share": share("home", "utilities"),
        "entertainment_share": share("entertainment", "subscriptions"),
        "fees_90d_eur": amounts["fees"],
        "largest_90d_eur": largest,
        "card_count_30d": cards,
        "cash_share": share("cash"),
        "distinct_merchants_30d": len(recent),
    }
    for name, value in oracle.items():
        close(values[f"spend.{name}"], value, name=name, rel=1e-3, least=1e-3)
    if home is None or abs(countries[home][0] - 3) > 0.01:
        close(values["spend.foreign_share"], foreign, name="foreign", least=1e-3)
