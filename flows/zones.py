"""Positions to zones: which airport a coordinate lies at, and then the coordinate is dropped.

Airports with an IATA code come from the package ``airportsdata``; what is not at one is ``elsewhere``.
The data has no outlines, so an airport is a circle around its reference point: 5 km for large ones,
3 km for the rest. Large, for want of traffic figures, is «International» in the name or one of several
airports of a city (an IATA metropolitan area, such as LON).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import asin, ceil, cos, floor, radians, sin, sqrt
from typing import Literal

import airportsdata

from schemas.events import PositionReported, ZoneEntered

ZoneKind = Literal["airport", "branch", "shop", "home", "elsewhere"]
ELSEWHERE: tuple[str, ZoneKind] = ("elsewhere", "elsewhere")
RADIUS_KM = 3.0
LARGE_RADIUS_KM = 5.0

_EARTH_RADIUS_KM = 6371.0088
_DEGREE_KM = _EARTH_RADIUS_KM * radians(1)
_ROUNDING_KM = 1e-6
_HALF_TURN = 180


@dataclass(slots=True, frozen=True)
class Circle:
    """A zone: a point in degrees and how far around it reaches."""

    zone: str
    kind: ZoneKind
    latitude: float
    longitude: float
    radius_km: float


class Zones:
    """Circles in cells of one degree: a look-up meets only those of its own cell.

    Example:
        >>> zones = Zones([Circle("airport:LHR", "airport", 51.4706, -0.461941, 5.0)])
        >>> zones.zone_of(51.48, -0.45)
        ('airport:LHR', 'airport')
        >>> zones.zone_of(51.5, 0.1)
        ('elsewhere', 'elsewhere')
    """

    def __init__(self, circles: Iterable[Circle]) -> None:
        """Circles are walked through at the first look-up: most workers never meet a position."""
        self._circles = circles

    @cached_property
    def _cells(self) -> dict[tuple[int, int], list[Circle]]:
        cells: dict[tuple[int, int], list[Circle]] = defaultdict(list)
        for circle in self._circles:
            for cell in _cells_of(circle):
                cells[cell].append(circle)
        return cells

    def zone_of(self, latitude: float, longitude: float) -> tuple[str, ZoneKind]:
        """The zone that a position in degrees lies in (the nearest when they overlap), and its kind."""
        nearest = ELSEWHERE
        nearest_km = float("inf")
        for circle in self._cells.get(_cell(latitude, longitude), ()):
            # Most of a cell is too far north or south, which costs less to see than a distance does.
            if abs(circle.latitude - latitude) * _DEGREE_KM > circle.radius_km + _ROUNDING_KM:
                continue
            away_km = distance_km(latitude, longitude, circle.latitude, circle.longitude)
            if away_km <= circle.radius_km and away_km < nearest_km:
                nearest, nearest_km = (circle.zone, circle.kind), away_km
        return nearest

    def enter(self, event: PositionReported) -> ZoneEntered:
        """The zone entry that takes a position's place: same id, customer and instant, no coordinate."""
        zone, kind = self.zone_of(event.latitude, event.longitude)
        return ZoneEntered(
            event_id=event.event_id,
            customer=event.customer,
            at=event.at,
            zone=zone,
            zone_kind=kind,
        )


def load_airports() -> Zones:
    """The zones of all airports with an IATA code (about 8,000); the first look-up loads them."""
    return Zones(_airports())


def _airports() -> Iterator[Circle]:
    large = {
        airport
        for area in airportsdata.load_iata_macs().values()
        if len(area["airports"]) > 1
        for airport in area["airports"]
    }
    for code, airport in airportsdata.load("IATA").items():
        yield Circle(
            zone=f"airport:{code}",
            kind="airport",
            latitude=airport["lat"],
            longitude=airport["lon"],
            radius_km=LARGE_RADIUS_KM
            if code in large or "International" in airport["name"]
            else RADIUS_KM,
        )


def distance_km(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> float:
    """The great-circle distance between two positions in degrees, within 0.6 % of the ellipsoid's.

    Example:
        >>> round(distance_km(51.4706, -0.4619, 49.0128, 2.55))
        347

    Source: the haversine formula; Sinnott 1984, "Virtues of the Haversine", Sky and Telescope 68.
    """
    to_north = radians(other_latitude - latitude)
    to_east = radians(other_longitude - longitude)
    chord = (
        sin(to_north / 2) ** 2
        + cos(radians(latitude)) * cos(radians(other_latitude)) * sin(to_east / 2) ** 2
    )
    return 2 * _EARTH_RADIUS_KM * asin(sqrt(min(1.0, chord)))


def _cell(latitude: float, longitude: float) -> tuple[int, int]:
    # 180° east is 180° west.
    return floor(latitude), (floor(longitude) + _HALF_TURN) % (2 * _HALF_TURN)


def _cells_of(circle: Circle) -> set[tuple[int, int]]:
    north = circle.radius_km / _DEGREE_KM
    top = min(90.0, abs(circle.latitude) + north)
    # A degree of longitude shrinks towards the poles; at one, the circle meets every meridian.
    shrunk = cos(radians(top))
    east = _HALF_TURN if shrunk * _HALF_TURN <= north else min(_HALF_TURN, ceil(north / shrunk))
    rows = range(floor(circle.latitude - north), floor(circle.latitude + north) + 1)
    columns = range(floor(circle.longitude) - east, floor(circle.longitude) + east + 1)
    return {_cell(row, column) for row in rows for column in columns}
