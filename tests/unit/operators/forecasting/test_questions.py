"""Questions that time answers: what is asked, what comes due, what is learnt from it and served again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from struct import pack, unpack_from

import numpy as np
import orjson
import pytest
from msgspec import structs

from flows.learn import Learner
from operators.decide import decide
from operators.forecasting import dates, questions
from operators.forecasting.cashflow import CashFlow
from operators.forecasting.heads import GRID
from operators.forecasting.learner import ForecastLearner, Row
from schemas import topics
from schemas.base import DAY_MS, Purpose, Source
from schemas.customer import Customer
from schemas.decisions import Lesson
from schemas.events import AppOpened, EventBase, TransactionBooked
from schemas.models import ForecastSnapshot
from schemas.rules import Rules
from state.models import decode_model
from tests import alternatives as cases
from tests.accounts import START_DAY, folded, household, moved
from tests.moments import grant_all
from tests.streams import small_world

WORLD = small_world()
WIDTHS_BEFORE = {30: 4 * 18 + 18 + 23, 60: 4 * 18 + 18, 90: 4 * 18 + 18 + 22}
"""Half-floats of each horizon in the layout that knew no dates."""


ROCK_BOTTOM = 20_000


def emptied(months: int) -> list[TransactionBooked]:
    """Pay comes on the first; by the twentieth a big bill leaves next to nothing."""
    made, balance = [], ROCK_BOTTOM // 4
    for day in range(months * 30):
        amount = {0: 300_000, 19: -300_000}.get(day % 30, 0)
        if amount or day % 3 == 0:
            balance += amount
            made.append(moved(day, amount or -1, balance_minor=balance, counterparty=f"p{amount}"))
    return made


SHARED = (6, 7, 8, 10, 11, 12, 13, 14, 17)
"""Places of the features that were written at each of the four thresholds, though they are the same at all."""


def in_full(memory: object) -> bytes:
    """The bytes as they were when each threshold was written, with all of its features."""
    assert isinstance(memory, bytes)
    made, at = b"", 0
    for days in questions.HORIZONS:
        head, at = memory[at : at + 56], at + 56
        (month,) = unpack_from("<f", head, 8)
        head = head[:8] + pack("<2f", month / 4, month / 2) + head[8:]
        shared, own = memory[at : at + 18], memory[at + 18 : at + 90]
        at += 90
        made += head
        for row in range(4):
            halves = [own[18 * row + n : 18 * row + n + 2] for n in range(0, 18, 2)]
            for place in range(18):
                if place in SHARED:
                    n = 2 * SHARED.index(place)
                    made += shared[n : n + 2]
                else:
                    made += halves.pop(0)
        rest = 2 * (WIDTHS_BEFORE[days] - 4 * 18)
        made, at = made + memory[at : at + rest], at + rest
    return made + memory[at:]


def undated(memory: object) -> bytes:
    """The bytes as they were before the day was asked about: no mark in the heads, nothing behind them."""
    made = bytearray(in_full(memory)[: -len(questions.HORIZONS) * 2 * dates.FEATURES])
    at = 0
    for days in questions.HORIZONS:
        made[at + 2 : at + 4] = b"\0\0"
        at = at + 64 + 2 * WIDTHS_BEFORE[days]
    assert at == len(made)
    return bytes(made)


def lived(events: Sequence[EventBase]) -> tuple[Customer, list[Lesson]]:
    """A customer who lets everything be learnt from, and what forecasts taught."""
    me, lessons = Customer("c-1", grants=grant_all()), []
    for index, event in enumerate(events):
        outcome = decide(me, event, world=WORLD, position=f"customer-events:0:{index}:0")
        assert outcome.customer is not None
        assert not [step for step in outcome.trace if step.startswith("failed")]
        me = outcome.customer
        lessons += [lesson for lesson in outcome.lessons if lesson.kind == "forecast"]
    return me, lessons


def test_a_window_that_passed_teaches_once() -> None:
    """Eight months of a household: every horizon comes due, each answer once, with the features it was asked by."""
    _, lessons = lived(household(8))
    targets = {lesson.action for lesson in lessons}
    assert {
        "shortfall:30",
        "shortfall:60",
        "shortfall:90",
        "band:30",
        "band:90",
        "large:30",
    } <= targets
    assert len({lesson.lesson_id for lesson in lessons}) == len(lessons)
    for lesson in lessons:
        assert np.isfinite(lesson.context).all()
        assert lesson.label_before is None


def test_what_came_is_what_the_balance_did() -> None:
    """An account that is drained falls below what it stood above, and the label says so."""
    steady = [moved(day, -1_000, balance_minor=900_000 - 1_000 * day) for day in range(100)]
    drop = [moved(101, -795_000, balance_minor=6_000)]
    after = [moved(day, -10, balance_minor=5_900) for day in range(102, 125)]
    _, lessons = lived([*steady, *drop, *after])
    short = {lesson.label for lesson in lessons if lesson.action == "shortfall:30"}
    large = [lesson.label for lesson in lessons if lesson.action == "large:30"]
    band = [lesson.label for lesson in lessons if lesson.action == "band:30"]
    # The bank's own threshold is nought, which the balance stayed above; the own month of spending it fell below.
    assert short == {0.0, 1.0}
    assert large == [1.0]
    assert band[0] < 0


def test_the_day_of_a_likely_shortfall_is_asked_and_answered() -> None:
    """Who empties the account each month is asked on which day it falls below; the answer names the step."""
    events = emptied(10)
    me, lessons = lived(events)
    told = [lesson for lesson in lessons if lesson.action == "date:30"]
    assert told
    for lesson in told:
        asked = lesson.at_ms // DAY_MS
        x = np.array(lesson.context)
        assert x.shape == (dates.FEATURES,)
        assert 0.2 <= x[1 : 1 + dates.STEPS].sum() <= 1.001
        low = {event.at_ms // DAY_MS: event.balance_minor for event in events}
        first = min(day for day in low if day > asked and low[day] < ROCK_BOTTOM)
        assert lesson.label == first - asked - 1
    assert len(me.slots[questions.SLOT.name]) > len(undated(me.slots[questions.SLOT.name]))


def test_earlier_memories_read_on() -> None:
    """One that has each threshold in full; one of before days were asked about, which answers all but those."""
    events = emptied(6)
    me, _ = lived(events[:-1])
    memories = folded(events)
    kept, now_ms = me.slots[questions.SLOT.name], events[-1].at_ms + 100 * DAY_MS
    assert isinstance(kept, bytes)

    def answers(memory: bytes) -> dict[tuple[str, int], questions.Answer]:
        _, made = questions.follow(
            memory, memories, events[-1], now_ms=now_ms, rules=Rules(), learnt=None
        )
        return {(answer.target, answer.order): answer for answer in made}

    whole, old = answers(kept), answers(undated(kept))
    assert len(in_full(kept)) == len(kept) + 3 * (3 * 18 + 8)
    assert answers(in_full(kept)) == whole
    for days in questions.HORIZONS:
        rows = [a.x for (target, _), a in whole.items() if target == f"shortfall:{days}"]
        assert len(rows) > 1
        for place in range(18):
            assert (len({row[place] for row in rows}) == 1) == (place in SHARED)
    assert any(target.startswith("date:") for target, _ in whole)
    assert old == {at: a for at, a in whole.items() if not at[0].startswith("date:")}


def test_what_has_taught_is_kept_no_longer() -> None:
    """Once a window has passed nothing of its question is left, while a longer one is still open."""
    events = household(4)
    me, _ = lived(events)
    kept, now_ms = me.slots[questions.SLOT.name], events[-1].at_ms + 31 * DAY_MS
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    opened = AppOpened(event_id="m", customer="c-1", at=moment)
    left, answers = questions.follow(
        kept, folded(events), opened, now_ms=now_ms, rules=Rules(), learnt=None
    )
    assert {answer.target for answer in answers} >= {"shortfall:30"}
    assert not any(answer.target.endswith(":90") for answer in answers)
    first = 56 + 2 * (9 + 4 * 9 + 18 + 23)
    assert any(kept[:first])
    assert not any(left[:first])
    assert any(left[first:])


def test_without_consent_to_training_nothing_is_asked() -> None:
    """No question is kept of who doesn't let transactions be learnt from."""
    grants = {
        pair: grant for pair, grant in grant_all().items() if Purpose.MODEL_TRAINING not in pair
    }
    me = Customer("c-1", grants=grants)
    for index, event in enumerate(household(7)):
        outcome = decide(me, event, world=WORLD, position=f"customer-events:0:{index}:0")
        me = outcome.customer or me
        assert not [lesson for lesson in outcome.lessons if lesson.kind == "forecast"]
    assert questions.SLOT.name not in me.slots


def test_no_question_on_thin_or_mixed_history() -> None:
    """Under a quarter of history, or with movements in a second currency, nothing is asked."""
    young = folded([moved(day, -1_000) for day in range(60)])
    mixed = folded(
        [
            *(moved(day, -1_000) for day in range(120)),
            *(moved(120, -5, index=n, currency="USD") for n in range(5)),
        ]
    )
    for memories, day in ((young, 59), (mixed, 120)):
        made, answers = questions.follow(
            b"",
            memories,
            moved(day, -1_000),
            now_ms=(START_DAY + day) * DAY_MS,
            rules=Rules(),
            learnt=None,
        )
        assert (made, answers) == (b"", [])


LIKELY_MINOR = 815_000
"""A threshold that half of the household's scenarios fall below."""


def taught(count: int = 400, *, said: float = 0.01) -> ForecastSnapshot:
    """Heads for thirty days, from rows of a made-up bank where the scenarios are right, and a record."""
    draws = np.random.default_rng(5)
    learner = ForecastLearner()
    width = 18
    x = draws.normal(size=(count, width)).astype(np.float32)
    y = draws.random(count) < 1 / (1 + np.exp(-2 * x[:, 0]))
    learner.learn(
        "shortfall:30",
        [Row(f"r{i:04d}", f"c{i}", i % 12, x[i], float(y[i]), said) for i in range(count)],
    )
    change = draws.normal(size=count)
    learner.learn(
        "band:30", [Row(f"b{i:04d}", f"c{i}", i % 12, x[i], float(change[i])) for i in range(count)]
    )
    return learner.snapshot(3)


def test_what_was_learnt_is_served_with_range_and_record() -> None:
    """With heads the forecast says the learnt probability, a range of the balance and how such ones came out."""
    events, learnt = household(6), taught(said=0.55)
    memories, now_ms = folded(events), events[-1].at_ms
    rules = Rules(shortfall_threshold_minor=LIKELY_MINOR)
    bare = CashFlow().forecast(memories, now_ms=now_ms, rules=rules)
    made = CashFlow().forecast(memories, now_ms=now_ms, rules=rules, learnt=learnt)
    assert bare is not None
    assert made is not None
    assert (bare.learnt, made.learnt) == (False, True)
    assert made.shortfall is not None
    assert 0.5 <= made.shortfall < 0.6
    assert made.range_minor is not None
    assert made.range_minor == tuple(sorted(made.range_minor))
    assert made.record is not None
    assert made.record[0] == 400
    assert made.path
    other = replace(learnt, heads={})
    unlearnt = CashFlow().forecast(memories, now_ms=now_ms, rules=rules, learnt=other)
    assert unlearnt == structs.replace(bare, range_minor=made.range_minor)


def test_what_nobody_is_told_is_not_worked_out() -> None:
    """A small chance comes alone, learnt or not."""
    events, learnt = household(6), taught()
    memories, now_ms = folded(events), events[-1].at_ms
    for heads in (None, learnt):
        made = CashFlow().forecast(memories, now_ms=now_ms, rules=Rules(), learnt=heads)
        assert made is not None
        assert made.shortfall is not None
        assert made.shortfall < 0.2
        assert made.low_minor is made.date_range is made.record is made.range_minor is None
        assert made.path == made.recurring == ()


def test_a_learnt_chance_never_falls_as_the_threshold_grows() -> None:
    """On the grid, between its points and beyond both of its ends."""
    events, learnt = household(6), taught()
    memories, now_ms = folded(events), events[-1].at_ms
    chances = []
    for threshold in range(-200_000, int(GRID[-1] * 400_000), 17_000):
        rules = Rules(shortfall_threshold_minor=threshold)
        made = CashFlow().forecast(memories, now_ms=now_ms, rules=rules, learnt=learnt)
        assert made is not None
        assert made.shortfall is not None
        chances.append(made.shortfall)
    assert chances == sorted(chances)


def row(number: int, *, customer: str) -> bytes:
    """A lesson of a forecast that came due."""
    x = np.random.default_rng(number).normal(size=18).round(3).tolist()
    return orjson.dumps(
        Lesson(
            lesson_id=f"f{number}",
            kind="forecast",
            customer=customer,
            at_ms=number % 9 * 30 * DAY_MS,
            action="shortfall:30",
            context=tuple(x),
            label=float(x[0] > 0.5),
            label_before=0.25,
            sources=(Source.TRANSACTIONS,),
        )
    )


def test_the_learner_publishes_forecasts_as_any_other_model() -> None:
    """From enough lessons; read back from its bytes; and without a customer who is forgotten."""
    subject = Learner(cases.CONTEXT_NAMES, cases.ACTION_NAMES, actions=cases.ACTIONS)
    subject.publish(0)
    told = subject.hear([row(n, customer=f"c-{n % 20}") for n in range(400)])
    made = decode_model(told["forecasts"])
    assert isinstance(made, ForecastSnapshot)
    assert list(made.heads) == ["shortfall:30"]
    assert made.record["shortfall:30"][2][0] == 400
    forget = orjson.dumps(Lesson("x", "forget", "c-3", 1, sources=("transactions",)))
    later = decode_model(subject.hear([forget])["forecasts"])
    assert isinstance(later, ForecastSnapshot)
    assert later.version == made.version + 1
    assert later.record["shortfall:30"][2][0] == 380
    assert later.heads["shortfall:30"].rows == 380


@pytest.mark.parametrize("wrong", [{"action": "rain:30"}, {"context": (1.0, 2.0)}])
def test_a_lesson_of_something_else_is_refused(wrong: dict[str, object]) -> None:
    """An unknown target, or features of another release, teach nothing."""
    subject = Learner(cases.CONTEXT_NAMES, cases.ACTION_NAMES, actions=cases.ACTIONS)
    body = {**orjson.loads(row(1, customer="c-1")), **wrong}
    error = subject.take(orjson.dumps(body), spot=(topics.LESSONS, 0), offset=0)
    assert error is not None
    assert error.code == "input.invalid"
