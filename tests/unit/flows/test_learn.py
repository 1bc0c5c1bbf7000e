from dataclasses import replace

import numpy as np
import orjson
import pytest

from flows.cadence import Cadence, Retention, Shelf
from flows.learn import Learner
from flows.lever import lever
from schemas import topics
from schemas.base import DAY_MS
from schemas.decisions import Lesson
from schemas.errors import ConfigError
from schemas.models import CommitteeSnapshot, IntentSnapshot, Models, TasteSnapshot
from state.models import Snapshot, decode_model
from tests import alternatives as cases

SPOT = (topics.LESSONS, 0)


class CountingHead:
    """A head that learns how many texts it was taught."""

    def __init__(self) -> None:
        self.lessons = 0

    def learn(self, lesson: Lesson) -> bool:
        self.lessons += len(lesson.embedding) == 2
        return len(lesson.embedding) == 2

    def snapshot(self, version: int) -> IntentSnapshot:
        zeros = np.zeros(3)
        return IntentSnapshot(
            version, "d", ("other",), zeros[None, :2], zeros[:1], zeros, self.lessons
        )


def learner(
    *,
    published: Models | None = None,
    head: CountingHead | None = None,
    retention: Retention | None = None,
) -> Learner:
    """A learner of the test features."""
    return Learner(
        cases.CONTEXT_NAMES,
        cases.ACTION_NAMES,
        actions=cases.ACTIONS,
        head=head,
        published=published,
        levers=cases.LEVERS,
        retention=retention,
    )


def published(subject: Learner, now_ms: int) -> dict[str, Snapshot]:
    """What the learner publishes now, decoded, by key."""
    said = subject.publish(now_ms)
    assert {one.topic for one in said} <= {topics.MODELS}
    return {
        one.key: decode_model(one.value)
        for one in said
        if one.value is not None and not one.key.startswith("committee@")
    }


def teach(subject: Learner, *lessons: Lesson) -> None:
    """Feed lessons as they lie on the log."""
    for offset, lesson in enumerate(lessons):
        assert subject.take(orjson.dumps(lesson), spot=SPOT, offset=offset) is None


def test_the_first_start_publishes_version_one_of_each() -> None:
    """Before any lesson there is a prior committee, an empty taste and a head."""
    subject = learner(head=CountingHead())
    first = published(subject, 0)
    assert {key: snapshot.version for key, snapshot in first.items()} == {
        "committee": 1,
        "taste": 1,
        "intents": 1,
    }
    assert isinstance(first["committee"], CommitteeSnapshot)
    assert first["committee"].actions == (*cases.ACTIONS, "silence")
    assert published(subject, 10_000) == {}


def test_lessons_teach_the_model_of_their_kind() -> None:
    """Rewards the committee, holdings the taste, labelled texts the head."""
    subject = learner(head=CountingHead())
    published(subject, 0)
    teach(subject, cases.lesson(1, "pot", 5.0))
    committee = published(subject, 1)
    assert list(committee) == ["committee"]
    held = replace(cases.lesson(2, "", 0.0), kind="holdings", holdings=("card", "pot"))
    teach(subject, held)
    taste = published(subject, 2)["taste"]
    assert isinstance(taste, TasteSnapshot)
    assert taste.products == ("card", "pot")
    text = replace(cases.lesson(3, "", 0.0), kind="intent", embedding=(0.1, 0.2), intent="other")
    teach(subject, text)
    intents = published(subject, 3)["intents"]
    assert isinstance(intents, IntentSnapshot)
    assert (intents.lessons, intents.version) == (1, 2)


def test_a_snapshot_says_where_it_stands() -> None:
    """The position counts the lessons of each partition."""
    subject = learner()
    value = orjson.dumps(cases.lesson(1, "pot", 5.0))
    subject.take(value, spot=("lessons", 1), offset=6)
    subject.take(None, spot=("lessons", 0), offset=2)
    committee = published(subject, 0)["committee"]
    assert isinstance(committee, CommitteeSnapshot)
    assert (committee.position, committee.lessons) == ("0:3,1:7", 1)


def test_many_lessons_are_published_by_number_and_few_by_time() -> None:
    """A twentieth of what is known is due at once; fewer, half a second after the last snapshot."""
    subject = learner()
    published(subject, 0)
    teach(subject, *(cases.lesson(n, "pot", 1.0) for n in range(200)))
    assert "committee" in published(subject, 1)
    teach(subject, *(cases.lesson(1000 + n, "pot", 1.0) for n in range(9)))
    assert published(subject, 2) == {}
    assert published(subject, 1 + Cadence().refresh_ms - 1) == {}
    assert "committee" in published(subject, 1 + Cadence().refresh_ms)


def test_a_lesson_after_a_pause_is_published_at_once() -> None:
    """Nobody waits for others who do not come, not even where the clock was put back meanwhile."""
    subject = learner()
    teach(subject, *(cases.lesson(n, "pot", 1.0) for n in range(200)))
    assert "committee" in published(subject, 10_000)
    teach(subject, cases.lesson(1000, "pot", 1.0))
    assert "committee" in published(subject, 10_000 + 3 * Cadence().refresh_ms)
    teach(subject, cases.lesson(1001, "pot", 1.0))
    assert published(subject, 5_000) == {}
    assert "committee" in published(subject, 5_000 + Cadence().refresh_ms)


def test_a_lesson_that_comes_twice_counts_once() -> None:
    """The log may hold a record twice after a crash."""
    once, twice = learner(), learner()
    lesson = cases.lesson(1, "pot", 5.0)
    teach(once, lesson, replace(lesson, lesson_id="l-2"))
    teach(twice, lesson, replace(lesson, lesson_id="l-2"))
    twice.take(orjson.dumps(lesson), spot=SPOT, offset=1)
    digests = [
        snapshot.digest for subject in (once, twice) for snapshot in published(subject, 0).values()
    ]
    assert digests[:2] == digests[2:]


def test_a_restart_goes_on_with_the_versions() -> None:
    """The models of the same log are the same numbers under a newer version."""
    first, again = learner(), None
    lessons = [cases.lesson(n, "pot", float(n)) for n in range(30)]
    teach(first, *lessons)
    before = published(first, 0)["committee"]
    assert isinstance(before, CommitteeSnapshot)
    again = learner(published=Models(committee=replace(before, version=41)))
    teach(again, *lessons)
    after = published(again, 0)["committee"]
    assert isinstance(after, CommitteeSnapshot)
    assert after.version == 42
    assert after.mean.tobytes() == before.mean.tobytes()


def test_a_release_with_other_features_publishes_at_once() -> None:
    """A committee made for other features would only make every decision fall back."""
    old = cases.snapshot()
    stale = replace(old, context_names=("const", "other", "travel"))
    assert published(learner(published=Models(committee=old)), 0).keys() == {"taste"}
    assert "committee" in published(learner(published=Models(committee=stale)), 0)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"{", "input.malformed"),
        (b"[]", "input.invalid"),
        (b'{"lesson_id":"l"}', "input.invalid"),
        (orjson.dumps(cases.lesson(1, "pot", 1.0)).replace(b'"label":1.0', b'"label":NaN'),
         "input.malformed"),
        (orjson.dumps(cases.lesson(1, "pot", 1.0)).replace(b'"label":1.0', b'"label":"x"'),
         "input.invalid"),
        (orjson.dumps(replace(cases.lesson(1, "pot", 1.0), kind="gossip")), "input.unknown-kind"),
        (orjson.dumps(replace(cases.lesson(1, "pot", 1.0), context=(1.0,))), "input.invalid"),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_from_is_left_out(value: bytes, code: str) -> None:
    """A bad lesson is named and changes nothing, least of all to NaN."""
    subject = learner()
    published(subject, 0)
    error = subject.take(value, spot=SPOT, offset=0)
    assert error is not None
    assert error.code == code
    assert published(subject, 10_000) == {}


def test_it_can_be_heard_without_a_log() -> None:
    """The driver hands lessons over as bytes and gets model records back by key."""
    subject = learner()
    assert set(subject.hear([])) == {"committee", "taste"}
    records = subject.hear([orjson.dumps(cases.lesson(1, "pot", 5.0))])
    assert decode_model(records["committee"]).version == 2


def dated(number: int, label: float, *, days: int, customer: str = "c-1") -> Lesson:
    """A reward lesson of a customer, so many days after 1970."""
    return replace(
        cases.lesson(number, "pot", label),
        at_ms=days * DAY_MS,
        customer=customer,
        lesson_id=f"n{number}",
    )


def mean_of(subject: Learner) -> list[float]:
    """The posterior mean of the newest committee, after a long wait."""
    said = [*subject.publish(0), *subject.publish(10**9)]
    value = [one for one in said if one.key == "committee"][-1].value
    assert value is not None
    snapshot = decode_model(value)
    assert isinstance(snapshot, CommitteeSnapshot)
    return [*snapshot.mean, snapshot.lessons]


@pytest.mark.parametrize(
    "retention",
    [Retention(days=200, every=4), Retention(lessons_max=12, every=4)],
    ids=["too old", "too many"],
)
def test_what_leaves_the_ledger_leaves_the_models(retention: Retention) -> None:
    """Old epochs go whole: the model is that of a learner that never had them, and can still forget exactly."""
    old = [dated(n, 5.0, days=900) for n in range(8)]
    new = [dated(100 + n, 1.0 + n, days=2_000, customer=f"c-{n % 2}") for n in range(8)]
    bounded, young = learner(retention=retention), learner()
    teach(bounded, *old, *new)
    teach(young, *new)
    assert mean_of(bounded) == mean_of(young)
    late = dated(500, 60.0, days=900)
    request = replace(cases.lesson(7, "", 0.0), kind="forget", customer="c-1", lesson_id="f-1")
    for subject in (bounded, young):
        teach(subject, request)
    teach(bounded, late)  # of an epoch that is gone: a part of it would be wrong
    assert mean_of(bounded) == mean_of(young)


def test_earlier_committees_stay_to_go_back_to() -> None:
    """The first of every so many versions gets a key of its own; the oldest gives way to a new one."""
    subject = Learner(
        cases.CONTEXT_NAMES,
        cases.ACTION_NAMES,
        levers=cases.LEVERS,
        shelf=Shelf(every=2, count=2),
    )
    kept: dict[str, bytes | None] = {}
    for number in range(9):
        teach(subject, cases.lesson(number, "pot", 1.0))
        for now_ms in (number * 10_000, number * 10_000 + 5_000):
            said = subject.publish(now_ms)
            kept |= {one.key: one.value for one in said if one.key.startswith("committee@")}
    standing = {key: value for key, value in kept.items() if value is not None}
    assert list(kept) == [f"committee@{version}" for version in (1, 3, 5, 7, 9)]
    assert list(standing) == ["committee@7", "committee@9"]
    for key, value in standing.items():
        assert f"committee@{decode_model(value).version}" == key


def test_a_lever_is_set_at_its_place_on_the_log() -> None:
    """Old lessons count less from there on; reading the log again gives the same, and a wrong one nothing."""
    lessons = [*(dated(n, 5.0, days=30) for n in range(8)), dated(100, 1.0, days=400)]
    setting = lever("half_life_days", 30.0)
    steady, faster, again = learner(), learner(), learner()
    teach(steady, *lessons)
    teach(faster, *lessons, setting)
    teach(again, lessons[0], setting, *lessons[1:])
    assert mean_of(faster) == mean_of(again) != mean_of(steady)
    wrong = replace(setting, lesson_id="w", label=-1.0)
    error = steady.take(orjson.dumps(wrong), spot=SPOT, offset=99)
    assert error is not None
    assert "half_life_days" in error.detail
    with pytest.raises(ConfigError, match="can't stand at 2"):
        lever("floor", 2.0)


def test_a_shift_is_proposed_and_nothing_changes_by_itself() -> None:
    """When what is told is suddenly taken up, a proposal goes to `impact` with what to do about it."""
    subject = learner()
    subject.publish(0)
    before = [dated(n, 0.0, days=30) for n in range(1_500)]
    after = [dated(2_000 + n, 4.0, days=31) for n in range(400)]
    teach(subject, *before, *after)
    told = [one for one in subject.publish(0) if one.topic == topics.IMPACT]
    assert told
    body = orjson.loads(told[0].value or b"")
    assert (body["type"], body["model"]) == ("drift.proposed", "committee")
    assert body["residual_eur"] > body["residual_eur_before"]
    assert body["proposal"] == {"half_life_days": cases.LEVERS.half_life_days / 2}
