"""One day of one resident, planned at its start."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from schemas.base import DAY_MS, HOUR_MS
from scripts.town import app, life, money, needs, talk, travel
from scripts.town.founding import agree
from scripts.town.resident import Resident
from scripts.town.stage import Stage

LAST_OF_MONTH = 31
GIG_DAYS_AHEAD = 9.0
UNHAPPY = 0.3
KEEN = 0.2
THOUGHTS: dict[str, float] = {
    "consent.withdrawn": 0.5,
    "objection.raised marketing": 0.12,
    "objection.raised profiling": 0.04,
    "vulnerability.flagged health": 0.04,
    "vulnerability.flagged resilience": 0.04,
    "preference.changed on": 0.06,
    "preference.changed off": 0.18,
    "erasure.requested": 0.02,
}
"""What a change of mind comes to, with its share."""
LEISURE_SOURCES = ("location", "messages", "open_banking", "app")


@dataclass(slots=True, frozen=True)
class Day:
    """What the calendar says: debits that fall on a weekend are taken on Monday, pay comes on Friday."""

    weekday: int
    dues: frozenset[int]
    paydays: frozenset[int]
    day_of_month: int


@lru_cache(maxsize=512)
def day_of(day_ms: int) -> Day:
    """The calendar day that begins at an instant (UTC)."""
    today = datetime.fromtimestamp(day_ms / 1000, UTC).date()
    weekday = today.weekday()
    back = {0: (0, 1, 2), 5: (), 6: ()}.get(weekday, (0,))
    ahead = {4: (0, 1, 2), 5: (), 6: ()}.get(weekday, (0,))
    dues = frozenset((today - timedelta(days=n)).day for n in back)
    dates = [today + timedelta(days=n) for n in ahead]
    paydays = {d.day for d in dates}
    if any((d + timedelta(days=1)).day == 1 for d in dates):
        paydays |= {LAST_OF_MONTH}
    return Day(weekday, dues, frozenset(paydays), today.day)


def wake(stage: Stage, who: Resident, now_ms: int, _: None) -> None:
    """Plan the day and the next waking."""
    day_ms = now_ms - now_ms % DAY_MS
    day, rng = day_of(day_ms), who.rng
    stage.plan(day_ms + DAY_MS, who, wake, None)
    who.stress = money.strain(who, days_to_pay=_days_to_pay(who, day))
    earned_minor = money.pay_today(who, paydays=day.paydays, weekday=day.weekday)
    if earned_minor > 0:
        who.life["pay"] = day_ms
        stage.plan(day_ms + round(rng.uniform(5, 8) * HOUR_MS), who, money.earn, earned_minor)
    for bill in money.due_today(who, dues=day.dues):
        stage.plan(day_ms + round(rng.uniform(5, 11) * HOUR_MS), who, money.settle, bill)
    if who.trip is None or who.trip.leaves_ms > day_ms:
        money.shop_today(stage, who, day_ms, weekday=day.weekday)
    if day.weekday == 0:
        stage.plan(day_ms + 4 * HOUR_MS, who, money.overdrawn, None)
        _look_elsewhere(stage, who)
    app.plan_day(stage, who, day_ms)
    life.perhaps(stage, who, now_ms)
    _whims(stage, who, day_ms)


def _days_to_pay(who: Resident, day: Day) -> float:
    income = who.income
    if income.stopped:
        return 45.0
    if income.pay == "gigs":
        return GIG_DAYS_AHEAD
    if income.pay == "weekly":
        return float((income.day - day.weekday) % 7)
    return float((min(income.day, 30) - day.day_of_month) % 30)


def _look_elsewhere(stage: Stage, who: Resident) -> None:
    """The weekly balance of a linked account at another bank, and a movement on it."""
    for account in who.external:
        if not account.linked:
            continue
        rng = who.rng
        same = {"account": account.account, "institution": account.institution}
        if who.chance(0.5):
            amount_minor = round(0.02 * who.monthly_minor * rng.gauss(0, 1))
            account.balance_minor += amount_minor
            stage.tell(
                who,
                "openbanking.transaction",
                transaction_id=f"{who.id}-x{who.event_count}",
                amount_minor=amount_minor,
                currency=money.CURRENCY,
                method="transfer",
                **same,
            )
        stage.tell(
            who,
            "openbanking.balance",
            account_type=account.account_type,
            balance_minor=account.balance_minor,
            currency=money.CURRENCY,
            **same,
        )


def _whims(stage: Stage, who: Resident, day_ms: int) -> None:
    """What people do of an odd day: dream of journeys, write, walk about, change their minds."""
    rng = who.rng
    noon_ms = day_ms + round(rng.uniform(8, 21) * HOUR_MS)
    if who.trip is None and not who.strained and who.chance(who.persona.trips_year / 330):
        stage.plan(noon_ms, who, travel.dream, None)
    if who.chance(0.12):
        stage.plan(noon_ms, who, travel.around_home, None)
    if who.chance(0.03):
        stage.plan(noon_ms, who, talk.write, _on_their_mind(who, day_ms))
    if who.chance(0.004):
        app.sour(who, day_ms)
    if who.chance(0.004):
        life.subscribe(stage, who, day_ms)
    if who.chance(0.0012):
        stage.plan(noon_ms, who, second_thoughts, None)
    if who.chance(0.002):
        stage.plan(noon_ms, who, open_up, None)


def _on_their_mind(who: Resident, now_ms: int) -> str:
    """What somebody would write about: the most pressing thing, or anything."""
    investor = who.likes["investing"] > who.likes["saving"]
    pressing = (
        (who.friction_until_ms > now_ms, 0.7, "app_problem"),
        (who.strained, 0.4, "money_trouble"),
        (who.fees_until_ms > now_ms, 0.25, "fee_complaint"),
        (needs.trip(who, now_ms) > app.PRESSING, 0.5, "travel_plans"),
        (needs.idle(who, now_ms) > app.PRESSING, 0.4, "invest_money" if investor else "save_money"),
        (who.satisfaction < UNHAPPY, 0.4, "close_account"),
        (who.likes["credit"] > KEEN, 0.2, "borrow_money"),
    )
    for applies, share, intent in pressing:
        if applies and who.chance(share):
            return intent
    return who.rng.choice(talk.PLAIN)


def second_thoughts(stage: Stage, who: Resident, now_ms: int, _: None) -> None:
    """Take something back, object, ask for care, or ask to be forgotten."""
    del now_ms
    (thought,) = who.rng.choices(tuple(THOUGHTS), weights=tuple(THOUGHTS.values()))
    kind, word = [*thought.split(), ""][:2]
    if kind == "consent.withdrawn":
        if who.grants:
            purpose, source = who.rng.choice(sorted(who.grants))
            who.grants.discard((purpose, source))
            stage.tell(who, kind, purpose=purpose, sources=[source])
    elif kind == "objection.raised":
        stage.tell(who, kind, scope=word)
    elif kind == "vulnerability.flagged":
        stage.tell(who, kind, driver=word)
    elif kind == "preference.changed":
        stage.tell(who, kind, channel="push", enabled=word == "on")
    else:
        stage.tell(who, kind)
        who.gone = True


def open_up(stage: Stage, who: Resident, now_ms: int, _: None) -> None:
    """Agree to one more source for one purpose."""
    del now_ms
    agree(stage, who, "service_personalisation", [who.rng.choice(LEISURE_SOURCES)])
