"""Explanations: true, plain, bounded, and naming nothing that was not given."""

from typing import Any

import pytest

from operators.explain import RIGHTS, WHY_NOT_MAX, tell
from operators.features import SPECS
from schemas.base import Purpose, Source
from schemas.decisions import (
    SILENCE,
    Candidate,
    Choice,
    Explanation,
    Parts,
    Screened,
    Verdict,
)
from tests.moments import candidate, customer, item, situation

TRIP = item(id="travel_card", title="Pay abroad without foreign fees")
POT = item("feature", id="pots", title="Save for one thing at a time")
WORDS = {spec.name: spec.words for spec in SPECS}
OF_PAYMENTS = next(s.name for s in SPECS if s.context and s.source is Source.TRANSACTIONS)
OF_APP = next(s.name for s in SPECS if s.context and s.source is Source.APP)
OF_PLACES = next(s.name for s in SPECS if s.context and s.source is Source.LOCATION)
RESTING = Verdict(allowed=False, rule="contact.resting", words="We said this not long ago.")
UNKNOWN = Verdict(allowed=False, rule="suitability.unknown", words="We know too little.")
FLAGGED = Verdict(allowed=False, rule="vulnerability.flagged", words="You would like extra care.")
HOLDOUT = Verdict(allowed=False, rule="measure.holdout", words="You are in the small group.")


def choice(action: str = TRIP.id, **changes: Any) -> Choice:
    """A choice by 58 of 64 models."""
    fields: dict[str, Any] = {
        "action": action,
        "arm": "exploit",
        "propensity": 0.9,
        "actions": (TRIP.id, POT.id, SILENCE),
        "scores": (2.0, 1.0, 0.0),
        "propensities": (0.9, 0.05, 0.05),
        "draw": 0.5,
        "model": "m-1",
        "votes": 58,
        "voters": 64,
    }
    return Choice(**(fields | changes))


def parted(*rows: tuple[str, float, float]) -> Parts:
    """Parts of a score by (feature, value, contribution), where the usual is something else."""
    names, values, adds = zip(*rows, strict=True)
    return Parts(names, values, (0.25,) * len(rows), adds)


def explain(
    chosen: Candidate | None, screened: tuple[Screened, ...] = (), **changes: Any
) -> Explanation:
    """The explanation of a decision in which payments and the app were used."""
    fields: dict[str, Any] = {
        "decision_id": "d-1",
        "choice": choice(SILENCE if chosen is None else chosen.item.id),
        "chosen": chosen,
        "screened": screened,
        "situation": situation(),
        "purposes": (Purpose.DIRECT_MARKETING,),
        "sources": ("app", "transactions"),
        "words": WORDS,
        "counterfactual": None,
        "consent_counterfactual": None,
    }
    return tell(**(fields | changes))


def test_a_signal_is_told_in_its_own_words() -> None:
    """The reason is the signal's sentence, and the vote is told in plain words."""
    chosen = candidate(TRIP, signal="travel.detected", words="you seem to be going abroad")
    told = explain(chosen)
    assert told.summary == (
        "We suggest «Pay abroad without foreign fees». The reason: You seem to be going abroad."
        " 58 of 64 plausible models agreed."
    )
    assert told.purposes == ("suggesting products to you",)
    assert told.sources == ("how you use our app", "your card and account payments")
    assert told.automated
    assert told.rights == RIGHTS


def test_taste_is_told_by_what_spoke_for_it() -> None:
    """Without a signal the largest positive contributions give the reason, crossed or not."""
    parts = parted((f"{OF_PAYMENTS}×travel", 2.0, 0.6), (OF_APP, 1.0, -0.9))
    told = explain(candidate(TRIP), choice=choice(parts=parts))
    assert f"What spoke for it most: {WORDS[OF_PAYMENTS]}." in told.summary
    assert WORDS[OF_APP] not in told.summary
    assert [(f["feature"], f["direction"]) for f in told.top_factors] == [
        (OF_APP, "against"),
        (f"{OF_PAYMENTS}×travel", "for"),
    ]


def test_nothing_is_named_that_was_not_given() -> None:
    """A contribution of a source that was not used is told neither in words nor as a factor."""
    parts = parted((OF_PLACES, 2.0, 0.8), ("const", 1.0, 0.5), (OF_APP, 1.0, 0.1))
    told = explain(candidate(TRIP), choice=choice(parts=parts), sources=("app",))
    assert [f["feature"] for f in told.top_factors] == [OF_APP]
    assert told.sources == ("how you use our app",)
    assert WORDS[OF_PLACES] not in told.summary


def test_a_trial_is_called_a_trial() -> None:
    """An exploring or even draw is not passed off as a judgement."""
    chosen = candidate(TRIP, signal="travel.detected", words="You seem to be going abroad.")
    assert "partly a trial" in explain(chosen, choice=choice(arm="explore")).summary
    assert "drawn by chance" in explain(chosen, choice=choice(arm="control")).summary


def test_an_ask_says_that_no_data_was_used() -> None:
    """A request for consent is explained as what it is."""
    told = explain(candidate(item("consent_ask")), purposes=(), sources=())
    assert "we used none of your personal data" in told.summary
    assert told.purposes == told.sources == ()


def test_an_ask_among_other_suggestions_says_what_data_was_looked_at_for() -> None:
    """Where the others were weighed with data, the ask does not claim that none was used."""
    told = explain(candidate(item("consent_ask")), sources=("app",))
    assert "none of your personal data" not in told.summary
    assert "looked at only to see" in told.summary


@pytest.mark.parametrize(
    ("refusals", "expected"),
    [
        ([], "We said nothing: there was nothing worth saying at that moment."),
        ([RESTING, HOLDOUT], "We said nothing. You are in the small group."),
        ([RESTING], "We said nothing, to leave you in peace. We said this not long ago."),
        ([RESTING, FLAGGED], "We said nothing. You would like extra care."),
        (
            [RESTING, UNKNOWN, UNKNOWN],
            "We said nothing, as nothing that came to mind was right. We know too little.",
        ),
        (
            [None, UNKNOWN],
            (
                "We could have made a suggestion, but saying nothing seemed better for you."
                " 58 of 64 plausible models agreed."
            ),
        ),
    ],
)
def test_silence_has_its_reason(refusals: list[Verdict | None], expected: str) -> None:
    """Holdout, rest, care, refusal and judgement are told apart."""
    screened = tuple(Screened(candidate(TRIP), refusal) for refusal in refusals)
    where = situation(customer(vulnerable={"health": 1}))
    assert explain(None, screened, situation=where).summary == expected


def test_why_not_the_others() -> None:
    """Outranked ones come first, best first, then refusals with their rule; both are bounded."""
    screened = (
        Screened(candidate(TRIP), None),
        *(Screened(candidate(item(id=f"no-{i}")), UNKNOWN) for i in range(20)),
        Screened(candidate(POT), None),
    )
    told = explain(candidate(TRIP), screened)
    assert told.why_not[0] == {
        "action": "pots",
        "title": "Save for one thing at a time",
        "rule": "arbitrate.outranked",
        "words": "Another suggestion promised more for you.",
    }
    assert [row["rule"] for row in told.why_not[1:]] == ["suitability.unknown"] * WHY_NOT_MAX
    silent = explain(None, screened)
    assert [row["action"] for row in silent.why_not[:2]] == ["travel_card", "pots"]
    assert silent.why_not[0]["words"] == "Saying nothing promised more for you."


def test_counterfactuals_and_failures_are_passed_on() -> None:
    """What re-running showed is kept as it is; a failure on the way is admitted."""
    change = {"change": "without travel.detected", "result": SILENCE, "verified": True}
    blind = {"without": "transactions", "action": SILENCE, "verified": True}
    told = explain(
        candidate(TRIP),
        counterfactual=change,
        consent_counterfactual=blind,
        degraded=("forecast:cashflow",),
    )
    assert (told.counterfactual, told.consent_counterfactual) == (change, blind)
    assert "not working" in told.summary
    assert "cashflow" not in told.summary


def test_an_explanation_is_a_pure_function() -> None:
    """The same decision is explained in the same words under the same id."""
    assert explain(candidate(TRIP)) == explain(candidate(TRIP))
    other = explain(candidate(TRIP), decision_id="d-2")
    assert other.explanation_id != explain(candidate(TRIP)).explanation_id
