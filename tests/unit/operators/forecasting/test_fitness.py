"""Bad input: each kind is put right where it is folded, flagged, or a stated reason not to look ahead."""

import random

import pytest

from operators.decide import decide
from operators.forecasting.cashflow import CashFlow
from operators.forecasting.fitness import REASONS, why_not
from schemas.base import DAY_MS
from schemas.customer import Customer, Memory
from schemas.events import EventBase
from schemas.rules import Rules
from schemas.signals import Forecast
from tests.accounts import START_DAY, folded, household, moved
from tests.moments import grant_all
from tests.streams import small_world


def at(day: int) -> int:
    return (START_DAY + day) * DAY_MS + DAY_MS - 1


def drain(days: int, *, every: int = 1, currency: str = "EUR") -> list[EventBase]:
    """An account that pays 30 at a time and states its balance."""
    return [
        moved(day, -3_000, balance_minor=600_000 - 3_000 * n, currency=currency)
        for n, day in enumerate(range(0, days, every))
    ]


def reason(memories: dict[str, Memory], day: int) -> str | None:
    """Why a forecaster says nothing on a day; and it says nothing exactly if there is a reason."""
    cash, kept = memories.get("cash"), memories.get("recurring")
    found = why_not(cash, kept, now_ms=at(day), days_min=28)
    made = CashFlow().forecast(memories, now_ms=at(day), rules=Rules())
    assert (made is None) == (found is not None)
    assert found is None or found in REASONS
    return found


def foretold(memories: dict[str, Memory], day: int, *, threshold_minor: int = 0) -> Forecast:
    """A forecast that must be there."""
    rules = Rules(shortfall_threshold_minor=threshold_minor)
    made = CashFlow().forecast(memories, now_ms=at(day), rules=rules)
    assert made is not None
    return made


def test_nothing_known_a_new_account_and_a_dormant_one() -> None:
    """No movement, ten days of them, and none for a quarter."""
    assert reason({}, 5) == "unknown"
    assert reason(folded(drain(10)), 9) == "new"
    assert reason(folded(drain(120)), 119) is None
    assert reason(folded(drain(120)), 119 + 90) == "dormant"


def test_a_gap_is_days_without_movements() -> None:
    """A month without any movement is no reason, and no money moves in it."""
    events = [*drain(60), *(moved(day, -3_000, balance_minor=420_000) for day in (95,))]
    assert reason(folded(events), 95) is None


def test_an_account_that_changed_its_currency() -> None:
    """Some payments abroad are left out; a new currency from one day on, or much in others, is a reason."""
    abroad = [*drain(120), moved(119, -900, currency="USD", index=1)]
    assert reason(folded(abroad), 119) is None
    changed = [*drain(120), *(moved(120 + n, -900, currency="USD") for n in range(5))]
    assert reason(folded(changed), 124) == "currency"
    back = [*changed, moved(125, -3_000, balance_minor=200_000)]
    assert reason(folded(back), 125) is None
    mixed = [
        event
        for day in range(100)
        for event in (moved(day, -100), moved(day, -100, currency="CHF", index=1))
    ]
    assert reason(folded(mixed), 99) == "currency"


def test_a_balance_that_contradicts_the_movements() -> None:
    """The stated balance counts and is flagged while it is a little off, and is a reason when most is unseen."""
    fine = folded(drain(120))
    assert not foretold(fine, 119).corrected
    little = [*drain(119), moved(119, -3_000, balance_minor=600_000 - 3_000 * 119 - 20_000)]
    made = foretold(folded(little), 119, threshold_minor=200_000)
    assert made.corrected
    assert made.low_minor is not None
    assert made.low_minor <= 600_000 - 3_000 * 119 - 20_000
    much = [*drain(119), moved(119, -3_000, balance_minor=5_000_000)]
    assert reason(folded(much), 119) == "contradicted"


def test_a_late_movement_explains_the_balance() -> None:
    """What a later balance held already is no contradiction once it comes."""
    missing = [*drain(100), moved(101, -3_000, balance_minor=600_000 - 3_000 * 100 - 250_000)]
    assert reason(folded(missing), 101) == "contradicted"
    found = [*missing, moved(100, -250_000)]
    memories = folded(found)
    assert reason(memories, 101) is None
    assert not foretold(memories, 101).corrected


def test_days_out_of_order_give_the_same_forecast() -> None:
    """A fortnight that arrives shuffled, with balances only summed up."""
    events = household(6)
    late = events[-14:]
    random.Random(3).shuffle(late)
    ordered = foretold(folded(events), 180)
    shuffled = foretold(folded([*events[:-14], *late]), 180)
    assert shuffled.shortfall == pytest.approx(ordered.shortfall, abs=0.05)
    assert shuffled.low_minor == pytest.approx(ordered.low_minor, abs=10_000)


def test_duplicates_change_nothing() -> None:
    """Every movement delivered twice, under another id of the event: the same memories."""
    world = small_world()

    def lived(events: list[EventBase]) -> Customer:
        me = Customer("c-1", grants=grant_all())
        for index, event in enumerate(events):
            position = f"customer-events:0:{index}:0"
            me = decide(me, event, world=world, position=position).customer or me
        return me

    once = household(4)
    twice = [
        copy
        for event in once
        for copy in (event, event.model_copy(update={"event_id": f"{event.event_id}-again"}))
    ]
    one, two = lived(once), lived(twice)
    for name in ("cash", "recurring"):
        assert one.slots[name] == two.slots[name]
