from argparse import ArgumentParser

import orjson
import pytest

from flows.driver import Driver
from flows.rollout import Shelf, arguments, changes, words
from schemas import topics
from schemas.errors import ConfigError
from schemas.models import Rollout
from state.models import encode_model
from tests import alternatives as cases
from tests.streams import small_world

VERSIONS = {n: encode_model(cases.taught().snapshot(n))[1] for n in (1, 2, 3)}


@pytest.fixture
def driver() -> Driver:
    """A deployment in which the learner has published three committees, and kept the first."""
    made = Driver(small_world())
    made.send(topics.MODELS, VERSIONS[1], key="committee@1")
    for value in VERSIONS.values():
        made.send(topics.MODELS, value, key="committee")
    return made


def ask(driver: Driver, *given: str) -> list[str]:
    """Do what `python -m flows rollout` does, on the driver's log."""
    parser, shelf = ArgumentParser(), Shelf()
    arguments(parser)
    for record in driver.records(topics.MODELS):
        assert shelf.apply(record) is None
    for key, value in changes(parser.parse_args(given), shelf).items():
        driver.send(topics.MODELS, value, key=key)
    for record in driver.records(topics.MODELS):
        shelf.apply(record)
    return words(shelf)


def serving(driver: Driver) -> int:
    """The version that serves."""
    committee = driver.world.models.committee
    assert committee is not None
    return committee.version


def test_one_record_rolls_back_and_another_goes_on(driver: Driver) -> None:
    """A pinned committee serves, however many the learner publishes, until the newest is followed again."""
    assert serving(driver) == 3
    assert "(pinned)" in ask(driver, "pin", "1")[1]
    assert serving(driver) == 1
    driver.send(topics.MODELS, VERSIONS[3], key="committee")
    assert serving(driver) == 1
    ask(driver, "follow")
    assert serving(driver) == 3
    assert driver.records(topics.DEAD_LETTERS) == []


def test_a_challenger_is_tried_and_promoted(driver: Driver) -> None:
    """On trial it has the shares that were asked for; promoted it serves, and the trial is over."""
    ask(driver, "pin", "1")
    lines = ask(driver, "try", "newest", "--canary", "0.05", "--shadow", "0.2")
    assert "version 3" in lines[2]
    models = driver.world.models
    assert models.rollout == Rollout(shadow=0.2, canary=0.05)
    assert models.challenger is not None
    assert (serving(driver), models.challenger.version) == (1, 3)
    ask(driver, "promote")
    assert serving(driver) == 3
    assert (driver.world.models.challenger, driver.world.models.rollout) == (None, None)


def test_a_trial_is_withdrawn(driver: Driver) -> None:
    """What served before serves on, alone."""
    ask(driver, "try", "1", "--policy", "inverse_gap")
    ask(driver, "withdraw")
    assert driver.world.models.challenger is None
    assert serving(driver) == 3


def test_what_is_not_there_is_told(driver: Driver) -> None:
    """A version that is not kept, or a promotion of nothing, changes nothing."""
    with pytest.raises(ConfigError, match=r"no committee '9' is kept.*newest, 1, 3"):
        ask(driver, "pin", "9")
    with pytest.raises(ConfigError, match="nothing is on trial"):
        ask(driver, "promote")
    assert serving(driver) == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("champion", b"nonsense"),
        ("rollout", b"nonsense"),
        ("rollout", orjson.dumps({"canary": 2.0})),
        ("rollout", orjson.dumps({"policy": "unheard-of"})),
    ],
)
def test_a_wrong_record_changes_nothing(driver: Driver, key: str, value: bytes) -> None:
    """It is put aside with its cause, and what served goes on."""
    driver.send(topics.MODELS, value, key=key)
    assert serving(driver) == 3
    assert driver.world.models.rollout is None
    assert len(driver.records(topics.DEAD_LETTERS)) == 1
