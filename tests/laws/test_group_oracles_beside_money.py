"""Features of the app, other banks, places, life, messages and contract equal naive oracles, in any order of arrival."""

import math
import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features.views.habits import KNOWN
from schemas.base import DAY_MS
from schemas.events import EventBase, MessageRead
from tests.accounts import START, START_DAY
from tests.laws.test_group_oracles import read
from tests.laws.test_view_oracles import shuffled
from tests.laws.test_view_oracles_beside_money import BALANCES, DAYS, KIND_OF, TAPS, arrived, banked
from tests.oracles import close


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(DAYS, st.sampled_from(TAPS)), min_size=1, max_size=30),
    st.integers(0, 100),
    st.randoms(use_true_random=False),
)
def test_app(
    taps: list[tuple[int, dict[str, object]]], wait_days: int, shuffle: random.Random
) -> None:
    """Counts that fade, the last opening, and features used within 90 days."""
    events, newest_ms = arrived(taps, shuffle)
    values = read("app", events, now_ms=newest_ms + wait_days * DAY_MS)
    today = newest_ms // DAY_MS - START_DAY + wait_days

    def faded(kind: str, days: int, *, topic: str | None = None) -> float:
        return sum(
            math.exp(-(today - day) / days)
            for day, tap in taps
            if tap["kind"] == kind and (topic is None or tap["topic"] == topic)
        )

    opened = [today - day for day, tap in taps if tap["kind"] == "app.opened"]
    used = {tap["feature"] for day, tap in taps if "feature" in tap and today - day < 90}
    assert used <= {*KNOWN, "another"}
    oracle = {
        "opens_30d": faded("app.opened", 30),
        "days_since_open": min([*opened, 90]),
        "features_used_count": len(used),
        "errors_7d": faded("app.error_shown", 7),
        "rage_taps_7d": faded("app.rage_tapped", 7),
        "abandoned_30d": faded("app.flow_abandoned", 30),
        "searches_30d": faded("app.searched", 30),
        "travel_searches_30d": faded("app.searched", 30, topic="travel"),
    }
    for name, value in oracle.items():
        close(values[f"app.{name}"], float(value), name=name, least=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    BALANCES,
    st.lists(st.tuples(DAYS, st.integers(100, 50_000), st.booleans()), max_size=10),
    st.randoms(use_true_random=False),
)
def test_openbank(
    balances: list[tuple[int, str, int]],
    paid: list[tuple[int, int, bool]],
    shuffle: random.Random,
) -> None:
    """The newest balance of each account, and flows elsewhere that fade."""
    told_ = banked(balances, paid)
    told_.append((121, {"kind": "openbanking.account_linked", "account": "new", "institution": "b",
                        "account_type": "savings"}))  # fmt: skip
    events, now_ms = arrived(told_, shuffle)
    values = read("openbank", events, now_ms=now_ms)
    last = {name: minor / 100 for _, name, minor in sorted(balances)}

    def faded(days: int, of: list[tuple[int, float]]) -> float:
        return sum(amount * math.exp(-(121 - day) / days) for day, amount in of)

    outgoings = faded(30, [(day, minor / 100) for day, minor, _ in paid])
    cash = sum(max(0.0, last.get(name, 0.0)) for name in ("x-1", "x-2"))
    oracle = {
        "accounts_count": len(last) + 1,
        "net_worth_eur": sum(last.values()),
        "idle_cash_eur": max(0.0, cash - 3 * outgoings),
        "debt_eur": -sum(min(0.0, b) for name, b in last.items() if KIND_OF[name] != "mortgage"),
        "fees_90d_eur": faded(90, [(day, minor / 100) for day, minor, fee in paid if fee]),
        "transactions_30d": faded(30, [(day, 1.0) for day, _, _ in paid]),
    }
    for name, value in oracle.items():
        close(values[f"openbank.{name}"], float(value), name=name, least=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(DAYS, st.sampled_from(["airport:LHR", "branch:7", "shop:1"])), min_size=1, max_size=20),
    st.integers(0, 40),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_places(visits: list[tuple[int, str]], wait_days: int, shuffle: random.Random) -> None:
    """Days at airports of 90, and zones of 30."""
    told_: list[tuple[int, dict[str, object]]] = [
        (day, {"kind": "location.zone_entered", "zone": zone, "zone_kind": zone.split(":")[0]})
        for day, zone in visits
    ]
    events, newest_ms = arrived(told_, shuffle)
    values = read("places", events, now_ms=newest_ms + wait_days * DAY_MS)
    today = newest_ms // DAY_MS - START_DAY + wait_days
    flown = {today - day for day, zone in visits if zone == "airport:LHR" and today - day < 90}
    assert values["places.airports_90d"] == len(flown)
    assert values["places.days_since_airport"] == min(flown, default=365)
    zones = {zone for day, zone in visits if today - day < 30}
    assert values["places.zones_30d"] == len(zones)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(DAYS, st.sampled_from(["moving", "baby", "job_loss"]), st.booleans()),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0],
    ),
    st.integers(0, 400),
    st.randoms(use_true_random=False),
)
def test_life(words: list[tuple[int, str, bool]], wait_days: int, shuffle: random.Random) -> None:
    """Of each life event the newest word stands, for a year."""
    told_: list[tuple[int, dict[str, object]]] = [
        (day, {"kind": "life.answered", "event": name, "confirmed": yes})
        for day, name, yes in words
    ]
    events, newest_ms = arrived(told_, shuffle)
    values = read("life", events, now_ms=newest_ms + wait_days * DAY_MS)
    today = newest_ms // DAY_MS - START_DAY + wait_days
    last = {name: (today - day, yes) for day, name, yes in sorted(words)}
    standing = [days for days, yes in last.values() if yes and days < 365]
    assert values["life.events_365d"] == len(standing)
    assert values["life.days_since_event"] == min(standing, default=365)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            DAYS, st.sampled_from(["money_trouble", "card_lost"]), st.floats(0, 1), st.floats(-1, 1)
        ),
        min_size=1,
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_text(said: list[tuple[int, str, float, float]], shuffle: random.Random) -> None:
    """Messages, moods and worries that fade; everybody is thought to have sent a neutral one."""
    events: list[EventBase] = [
        MessageRead(
            event_id=f"m-{index}", customer="c-1", at=START + timedelta(days=day), channel="chat",
            intent=intent, intent_probability=sure, sentiment=mood,
        )
        for index, (day, intent, sure, mood) in enumerate(said)
    ]  # fmt: skip
    newest = max(day for day, *_ in said)
    values = read("text", shuffled(events, shuffle), now_ms=max(event.at_ms for event in events))

    def faded(days: int, of: list[tuple[int, float]]) -> float:
        return sum(amount * math.exp(-(newest - day) / days) for day, amount in of)

    count = faded(30, [(day, 1.0) for day, *_ in said])
    mood = faded(30, [(day, mood) for day, _, _, mood in said])
    close(values["text.messages_30d"], count, name="messages", least=1e-4)
    close(values["text.sentiment"], mood / (count + 1), name="sentiment", least=1e-4)
    bad = faded(30, [(day, 1.0) for day, _, _, mood in said if mood <= -0.5])
    close(values["text.negative_30d"], bad, name="negative", least=1e-4)
    worry = faded(90, [(day, sure) for day, intent, sure, _ in said if intent == "money_trouble"])
    close(values["text.money_trouble_90d"], worry, name="worry", least=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(DAYS, st.sampled_from(["mortgage", "pension", "own"]), st.booleans()),
        max_size=8,
        unique_by=lambda row: row[0],
    ),
    st.integers(1940, 2005),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_profile(
    deals: list[tuple[int, str, bool]], born: int, household: int, shuffle: random.Random
) -> None:
    """Age, household, what is held, and days since the first word."""
    told_: list[tuple[int, dict[str, object]]] = [
        (day, {"kind": "product.opened" if opened else "product.closed", "product": product})
        for day, product, opened in deals
    ]
    told_.append(
        (121, {"kind": "profile.updated", "birth_year": born, "household_size": household})
    )
    events, now_ms = arrived(told_, shuffle)
    values = read("profile", events, now_ms=now_ms)
    held = {product: opened for _, product, opened in sorted(deals)}
    assert values["profile.age"] == datetime.fromtimestamp(now_ms / 1000, UTC).year - born
    assert values["profile.products_count"] == sum(held.values())
    assert values["profile.household_size"] == household
    assert values["profile.relationship_days"] == 121 - min((day for day, *_ in deals), default=121)
