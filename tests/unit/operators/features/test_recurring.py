import numpy as np
import pytest

from operators.features import book, rings, schedule
from operators.features.recurring import recurring_of, stream_of, streams_of
from operators.forecasting import block
from schemas.base import DAY_MS
from tests.accounts import START_DAY, folded, household, monthly, moved, values


def test_two_equal_monthly_payments_to_a_known_payee_are_enough() -> None:
    """A standing order is found at its second payment; a varying shop is not."""
    order = monthly(-4_000, day_of_month=5, months=(1, 2), counterparty="club-1")
    shop = [
        moved(day, -1_000 - 400 * day, method="card", merchant="Shop", mcc="5411")
        for day in (3, 10, 17)
    ]
    memories = folded(sorted(order + shop, key=lambda event: event.at_ms))
    found = recurring_of(memories["recurring"], book.head(memories["recurring"]).last * DAY_MS)
    assert [r.key for r in found] == [book.name_of("-c:club-1")]


def test_the_next_date_keeps_the_day_of_the_month() -> None:
    """Rent on the 31st is due on the last day of a short month and on the 31st again after it."""
    events = monthly(-90_000, day_of_month=28, months=(1, 2, 3), counterparty="landlord-1")
    memory = folded(events)["recurring"]
    found = recurring_of(memory, book.head(memory).last * DAY_MS)
    assert schedule.day_of_month(found[0].next_day) == 28
    assert schedule.next_due(30, 31.0, nominal=31) == 58
    assert schedule.next_due(58, 28.0, nominal=31) == 89


def test_pay_that_moves_off_weekends_is_due_on_a_weekday() -> None:
    """Pay of the 25th that comes on Friday when the 25th is at a weekend is expected likewise."""
    days = [23, 55, 83, 113]  # 24 Jan (25th is a Saturday), 25 Feb, 25 Mar, 24 Apr
    events = [moved(day, 250_000, counterparty="employer-1") for day in (*days[:1], *days[1:3])]
    stream = stream_of(folded(events)["recurring"], "+c:employer-1")
    assert stream is not None
    assert stream.nominal == 25
    weekend = START_DAY + 143  # 24 May 2025 is a Saturday
    assert schedule.rolled(weekend, -1) == weekend - 1
    assert schedule.rolled(weekend, 1) == weekend + 2


def test_a_household_has_its_bills_and_its_pay() -> None:
    """Monthly totals of mature streams are those of the standing payments."""
    events = household(6)
    memories = folded(events)
    read = values(memories, now_ms=events[-1].at_ms)
    assert read["recurring.inflow_month_eur"] == pytest.approx(2_500, rel=0.06)
    assert read["recurring.outflow_month_eur"] >= 960 * 0.94
    keys = {r.key for r in recurring_of(memories["recurring"], events[-1].at_ms)}
    known = ("+c:employer-1", "-c:landlord-1", "-c:utility-1")
    assert {book.name_of(key) for key in known} <= keys


def test_a_stream_that_stops_ceases_to_be_recurring() -> None:
    """Nothing is expected from a payee that has been silent well past its rhythm."""
    events = monthly(-4_000, day_of_month=5, months=range(1, 6), counterparty="club-1")
    memory = folded(events)["recurring"]
    last = book.head(memory).last
    overdue = recurring_of(memory, (last + 36) * DAY_MS)
    assert overdue[0].alive < recurring_of(memory, last * DAY_MS)[0].alive
    assert recurring_of(memory, (last + 60) * DAY_MS) == ()


def test_mature_payments_leave_the_residual() -> None:
    """What is expected by rhythm is not counted again in the rest, from its second payment on."""
    events = monthly(-4_000, day_of_month=5, months=range(1, 5), counterparty="club-1")
    memory = folded(events)["recurring"]
    today = book.head(memory).last
    rest = block.read([memory], today=today, balance=np.zeros(1)).residual
    assert rest.sum() == 0


def test_shopping_does_not_push_out_the_pay() -> None:
    """Many payees in a month leave the mature streams in place."""
    events = household(4)
    busy = [
        moved(121 + n / 10, -500 - n, method="card", counterparty=f"shop-{n}") for n in range(90)
    ]
    memory = folded([*events, *busy])["recurring"]
    assert len(memory) == book.SIZE
    assert book.name_of("+c:employer-1") in streams_of(memory)


def test_a_ring_forgets_what_is_older_than_itself() -> None:
    """A ring keeps its newest days, takes late amounts, and ignores what is too old."""
    ring = rings.add(b"", 0, 5.0, newest=0, size=4)
    ring = rings.add(ring, 2, 7.0, newest=0, size=4)
    ring = rings.add(ring, 1, 3.0, newest=2, size=4)
    assert rings.window(ring, newest=2, until=2, days=4, size=4).tolist() == [0.0, 5.0, 3.0, 7.0]
    assert rings.add(ring, -3, 9.0, newest=2, size=4) == ring
    later = rings.add(ring, 5, 1.0, newest=2, size=4)
    assert rings.window(later, newest=5, until=5, days=4, size=4).tolist() == [7.0, 0.0, 0.0, 1.0]
    assert rings.total(later, newest=5, until=6, days=3, size=4) == 1.0
