import pytest

from schemas.base import Source
from schemas.events import EventBase, MessageRead
from schemas.signals import Signal
from tests.accounts import START, happened, household, monthly, moved, sensed

NEVER_INFERRED = {"life.baby", "life.bereavement", "life.job_loss", "life.marriage"}


def signals_of(events: list[EventBase]) -> list[tuple[int, Signal]]:
    return sensed(sorted(events, key=lambda event: event.at_ms))


def without(events: list[EventBase], party: str, *, after_day: float) -> list[EventBase]:
    start_ms = START.timestamp() * 1000
    return [
        event
        for event in events
        if getattr(event, "counterparty", None) != party
        or event.at_ms < start_ms + after_day * 86_400_000
    ]


def new_job() -> list[EventBase]:
    """Pay from employer-1 to May; from June employer-2 pays more, on the 28th."""
    pay = monthly(310_000, day_of_month=28, months=range(6, 10), counterparty="employer-2")
    return [*without(household(9), "employer-1", after_day=150), *pay]


def moving() -> list[EventBase]:
    """Rent to landlord-1 to May, to landlord-2 from June, and furniture around it."""
    rent = monthly(
        -110_000,
        day_of_month=1,
        months=range(6, 10),
        method="standing_order",
        counterparty="landlord-2",
    )
    sofa = moved(155, -60_000, method="card", merchant="Furnish", mcc="5712")
    return [*without(household(9), "landlord-1", after_day=145), *rent, sofa]


def test_a_new_employer_is_asked_about_once() -> None:
    """Pay that ended and pay that began make one question, soon after the first new payslip."""
    tick = happened("clock.ticked", 181, timer="salary")
    asked = [(day, s) for day, s in signals_of([*new_job(), tick]) if s.name == "life.new_job"]
    assert len(asked) == 1
    assert asked[0][0] == 181
    assert asked[0][1].evidence["detected"] is True
    assert asked[0][1].insight
    assert asked[0][1].words.endswith("?")


def test_a_new_landlord_and_furniture_are_a_move() -> None:
    """The rent goes elsewhere and furniture is bought: asked once, within six weeks."""
    asked = [day for day, s in signals_of(moving()) if s.name == "life.moving"]
    assert len(asked) == 1
    assert 151 <= asked[0] <= 195


def test_one_kind_of_evidence_is_not_enough() -> None:
    """Furniture alone, or a second income alone, asks nothing."""
    sofa = moved(155, -60_000, method="card", merchant="Furnish", mcc="5712")
    second = monthly(260_000, day_of_month=10, months=range(4, 9), counterparty="employer-2")
    said = {s.name for _, s in signals_of([*household(8), sofa, *second])}
    assert not {name for name in said if name.startswith("life.")}


def test_what_was_denied_is_not_asked_again() -> None:
    """A «no» rests the question for a year, wherever it was given."""
    denied = happened("life.answered", 100, event="new_job", confirmed=False)
    assert "life.new_job" not in {s.name for _, s in signals_of([*new_job(), denied])}


def test_sensitive_events_are_never_inferred() -> None:
    """Pay that stops, baby shops and funeral homes lead to no life event at all."""
    events = without(household(10), "employer-1", after_day=150)
    events += [moved(160 + n, -20_000, method="card", mcc="5641", index=n) for n in range(6)]
    events += [moved(170, -300_000, method="card", mcc="7261")]
    said = {s.name for _, s in signals_of(events)}
    assert not said & NEVER_INFERRED


@pytest.mark.parametrize("event", ["bereavement", "baby", "moving", "job_loss"])
def test_what_is_declared_is_taken_at_its_word(event: str) -> None:
    """A declaration is a signal of full strength that rests on the declaration alone."""
    signals = [s for _, s in signals_of([happened("life.declared", 3, event=event)])]
    assert [(s.name, s.strength, s.sources) for s in signals] == [
        (f"life.{event}", 1.0, (Source.LIFE_EVENTS,))
    ]


def test_what_is_confirmed_is_as_good_as_declared() -> None:
    """A «yes» to a question is the customer's own word; a «no» says nothing."""
    yes = happened("life.answered", 3, event="moving", confirmed=True)
    no = happened("life.answered", 4, event="new_job", confirmed=False)
    assert [s.name for _, s in signals_of([yes, no])] == ["life.moving"]


def test_tickets_and_days_abroad_are_travel() -> None:
    """An airline ticket tells at once; abroad it takes two days; a single payment abroad doesn't."""
    home = [moved(day, -900, method="card", mcc="5411", country="GB") for day in range(20)]
    ticket = moved(21, -18_000, method="card", mcc="3005", country="GB")
    abroad = [moved(day, -900, method="card", mcc="5812", country="PT") for day in (21, 22)]
    assert "travel.detected" in {s.name for _, s in signals_of([*home, ticket])}
    assert "travel.detected" in {s.name for _, s in signals_of([*home, *abroad])}
    assert "travel.detected" not in {s.name for _, s in signals_of([*home, abroad[0]])}


def test_an_airport_is_said_once_per_visit() -> None:
    """Entering twice in an hour is one visit; other zones are none."""
    zones = [
        happened("location.zone_entered", 1 + n / 24, zone="airport:LHR", zone_kind="airport")
        for n in range(3)
    ]
    zones.append(happened("location.zone_entered", 2, zone="home", zone_kind="home"))
    assert [s.name for _, s in signals_of([*zones])] == ["airport.entered"]


def test_trouble_in_the_app_adds_up() -> None:
    """Two rage taps in an hour are friction; one error isn't."""
    taps = [happened("app.rage_tapped", 1 + n / 24, screen="payments") for n in range(2)]
    assert [s.name for _, s in signals_of([*taps])] == ["app.friction"]
    error = happened("app.error_shown", 1, screen="payments", code="e-1")
    assert signals_of([error]) == []


def test_messages_speak_when_read_with_confidence() -> None:
    """An intent above the abstention level and an unhappy tone are two signals; doubt is none."""

    def read(intent: str | None, probability: float, sentiment: float) -> list[str]:
        event = MessageRead(
            event_id="e", customer="c", at=START, channel="chat",
            intent=intent, intent_probability=probability, sentiment=sentiment,
        )  # fmt: skip
        return [s.name for _, s in signals_of([event])]

    assert read("card_lost", 0.9, -0.7) == ["intent.card_lost", "sentiment.negative"]
    assert read("card_lost", 0.2, 0.0) == []
    assert read("other", 0.99, 0.0) == []
    assert read(None, 0.0, 0.3) == []


def test_linking_a_bank_is_noticed() -> None:
    """The link itself is the signal."""
    linked = happened("openbanking.account_linked", 1, account="x-1", institution="bank-b")
    assert [s.name for _, s in signals_of([linked])] == ["openbanking.linked"]
