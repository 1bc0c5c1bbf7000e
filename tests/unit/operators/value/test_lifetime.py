from dataclasses import replace

import numpy as np
import pytest

from operators.bandits.ridge import Levers, PosteriorRidge
from operators.value.chain import Move, follow, replay
from operators.value.lifetime import Lifetime, ValueLevers
from schemas.base import DAY_MS
from schemas.decisions import WORTH, Lesson

NAMES, ACTIONS = ("const", "loyal"), ("bias", "spoils")
FADE = dict.fromkeys(range(40), 1.0)
EVEN = np.ones(2)


def told(
    who: str,
    day: float,
    *,
    loyal: float,
    spoils: float = 0.0,
    label: float = 0.0,
    before: float | None = None,
) -> Lesson:
    """A decision's label: ``spoils`` is whether it was the offer that costs loyalty."""
    return Lesson(
        f"{who}-{day}-{label}",
        "reward",
        who,
        round(day * DAY_MS),
        action="trap" if spoils else "gift",
        context=(1.0, loyal),
        action_features=(1.0, spoils),
        label=label,
        label_before=before,
    )


def brought(who: str, amount: float) -> Lesson:
    """Money of the whole relation."""
    return Lesson(f"w-{who}-{amount}", WORTH, who, 0, label=amount)


def bank(*, discount_year: float = 0.9) -> tuple[PosteriorRidge, Lifetime]:
    """Loyal customers bring 4 a month, the others nothing; a trap pays 1 at once and costs the loyalty."""
    levers = Levers(ridge=4.0, ridge_main=4.0, ridge_offset=4.0, half_life_days=36_500.0, prior=())
    ridge = PosteriorRidge(NAMES, ACTIONS, levers=levers)
    lifetime = Lifetime(
        2, 2, epoch_days=28, levers=ValueLevers(discount_year=discount_year, ridge=2.0)
    )
    for number in range(200):
        who, loyal = f"c{number}", 1.0
        for month in range(12):
            trap = month == 3 and number % 2 == 0
            lessons = [
                told(who, 30.0 * month, loyal=loyal, spoils=float(trap), label=float(trap)),
                brought(who, 4.0 if loyal > 0.0 else 0.0),
            ]
            if trap:
                loyal = -1.0
            for lesson in lessons:
                lifetime.learn(lesson)
                if lesson.kind == "reward":
                    ridge.learn(lesson)
    return ridge, lifetime


def scores(ridge: PosteriorRidge, lifetime: Lifetime) -> dict[str, float]:
    """What the mean model expects of the two offers for a loyal customer."""
    snapshot = ridge.snapshot(1, future=lifetime.moment)
    slopes = snapshot.mean[:4].reshape(2, 2)
    return {
        action: float(np.array([1.0, 1.0]) @ slopes @ np.array(features))
        + float(snapshot.mean[4 + snapshot.actions.index(action)])
        for action, features in (("gift", (1.0, 0.0)), ("trap", (1.0, 1.0)))
    }


def test_what_costs_loyalty_is_not_worth_its_quick_gain() -> None:
    """Judged by its label alone the trap wins; with lifetime value it loses."""
    short = scores(*bank(discount_year=0.0))
    assert short["trap"] > short["gift"] + 0.5
    long = scores(*bank())
    assert long["trap"] < long["gift"] - 1.0


def test_what_chance_makes_of_it_is_not_believed() -> None:
    """Where loyalty comes and goes whatever is said, the choice is that of the labels alone, bit for bit nearly always."""
    generator = np.random.default_rng(5)
    levers = Levers(ridge=4.0, ridge_main=4.0, ridge_offset=4.0, half_life_days=36_500.0, prior=())
    ridge = PosteriorRidge(NAMES, ACTIONS, levers=levers)
    lifetime = Lifetime(2, 2, epoch_days=28, levers=ValueLevers(ridge=2.0))
    for number in range(200):
        loyal = 1.0
        for month in range(12):
            spoils = float(generator.random() < 0.5)
            one = told(f"c{number}", 30.0 * month, loyal=loyal, spoils=spoils, label=spoils / 8)
            for lesson in (one, brought(f"c{number}", 4.0 * (loyal > 0))):
                lifetime.learn(lesson)
            ridge.learn(one)
            loyal = 0.5 + 0.5 * round(generator.random())
    plain, long = ridge.snapshot(1), ridge.snapshot(1, future=lifetime.moment)
    assert lifetime.weights(FADE, newest=12)[0, 1] > 0.5
    assert np.abs(plain.mean - long.mean).max() < 0.05


def test_who_leaves_takes_their_value_along() -> None:
    """A customer without a decision for half a year counts as gone, and what came before it is blamed."""
    lifetime = Lifetime(2, 2, epoch_days=28, levers=ValueLevers(ridge=2.0))
    for number in range(60):
        for month in range(3 if number % 2 else 14):
            loyal = 1.0 if number % 2 == 0 else 0.0
            lifetime.learn(told(f"c{number}", 30.0 * month, loyal=loyal))
            lifetime.learn(brought(f"c{number}", 1.0))
    early = lifetime.weights(FADE, newest=3)
    late = lifetime.weights(FADE, newest=14)
    assert late[0, 1] > early[0, 1] + 1.0


def test_what_is_hidden_from_one_purpose_is_no_loss() -> None:
    """A context that may not show a feature is compared without it: the move changes nothing."""
    lifetime = Lifetime(2, 2, epoch_days=28)
    for number in range(400):
        lifetime.learn(told("c", number, loyal=float(number % 2)))
        lifetime.learn(brought("c", 2.0 * (number % 2)))
    ahead = lifetime.moment(("gift",), FADE, 14, EVEN)
    assert not ahead.moments.any()
    assert (ahead.squares, ahead.moves) == (0.0, 399)


def test_a_first_label_that_comes_late_leads_to_the_later_decision() -> None:
    """The order of a log decides what follows what, and an older decision never becomes the last one."""
    last, known = replay([told("c", 5.0, loyal=1.0), told("c", 2.0, loyal=0.5, label=3.0)])
    assert last is not None
    assert last.at_ms == 5 * DAY_MS
    assert [(m.days, m.rewards, m.after) for m in known if isinstance(m, Move)] == [
        (3.0, (3.0, 0.0), (1.0, 1.0))
    ]


def test_money_goes_to_the_decision_before_it() -> None:
    """Worth and revisions of the last decision wait with it; a later revision is counted where it belongs."""
    last, known = replay(
        [
            brought("c", 9.0),
            told("c", 1.0, loyal=1.0),
            brought("c", 2.0),
            told("c", 1.0, loyal=1.0, label=3.0, before=0.0),
            told("c", 2.0, loyal=1.0),
            told("c", 1.0, loyal=1.0, label=7.0, before=3.0),
        ]
    )
    assert last is not None
    assert last.rewards == (0.0, 0.0)
    assert [one.rewards for one in known] == [(5.0, 0.0), (4.0, 0.0)]
    assert follow(None, brought("c", 1.0)) == (None, None)


def test_two_workers_merge_to_the_same_bits() -> None:
    """Customers dealt to two workers teach what one worker would have been taught."""
    lessons = [
        told(f"c{n % 7}", float(n), loyal=(n * 37 % 11) / 8, label=n / 16) for n in range(300)
    ]
    whole, one, other = (Lifetime(2, 2, epoch_days=28) for _ in range(3))
    for lesson in lessons:
        whole.learn(lesson)
        (one if lesson.customer < "c3" else other).learn(lesson)
    one.merge(other)
    expected, ahead = (each.moment(("gift",), FADE, 40, EVEN) for each in (whole, one))
    assert ahead.moments.tobytes() == expected.moments.tobytes()
    assert ahead.value.tobytes() == expected.value.tobytes()
    assert (ahead.squares, ahead.moves) == (expected.squares, expected.moves)
    assert expected.moments.any()


@pytest.mark.parametrize("before_day", [0, 28, 280])
def test_epochs_that_are_retired_leave_nothing(before_day: int) -> None:
    """What remains is what a learner knows that only saw the later epochs."""
    lessons = [told(f"c{n % 5}", 3.0 * n, loyal=(n * 37 % 11) / 8, label=1.0) for n in range(150)]
    old, new = (Lifetime(2, 2, epoch_days=28) for _ in range(2))
    for lesson in lessons:
        old.learn(lesson)
        if lesson.at_ms >= before_day * DAY_MS:
            new.learn(lesson)
    old.retire(before_day * DAY_MS)
    fade = dict.fromkeys(range(40), 1.0)
    assert (
        old.moment(("gift",), fade, 16, EVEN).moments.tobytes()
        == new.moment(("gift",), fade, 16, EVEN).moments.tobytes()
    )


def test_the_two_ledgers_are_learnt_apart() -> None:
    """What a customer's loyalty is worth to the bank and to them: each by its own money, and the sum is of both."""
    lifetime = Lifetime(2, 2, epoch_days=28, levers=ValueLevers(ridge=0.05))
    for number in range(60):
        for month in range(12):
            loyal = float(number % 2)
            lifetime.learn(told(f"c{number}", 30.0 * month, loyal=loyal, label=1.0))
            money = brought(f"c{number}", 3.0 * loyal)
            lifetime.learn(replace(money, bank=4.0 * loyal))
    value = lifetime.weights(FADE, newest=12)
    loyal, fickle = value @ (1.0, 1.0), value @ (1.0, 0.0)
    # The label itself, 1 a month, is the customer's; loyalty costs them 1 a month and brings the bank 4.
    assert loyal[1] > 100.0
    assert fickle[0] > 20.0
    assert abs(fickle[1]) < 0.05 * loyal[1]
    assert loyal[0] < 0.5 * fickle[0]
