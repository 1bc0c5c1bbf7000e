"""Refuses what the terms of the product exclude: age, tenure, holdings, country, employment.

Stage: 5 of 8. In: candidate, situation. Out: Verdict.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from operators.contracts import Situation
from schemas.base import DAY_MS
from schemas.customer import Customer
from schemas.decisions import Candidate, Verdict
from schemas.offers import Eligibility

ALLOWED = Verdict(allowed=True)
HELD_ELSEWHERE_DAYS = 365
"""For so long «I already have one» is taken to hold."""

REFUSALS: dict[str, Verdict] = {
    rule: Verdict(allowed=False, rule=rule, words=words)
    for rule, words in {
        "eligibility.already_held": "You already have this.",
        "eligibility.held_elsewhere": "You told us that you already have one.",
        "eligibility.age_unknown": "It depends on age, and we do not know yours.",
        "eligibility.too_young": "It is for people older than you are now.",
        "eligibility.too_old": "It is for people younger than you are now.",
        "eligibility.tenure": "It is for people who have been with us for longer.",
        "eligibility.requires": "It needs another product that you do not have with us.",
        "eligibility.excludes": "It does not go together with a product that you have.",
        "eligibility.country": "It is not available in your country, as far as we know it.",
        "eligibility.employment": "It is meant for a different working situation from yours.",
    }.items()
}


class ProductTerms:
    """The hard conditions of an item hold for certain; a fact that is not known does not meet one.

    Facts of the contract (birth year, country, employment, products) are read without consent: they
    gate products and are never a feature.

    Source: GDPR article 6(1)(b); EBA/GL/2015/18 on product oversight (target market).
    """

    name: str = "eligibility"
    source: str = "Product terms; GDPR article 6(1)(b); EBA/GL/2015/18"
    refusals: Mapping[str, Verdict] = REFUSALS
    looks: bool = False

    def judge(self, candidate: Candidate, situation: Situation) -> Verdict:
        """Allowed if each condition that the item states is met.

        Args:
            candidate: What is proposed.
            situation: The customer's profile, products and tenure, and the instant.
        """
        item, customer, now_ms = candidate.item, situation.customer, situation.now_ms
        terms = item.eligibility
        if item.product is not None:
            if item.product in customer.products:
                return REFUSALS["eligibility.already_held"]
            if _held_elsewhere(item.product, customer, now_ms):
                return REFUSALS["eligibility.held_elsewhere"]
        if item.unconditional:
            return ALLOWED
        if terms.tenure_days_min > 0 and _tenure_days(customer, now_ms) < terms.tenure_days_min:
            return REFUSALS["eligibility.tenure"]
        return (
            _judge_products(terms, customer)
            or _judge_age(terms, customer, now_ms)
            or _judge_profile(terms, customer)
            or ALLOWED
        )


def _held_elsewhere(product: str, customer: Customer, now_ms: int) -> bool:
    """Whether the customer answered an offer of it with «already have» within the year."""
    told_ms = customer.profile.get("held_elsewhere", {}).get(product)
    return told_ms is not None and now_ms - int(told_ms) < HELD_ELSEWHERE_DAYS * DAY_MS


def _judge_products(terms: Eligibility, customer: Customer) -> Verdict | None:
    if terms.requires and not customer.products.keys() >= set(terms.requires):
        return REFUSALS["eligibility.requires"]
    if terms.excludes and not customer.products.keys().isdisjoint(terms.excludes):
        return REFUSALS["eligibility.excludes"]
    return None


def _judge_profile(terms: Eligibility, customer: Customer) -> Verdict | None:
    if terms.countries and customer.profile.get("country") not in terms.countries:
        return REFUSALS["eligibility.country"]
    if terms.employment and customer.profile.get("employment") not in terms.employment:
        return REFUSALS["eligibility.employment"]
    return None


def _judge_age(terms: Eligibility, customer: Customer, now_ms: int) -> Verdict | None:
    if terms.age_min is None and terms.age_max is None:
        return None
    birth_year = customer.profile.get("birth_year")
    if birth_year is None:
        return REFUSALS["eligibility.age_unknown"]
    # Only the year is known: the customer is surely as old as this, and at most one year older.
    age_surely = datetime.fromtimestamp(now_ms / 1000, tz=UTC).year - int(birth_year) - 1
    if terms.age_min is not None and age_surely < terms.age_min:
        return REFUSALS["eligibility.too_young"]
    if terms.age_max is not None and age_surely + 1 > terms.age_max:
        return REFUSALS["eligibility.too_old"]
    return None


def _tenure_days(customer: Customer, now_ms: int) -> int:
    """Days since the first thing known of the customer: a product opened, or an event seen."""
    known_ms = [customer.since_ms] if customer.since_ms else []
    first_ms = min([*known_ms, *customer.products.values()], default=now_ms)
    return (now_ms - first_ms) // DAY_MS
