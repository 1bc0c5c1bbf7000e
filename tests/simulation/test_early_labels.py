"""Early labels through the whole stream: learnt from lessons, published, used at once, revised to what came in."""

from dataclasses import replace

import numpy as np
import orjson
import pytest

from flows.learn import Learner
from flows.records import Record
from operators.arbitrate import CONTEXT_NAMES
from operators.offers import ACTION_NAMES
from operators.value.lifetime import ValueLevers
from operators.value.signs import STAGES, SignLevers
from schemas.base import DAY_MS
from schemas.decisions import Lesson
from schemas.models import CommitteeSnapshot, Models
from state.models import decode_model
from tests.lives import ITEMS, Life

SPOT = ("lessons", 0)


def learner(*, days: float = 4.0) -> Learner:
    """The learner of the town, fed by hand."""
    return Learner(
        CONTEXT_NAMES,
        ACTION_NAMES,
        actions=list(ITEMS),
        published=Models(),
        lifetime=ValueLevers(signs=SignLevers(days=days, ridge=1.0)),
    )


def published(by: Learner, lessons: list[Lesson]) -> CommitteeSnapshot:
    """The committee after some more lessons."""
    for one in lessons:
        assert by.take(orjson.dumps(one), spot=SPOT, offset=0) is None
    records = {said.key: said.value for said in by.publish(10**9)}
    snapshot = decode_model(records["committee"] or b"")
    assert isinstance(snapshot, CommitteeSnapshot)
    return snapshot


def of(record: Record) -> Lesson | None:
    """A reward lesson of the town, as its learner read it."""
    body = orjson.loads(record.value or b"{}")
    if body["kind"] != "reward":
        return None
    tuples = {name: tuple(part) for name, part in body.items() if isinstance(part, list)}
    return Lesson(**(body | tuples))


@pytest.fixture(scope="module")
def lessons(life: Life) -> list[Lesson]:
    """The reward lessons that the town's answers gave."""
    return [one for record in life.driver.records("lessons") if (one := of(record)) is not None]


def test_the_town_teaches_what_signs_are_worth(life: Life) -> None:
    """The snapshot in use says it, and it came through the stream: a start is worth more than a mere word."""
    snapshot = life.driver.world.models.committee
    assert snapshot is not None
    worth = snapshot.signs.sum(axis=0).reshape(len(STAGES), -1, 3)
    phi = np.array((1.0, 2.0, 2.0))
    told, started = (float(worth[STAGES.index(stage), 0] @ phi) for stage in ("told", "started"))
    assert started > told > 0.0


def test_a_click_is_worth_something_at_once_and_nothing_once_nothing_came_of_it(
    lessons: list[Lesson],
) -> None:
    """A fresh click raises what is expected of its offer; mature and without value, it left no trace."""
    newest = max(one.at_ms for one in lessons)
    pattern = next(one for one in lessons if one.outcome == "started")
    first = replace(
        pattern,
        lesson_id="x-1",
        decision_id="x",
        at_ms=newest,
        outcome="delivered",
        outcome_before=None,
        seen_ms=newest,
        label=0.0,
        label_before=None,
    )
    click = replace(
        first,
        lesson_id="x-2",
        outcome="started",
        outcome_before="delivered",
        seen_ms=newest + 1,
        label_before=0.0,
    )
    row = len(CONTEXT_NAMES) * len(ACTION_NAMES) + sorted({*ITEMS, "silence"}).index(first.action)
    waiting = published(learner(), [*lessons, first]).mean[row]
    clicked = published(learner(), [*lessons, first, click]).mean[row]
    assert clicked > waiting
    days = [newest + day * DAY_MS for day in range(5, 9)]
    later = [
        replace(
            first, lesson_id=f"y-{at}", decision_id=f"y-{at}", at_ms=at, seen_ms=at, action="other"
        )
        for at in days
    ]
    mature = published(learner(), [*lessons, first, click, *later])
    without = published(learner(), [*lessons, first, replace(click, seen_ms=0), *later])
    assert mature.signs.tobytes() != without.signs.tobytes()
    nothing = published(learner(days=0.0), [*lessons, first, click, *later])
    assert abs(mature.mean[row] - nothing.mean[row]) < abs(clicked - waiting) / 4


def test_read_again_it_is_the_same_to_the_last_bit(lessons: list[Lesson]) -> None:
    """The log of lessons is the state: learners that read it whole, in two orders of customers, publish the same."""
    again = sorted(lessons, key=lambda one: one.customer)
    assert published(learner(), lessons).digest == published(learner(), again).digest
