from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.bandits import BANDITS
from operators.drift import foretold
from operators.prices import PRICE_MAX, Prices
from schemas.base import DAY_MS
from schemas.decisions import Lesson
from schemas.models import Models
from schemas.rules import Rules
from state.models import decode_model, encode_model
from tests import alternatives as cases

HOUR_MS = DAY_MS // 24


def taken(number: int, at_ms: int, *, item: str = "pot", outcome: str = "completed") -> Lesson:
    """A lesson of an item, taken up by default."""
    return Lesson(f"l{number}-{outcome}", "reward", "c", at_ms, f"d{number}", item, outcome=outcome)


@given(gaps=st.lists(st.integers(6, 200), max_size=60))
def test_without_scarcity_there_is_no_price(gaps: list[int]) -> None:
    """Four a day, never closer than six hours: whatever the pattern, nothing is overspent."""
    prices, at_ms = Prices({"pot": 4.0}), 0
    for number, gap in enumerate(gaps):
        at_ms += gap * HOUR_MS
        prices.see(taken(number, at_ms))
        assert prices.now() == {}


@given(
    events=st.lists(st.tuples(st.integers(-5, 30), st.sampled_from(["pot", "loan", "card"]))),
    budget=st.floats(0.1, 50),
)
def test_prices_are_bounded_and_fall_to_nothing(
    events: list[tuple[int, str]], budget: float
) -> None:
    """Late lessons and bursts included; when nothing more is taken up there is no price in the end."""
    prices, at_ms = Prices({"pot": budget, "loan": budget}), 100 * HOUR_MS
    for number, (gap, item) in enumerate(events):
        at_ms += gap * HOUR_MS
        prices.see(taken(number, at_ms, item=item))
        assert all(0.0 < price <= PRICE_MAX for price in prices.now().values())
        assert "card" not in prices.now()
    days = len(events) / budget + 40
    prices.see(taken(10**6, at_ms + round(days * DAY_MS), item="other"))
    assert prices.now() == {}


def test_what_is_spent_is_spent_once() -> None:
    """Money that follows a completion, and a completion told again, cost nothing more."""
    prices = Prices({"pot": 1.0})
    for outcome in ("viewed", "completed", "value", "value", "completed"):
        prices.see(taken(1, 0, outcome=outcome))
    prices.see(taken(2, 0))
    assert prices.now() == {"pot": 2.0}


def test_a_price_is_taken_from_every_vote_and_from_no_forecast() -> None:
    """The offset falls by the price in each model, survives the wire, and the forecast stays."""
    learner = cases.taught()
    free, dear = learner.snapshot(3), learner.snapshot(3, prices={"pot": 1.5, "unheard-of": 9.0})
    place = 12 + dear.actions.index("pot")
    assert dear.mean[place] == pytest.approx(free.mean[place] - 1.5)
    assert np.allclose(dear.theta[:, place], free.theta[:, place] - 1.5)
    assert dear.digest != free.digest
    assert dear.prices == (("pot", 1.5),)
    again = decode_model(encode_model(dear)[1])
    assert getattr(again, "prices", None) == dear.prices
    lesson = cases.lesson(1, "pot", 0.0)
    assert foretold(dear, lesson) == pytest.approx(foretold(free, lesson), abs=1e-6)


@pytest.mark.parametrize(("budget", "low", "high"), [(4.0, 3.0, 5.0), (1000.0, 18.0, 20.0)])
def test_demand_settles_at_the_budget(budget: float, low: float, high: float) -> None:
    """Twenty customers a day who would all take it: the price rises until about the budget is given out."""
    learner, prices = cases.taught(), Prices({"pot": budget})
    given_out = []
    for day in range(40):
        count = 0
        for slot in range(20):
            at_ms = day * DAY_MS + slot * HOUR_MS
            snapshot = learner.snapshot(1, prices=prices.now())
            balance = 0.05 * slot  # those with more to gain from it come later in the day
            offered = cases.pot_or_loan(balance, key=f"{day}-{slot}")
            choice = BANDITS["committee"].choose(
                offered, models=Models(committee=snapshot), rules=Rules()
            )
            count += choice.action == "pot"
            outcome = "completed" if choice.action == "pot" else "no_response"
            number = day * 100 + slot
            prices.see(replace(taken(number, at_ms, item=choice.action), outcome=outcome))
        given_out.append(count)
    assert low <= sum(given_out[-20:]) / 20 <= high
