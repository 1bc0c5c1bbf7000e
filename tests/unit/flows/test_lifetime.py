"""Lifetime value in the flow that learns: the same bits however partitions are read, and nothing of who was forgotten."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.learn import Learner
from operators.drift import foretold
from operators.value.lifetime import ValueLevers
from schemas import topics
from schemas.base import DAY_MS
from schemas.decisions import WORTH, Lesson
from schemas.models import CommitteeSnapshot
from state.models import decode_model
from tests import alternatives as cases

VALUE = ValueLevers(ridge=1.0)
PEOPLE = 40


def lives(number: int) -> list[Lesson]:
    """A customer's lessons: an offer of the loan empties the balance, and whoever has one brings more."""
    lessons, balance = [], 2.0
    for month in range(8):
        action = ("loan", "pot")[(number + month) % 2]
        common = {
            "customer": f"c-{number}",
            "at_ms": (30 * month + number) * DAY_MS,
            "action": action,
            "context": (1.0, balance, 0.0),
            "action_features": (1.0, float(action == "pot"), float(action == "loan"), 0.0),
            "sources": ("profile",),
        }
        name = f"{number}-{month}"
        lessons.append(Lesson(name, "reward", **common))  # type: ignore[arg-type]  # of one shape
        lessons.append(Lesson(f"{name}-w", WORTH, f"c-{number}", 0, label=max(balance, 0.0)))
        balance = -2.0 if action == "loan" else 2.0
    return lessons


def committee(order: list[list[Lesson]], *, lifetime: ValueLevers = VALUE) -> CommitteeSnapshot:
    """What is published after the lessons, read partition by partition as told."""
    learner = Learner(
        cases.CONTEXT_NAMES,
        cases.ACTION_NAMES,
        actions=cases.ACTIONS,
        levers=cases.LEVERS,
        lifetime=lifetime,
    )
    offset = 0
    for lessons in order:
        for lesson in lessons:
            assert (
                learner.take(orjson.dumps(lesson), spot=(topics.LESSONS, 0), offset=offset) is None
            )
            offset += 1
    records = {said.key: said.value for said in learner.publish(10**9)}
    snapshot = decode_model(records["committee"] or b"")
    assert isinstance(snapshot, CommitteeSnapshot)
    return snapshot


WHOLE = committee([lives(n) for n in range(PEOPLE)])


@given(st.permutations(range(PEOPLE)))
@settings(deadline=None, max_examples=10)
def test_the_order_of_customers_changes_no_bit(order: list[int]) -> None:
    """Each customer's lessons come in their order, and customers in any."""
    assert committee([lives(n) for n in order]).digest == WHOLE.digest


def test_it_is_in_what_is_published() -> None:
    """What costs a customer's worth later is worth less than it was without looking ahead."""
    near = committee([lives(n) for n in range(PEOPLE)], lifetime=ValueLevers(discount_year=0.0))
    loan, pot = (next(x for x in lives(n) if x.action) for n in (0, 1))
    gains = [foretold(model, loan) - foretold(model, pot) for model in (WHOLE, near)]
    assert gains[0] < gains[1] - 0.5


def test_who_is_forgotten_was_never_there() -> None:
    """Their ways are taken out of the value function and out of the labels, to the last bit."""
    gone = [Lesson("f", "forget", "c-7", 0)]
    without = committee([lives(n) for n in range(PEOPLE) if n != 7])
    forgotten = committee([*(lives(n) for n in range(PEOPLE)), gone])
    assert forgotten.mean.tobytes() == without.mean.tobytes()
