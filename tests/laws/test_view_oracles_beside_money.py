"""Views of the app, other banks, life, contract and places equal naive oracles, in any order of arrival."""

import math
import random
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.features import VIEWS
from operators.features.views.habits import KNOWN
from operators.features.views.life import FAMILIES
from schemas.base import DAY_MS
from schemas.events import EventBase
from tests.accounts import START_DAY, happened, moved
from tests.laws.test_feature_views import memories_of, read
from tests.oracles import monthly

VIEW = {view.name: view for view in VIEWS}
TAPS: tuple[dict[str, str], ...] = (
    {"kind": "app.opened"},
    {"kind": "app.searched", "topic": "travel"},
    {"kind": "app.searched", "topic": "mortgage"},
    {"kind": "app.error_shown", "screen": "home", "code": "e-1"},
    {"kind": "app.rage_tapped", "screen": "home"},
    {"kind": "app.flow_abandoned", "flow": "loan"},
    *({"kind": "app.feature_used", "feature": name} for name in (*KNOWN[:5], "another")),
)
DAYS = st.integers(0, 120)
TOLD = sorted(
    name.removeprefix("stage.days_since_")
    for name in (s.name for s in VIEW["stage"].specs)
    if "since" in name
)


def close(value: float, oracle: float, *, name: str) -> None:
    assert math.isclose(value, oracle, rel_tol=1e-4, abs_tol=1e-4), (name, value, oracle)


def arrived(
    told: list[tuple[int, dict[str, object]]], shuffle: random.Random
) -> tuple[list[EventBase], int]:
    """Events in some order of arrival, and their newest instant."""
    made = [
        happened(str(fields["kind"]), day, **{k: v for k, v in fields.items() if k != "kind"})
        for day, fields in told
    ]
    shuffle.shuffle(made)
    return made, max(event.at_ms for event in made)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(DAYS, st.sampled_from(TAPS)), min_size=1, max_size=30),
    st.integers(0, 100),
    st.randoms(use_true_random=False),
)
def test_habits(
    taps: list[tuple[int, dict[str, object]]], wait_days: int, shuffle: random.Random
) -> None:
    """Counts that fade, the last day of each feature, and openings."""
    events, newest_ms = arrived(taps, shuffle)
    now_ms = newest_ms + wait_days * DAY_MS
    values = read(VIEW["habits"], memories_of(events), now_ms=now_ms)
    today = now_ms // DAY_MS - START_DAY

    def faded(kind: str, days: int) -> float:
        return sum(math.exp(-(today - day) / days) for day, tap in taps if tap["kind"] == kind)

    last = {str(tap["feature"]): 0 for _, tap in taps if "feature" in tap}
    last = {name: max(d for d, tap in taps if tap.get("feature") == name) for name in last}
    ago = {name: today - day for name, day in last.items() if today - day < 90}
    opens, errors = faded("app.opened", 30), faded("app.error_shown", 7)
    rage, abandoned = 1.5 * faded("app.rage_tapped", 7), faded("app.flow_abandoned", 30)
    searches = faded("app.searched", 30)
    travels = sum(
        math.exp(-(today - day) / 30) for day, tap in taps if tap.get("topic") == "travel"
    )
    opened = [day for day, tap in taps if tap["kind"] == "app.opened"]
    trouble = errors + rage + abandoned
    oracle = {
        "adopted_share": sum(name in ago for name in KNOWN) / 12,
        "features_7d": sum(days < 7 for days in ago.values()),
        "features_30d": sum(days < 30 for days in ago.values()),
        "lapsed_count_90d": sum(days >= 30 for days in ago.values()),
        "days_since_feature": min(ago.values(), default=90),
        "feature_age_days": sum(ago.values()) / len(ago) if ago else 90,
        "opened_7d": bool(opened) and today - max(opened) < 7,
        "dormant": bool(opened) and today - max(opened) >= 30,
        "friction": trouble,
        "friction_per_open": min(10.0, trouble / max(1.0, opens)),
        "errors_per_open": min(10.0, errors / max(1.0, opens)),
        "abandoned_per_open": min(10.0, abandoned / max(1.0, opens)),
        "rage_share": rage / trouble if trouble else 0.0,
        "searches_per_open": min(10.0, searches / max(1.0, opens)),
        "travel_search_share": travels / searches if searches else 0.0,
        **{f"uses_{name}": name in ago for name in KNOWN},
    }
    assert {f"habits.{name}" for name in oracle} == set(values)
    for name, value in oracle.items():
        close(values[f"habits.{name}"], float(value), name=name)


def test_voice() -> None:
    """Shares of the messages that there were; worries count from more likely than not."""
    memories = {"text": {"at_ms": 0, "sums": [4.0, -2.0, 1.0, 0.5]}}
    values = read(VIEW["voice"], memories, now_ms=0)
    oracle = {"negative_share": 1 / 4, "feeling_mean": -2 / 4, "worried": 1.0}
    assert {f"voice.{name}" for name in oracle} == set(values)
    for name, value in oracle.items():
        assert values[f"voice.{name}"] == value


BALANCES = st.lists(
    st.tuples(
        DAYS,
        st.sampled_from(["x-1", "x-2", "x-3", "x-4", "x-5"]),
        st.integers(-500_000, 900_000),
    ),
    max_size=12,
    unique_by=lambda row: row[0],
)
KIND_OF = {"x-1": "current", "x-2": "savings", "x-3": "card", "x-4": "mortgage", "x-5": "loan"}


def banked(
    balances: list[tuple[int, str, int]], paid: list[tuple[int, int, bool]]
) -> list[tuple[int, dict[str, object]]]:
    """Balances and payments at another bank, by day."""
    common = {"institution": "b", "currency": "EUR"}
    told: list[tuple[int, dict[str, object]]] = [
        (day, {"kind": "openbanking.balance", "account": name, "account_type": KIND_OF[name],
               "balance_minor": minor, **common})
        for day, name, minor in balances
    ]  # fmt: skip
    told += [
        (day, {"kind": "openbanking.transaction", "account": "x-1", "transaction_id": f"t-{index}",
               "amount_minor": -minor, "method": "fee" if fee else "card", **common})
        for index, (day, minor, fee) in enumerate(paid)
    ]  # fmt: skip
    return told


def beside_the_month(
    here: list[tuple[int, int]],
    *,
    today: int,
    outgoings: float,
    fees: float,
    liquid: float,
    owed: float,
) -> dict[str, float]:
    """What is had and owed beside a month's money in and out."""
    flows = [(START_DAY + day, minor / 100) for day, minor in here]
    earned, spent = (
        monthly(
            [(day, abs(amount)) for day, amount in flows if sign * amount > 0],
            today=START_DAY + today,
            first=min((day for day, _ in flows), default=0),
        )
        for sign in (1, -1)
    )
    out = spent + outgoings
    return {
        "outgoings_month_eur": out,
        "idle_eur": max(0.0, liquid - 3 * out),
        "spending_here_share": spent / out if out else 0.0,
        "reserve_months": min(10.0, liquid / out) if out else 0.0,
        "debt_to_income": min(10.0, owed / 12 / earned) if earned else 0.0,
        "debt_service_share": min(1.0, fees / 3 / earned) if earned else 0.0,
    }


@settings(max_examples=80, deadline=None)
@given(
    BALANCES,
    st.lists(st.tuples(DAYS, st.integers(100, 50_000), st.booleans()), min_size=1, max_size=10),
    st.lists(st.tuples(DAYS, st.integers(-90_000, 250_000)), max_size=10),
    st.randoms(use_true_random=False),
)
def test_elsewhere_and_together(
    balances: list[tuple[int, str, int]],
    paid: list[tuple[int, int, bool]],
    here: list[tuple[int, int]],
    shuffle: random.Random,
) -> None:
    """The newest balance of each account, flows that fade, and both added up."""
    elsewhere, newest_ms = arrived(banked(balances, paid), shuffle)
    mine = [moved(day, minor, index=i, method="transfer") for i, (day, minor) in enumerate(here)]
    now_ms = max([newest_ms, *(event.at_ms for event in mine)])
    memories = memories_of([*elsewhere, *mine])
    today = now_ms // DAY_MS - START_DAY
    last = {name: (day, minor / 100) for day, name, minor in sorted(balances)}
    fees = sum(minor / 100 * math.exp(-(today - day) / 90) for day, minor, fee in paid if fee)
    outgoings = sum(minor / 100 * math.exp(-(today - day) / 30) for day, minor, _ in paid)
    cash = sum(max(0.0, last[name][1]) for name in ("x-1", "x-2") if name in last)
    debt = -sum(min(0.0, last[name][1]) for name in ("x-1", "x-2", "x-3", "x-5") if name in last)
    fullest = max((last[name][1] for name in ("x-1", "x-2") if name in last), default=0.0)
    put_by = last["x-2"][1] if "x-2" in last else 0.0
    often = sum(math.exp(-(today - day) / 30) for day, _, _ in paid)
    oracle: dict[str, float] = {
        "elsewhere.cash_eur": cash,
        "elsewhere.outgoings_30d_eur": outgoings,
        "elsewhere.fees_share": min(1.0, fees / (3 * outgoings)),
        "elsewhere.debt_share": debt / (debt + cash) if debt + cash else 0.0,
        "elsewhere.savings_share": min(1.0, max(0.0, put_by) / cash) if cash else 0.0,
        "elsewhere.largest_share": min(1.0, max(0.0, fullest) / cash) if cash else 0.0,
        "elsewhere.payment_mean_eur": outgoings / max(1.0, often),
        "elsewhere.overdrawn_count": "x-1" in last and last["x-1"][1] < 0,
        "elsewhere.newest_days": min((today - day for day, _ in last.values()), default=365.0),
        "elsewhere.stale_count": sum(today - day >= 30 for day, _ in last.values()),
        "elsewhere.currencies_count": bool(last),
    }
    for name, kind in KIND_OF.items():
        oracle[f"elsewhere.{kind}_count"] = name in last
        oracle[f"elsewhere.{kind}_eur"] = last[name][1] if name in last else 0.0
    balance = sum(minor for _, minor in here) / 100
    liquid = max(0.0, balance) + cash
    owed = max(0.0, -balance) + debt
    oracle |= {
        "together.net_worth_eur": balance + sum(amount for _, amount in last.values()),
        "together.liquid_eur": liquid,
        "together.here_share": min(1.0, max(0.0, balance) / liquid) if liquid else 0.0,
        "together.debt_eur": owed,
        "together.fees_90d_eur": fees,
        "together.fees_elsewhere_share": 1.0 if fees else 0.0,
        "together.overdraft_covered": min(1.0, cash / -balance) if balance < 0 else 0.0,
    }
    values = read(VIEW["elsewhere"], memories, now_ms=now_ms)
    values |= read(VIEW["together"], memories, now_ms=now_ms)
    for name, value in oracle.items():
        close(values[name], float(value), name=name)
    more = beside_the_month(here, today=today, outgoings=outgoings, fees=fees, liquid=liquid, owed=owed)  # fmt: skip
    for name, value in more.items():
        close(values[f"together.{name}"], value, name=name)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(DAYS, st.sampled_from(TOLD), st.booleans()),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0],
    ),
    st.integers(0, 300),
    st.randoms(use_true_random=False),
)
def test_stage(words: list[tuple[int, str, bool]], wait_days: int, shuffle: random.Random) -> None:
    """Of each life event the newest word stands, for a year."""
    told = [(d, {"kind": "life.answered", "event": e, "confirmed": yes}) for d, e, yes in words]
    events, newest_ms = arrived(told, shuffle)
    today = newest_ms // DAY_MS - START_DAY + wait_days
    values = read(VIEW["stage"], memories_of(events), now_ms=(START_DAY + today) * DAY_MS + 9 * 3_600_000)  # fmt: skip
    since = {e: today - d if yes else 365 for d, e, yes in sorted(words)}
    for event in TOLD:
        close(values[f"stage.days_since_{event}"], min(365, since.get(event, 365)), name=event)
    assert values["stage.upheaval_90d"] == sum(days < 90 for days in since.values())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(DAYS, st.sampled_from(["mortgage", "pension", "travel_insurance", "own"]), st.booleans()),
        max_size=8,
        unique_by=lambda row: row[0],
    ),
    st.integers(1940, 2005),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_bond(
    deals: list[tuple[int, str, bool]], born: int, household: int, shuffle: random.Random
) -> None:
    """What was opened last and not closed since is held; ages are plain subtraction."""
    told: list[tuple[int, dict[str, object]]] = [
        (day, {"kind": "product.opened" if opened else "product.closed", "product": product})
        for day, product, opened in deals
    ]
    told.append((121, {"kind": "profile.updated", "birth_year": born, "household_size": household}))
    events, now_ms = arrived(told, shuffle)
    values = read(VIEW["bond"], memories_of(events), now_ms=now_ms)
    last = {product: (121 - day, opened) for day, product, opened in sorted(deals)}
    held = {product: days for product, (days, opened) in last.items() if opened}
    age = datetime.fromtimestamp(now_ms / 1000, UTC).year - born
    for family, products in FAMILIES.items():
        assert values[f"bond.{family}_count"] == sum(name in held for name in products)
    assert values["bond.families_count"] == len(held.keys() - {"own"})
    assert values["bond.newest_days"] == min(held.values(), default=3650)
    assert values["bond.opened_365d"] == len(held)
    assert values["bond.closed_365d"] == len(last) - len(held)
    close(values["bond.given_up_share"], (len(last) - len(held)) / max(1, len(last)), name="gone")
    close(values["bond.tenure_years"], (121 - min((d for d, *_ in deals), default=121)) / 365, name="tenure")  # fmt: skip
    assert values["bond.years_to_pension"] == max(0, 67 - age)
    assert values["bond.young"] == (age < 30)
    assert (values["bond.alone"], values["bond.family"]) == (household == 1, household >= 3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(DAYS, st.sampled_from(["airport:LHR", "branch:7", "shop:1"])), min_size=1, max_size=20),
    st.integers(0, 40),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_ways(visits: list[tuple[int, str]], wait_days: int, shuffle: random.Random) -> None:
    """Days at airports, in a row as one trip, and zones by the last day there."""
    told = [
        (day, {"kind": "location.zone_entered", "zone": zone, "zone_kind": zone.split(":")[0]})
        for day, zone in visits
    ]
    events, newest_ms = arrived(told, shuffle)
    today = newest_ms // DAY_MS - START_DAY + wait_days
    values = read(VIEW["ways"], memories_of(events), now_ms=(START_DAY + today) * DAY_MS)
    days = sorted({day for day, zone in visits if zone == "airport:LHR" and today - day < 90})
    zones = {zone: max(day for day, other in visits if other == zone) for _, zone in visits}
    assert values["ways.airports_30d"] == sum(today - day < 30 for day in days)
    assert values["ways.trips_90d"] == sum(day - 1 not in days for day in days)
    on = sum(datetime.fromtimestamp((START_DAY + day) * 86_400, UTC).weekday() >= 5 for day in days)
    close(values["ways.weekend_trip_share"], on / max(1, len(days)), name="weekend")
    assert values["ways.zones_7d"] == sum(today - day < 7 for day in zones.values())
    since = min(today - day for day in zones.values())
    assert values["ways.days_since_zone"] == (min(30, since))
