"""What is wrong with a lesson, an offer, a choice or a model: each has one stated behaviour, and nothing stops."""

from dataclasses import replace

import numpy as np
import orjson
import pytest
from pydantic import ValidationError

from flows.driver import Driver
from flows.learn import Learner
from operators import arbitrate
from operators.bandits.ridge import Levers, PosteriorRidge
from operators.offers import ACTION_NAMES, SILENCE_FEATURES, Draft
from schemas import topics
from schemas.base import DAY_MS, Channel
from schemas.decisions import SILENCE, Lesson
from schemas.models import CommitteeSnapshot, Models
from schemas.offers import Item
from schemas.rules import Rules
from state.models import decode_model, encode_model
from tests import alternatives as cases
from tests.moments import item
from tests.streams import body, morning, small_world

SPOT = (topics.LESSONS, 0)
YEAR_MS = 365 * DAY_MS
NOW_MS = 56 * 365 * DAY_MS


def learnt(*lessons: Lesson) -> CommitteeSnapshot:
    """What a learner publishes after some lessons."""
    learner = Learner(cases.CONTEXT_NAMES, cases.ACTION_NAMES, levers=cases.LEVERS)
    for offset, one in enumerate(lessons):
        assert learner.take(orjson.dumps(one), spot=SPOT, offset=offset) is None
    records = {said.key: said.value for said in learner.publish(10**9)}
    snapshot = decode_model(records["committee"] or b"")
    assert isinstance(snapshot, CommitteeSnapshot)
    return snapshot


def mean_of(snapshot: CommitteeSnapshot, action: str) -> float:
    """What an action is thought to bring besides its features."""
    return float(
        snapshot.mean[len(snapshot.mean) - len(snapshot.actions) :][snapshot.actions.index(action)]
    )


def at(lesson: Lesson, at_ms: int, number: int) -> Lesson:
    return replace(lesson, at_ms=at_ms, lesson_id=f"l-{number}", decision_id=f"d-{number}")


def test_a_lesson_for_a_retired_offer_is_learnt() -> None:
    """What it says of its features holds for what is still offered, and the offer keeps its own place."""
    snapshot = learnt(*(cases.lesson(n, "gone", 4.0) for n in range(20)))
    assert mean_of(snapshot, "gone") > 0.5
    assert snapshot.lessons == 20


def test_a_lesson_that_comes_twice_counts_once() -> None:
    """By its id, whatever lies between."""
    one, other = cases.lesson(1, "pot", 4.0), cases.lesson(2, "pot", 1.0)
    twice = learnt(one, other, one)
    assert (twice.lessons, twice.mean.tobytes()) == (2, learnt(one, other).mean.tobytes())


def test_a_lesson_a_year_late_counts_half() -> None:
    """It falls into the epoch of its decision, and so is as old as its decision, however late it comes."""
    late = at(cases.lesson(1, "pot", 8.0), NOW_MS - YEAR_MS, 1)
    soon = at(cases.lesson(1, "pot", 8.0), NOW_MS, 1)
    others = [at(cases.lesson(n, "loan", 0.0), NOW_MS, n) for n in range(2, 200)]
    assert 0.0 < mean_of(learnt(*others, late), "pot") < mean_of(learnt(*others, soon), "pot")
    in_time = learnt(late, *others)
    assert in_time.mean.tobytes() == learnt(*others, late).mean.tobytes()


def test_an_answer_to_an_unknown_decision_teaches_nothing_and_is_told() -> None:
    """It is recorded with its cause; the customer's wish in it is heeded all the same."""
    driver = Driver(small_world())
    for value in morning("c-1"):
        driver.send(topics.CUSTOMER_EVENTS, value, key="c-1")
    before = len(driver.read(topics.LESSONS))
    answer = {"kind": "feedback.received", "outcome": "complained", "decision_id": "never-made"}
    driver.send(topics.CUSTOMER_EVENTS, body("c-1", 90, answer, minutes=20), key="c-1")
    record = driver.read(topics.IMPACT)[-1]
    assert (record["counted"], record["note"]) == (False, "unknown_decision")
    assert len(driver.read(topics.LESSONS)) == before
    me = driver.customer("c-1")
    assert me is not None
    assert "all" in me.rests


def test_an_offer_without_features_is_an_average_one() -> None:
    """Traits that are left out are 0; a trait that nobody knows, or out of bounds, is refused."""
    bare = Draft(item(id="bare"), Channel.IN_APP, "content").candidate(lambda _: 0.0)
    assert bare.action_features == SILENCE_FEATURES
    assert len(bare.action_features) == len(ACTION_NAMES)
    with pytest.raises(ValidationError):
        item(traits={"saving": 9.0})
    with pytest.raises(ValidationError):
        Item.model_validate({"id": "bare"})


def test_with_nothing_allowed_silence_is_certain() -> None:
    """An empty set of candidates leaves silence, with probability 1, whoever chooses."""
    committee = PosteriorRidge(arbitrate.CONTEXT_NAMES, ACTION_NAMES).snapshot(1)
    for models in (Models(), Models(committee=committee)):
        for arm in ("treatment", "control", "holdout"):
            choice, _ = arbitrate.choose(
                (),
                contexts=arbitrate.Contexts({}),
                usable=lambda _: frozenset(),
                models=models,
                rules=Rules(),
                arm=arm,
                key="d-1",
                explore=True,
            )
            assert (choice.action, choice.propensity) == (SILENCE, 1.0)


def test_lessons_that_are_all_alike_make_no_singular_matrix() -> None:
    """The prior keeps every sum solvable, however weak it is and however few things were seen."""
    weak = Levers(ridge=1e-6, ridge_main=1e-6, ridge_offset=1e-6, prior=())
    ridge = PosteriorRidge(cases.CONTEXT_NAMES, cases.ACTION_NAMES, levers=weak)
    for number in range(500):
        ridge.learn(cases.lesson(number, "pot", 2.0, balance=1.0))
    snapshot = ridge.snapshot(1)
    assert np.isfinite(snapshot.theta).all()
    assert np.isfinite(snapshot.mean).all()


@pytest.mark.parametrize("kind", ["cut", "altered", "older"])
def test_a_model_that_can_not_serve_is_put_aside(kind: str) -> None:
    """Corrupt, or older than the one in use: it becomes a dead letter, and what served goes on."""
    driver = Driver(small_world())
    ridge = cases.taught()
    driver.send(topics.MODELS, encode_model(ridge.snapshot(7))[1], key="committee")
    good = encode_model(ridge.snapshot(6))[1]
    bad = {"cut": good[:-9], "altered": good.replace(b'"lessons":', b'"lessons":1'), "older": good}
    driver.send(topics.MODELS, bad[kind], key="committee")
    committee = driver.world.models.committee
    assert committee is not None
    assert committee.version == 7
    (letter,) = driver.records(topics.DEAD_LETTERS)
    code = dict(letter.headers)["__connect.errors.exception.class.name"]
    assert code == (b"input.invalid" if kind == "older" else b"input.malformed")


def test_a_model_that_comes_again_serves() -> None:
    """A copy of what is in use is no older than that."""
    driver = Driver(small_world())
    value = encode_model(cases.taught().snapshot(7))[1]
    for _ in range(2):
        driver.send(topics.MODELS, value, key="committee")
    assert driver.records(topics.DEAD_LETTERS) == []
