from itertools import pairwise

from operators.contracts import Moment
from operators.triggers import wakes
from operators.triggers.spending import UnusualSpend
from schemas.base import DAY_MS
from schemas.events import EventBase
from tests.accounts import START_DAY, folded, happened, household, monthly, moved, sensed


def names(events: list[EventBase]) -> list[str]:
    return [signal.name for _, signal in sensed(sorted(events, key=lambda event: event.at_ms))]


def test_a_plain_life_is_quiet() -> None:
    """Eight months of pay, rent, power and food say that pay arrived, and nothing alarming."""
    said = set(names(household(8)))
    assert said <= {"salary.arrived", "idle.cash", "recurring.new"}
    assert names(household(8)).count("salary.arrived") == 8


def test_a_shortfall_is_said_once_and_again_after_recovery() -> None:
    """Two warnings never come within the rest, and money coming in resets it."""
    drain = [
        moved(day, -3_000, method="card", merchant="Shop", balance_minor=400_000 - 3_000 * day)
        for day in range(130)
    ]
    days = [day for day, signal in sensed(drain) if signal.name == "shortfall.ahead"]
    assert days
    assert 95 <= days[0] <= 120
    assert all(later - earlier >= 14 for earlier, later in pairwise(days))


def test_missing_pay_is_noticed_on_the_tick_it_asked_for() -> None:
    """The timer lies after the grace; the tick then notices, once."""
    events = household(5)
    memories = folded(events)
    last_pay = max(e.at_ms for e in events if getattr(e, "counterparty", "") == "employer-1")
    asked = wakes(memories, last_pay)
    due_day = asked["salary"] // DAY_MS - START_DAY
    assert 30 <= due_day - (last_pay // DAY_MS - START_DAY) <= 40
    ticks = [happened("clock.ticked", due_day + n, timer="salary") for n in (0.1, 3.1)]
    before = [e for e in events if e.at_ms <= last_pay]
    signals = [signal for _, signal in sensed([*before, *ticks]) if signal.name == "salary.missing"]
    assert len(signals) == 1
    assert "25 June" in signals[0].words
    assert wakes(memories, asked["salary"]) == {}


def test_pay_in_time_is_not_missing() -> None:
    """A tick after pay has arrived says nothing, and the next timer lies a month ahead."""
    events = household(6)
    tick = happened("clock.ticked", 178, timer="salary")
    assert "salary.missing" not in names([*events, tick])


def test_an_unusual_payment_stands_out_of_its_own_category() -> None:
    """Four hundred on groceries after months of thirty is said; a dear month before is not."""
    odd = moved(200.5, -40_000, method="card", merchant="Corner Shop", mcc="5411")
    said = names([*household(8), odd])
    assert "spend.unusual" in said
    assert "spend.unusual" not in names(household(8))


def test_usual_amounts_of_the_first_version_teach_on() -> None:
    """They lay as floats of minor units, and now lie in tenths of them."""
    event = moved(0, -1_500, method="card", merchant="Corner Shop", mcc="5411")
    moment = Moment(event=event, now_ms=event.at_ms, memories={}, features={}, forecasts={})
    trigger = UnusualSpend()
    before, _ = trigger.sense({"groceries": [20, 2432.8, 957.5, 7]}, moment)
    after, _ = trigger.sense({"groceries": [20, 24_328, 9_575, 7]}, moment)
    assert before == after == {"groceries": [21, 23_395, 9_550, 7]}


def test_a_large_payment_is_the_largest_of_the_quarter() -> None:
    """It must be half as large again as any before, and a good part of a month."""
    sofa = moved(200.5, -120_000, method="card", merchant="Sofas", mcc="5732")
    signals = [s for _, s in sensed([*household(6), sofa]) if s.name == "expense.large"]
    assert [s.evidence["amount_minor"] for s in signals] == [120_000]
    assert "1,200 EUR" in signals[0].words


def test_fees_that_add_up_are_said_once_a_month() -> None:
    """Three fees of eight in a week are one message."""
    fees = [moved(200 + n, -800, method="fee", index=n) for n in range(4)]
    assert names([*household(8), *fees]).count("fees.high") == 1


def test_a_subscription_that_rises_is_named() -> None:
    """A fixed payment that costs more is said with both prices, and only then."""
    fields = {"method": "card", "merchant": "Streamly", "mcc": "4899"}
    events = [
        *household(9),
        *monthly(-999, day_of_month=7, months=range(3, 8), **fields),
        *monthly(-1_199, day_of_month=7, months=range(8, 10), **fields),
    ]
    signals = [s for _, s in sensed(sorted(events, key=lambda event: event.at_ms))]
    new = [s for s in signals if s.name == "recurring.new"]
    up = [s for s in signals if s.name == "recurring.price_up"]
    assert [s.evidence["key"] for s in new] == ["-m:streamly"]
    assert len(up) == 1
    assert up[0].words == (
        "Your regular payment to Streamly went up from 9.99 EUR to 11.99 EUR, "
        "which is about 24 EUR more a year."
    )


def test_money_beyond_a_reserve_is_idle() -> None:
    """Ten thousand over a month of a thousand's spending is said, with its source alone."""
    rich = moved(1, 2_000_000, counterparty="aunt-1")
    signals = [s for _, s in sensed([rich, *household(5)]) if s.name == "idle.cash"]
    assert signals
    assert [source.value for source in signals[0].sources] == ["transactions"]
