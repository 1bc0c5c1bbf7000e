"""Journeys: looked up, booked and paid weeks ahead, then airports, spending abroad and the way home."""

from schemas.base import DAY_MS, HOUR_MS
from scripts.town.founding import airports
from scripts.town.money import Purchase, buy
from scripts.town.resident import Resident, Trip
from scripts.town.shops import ABROAD, AIRLINES
from scripts.town.stage import Stage

DESTINATIONS: tuple[str, ...] = (
    "LIS", "BCN", "FCO", "ATH", "PMI", "LHR", "JFK", "CPH", "PRG", "IST", "DXB", "BKK", "NCE", "AGP",
    "OPO", "MUC", "ZRH", "KEF",
)  # fmt: skip
AIRPORT_SPREAD_DEGREES = 0.006


def dream(stage: Stage, who: Resident, now_ms: int, _: None) -> None:
    """Decide on a journey: search, then book flight and hotel."""
    rng = who.rng
    destination = rng.choice(DESTINATIONS)
    country = airports()[destination]["country"]
    ahead_days = rng.uniform(8, 35)
    leaves_ms = now_ms + round(ahead_days * DAY_MS)
    days = rng.choice((2, 3, 4, 7, 7, 10, 14))
    who.trip = Trip(
        leaves_ms, leaves_ms + days * DAY_MS, destination, country, country != who.country
    )
    mcc, airline = rng.choice(AIRLINES)
    scale = min(max(who.spend_scale, 0.5), 2.5)
    flight = round(scale * 100 * rng.uniform(70, 260))
    hotel = round(scale * 100 * days * rng.uniform(28, 70))
    stage.plan(now_ms + HOUR_MS, who, buy, Purchase(airline, mcc, flight, who.country))
    stay = Purchase("Hotel Miramar", "7011", hotel, country)
    stage.plan(now_ms + round(rng.uniform(2, 40) * HOUR_MS), who, buy, stay)
    stage.plan(leaves_ms, who, stand, who.airport)
    stage.plan(leaves_ms + round(rng.uniform(3, 7) * HOUR_MS), who, stand, destination)
    for day in range(days):
        for mcc, name, mean_eur in ABROAD:
            if who.chance(0.45):
                amount = round(mean_eur * 100 * scale * rng.uniform(0.5, 1.6))
                at_ms = leaves_ms + day * DAY_MS + round(rng.uniform(8, 15) * HOUR_MS)
                stage.plan(at_ms, who, buy, Purchase(name, mcc, amount, country))
    stage.plan(who.trip.returns_ms - 4 * HOUR_MS, who, stand, destination)
    stage.plan(who.trip.returns_ms, who, come_home, None)
    if who.chance(0.3):
        stage.tell(who, "life.declared", event="travel")


def stand(stage: Stage, who: Resident, now_ms: int, airport: str) -> None:
    """The phone reports a position inside an airport."""
    del now_ms
    place = airports()[airport]
    report(stage, who, place["lat"], place["lon"], AIRPORT_SPREAD_DEGREES)


def come_home(stage: Stage, who: Resident, now_ms: int, _: None) -> None:
    """Landed at home."""
    stand(stage, who, now_ms, who.airport)
    who.trip = None


def around_home(stage: Stage, who: Resident, now_ms: int, _: None) -> None:
    """The phone reports a position near home, or that a branch was entered."""
    del now_ms
    if who.chance(0.1):
        zone = f"branch:{who.airport}-1"
        stage.tell(who, "location.zone_entered", zone=zone, zone_kind="branch")
        return
    report(stage, who, who.latitude, who.longitude, 0.02)


def report(stage: Stage, who: Resident, latitude: float, longitude: float, spread: float) -> None:
    """One position, off by up to ``spread`` degrees."""
    rng = who.rng
    stage.tell(
        who,
        "location.position",
        latitude=round(latitude + spread * (2 * rng.random() - 1), 5),
        longitude=round(longitude + spread * (2 * rng.random() - 1), 5),
    )
