"""Law of forgetting: learners that took a customer's lessons back equal ones that never had them."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.arbitrate import CONTEXT_NAMES
from operators.bandits.ridge import PosteriorRidge
from operators.forgetting import HELD, Ledger
from operators.offers import ACTION_NAMES
from operators.taste import Coholdings
from operators.value.lifetime import Lifetime
from operators.value.signs import STAGE_OF, Signs
from schemas.base import DAY_MS
from schemas.decisions import WORTH, Lesson

SOURCES = ("app", "location", "profile", "transactions")
OUTCOMES = (*STAGE_OF, "no_response")
DX, DA = len(CONTEXT_NAMES), len(ACTION_NAMES)
_values = st.integers(-4096, 4096).map(lambda n: n / 1024)


@st.composite
def lessons(draw: st.DrawFn) -> list[Lesson]:
    """Rewards, revisions, money and holdings of a few customers, in any order."""
    made = []
    for index in range(draw(st.integers(1, 24))):
        who = draw(st.sampled_from(["c-1", "c-2", "c-3"]))
        if draw(st.integers(0, 3)) == 0:
            held = tuple(draw(st.sets(st.sampled_from(["card", "loan", "pot"]))))
            kind = draw(st.sampled_from(sorted(HELD)))
            source = (HELD[kind],)
            made.append(Lesson(f"h{index}", kind, who, 0, holdings=held, sources=source))
            continue
        if draw(st.integers(0, 4)) == 0:
            made.append(Lesson(f"w{index}", WORTH, who, 0, label=draw(_values), bank=draw(_values)))
            continue
        spot = draw(st.integers(0, DX - 1))
        context = [0.0] * DX
        context[0], context[spot] = 1.0, draw(_values)
        action = [0.0] * DA
        action[0], action[draw(st.integers(0, DA - 1))] = 1.0, draw(st.integers(-8, 8)) / 64
        made.append(
            Lesson(
                lesson_id=f"r{index}",
                kind="reward",
                customer=who,
                at_ms=draw(st.integers(0, 90)) * DAY_MS,
                action=draw(st.sampled_from(["loan", "pot", "silence"])),
                context=tuple(context),
                action_features=tuple(action),
                label=draw(_values),
                label_before=draw(st.none() | _values),
                bank=draw(_values),
                outcome=draw(st.sampled_from(OUTCOMES)),
                outcome_before=draw(st.none() | st.sampled_from(OUTCOMES)),
                seen_ms=draw(st.integers(0, 120)) * DAY_MS,
                stated=(draw(_values), draw(_values)),
                sources=tuple(sorted(draw(st.sets(st.sampled_from(SOURCES), min_size=1)))),
            )
        )
    return made


class Learners:
    """The additive learners, fed as the flow feeds them."""

    def __init__(self, taught: list[Lesson]) -> None:
        self.ledger = Ledger()
        self.ridge = PosteriorRidge(CONTEXT_NAMES, ACTION_NAMES)
        self.taste = Coholdings()
        self.lifetime = Lifetime(DX, DA, epoch_days=28)
        self.signs = Signs(DX, DA, epoch_days=28)
        for lesson in taught:
            if lesson.kind in {"reward", WORTH}:
                self.lifetime.learn(self.ledger.note(lesson))
            if lesson.kind == "reward":
                self.ridge.learn(lesson)
                self.signs.learn(lesson)
            elif lesson.kind in HELD:
                self.taste.learn(self.ledger.note(lesson))

    def forget(self, request: Lesson) -> None:
        gone = self.ledger.forget(request)
        self.ridge.unlearn(gone.rewards)
        self.signs.unlearn(gone.rewards)
        self.lifetime.relearn(request.customer, gone.before, gone.after)
        for held in gone.holdings:
            self.taste.learn(held)

    def content(self) -> object:
        epochs = {
            epoch: (
                s.gram.tobytes(),
                s.moment.tobytes(),
                s.bank.tobytes(),
                {action: bank for action, bank in sorted(s.bank_reward.items()) if bank},
                s.contexts.tobytes(),
                {
                    action: (cross.tobytes(), s.count[action], s.reward[action])
                    for action, cross in sorted(s.cross.items())
                    if cross.any() or s.count[action] or s.reward[action]
                },
                s.squares,
            )
            for epoch, s in self.ridge.statistics().items()
            if s.gram.any() or s.moment.any() or s.squares or any(s.count.values())
        }
        pairs = {pair: count for pair, count in self.taste.pairs.items() if count}
        ahead = self.lifetime.moment(("loan", "pot", "silence"), *self.ridge.fade(), np.ones(2))
        later = (ahead.moments.tobytes(), ahead.value.tobytes(), ahead.squares, ahead.moves)
        signs = self.signs.ahead(("loan", "pot", "silence"), *self.ridge.fade(), np.ones(2))
        early = (signs.moments.tobytes(), signs.value.tobytes(), signs.squares, signs.moves)
        return epochs, self.ridge.lessons, pairs, later, early


@settings(max_examples=50)
@given(taught=lessons())
def test_an_erased_customer_was_never_there(taught: list[Lesson]) -> None:
    """Every sum is bit for bit that of learners which never saw the customer."""
    forgetful = Learners(taught)
    forgetful.forget(Lesson("f", "forget", "c-1", 0))
    never = Learners([lesson for lesson in taught if lesson.customer != "c-1"])
    assert forgetful.content() == never.content()


@settings(max_examples=50)
@given(taught=lessons(), source=st.sampled_from(SOURCES))
def test_a_withdrawn_source_taught_nothing(taught: list[Lesson], source: str) -> None:
    """Only lessons on that source go, and those that don't say what they rest on; the customer's others stay."""
    forgetful = Learners(taught)
    forgetful.forget(Lesson("f", "forget", "c-1", 0, sources=(source,)))
    never = Learners(
        [x for x in taught if x.customer != "c-1" or (x.sources and source not in x.sources)]
    )
    assert forgetful.content() == never.content()


@given(taught=lessons())
def test_forgetting_twice_is_forgetting_once(taught: list[Lesson]) -> None:
    """A request that comes again finds nothing left to take back."""
    learners = Learners(taught)
    request = Lesson("f", "forget", "c-1", 0)
    learners.forget(request)
    before = learners.content()
    learners.forget(replace(request, lesson_id="g"))
    assert learners.content() == before
