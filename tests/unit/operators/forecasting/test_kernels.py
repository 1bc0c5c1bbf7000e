"""The numerical kernels beside the library, and the projection beside plain arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.features import book
from operators.features.views import rhythm
from operators.forecasting import bands, block, calendar, describe, events, exact, scenarios
from schemas.base import DAY_MS
from tests.accounts import START_DAY, folded, household, monthly, moved


@given(st.floats(1e-12, 1e12))
def test_the_logarithm_is_the_library_s(x: float) -> None:
    """To 1e-13, without the library."""
    assert exact.log(np.array([x]))[0] == pytest.approx(float(np.log(x)), abs=1e-13, rel=1e-13)


@given(st.floats(-600, 600))
def test_the_exponential_and_the_inverse_sine_are_the_library_s(x: float) -> None:
    """To 1e-12 relative."""
    assert exact.exp(np.array([x]))[0] == pytest.approx(float(np.exp(x)), rel=1e-12)
    assert exact.asinh(np.array([x]))[0] == pytest.approx(float(np.arcsinh(x)), abs=1e-12)


@given(st.lists(st.floats(-800, 800), min_size=1, max_size=9))
def test_one_number_alone_is_what_it_is_among_many(x: list[float]) -> None:
    """Few numbers go another way, bit for bit to the same end."""
    for kernel in (exact.exp, exact.sigmoid, exact.normal_cdf, exact.asinh):
        alone = [kernel(np.array([one]))[0] for one in x]
        assert kernel(np.array(x * 300))[: len(x)].tolist() == alone


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_no_number_comes_to_an_end(odd: float) -> None:
    """No loop runs for ever over what is infinite or none, and alone it is what it is among many."""
    for kernel in (exact.log, exact.exp, exact.sigmoid, exact.normal_cdf):
        assert np.array_equal(
            kernel(np.array([odd])), kernel(np.full(300, odd))[:1], equal_nan=True
        )


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=9))
def test_one_logarithm_alone_is_what_it_is_among_many(x: list[float]) -> None:
    """From nothing, which counts as the least there is, to the largest."""
    alone = [exact.log(np.array([one]))[0] for one in x]
    assert exact.log(np.array(x * 300))[: len(x)].tolist() == alone


@given(st.integers(0, 60_000), st.integers(1, 31), st.integers(-3, 3))
def test_a_dated_day_is_a_weekday_near_its_nominal_one(day: int, nominal: int, shift: int) -> None:
    """Clipped to its month and moved off weekends, in the direction asked for."""
    month = calendar.month_of(np.array([day]))
    due = calendar.dated(month, np.array([nominal]), np.array([shift]))
    plain = calendar.dated(month, np.array([nominal]), np.array([0]))
    assert abs(int(due[0] - plain[0])) <= 2
    assert shift == 0 or (int(due[0]) + 3) % 7 < 5
    assert calendar.day_in(calendar.month_number(day), nominal, shift) == due[0]


def known(months: int = 6) -> block.Block:
    """A household's book, on its last day."""
    memories = folded(household(months))
    kept = memories["recurring"]
    balance = float(memories["cash"]["accounts"]["a-1"][1])
    return block.read([kept], today=book.head(kept).last, balance=np.array([balance]))


@pytest.mark.parametrize("days", range(1, 91))
def test_every_horizon_slides(days: int) -> None:
    """A scenario's low and end are those of its own path, whatever the horizon."""
    one = known()
    regular = scenarios.expected(one, days=days)
    made = scenarios.replayed(one, regular)
    assert np.array_equal(made.slid.starts, np.arange(book.DAYS - days, -1, -scenarios.STRIDE_DAYS))
    ends = np.concatenate([made.same.nets, made.slid.nets], axis=1)
    assert made.lows == pytest.approx(made.paths.min(axis=2), abs=1e-6)
    assert ends == pytest.approx(made.paths[:, :, -1], abs=1e-6)


def test_the_block_reads_what_was_folded() -> None:
    """Net flows add up to the balance, and the balance of earlier days follows from them."""
    made = known()
    assert made.net.sum() == pytest.approx(made.balance[0], rel=1e-3)
    assert made.eod[0, 0] == made.balance[0]
    assert made.spending[0] == pytest.approx(96_000 + 10 * 3_300, rel=0.15)


def test_regular_payments_are_due_on_their_dates() -> None:
    """Pay and rent come on their days of the month, by the amount that they usually have."""
    made = known()
    flows = block.due(made, days=30)[0]
    days = calendar.day_of_month(made.today + 1 + np.arange(30))
    assert set(days[flows > 200_000]) <= {24, 25, 26, 27}
    assert set(days[flows < -70_000]) <= {1, 2, 3, 30, 31}
    assert len(days[flows > 200_000]) == 1


def test_many_are_projected_as_each_alone() -> None:
    """A block of customers gives each what it gives it alone."""
    books = [folded(household(months))["recurring"] for months in (4, 5, 6)]
    books = [kept for kept in books if kept]
    today = max(book.head(kept).last for kept in books)
    balances = np.array([100_000.0, 200_000.0, 50_000.0])
    books, balances = books * 3, np.tile(balances, 3)
    together = block.read(books, today=today, balance=balances)
    wanted = np.array([[0.0, 40_000.0]] * 9)
    whole = described(together, wanted)
    for i, kept in enumerate(books):
        alone = block.read([kept], today=today, balance=balances[i : i + 1])
        assert np.array_equal(described(alone, wanted[i : i + 1])[0], whole[i])


def described(made: block.Block, wanted: np.ndarray) -> np.ndarray:
    regular = scenarios.expected(made, days=30)
    past = scenarios.replayed(made, regular)
    ranges = bands.describe(made, past=past)
    large = events.large(made, events.limit_of(made), regular=regular)
    assert large.shape[1] == events.LARGE
    assert ranges.shape[1] == bands.LOCATIONS + bands.SPREADS
    assert np.isfinite(ranges).all()
    assert np.isfinite(large).all()
    return describe.shortfall(made, wanted, past=past)


def test_income_is_seen_by_month() -> None:
    """The usual income is the median of three months, and its features are finite."""
    made = known()
    assert events.usual_income(made)[0] == pytest.approx(250_000, rel=1e-3)
    x = events.income(made, regular=block.due(made, days=90))
    assert x.shape == (1, events.INCOME)
    assert np.isfinite(x).all()


def test_a_book_is_of_one_size_and_one_currency() -> None:
    """Whatever comes, 2,410 bytes; another currency is counted and left out."""
    first = moved(0, -1_000)
    foreign = moved(1, -5_000, currency="USD")
    kept = folded([first, foreign])["recurring"]
    assert len(kept) == book.SIZE <= 2_500
    assert book.head(kept).foreign == 1
    assert book.head(kept).movements == 1


def test_a_book_of_the_first_layout_goes_on() -> None:
    """It had the three numbers of a day side by side; what is read of it and added to it is the same."""
    kept = folded(household(7))["recurring"]
    days = np.frombuffer(kept[book.DAYS_AT : book.WEEKS_AT], "<u2").reshape(3, book.DAYS)
    first = b"\1" + kept[1 : book.DAYS_AT] + days.T.tobytes() + kept[book.WEEKS_AT :]
    assert book.current(first) == kept != first
    more = {
        "day": START_DAY + 215, "amount": -700, "income": 0, "currency": "EUR", "key": b"", "known": False,
        "category": "other", "method": "card",
    }  # fmt: skip
    assert book.folded(first, **more) == book.folded(kept, **more)
    today, balance = START_DAY + 220, np.zeros(1)
    old, new = (block.read([one], today=today, balance=balance) for one in (first, kept))
    assert np.array_equal(old.net, new.net)
    assert np.array_equal(old.residual, new.residual)
    assert np.array_equal(old.income, new.income)
    now_ms = today * DAY_MS
    assert rhythm.look({"recurring": first}, now_ms) == rhythm.look({"recurring": kept}, now_ms)


def test_a_late_movement_lands_on_its_day() -> None:
    """In any order the same days; one older than the ring is only counted."""
    events_ = [moved(day, -1_000 * (day + 1)) for day in range(5)]
    late = [*events_[:2], *events_[3:], events_[2]]
    today = START_DAY + 4
    balance = np.zeros(1)
    ordered = block.read([folded(events_)["recurring"]], today=today, balance=balance)
    strewn = block.read([folded(late)["recurring"]], today=today, balance=balance)
    assert np.array_equal(ordered.net, strewn.net)
    ancient = folded([moved(400, -1_000), moved(0, -9_000)])["recurring"]
    assert block.read([ancient], today=START_DAY + 400, balance=balance).net.sum() == pytest.approx(
        -1_000, rel=1e-3
    )
    assert book.head(ancient).late == 1


def test_a_huge_amount_is_held_at_the_most_a_cell_can_say() -> None:
    """No overflow: the cell keeps its bound."""
    kept = folded([moved(0, -(10**15)), moved(0, -(10**15), index=1)])["recurring"]
    made = block.read([kept], today=START_DAY, balance=np.zeros(1))
    assert np.isfinite(made.net).all()
    assert made.net.min() == -book.SCALE * 65_504


def test_a_standing_order_s_past_leaves_the_rest_of_the_book() -> None:
    """What is expected by rhythm isn't drawn again in a scenario."""
    payments = monthly(-4_000, day_of_month=5, months=range(1, 5), counterparty="club-1")
    kept = folded(payments)["recurring"]
    made = block.read([kept], today=book.head(kept).last, balance=np.zeros(1))
    assert made.residual.sum() == 0
    assert made.net.sum() == pytest.approx(-16_000, rel=1e-3)
