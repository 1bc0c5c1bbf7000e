import pytest

from operators.learn import OPEN_MAX, VALUE_WINDOW_MS, close, wake_at
from schemas.base import DAY_MS, Purpose, Source
from schemas.decisions import SILENCE
from schemas.events import FeedbackReceived
from tests.answers import START_MS, customer, decision, said, tell


def test_the_label_is_what_was_taken_up_and_ends_as_money() -> None:
    """Completed and realised each revise what stood; clicked and started are signs, and worth nothing yet."""
    _, lessons, impact = tell(
        customer(decision()),
        said("delivered", number=1),
        said("viewed", number=2),
        said("clicked", number=3),
        said("started", number=4),
        said("completed", number=5),
        said("value", number=6, days=30, value_customer_minor=1_000, value_bank_minor=2_000),
        said("value", number=7, days=60, value_bank_minor=500),
    )
    labels = [lesson.label for lesson in lessons]
    assert labels == pytest.approx([0.0, 0.0, 0.0, 8.0, 3.0, 3.5], abs=1e-3)
    assert [lesson.label_before for lesson in lessons] == [None, *labels[:-1]]
    outcomes = ["delivered", "clicked", "started", "completed", "value", "value"]
    assert [lesson.outcome for lesson in lessons] == outcomes
    # A view is no sign of its own, but it is what was known before the click.
    assert [lesson.outcome_before for lesson in lessons] == [
        None,
        "viewed",
        *outcomes[1:-1],
    ]
    assert {lesson.stated for lesson in lessons} == {(2.0, 6.0)}
    assert all(lesson.seen_ms > lesson.at_ms for lesson in lessons)
    # The loan's value is 20 EUR to the customer and 60 to the bank; then 10 and 20 came, then 0 and 5.
    assert [lesson.bank for lesson in lessons] == pytest.approx(
        [0.0, 0.0, 0.0, 6.0, -4.0, 0.5], abs=1e-3
    )
    assert {lesson.at_ms for lesson in lessons} == {START_MS}
    assert len({lesson.lesson_id for lesson in lessons}) == 6
    assert [record["type"] for record in impact] == ["feedback"] * 5 + ["value"] * 2
    assert all(record["counted"] for record in impact[:5])


def test_a_lesson_holds_what_the_decision_was_made_with() -> None:
    """Log once: context, action features, propensity and model are those of the decision."""
    _, (lesson,), _ = tell(customer(decision()), said("clicked"))
    assert lesson.kind == "reward"
    assert (lesson.context, lesson.action_features) == ((1.0, 0.5), (1.0, 0.25))
    assert (lesson.decision_id, lesson.action, lesson.arm) == ("d-1", "loan", "treatment")
    assert (lesson.propensity, lesson.model) == (0.4, "m")


@pytest.mark.parametrize(
    ("outcome", "why", "label"),
    [
        ("dismissed", None, -0.1),
        ("dismissed", "not_relevant", -0.1),
        ("dismissed", "cannot_afford", -0.1),
        ("dismissed", "dont_trust", -0.3),
        ("dismissed", "not_now", 0.0),
        ("dismissed", "too_personal", 0.0),
        ("dismissed", "already_have", 0.0),
        ("dismissed", "wrong_facts", 0.0),
        ("muted", None, -1.5),
        ("muted", "too_personal", 0.0),
        ("complained", None, -5.0),
        ("complained", "not_now", -5.0),
        ("complained", "wrong_facts", 0.0),
    ],
)
def test_a_refusal_costs_what_the_item_is_to_blame_for(
    outcome: str, why: str | None, label: float
) -> None:
    """What blames the moment, the data or the facts leaves the item's label at no response."""
    _, (lesson,), _ = tell(customer(decision()), said(outcome, why=why))
    assert lesson.label == pytest.approx(label, abs=1e-3)
    assert lesson.why == why


def test_a_complaint_after_completion_takes_from_what_was_earned() -> None:
    """The completion stays true, and the complaint is dear."""
    _, lessons, _ = tell(
        customer(decision()), said("completed", number=1), said("complained", number=2)
    )
    assert [lesson.label for lesson in lessons] == [8.0, 3.0]


@pytest.mark.parametrize(
    ("before", "event", "note"),
    [
        ([], said("clicked", decision_id="d-9"), "unknown_decision"),
        ([], said("complained", decision_id=None), "no_decision"),
        ([said("completed", number=8)], said("completed", number=9), "second_answer"),
        ([said("started", number=8)], said("clicked", number=9), "second_answer"),
        ([], said("clicked", days=4), "after_window"),
    ],
)
def test_answers_that_do_not_count_are_safe_and_explained(
    before: list[FeedbackReceived], event: FeedbackReceived, note: str
) -> None:
    """Unknown, second and late answers give no lesson, and the record says why."""
    who, _, _ = tell(customer(decision()), *before)
    _, lessons, (record,) = tell(who, event)
    assert lessons == []
    assert (record["counted"], record["note"]) == (False, note)


def test_an_item_that_left_the_catalogue_has_no_worth() -> None:
    """Completion of something unknown teaches nothing; a dismissal still does."""
    _, lessons, (record,) = tell(customer(decision(action="gone")), said("completed"))
    assert (lessons, record["note"]) == ([], "unknown_item")
    _, lessons, _ = tell(customer(decision(action="gone")), said("dismissed"))
    assert len(lessons) == 1


def test_without_consent_to_training_nothing_is_learnt() -> None:
    """Then and now: not if it was lacking at the decision, and not if it was withdrawn since."""
    never = customer(decision(trainable=False))
    withdrawn = customer(decision())
    del withdrawn.grants[Purpose.MODEL_TRAINING][Source.APP]
    mistrusted = customer(decision())
    mistrusted.mistrusted["app"] = START_MS + 400 * DAY_MS
    for who in (never, withdrawn, mistrusted):
        who, lessons, (record,) = tell(who, said("completed"))  # noqa: PLW2901  # the next state
        assert (lessons, record["counted"]) == ([], True)
        assert close(who, now_ms=START_MS + 400 * DAY_MS) == []


def test_money_in_another_currency_is_recorded_but_not_learnt() -> None:
    """Labels are in EUR; other money would be a wrong number."""
    event = said("value", value_bank_minor=900, currency="JPY")
    _, lessons, (record,) = tell(customer(decision()), event)
    assert (lessons, record["currency"], record["value_bank_minor"]) == ([], "JPY", 900)


def test_money_without_a_decision_belongs_to_the_customer() -> None:
    """It is counted, the holdout's too, and tells what a customer is worth, not what was said well."""
    event = said("value", decision_id=None, value_bank_minor=900, value_customer_minor=100)
    _, (lesson,), (record,) = tell(customer(), event)
    assert (record["arm"], record["decision_id"]) == (None, None)
    assert (lesson.kind, lesson.label, lesson.context) == ("worth", 1.0, ())
    untaught = customer()
    untaught.grants.pop(Purpose.MODEL_TRAINING)
    assert tell(untaught, event)[1] == []


def test_no_answer_is_label_zero() -> None:
    """When the window has passed, silence and unanswered offers close with 0."""
    who = customer(decision(), decision(decision_id="d-2", action=SILENCE))
    assert close(who, now_ms=START_MS + 3 * DAY_MS - 1) == []
    lessons = close(who, now_ms=START_MS + 3 * DAY_MS)
    assert [(ls.decision_id, ls.label, ls.outcome) for ls in lessons] == [
        ("d-1", 0.0, "no_response"),
        ("d-2", 0.0, "no_response"),
    ]
    assert who.open == {}


def test_a_click_that_came_to_nothing_waits_for_a_late_completion() -> None:
    """At the end of the window there is nothing to take back; a completion after it counts in full."""
    who, (lesson,), _ = tell(customer(decision()), said("clicked"))
    assert (lesson.label, lesson.label_before, lesson.outcome) == (0.0, None, "clicked")
    assert close(who, now_ms=START_MS + 3 * DAY_MS) == []
    assert close(who, now_ms=START_MS + 4 * DAY_MS) == []
    who, (late,), _ = tell(who, said("completed", days=20, number=2))
    assert (late.label, late.label_before) == (8.0, 0.0)
    assert close(who, now_ms=START_MS + 3 * DAY_MS + VALUE_WINDOW_MS) == []
    assert who.open == {}


def test_open_decisions_are_bounded_and_silence_gives_way_first() -> None:
    """Many moments leave the newest decisions open; what gives way is closed with a lesson."""
    many = [decision(decision_id=f"s-{n}", action=SILENCE, at_ms=START_MS + n) for n in range(40)]
    who = customer(decision(), *many)
    lessons = close(who, now_ms=START_MS + 50)
    assert len(who.open) == OPEN_MAX
    assert "d-1" in who.open
    assert [lesson.decision_id for lesson in lessons] == [f"s-{n}" for n in range(10)]


def test_it_says_when_there_is_something_to_close() -> None:
    """The earliest end of a window, or of the wait for money, is when to wake."""
    assert wake_at(customer()) is None
    assert wake_at(customer(decision())) == START_MS + 3 * DAY_MS
    who, _, _ = tell(customer(decision()), said("completed"))
    assert wake_at(who) == START_MS + 3 * DAY_MS + VALUE_WINDOW_MS


def test_wrong_facts_ask_for_a_correction() -> None:
    """The bank is asked to look at what it holds, with the sources that it came from."""
    _, _, impact = tell(customer(decision()), said("dismissed", why="wrong_facts"))
    assert impact[1] == {
        "type": "profile.correct",
        "customer": "c-1",
        "arm": "treatment",
        "decision_id": "d-1",
        "action": "loan",
        "sources": ["app", "transactions"],
        "at_ms": START_MS + DAY_MS,
    }
