"""Stages of life, what is held with the bank, and how much somebody is about.

Stage: 2 of 8, when read. In: memories of ``life``, ``profile``, ``places``. Out: feature values.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple, get_args

from operators.contracts import EVERY_PURPOSE
from operators.features.life import YEAR_DAYS
from operators.features.places import AIRPORT_WINDOW_DAYS, ZONE_WINDOW_DAYS
from operators.features.views.lens import WELLBEING, Lens, Reading, share
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events.life import LifeEvent

TROUBLE: frozenset[str] = frozenset({"job_loss", "bereavement"})
"""Nothing is sold on these."""
FAMILIES: dict[str, tuple[str, ...]] = {
    "accounts": ("current_account", "joint_account", "junior_account", "fx_account", "business_account"),
    "savings": ("savings_account", "instant_saver", "pension", "index_fund", "stocks_account"),
    "credit": ("credit_card", "gold_card", "personal_loan", "car_loan", "overdraft", "mortgage"),
    "insurance": ("car_insurance", "home_insurance", "life_insurance", "travel_insurance"),
}  # fmt: skip
"""Products by what they are."""
PENSION_AGE = 67
YOUNG_AGE = 30
TRIP_GAP_DAYS = 1
_SATURDAY = 5


class Stage(NamedTuple):
    """Days since each life event that stands; those of the last year."""

    since: dict[str, float]


def look(memories: Mapping[str, Memory], now_ms: int) -> Stage | None:
    """The life events that stand at an instant."""
    memory = memories.get("life")
    if not memory:
        return None
    return Stage(
        {
            name: max(now_ms - stated_ms, 0) / DAY_MS
            for name, (stated_ms, denied_ms) in memory.items()
            if stated_ms > denied_ms and now_ms - stated_ms < YEAR_DAYS * DAY_MS
        }
    )


class Bond(NamedTuple):
    """The customer and the bank: age (None while unknown), household, products held and given up.

    ``held`` is product → days since it was opened, ``gone`` product → days since it was closed.
    """

    age: int | None
    household: int
    held: dict[str, float]
    gone: dict[str, float]
    known_days: float


def bind(memories: Mapping[str, Memory], now_ms: int) -> Bond | None:
    """Who the customer is to the bank."""
    memory = memories.get("profile")
    if not memory or not memory["since_ms"]:
        return None
    facts, held, gone = memory["facts"], {}, {}
    for name, (opened_ms, closed_ms) in memory["products"].items():
        if opened_ms > closed_ms:
            held[name] = max(0, now_ms - opened_ms) / DAY_MS
        else:
            gone[name] = max(0, now_ms - closed_ms) / DAY_MS
    year = datetime.fromtimestamp(now_ms / 1000, tz=UTC).year
    return Bond(
        year - facts["birth_year"][0] if "birth_year" in facts else None,
        facts["household_size"][0] if "household_size" in facts else 0,
        held,
        gone,
        max(0, now_ms - memory["since_ms"]) / DAY_MS,
    )


class Ways(NamedTuple):
    """Days since visits, whole: airports (each day once, newest first) and zones."""

    today: int
    airports: list[int]
    zones: list[int]


def walk(memories: Mapping[str, Memory], now_ms: int) -> Ways | None:
    """Where somebody has been, in days."""
    memory = memories.get("places")
    if not memory:
        return None
    today = now_ms // DAY_MS
    airports = [max(0, today - day) for day in memory["airport_days"]]
    zones = [max(0, today - day) for day in memory["zones"].values()]
    return Ways(
        today,
        sorted(ago for ago in airports if ago < AIRPORT_WINDOW_DAYS),
        [ago for ago in zones if ago < ZONE_WINDOW_DAYS],
    )


def _trips(ways: Ways) -> float:
    """Visits to airports that do not follow on each other's heels."""
    if not ways.airports:
        return 0
    return 1 + sum(later - sooner > TRIP_GAP_DAYS for sooner, later in pairwise(ways.airports))


def _weekend(ways: Ways) -> float:
    on = sum((ways.today - ago + 3) % 7 >= _SATURDAY for ago in ways.airports)
    return share(on, len(ways.airports))


def _events() -> Iterator[Reading[Stage]]:
    def since(name: str) -> Callable[[Stage], float]:
        return lambda stage: stage.since.get(name, float(YEAR_DAYS))

    for name in get_args(LifeEvent):
        called = name.replace("_", " ")
        purposes = WELLBEING if name in TROUBLE else EVERY_PURPOSE
        yield Reading(f"days_since_{name}", "days", f"Days since «{called}» was told and not denied; {YEAR_DAYS} if not in a year.",
                      f"«{called}», which you told us of", since(name), YEAR_DAYS, unknown=float(YEAR_DAYS), purposes=purposes)  # fmt: skip


def _products() -> Iterator[Reading[Bond]]:
    def count(products: tuple[str, ...]) -> Callable[[Bond], float]:
        return lambda bond: sum(name in bond.held for name in products)

    for name, products in FAMILIES.items():
        yield Reading(
            f"{name}_count",
            "count",
            f"Products of {name} held now.",
            f"your {name} with us",
            count(products),
        )


STAGE_VIEW: Lens[Stage] = Lens(
    "stage",
    slots=("life",),
    sources=(Source.LIFE_EVENTS,),
    owner="customer data",
    look=look,
    readings=(
        *_events(),
        Reading("upheaval_90d", "count", "Different life events of the last 90 days.", "how much changes in your life",
                lambda s: sum(days < 90 for days in s.since.values()), 90),  # noqa: PLR2004 - the window, as named
    ),
)  # fmt: skip
"""Life events, one by one."""

BOND_VIEW: Lens[Bond] = Lens(
    "bond",
    slots=("profile",),
    sources=(Source.PROFILE,),
    owner="customer data",
    look=bind,
    readings=(
        *_products(),
        Reading("families_count", "count", "Kinds of products held, of four.", "how much of the bank you use",
                lambda b: sum(any(p in b.held for p in products) for products in FAMILIES.values())),
        Reading("newest_days", "days", "Days since the newest product was opened; 3650 if none is held.",
                "your newest product", lambda b: min(b.held.values(), default=3650.0), unknown=3650.0),
        Reading("opened_365d", "count", "Products held that were opened within a year.", "what you took lately",
                lambda b: sum(days < YEAR_DAYS for days in b.held.values()), YEAR_DAYS),
        Reading("closed_365d", "count", "Products given up within a year and not taken again.", "what you gave up lately",
                lambda b: sum(days < YEAR_DAYS for days in b.gone.values()), YEAR_DAYS),
        Reading("given_up_share", "0..1", "Share of all products ever held that were given up.", "what you gave up",
                lambda b: share(len(b.gone), len(b.gone) + len(b.held))),
        Reading("tenure_years", "years", "Years since the first product or the first profile.", "how long you have been with us",
                lambda b: b.known_days / YEAR_DAYS),
        Reading("years_to_pension", "years", f"Years to the age of {PENSION_AGE}; 0 when reached, or unknown.",
                "how far your pension is", lambda b: 0 if b.age is None else max(0, PENSION_AGE - b.age)),
        Reading("young", "0 or 1", f"Whether the age is known and below {YOUNG_AGE}.", "your age",
                lambda b: b.age is not None and b.age < YOUNG_AGE),
        Reading("alone", "0 or 1", "Whether the household is one person.", "the size of your household",
                lambda b: b.household == 1),
        Reading("family", "0 or 1", "Whether the household is three persons or more.", "the size of your household",
                lambda b: b.household >= 3),  # noqa: PLR2004 - as told
    ),
)  # fmt: skip
"""Customer and bank."""

WAYS_VIEW: Lens[Ways] = Lens(
    "ways",
    slots=("places",),
    sources=(Source.LOCATION,),
    owner="travel",
    look=walk,
    readings=(
        Reading("airports_30d", "days", "Days of the last 30 with a visit to an airport.", "how often you were at an airport",
                lambda w: sum(ago < 30 for ago in w.airports), 30),  # noqa: PLR2004 - the window, as named
        Reading("trips_90d", "count", "Visits to airports of 90 days, those of days in a row as one.", "how often you travel",
                _trips, 90),
        Reading("weekend_trip_share", "0..1", "Share of airport days on a weekend, 90 days.", "when you travel", _weekend, 90),
        Reading("zones_7d", "count", "Different known zones entered in the last 7 days.", "how many places you go to",
                lambda w: sum(ago < 7 for ago in w.zones), 7),  # noqa: PLR2004 - the window, as named
        Reading("days_since_zone", "days", f"Days since a known zone was entered; {ZONE_WINDOW_DAYS} if none lately.",
                "how much you are about", lambda w: min(w.zones, default=ZONE_WINDOW_DAYS), 30, unknown=float(ZONE_WINDOW_DAYS)),
    ),
)  # fmt: skip
"""Ways, in days."""
