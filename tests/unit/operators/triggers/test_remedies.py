"""An amount to move and a bill to shift: enough, capped, and only what helps."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from operators.triggers.remedies import MOVE_STEP_MINOR, to_move, to_shift
from schemas.signals import Forecast, Recurring

PAY = Recurring("pay", 200_000, 30.44, 120, 0.9, 6, "salary")
RENT = Recurring("rent", -90_000, 30.4, 115, 0.9, 6, "housing")
POWER = Recurring("power", -6_000, 30.4, 112, 0.9, 6, "utilities")
WARNED = Forecast("cashflow", 30, 0, 0.6, -12_345, (112, 118), (POWER, RENT, PAY))


def test_the_amount_covers_the_middle_scenario() -> None:
    """Rounded up to whole tens, so that it is enough."""
    assert to_move(WARNED) == 13_000
    assert to_move(replace(WARNED, low_minor=0)) is None
    assert to_move(replace(WARNED, low_minor=None)) is None


@given(st.integers(-(10**8), -1), st.floats(0.0, 1.0))
def test_the_amount_is_capped_by_half_a_month_of_pay(low: int, alive: float) -> None:
    """However deep the hole, and less where the pay itself is in doubt; without pay nothing is suggested."""
    pay = replace(PAY, alive=alive)
    amount = to_move(replace(WARNED, low_minor=low, recurring=(pay,)))
    assert amount is None or 0 < amount <= 100_000 * alive
    assert amount is None or amount % MOVE_STEP_MINOR == 0
    assert to_move(replace(WARNED, low_minor=low, recurring=(RENT,))) is None


def test_the_largest_bill_before_payday_is_shifted_behind_it() -> None:
    """Rent comes five days before pay: the day after pay is better."""
    assert to_shift(WARNED) == {
        "category": "housing",
        "amount_minor": -90_000,
        "day": 115,
        "to_day": 121,
    }


def test_no_bill_is_shifted_where_it_helps_nothing() -> None:
    """Weeks before pay, after the low, without pay, a stream that has probably ended, without a date."""
    far = replace(PAY, next_day=140)
    late = replace(RENT, next_day=119)
    ended = replace(RENT, alive=0.2)
    assert to_shift(replace(WARNED, recurring=(RENT, far))) is None
    assert to_shift(replace(WARNED, recurring=(late, PAY))) is None
    assert to_shift(replace(WARNED, recurring=(RENT,))) is None
    assert to_shift(replace(WARNED, recurring=(ended, PAY))) is None
    assert to_shift(replace(WARNED, date_range=None)) is None
