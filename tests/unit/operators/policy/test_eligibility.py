"""Eligibility: what the terms of a product exclude."""

from typing import Any

import pytest

from operators.policy.eligibility import ProductTerms
from schemas.base import DAY_MS
from tests.moments import NOW_MS, candidate, customer, item, situation

POLICY = ProductTerms()


def rule(terms: dict[str, Any], **changes: Any) -> str:
    """The rule that refuses an offer with these terms to this customer, or nothing."""
    offered = candidate(item(eligibility=terms, product="travel_card"))
    return POLICY.judge(offered, situation(customer(**changes))).rule


def test_what_is_held_is_not_offered() -> None:
    """Nobody is offered a product that they already have."""
    assert rule({}, products={"travel_card": 1}) == "eligibility.already_held"
    assert rule({}) == ""


def test_what_is_held_elsewhere_is_believed_for_a_year() -> None:
    """«I already have one» keeps the product away, until it may have changed."""
    told = {"held_elsewhere": {"travel_card": NOW_MS - 364 * DAY_MS}}
    assert rule({}, profile=told) == "eligibility.held_elsewhere"
    older = {"held_elsewhere": {"travel_card": NOW_MS - 365 * DAY_MS, "pension": NOW_MS}}
    assert rule({}, profile=older) == ""


@pytest.mark.parametrize(
    ("birth_year", "expected"),
    [
        (2005, ""),  # 18 for certain in 2024
        (2006, "eligibility.too_young"),  # perhaps still 17
        (1954, ""),  # at most 70
        (1953, "eligibility.too_old"),  # perhaps 71 already
        (None, "eligibility.age_unknown"),
    ],
)
def test_age_must_be_certain(birth_year: int | None, expected: str) -> None:
    """Only the birth year is known, so the doubtful year counts against the offer."""
    profile = {} if birth_year is None else {"birth_year": birth_year}
    assert rule({"age_min": 18, "age_max": 70}, profile=profile) == expected


def test_tenure_counts_from_the_first_thing_known() -> None:
    """A product opened long before the first event counts."""
    young = {"since_ms": NOW_MS - 10 * DAY_MS}
    assert rule({"tenure_days_min": 90}, **young) == "eligibility.tenure"
    held = {"current_account": NOW_MS - 100 * DAY_MS}
    assert rule({"tenure_days_min": 90}, **young, products=held) == ""
    assert rule({"tenure_days_min": 1}, since_ms=0) == "eligibility.tenure"


def test_required_and_excluding_products() -> None:
    """All required products must be held, and none of the excluding ones."""
    terms = {"requires": ["current_account"], "excludes": ["gold_card"]}
    assert rule(terms) == "eligibility.requires"
    assert rule(terms, products={"current_account": 1}) == ""
    both = {"current_account": 1, "gold_card": 1}
    assert rule(terms, products=both) == "eligibility.excludes"


def test_country_and_employment_must_be_known_to_fit() -> None:
    """A fact that is not known does not meet a condition."""
    assert rule({"countries": ["DE", "FR"]}) == ""
    assert rule({"countries": ["FR"]}) == "eligibility.country"
    assert rule({"countries": ["DE"]}, profile={}) == "eligibility.country"
    assert rule({"employment": ["student"]}) == "eligibility.employment"
    assert rule({"employment": ["employed"]}) == ""
