import pytest

from schemas.base import DAY_MS
from schemas.customer import Customer, LiveSignal
from schemas.events import FeedbackReceived
from tests.answers import START_MS, customer, decision, said, tell


def rest_days(who: Customer) -> dict[str, float]:
    """What rests, in days after the answer."""
    return {key: (until - START_MS) / DAY_MS - 1 for key, until in who.rests.items()}


@pytest.mark.parametrize(
    ("event", "rests"),
    [
        (said("dismissed"), {"loan": 14}),
        (said("dismissed", why="not_now"), {"loan": 7}),
        (said("dismissed", why="not_relevant"), {"loan": 90}),
        (said("dismissed", why="already_have"), {"loan": 90}),
        (said("dismissed", why="dont_trust"), {"loan": 90, "category:lending": 14}),
        (
            said("dismissed", why="cannot_afford"),
            {"loan": 14, "category:lending": 180, "category:cards": 180},
        ),
        (said("dismissed", why="not_relevant", why_confidence=0.2), {"loan": 14}),
        (said("muted"), {"loan": 90, "category:lending": 90}),
        (said("complained"), {"loan": 14, "all": 30}),
        (said("complained", decision_id="d-9"), {"all": 30}),
        (said("clicked"), {}),
    ],
)
def test_each_reason_rests_what_it_is_about(
    event: FeedbackReceived, rests: dict[str, float]
) -> None:
    """Not now delays, not relevant shelves, cannot afford rests every credit, a complaint all."""
    who, _, _ = tell(customer(decision()), event)
    assert rest_days(who) == rests


def test_a_rest_is_never_shortened() -> None:
    """A later, milder answer leaves the longer rest."""
    who = customer(decision())
    who.rests["loan"] = START_MS + 101 * DAY_MS
    who, _, _ = tell(who, said("dismissed"))
    assert rest_days(who)["loan"] == 100


def test_facts_are_kept_for_suitability() -> None:
    """Cannot afford and already have are remembered by category and product."""
    who, _, _ = tell(customer(decision()), said("dismissed", why="cannot_afford"))
    assert set(who.profile["cannot_afford"]) == {"lending", "cards"}
    who, _, _ = tell(customer(decision(action="pot")), said("dismissed", why="cannot_afford"))
    assert set(who.profile["cannot_afford"]) == {"saving"}
    who, _, _ = tell(customer(decision()), said("dismissed", why="already_have"))
    assert who.profile["held_elsewhere"] == {"personal_loan": START_MS + DAY_MS}


def test_too_personal_takes_away_the_data_that_was_felt() -> None:
    """The sources of the signal that the item answered; without one, all that were used."""
    who, _, _ = tell(customer(decision()), said("dismissed", why="too_personal"))
    assert set(who.mistrusted) == {"app", "transactions"}
    who = customer(decision())
    who.signals["expense.large"] = LiveSignal(
        START_MS - 5, START_MS + DAY_MS, 0.5, ("transactions",), "A large expense.", {}
    )
    who, _, _ = tell(who, said("dismissed", why="too_personal"))
    assert who.mistrusted == {"transactions": START_MS + 366 * DAY_MS}


def test_a_refused_request_for_consent_is_remembered() -> None:
    """No to being asked is a refusal of that purpose and source."""
    who, _, _ = tell(customer(decision(action="ask")), said("dismissed"))
    assert who.refusals == {"service_personalisation:app": START_MS + DAY_MS}
