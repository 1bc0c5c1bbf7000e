"""How much somebody needs what is offered, from their true situation: 0 not at all, 1 very much.

This is what a good choice has to find out from traces. Learners never see it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.base import DAY_MS
from scripts.town.resident import Resident

Need = Callable[[Resident, int], float]
TRIP_AHEAD_DAYS = 25
HARDLY = 0.05
COUPLE = 2
PROVIDING_AGES = (30, 58)


def need(who: Resident, offer: Mapping[str, Any], *, now_ms: int) -> float:
    """The need for one offer: by its action if that is known, else its product, feature or category."""
    for name in (offer.get("action"), offer.get("product"), offer.get("feature")):
        known = NEEDS.get(str(name))
        if known is not None:
            return min(max(known(who, now_ms), 0.0), 1.0)
    known = BY_CATEGORY.get(str(offer.get("category")))
    return HARDLY if known is None else min(max(known(who, now_ms), 0.0), 1.0)


def idle(who: Resident, now_ms: int) -> float:
    """Money that lies about: from two months of income in the current account on."""
    del now_ms
    spare = who.balance_minor - 1.2 * who.monthly_minor
    return min(max(spare / (1.5 * who.monthly_minor), 0.0), 1.0) * (1.0 - who.stress)


def trip(who: Resident, now_ms: int) -> float:
    """A journey ahead or under way; those who travel much always think of it a little."""
    usual = min(who.persona.trips_year / 30, 0.25)
    ahead = who.trip
    if ahead is None or ahead.leaves_ms - now_ms > TRIP_AHEAD_DAYS * DAY_MS:
        return usual
    return 1.0 if ahead.abroad else 0.6


def at_airport(who: Resident, now_ms: int) -> float:
    """On the way, within a day of leaving."""
    ahead = who.trip
    if ahead is None:
        return HARDLY
    return 1.0 if abs(ahead.leaves_ms - now_ms) < DAY_MS else 0.5 * trip(who, now_ms)


def fees(who: Resident, now_ms: int) -> float:
    """Paid a fee within a month."""
    return 0.7 if who.fees_until_ms > now_ms else HARDLY


def tight(who: Resident, now_ms: int) -> float:
    """Money will not last to the next pay."""
    del now_ms
    return max((who.stress - 0.35) / 0.65, 0.0)


def trouble(who: Resident, now_ms: int) -> float:
    """Money trouble that needs a person."""
    told = who.lately("intent.money_trouble", now_ms, days=12)
    return max(0.8 * tight(who, now_ms), told, 1.0 if who.income.stopped else 0.0)


def subscriptions(who: Resident, now_ms: int) -> float:
    """Many small regular payments."""
    del now_ms
    count = sum(1 for bill in who.bills if bill.method == "card")
    return min(0.22 * count, 1.0)


def friction(who: Resident, now_ms: int) -> float:
    """The app gets in the way."""
    if who.friction_until_ms > now_ms:
        return 1.0
    return who.lately("intent.app_problem", now_ms, days=5)


def paid(who: Resident, now_ms: int) -> float:
    """Pay has just come."""
    return 0.5 * who.lately("pay", now_ms, days=6) * (1.0 - who.stress)


def told(intent: str, *, days: int = 8) -> Need:
    """They wrote to the bank about it lately."""
    name = f"intent.{intent}"
    return lambda who, now_ms: who.lately(name, now_ms, days=days)


def since(event: str, *, days: int = 75) -> Need:
    """A life event, not long ago."""
    return lambda who, now_ms: who.lately(event, now_ms, days=days)


def most(*needs: Need) -> Need:
    """The greatest of several needs."""
    return lambda who, now_ms: max(known(who, now_ms) for known in needs)


def times(factor: float, known: Need) -> Need:
    """A need that is felt less strongly."""
    return lambda who, now_ms: factor * known(who, now_ms)


def parents(who: Resident, now_ms: int) -> float:
    """Children in the house."""
    return max(who.lately("baby", now_ms, days=200), 0.5 if who.household > COUPLE else 0.0)


def self_employed(who: Resident, now_ms: int) -> float:
    """Working for oneself."""
    del now_ms
    return 0.65 if who.employment == "self_employed" else 0.02


def owner(who: Resident, now_ms: int) -> float:
    """A home of one's own, to be insured."""
    del now_ms
    return 0.45 if "mortgage" in who.products else 0.12


def provides(who: Resident, now_ms: int) -> float:
    """Of an age to think of a pension, and with money left for it."""
    age = 1970 + now_ms / (365.25 * DAY_MS) - who.birth_year
    age_fits = PROVIDING_AGES[0] <= age <= PROVIDING_AGES[1]
    return 0.35 * (1.0 - who.stress) if age_fits and who.employment != "student" else 0.02


def online(who: Resident, now_ms: int) -> float:
    """At home in the app."""
    del now_ms
    return min(0.28 * who.persona.sessions_day, 0.4)


_save = most(idle, paid, told("save_money"))
_invest = most(times(0.9, idle), told("invest_money"))
_travel = most(trip, told("travel_plans"), since("travel", days=30))
_spent = since("large", days=14)

NEEDS: dict[str, Need] = {
    "instant_saver": _save, "fixed_saver": _save, "payday_saver": most(paid, told("save_money")),
    "savings_account": _save, "index_fund": _invest, "stocks_account": times(0.8, _invest),
    "pension_plan": most(provides, since("new_job"), times(0.5, _invest)), "pension": provides,
    "pension_transfer": most(since("retirement", days=150), times(0.5, since("new_job"))),
    "travel_insurance": _travel, "travel_card": most(_travel, times(0.6, fees)),
    "fx_account": times(0.8, _travel), "gold_card_lounge": most(times(0.7, trip), at_airport),
    "credit_card": most(times(0.5, _spent), told("borrow_money")),
    "personal_loan": most(told("borrow_money"), times(0.5, since("moving"))),
    "car_loan": since("car"), "arranged_overdraft": most(told("borrow_money"), times(0.4, tight)),
    "mortgage": most(since("house_purchase", days=120), told("mortgage_question")),
    "mortgage_rate_review": most(told("mortgage_question"), times(0.5, owner)),
    "home_insurance": most(since("moving"), since("house_purchase"), owner, told("insurance_question")),
    "life_insurance": most(since("marriage"), since("baby", days=150), since("house_purchase"),
                           times(0.5, parents), told("insurance_question")),
    "car_insurance": most(since("car"), told("insurance_question")),
    "junior_account": parents, "joint_account": most(since("marriage"), times(0.6, since("moving"))),
    "student_account": since("university"), "current_account": told("open_account"),
    "business_account": most(self_employed, told("open_account")),
    "salary_switch": times(0.8, since("new_job")),
    "shortfall_move_money": tight, "shortfall_heads_up": times(0.9, tight),
    "bill_smoothing": times(0.9, tight), "overdraft_buffer": most(tight, times(0.6, fees)),
    "fee_avoidance": fees, "fee_refund": told("fee_complaint"),
    "duplicate_subscription": subscriptions, "price_rise": most(since("price_up", days=20), times(0.4, subscriptions)),
    "payment_plan": trouble, "talk_to_a_person": trouble, "debt_counselling": times(0.8, trouble),
    "job_loss_support": since("job_loss", days=120), "bereavement_support": since("bereavement", days=120),
    "salary_missing_check": most(since("job_loss", days=45), since("pay_late", days=10)),
    "fraud_check": most(times(0.4, _spent), told("card_dispute")), "card_lost_help": told("card_lost"),
    "dispute_help": told("card_dispute"), "complaint_to_a_person": most(told("fee_complaint"), told("close_account")),
    "app_trouble": friction, "account_closing_help": told("close_account"), "ask_a_person": told("other", days=3),
    "moving_checklist": most(since("moving"), told("moving_house")),
    "new_baby_budget": since("baby", days=120), "retirement_check": since("retirement", days=150),
    "home_buying_guide": most(since("house_purchase", days=120), told("mortgage_question")),
    "cover_check": most(told("insurance_question"), times(0.4, owner)),
    "large_payment_plan": most(_spent, times(0.5, tight)),
    "feature_lounge_access": at_airport,
    "budget_planner": most(times(0.7, tight), times(0.7, since("new_job")), online),
    "savings_pots": most(times(0.8, _save), online), "round_up": most(times(0.8, paid), online),
    "spending_insights": most(online, times(0.6, _spent)), "bill_reminders": most(times(0.8, tight), times(0.7, online)),
    "subscriptions_view": most(subscriptions, times(0.5, online)), "spending_limits": times(0.7, tight),
    "card_freeze": most(told("card_lost"), times(0.6, online)), "travel_mode": _travel,
    "statement_export": most(told("mortgage_question"), times(0.5, since("moving")), self_employed),
    "instant_transfer": most(told("payment_help"), times(0.7, online)),
    "round_the_clock_chat": most(friction, times(0.5, online)),
}  # fmt: skip
"""Need by action, product or feature."""

BY_CATEGORY: dict[str, Need] = {
    "saving": _save,
    "investing": _invest,
    "pension": provides,
    "travel": _travel,
    "cards": times(0.5, _spent),
    "loans": told("borrow_money"),
    "home": since("moving"),
    "insurance": owner,
    "family": parents,
    "cushion": tight,
    "bills": tight,
    "fees": fees,
    "subscriptions": subscriptions,
    "money_trouble": trouble,
    "service": friction,
    "planning": online,
    "security": told("card_lost"),
}
"""Need for what a catalogue adds that is not known here."""
