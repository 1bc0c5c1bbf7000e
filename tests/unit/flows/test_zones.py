"""Zones: real airports, the edges of the map, and nothing kept of a coordinate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.zones import ELSEWHERE, Circle, Zones, distance_km, load_airports

LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)
CIRCLES = st.lists(
    st.builds(
        Circle,
        zone=st.sampled_from(["z:1", "z:2", "z:3"]),
        kind=st.just("shop"),
        latitude=LATITUDES,
        longitude=LONGITUDES,
        radius_km=st.floats(0.1, 50),
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def airports() -> Zones:
    return load_airports()


@pytest.mark.parametrize(
    ("latitude", "longitude", "zone"),
    [
        (51.4700, -0.4543, "airport:LHR"),
        (51.4816, -0.4510, "airport:LHR"),  # the north perimeter road
        (48.9996, 2.5570, "airport:CDG"),  # terminal 2
        (50.0500, 8.5700, "airport:FRA"),
        (40.6413, -73.7781, "airport:JFK"),
        (-17.7554, 177.4430, "airport:NAN"),  # Fiji, near the date line
        (51.5074, -0.1278, "elsewhere"),  # Charing Cross
        (0.0, -30.0, "elsewhere"),
        (90.0, 0.0, "elsewhere"),
    ],
)
def test_known_places(airports: Zones, latitude: float, longitude: float, zone: str) -> None:
    """Terminals lie in their airport, city centres and oceans nowhere."""
    assert airports.zone_of(latitude, longitude)[0] == zone


def test_date_line_and_poles_are_no_edges() -> None:
    """A circle across 180° or over a pole is met from all sides."""
    zones = Zones(
        [
            Circle("z:date-line", "branch", 10.0, 179.99, 5.0),
            Circle("z:pole", "branch", 89.99, 0.0, 5.0),
        ]
    )
    for longitude in (179.97, 180.0, -180.0, -179.99):
        assert zones.zone_of(10.0, longitude) == ("z:date-line", "branch")
    for longitude in (0.0, 90.0, 180.0, -135.0):
        assert zones.zone_of(89.999, longitude) == ("z:pole", "branch")


@given(CIRCLES, LATITUDES, LONGITUDES, st.booleans())
def test_cells_answer_as_a_full_search(
    circles: list[Circle],
    latitude: float,
    longitude: float,
    near: bool,  # noqa: FBT001  # drawn
) -> None:
    """The grid finds what asking every circle finds: the nearest one reached."""
    if near and circles:
        latitude = max(-90.0, min(90.0, circles[0].latitude + latitude / 1000))
        longitude = (circles[0].longitude + longitude / 1000 + 180) % 360 - 180
    away = [
        (distance_km(latitude, longitude, circle.latitude, circle.longitude), circle)
        for circle in circles
    ]
    reached = [(km, circle) for km, circle in away if km <= circle.radius_km]
    found = Zones(circles).zone_of(latitude, longitude)
    if not reached:
        assert found == ELSEWHERE
    else:
        least_km = min(km for km, _circle in reached)
        assert found in [(circle.zone, circle.kind) for km, circle in reached if km == least_km]
