"""Builders and Hypothesis strategies for the bandits: features on their grids, lessons, snapshots."""

import random

from hypothesis import strategies as st

from operators.bandits.ridge import Levers, PosteriorRidge
from operators.contracts import Alternatives
from schemas.base import DAY_MS
from schemas.decisions import SILENCE, Lesson
from schemas.models import CommitteeSnapshot

CONTEXT_NAMES = ("const", "balance", "travel")
ACTION_NAMES = ("bias", "saving", "credit", "strength")
ACTIONS = ("card", "loan", "pot")
LEVERS = Levers(ridge=1.0, ridge_main=1.0, ridge_offset=1.0, spread=0.5, floor=0.05)

_x = st.integers(-8192, 8192).map(lambda n: n / 1024)
_a = st.integers(-256, 256).map(lambda n: n / 64)
contexts = st.tuples(st.just(1.0), _x, _x)
action_features = st.tuples(st.just(1.0), _a, _a, _a)
labels = st.floats(-70, 70)
lessons = st.builds(
    Lesson,
    lesson_id=st.uuids().map(str),
    kind=st.just("reward"),
    customer=st.just("c-1"),
    at_ms=st.integers(0, 90 * DAY_MS),
    action=st.sampled_from([*ACTIONS, "retired", SILENCE]),
    context=contexts,
    action_features=action_features,
    label=labels,
    label_before=st.none() | labels,
)


@st.composite
def alternatives(draw: st.DrawFn, *, explore: bool = True) -> Alternatives:
    """One to nine actions, some of them unknown to any snapshot, silence last."""
    names = draw(st.sets(st.sampled_from([*ACTIONS, *(f"new-{i}" for i in range(6))]), max_size=8))
    shared = draw(st.lists(contexts, min_size=1, max_size=3))
    count = len(names) + 1
    return Alternatives(
        actions=(*sorted(names), SILENCE),
        contexts=tuple(draw(st.sampled_from(shared)) for _ in range(count)),
        action_features=tuple(draw(action_features) for _ in range(count)),
        key=draw(st.text(min_size=1, max_size=12)),
        explore=explore,
    )


def lesson(number: int, action: str, label: float, *, balance: float = 0.0) -> Lesson:
    """A first label of an action in a context where only the balance matters."""
    return Lesson(
        lesson_id=f"l-{number}",
        kind="reward",
        customer="c-1",
        at_ms=number,
        action=action,
        context=(1.0, balance, 0.0),
        action_features=(1.0, 0.0, 0.0, 0.0),
        label=label,
    )


def taught(count: int = 300, *, seed: int = 3) -> PosteriorRidge:
    """A learner that saw the pot pay off for large balances, and the loan for small ones."""
    generator = random.Random(seed)
    ridge = PosteriorRidge(CONTEXT_NAMES, ACTION_NAMES, actions=ACTIONS, levers=LEVERS)
    for number in range(count):
        balance = round(generator.uniform(-2, 2) * 1024) / 1024
        action = generator.choice(ACTIONS)
        slope = {"pot": 1.0, "loan": -1.0, "card": 0.0}[action]
        features = (1.0, float(action == "pot"), float(action == "loan"), 0.0)
        ridge.learn(
            Lesson(
                lesson_id=f"l-{number}",
                kind="reward",
                customer="c-1",
                at_ms=number,
                action=action,
                context=(1.0, balance, 0.0),
                action_features=features,
                label=2.0 * slope * balance + generator.gauss(0.0, 0.5),
            )
        )
    return ridge


def snapshot() -> CommitteeSnapshot:
    """The committee of a taught learner."""
    return taught().snapshot(3, position="0:300")


def pot_or_loan(balance: float, *, key: str = "d-1", explore: bool = True) -> Alternatives:
    """The choice between a pot, a loan and silence for a customer with a balance."""
    context = (1.0, balance, 0.0)
    return Alternatives(
        actions=("loan", "pot", SILENCE),
        contexts=(context, context, context),
        action_features=((1.0, 0.0, 1.0, 0.0), (1.0, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)),
        key=key,
        explore=explore,
    )
