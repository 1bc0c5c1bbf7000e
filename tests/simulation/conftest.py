"""One life of a town, looked at by every test."""

import pytest

from tests.lives import EVENTS, Life


@pytest.fixture(scope="session")
def life() -> Life:
    """It takes half a minute, so it is lived once."""
    return Life("invariants", EVENTS)
