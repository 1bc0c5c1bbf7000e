"""Refuses what would not be in the customer's interest now: above all credit to the distressed.

Stage: 5 of 8. In: candidate, situation. Out: Verdict.
"""

from collections.abc import Mapping

from operators.contracts import Situation
from schemas.base import DAY_MS, Source
from schemas.customer import Customer
from schemas.decisions import Candidate, Verdict
from schemas.offers import Item

ALLOWED = Verdict(allowed=True)
FORECAST = "cashflow"
HARD_TIMES: tuple[str, ...] = ("life.bereavement", "life.job_loss")
HARD_TIME_DAYS = 90
"""For so long after such an event nothing is sold."""
DISTRESS: tuple[str, ...] = ("shortfall.ahead", "salary.missing", "intent.money_trouble")
"""While one of these is live, no credit is offered whatever the forecast says."""
HISTORY_DAYS_MIN = 28
"""Below this, income and debt are guesses: a limit on them can't be checked."""
MINOR_PER_MAJOR = 100

REFUSALS: dict[str, Verdict] = {
    rule: Verdict(allowed=False, rule=rule, words=words)
    for rule, words in {
        "suitability.needs_signal": "Nothing shows that you need this now.",
        "suitability.hard_time": "After what you told us, this is not the time to sell you anything.",
        "suitability.distress": "Your money may run short soon, so we hold back from selling to you.",
        "suitability.cannot_afford": "You told us that you cannot afford this at the moment.",
        "suitability.shortfall": "Your balance may run low soon, so this could make things tighter.",
        "suitability.debt": "A large share of your income already goes to paying debt.",
        "suitability.income": "It may cost more than your regular income can carry.",
        "suitability.balance": "It makes sense only with more money set aside than you have now.",
        "suitability.unknown": "We know too little of your finances to tell whether it suits you.",
    }.items()
}


class InTheirInterest:
    """The customer can afford it and is better off with it, as far as admitted data tells.

    A limit that can't be checked refuses. Credit is always checked against the forecast and the
    debt service share, whatever limits its catalogue entry has: a lever may tighten, never loosen.
    Data is looked at only while some purpose other than training may use it.

    Source: Directive (EU) 2023/2225 article 18; Directive 2014/17/EU article 18; EBA/GL/2020/06
    section 5; Directive (EU) 2016/97 article 20; FCA PRIN 2A.2 (avoid foreseeable harm).
    """

    name: str = "suitability"
    source: str = (
        "Directive (EU) 2023/2225 article 18; Directive 2014/17/EU article 18; EBA/GL/2020/06"
        " section 5; Directive (EU) 2016/97 article 20; FCA PRIN 2A.2"
    )
    refusals: Mapping[str, Verdict] = REFUSALS
    looks: bool = True

    def judge(self, candidate: Candidate, situation: Situation) -> Verdict:
        """Allowed if every limit of the item, and of the rules for credit, is known to be kept.

        Args:
            candidate: What is proposed.
            situation: Features (major units and shares), the cash-flow forecast and live signals.
        """
        item = candidate.item
        if item.suitability.needs_signal and candidate.signal is None:
            return REFUSALS["suitability.needs_signal"]
        if item.sells and _hard_time(situation):
            return REFUSALS["suitability.hard_time"]
        if item.credit and any(_live(situation, name) for name in DISTRESS):
            return REFUSALS["suitability.distress"]
        if item.sells and _cannot_afford(item, situation):
            return REFUSALS["suitability.cannot_afford"]
        return (
            _judge_shortfall(item, situation)
            or _judge_debt(item, situation)
            or _judge_means(item, situation)
            or ALLOWED
        )


def live(customer: Customer, name: str, *, now_ms: int, readable: frozenset[Source]) -> bool:
    """Whether a signal holds at this instant, and rests on data that may still be looked at.

    Not selling to somebody in trouble is the care that every decision owes (FCA PRIN 2A.2), so any
    purpose that a decision serves will do; see `operators.contracts.Situation`.
    """
    signal = customer.signals.get(name)
    return signal is not None and now_ms < signal.until_ms and readable.issuperset(signal.sources)


def _live(situation: Situation, name: str) -> bool:
    return live(situation.customer, name, now_ms=situation.now_ms, readable=situation.readable)


def _hard_time(situation: Situation) -> bool:
    return any(
        _live(situation, name)
        and situation.now_ms - situation.customer.signals[name].at_ms < HARD_TIME_DAYS * DAY_MS
        for name in HARD_TIMES
    )


def _cannot_afford(item: Item, situation: Situation) -> bool:
    """Whether the customer answered something of this category with «cannot afford» lately."""
    told_ms = situation.customer.profile.get("cannot_afford", {}).get(item.category)
    rest_ms = situation.rules.cannot_afford_rest_days * DAY_MS
    return told_ms is not None and situation.now_ms - int(told_ms) < rest_ms


def _judge_shortfall(item: Item, situation: Situation) -> Verdict | None:
    suppress = situation.rules.shortfall_suppress_sales
    limit = item.suitability.shortfall_max
    if item.credit:
        limit = suppress if limit is None else min(limit, suppress)
    forecast = situation.forecasts.get(FORECAST)
    shortfall = None
    if forecast is not None and situation.readable.issuperset(forecast.sources):
        shortfall = forecast.shortfall
    if shortfall is None:
        return None if limit is None else REFUSALS["suitability.unknown"]
    # Written as «not within» so that a NaN refuses.
    if item.sells and not shortfall < suppress:
        return REFUSALS["suitability.distress"]
    if limit is not None and not shortfall <= limit:
        return REFUSALS["suitability.shortfall"]
    return None


def _judge_debt(item: Item, situation: Situation) -> Verdict | None:
    limit = item.suitability.debt_service_share_max
    if item.credit:
        ceiling = situation.rules.debt_service_share_max
        limit = ceiling if limit is None else min(limit, ceiling)
    if limit is None:
        return None
    if not _known(situation):
        return REFUSALS["suitability.unknown"]
    if not situation.features["cash.debt_service_share"] <= limit:
        return REFUSALS["suitability.debt"]
    return None


def _judge_means(item: Item, situation: Situation) -> Verdict | None:
    """Income and balance against the least that the item needs."""
    limits = item.suitability
    income_min, balance_min = limits.income_minor_month_min, limits.balance_minor_min
    if income_min is None and balance_min is None:
        return None
    if not _known(situation):
        return REFUSALS["suitability.unknown"]
    features = situation.features
    if income_min is not None:
        income_minor = features["cash.income_month_eur"] * MINOR_PER_MAJOR
        if not income_minor >= income_min:
            return REFUSALS["suitability.income"]
    if balance_min is not None:
        balance_minor = features["cash.balance_eur"] * MINOR_PER_MAJOR
        if not balance_minor >= balance_min:
            return REFUSALS["suitability.balance"]
    return None


def _known(situation: Situation) -> bool:
    history_days = situation.features.get("cash.history_days", 0.0)
    return Source.TRANSACTIONS in situation.readable and history_days >= HISTORY_DAYS_MIN
