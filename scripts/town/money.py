"""Money of a resident: every movement is booked exactly once, and the balance is the sum of them."""

from dataclasses import dataclass
from math import exp
from typing import Any

from schemas.base import DAY_MS, HOUR_MS
from scripts.town.resident import Bill, Resident
from scripts.town.shops import TRADES, Trade
from scripts.town.stage import MINUTE_MS, Stage

CURRENCY = "EUR"
PENDING_SHARE = 0.35
REFUND_SHARE = 0.012
ABROAD_FEE_SHARE = 0.0195
OVERDRAWN_FEE_MINOR = 750
OVERDRAWN_MINOR = -1_000
OVERDRAFT_MINOR = 50_000
SATURDAY = 5
FAVOURITE_SHARE = 0.7


@dataclass(slots=True, frozen=True)
class Purchase:
    """A card payment that somebody is about to make; ``amount_minor`` is positive."""

    merchant: str
    mcc: str
    amount_minor: int
    country: str
    essential: bool = False
    transaction_id: str = ""


def move(
    stage: Stage,
    who: Resident,
    amount_minor: int,
    *,
    method: str,
    account: str | None = None,
    transaction_id: str = "",
    **fields: Any,
) -> str:
    """Book one movement, negative is money out; returns its transaction id."""
    account = account or who.account
    who.balances[account] += amount_minor
    transaction_id = transaction_id or f"{who.id}-t{who.event_count + 1:06d}"
    stage.tell(
        who,
        "transaction.booked",
        transaction_id=transaction_id,
        account=account,
        amount_minor=amount_minor,
        currency=CURRENCY,
        method=method,
        balance_minor=who.balances[account],
        **fields,
    )
    return transaction_id


def buy(stage: Stage, who: Resident, now_ms: int, what: Purchase) -> None:
    """Pay by card: declined beyond the limit, and often pending for a day before it is booked."""
    limit = -OVERDRAFT_MINOR if "overdraft" in who.products else -8_000
    left = who.balance_minor - who.owed_minor - what.amount_minor
    if left < (limit if what.essential else max(limit, -2_000)):
        return
    if not who.chance(PENDING_SHARE):
        book(stage, who, now_ms, what)
        return
    transaction_id = f"{who.id}-t{who.event_count + 1:06d}"
    who.owed_minor += what.amount_minor
    stage.tell(
        who,
        "transaction.pending",
        transaction_id=transaction_id,
        account=who.account,
        amount_minor=-what.amount_minor,
        currency=CURRENCY,
        method="card",
        merchant=what.merchant,
        mcc=what.mcc,
        country=what.country,
    )
    booked = Purchase(
        what.merchant, what.mcc, what.amount_minor, what.country, what.essential, transaction_id
    )
    stage.plan(now_ms + round((0.6 + who.rng.random()) * DAY_MS), who, book, booked)


def book(stage: Stage, who: Resident, now_ms: int, what: Purchase) -> None:
    """Book a card payment, with the fee for using it abroad; a few are given back days later."""
    if what.transaction_id:
        who.owed_minor -= what.amount_minor
    cash = what.mcc == "6011"
    transaction_id = move(
        stage,
        who,
        -what.amount_minor,
        method="cash" if cash else "card",
        transaction_id=what.transaction_id,
        merchant=what.merchant,
        mcc=what.mcc,
        country=what.country,
    )
    if what.country != who.country and "travel_card" not in who.products:
        charge(stage, who, max(50, round(what.amount_minor * ABROAD_FEE_SHARE)), "Foreign use fee")
    if not cash and who.chance(REFUND_SHARE):
        due_ms = now_ms + round((1 + 6 * who.rng.random()) * DAY_MS)
        stage.plan(due_ms, who, give_back, (what, transaction_id))


def give_back(stage: Stage, who: Resident, now_ms: int, what: tuple[Purchase, str]) -> None:
    """A shop reverses a payment."""
    del now_ms
    purchase, reverses = what
    move(
        stage,
        who,
        purchase.amount_minor,
        method="card",
        merchant=purchase.merchant,
        mcc=purchase.mcc,
        country=purchase.country,
        reverses=reverses,
    )


def charge(stage: Stage, who: Resident, amount_minor: int, words: str) -> None:
    """The bank takes a fee, which its customer notices."""
    who.gained_minor -= amount_minor
    who.fees_until_ms = stage.now_ms + 30 * DAY_MS
    move(stage, who, -amount_minor, method="fee", counterparty="bank-fees", reference=words)


def settle(stage: Stage, who: Resident, now_ms: int, bill: Bill) -> None:
    """Pay a bill that is due; a returned debit costs a fee and nerves."""
    del now_ms
    amount_minor = bill.amount_minor
    if bill.vary:
        amount_minor = round(amount_minor * (1 + bill.vary * (2 * who.rng.random() - 1)))
    limit = -OVERDRAFT_MINOR if "overdraft" in who.products else -15_000
    if who.balance_minor - amount_minor < limit:
        charge(stage, who, OVERDRAWN_FEE_MINOR, "Returned payment fee")
        who.pleased(-0.03)
        return
    move(
        stage,
        who,
        -amount_minor,
        method=bill.method,
        counterparty=bill.key,
        merchant=bill.merchant,
        mcc=bill.mcc,
        reference=bill.merchant,
    )
    if bill.key == "own-savings":
        save(stage, who, amount_minor)
    if bill.count_left > 0:
        bill.count_left -= 1


def save(stage: Stage, who: Resident, amount_minor: int) -> None:
    """The other leg of a transfer to one's own savings."""
    who.balances.setdefault(who.savings, 0)
    move(
        stage,
        who,
        amount_minor,
        method="transfer",
        account=who.savings,
        counterparty="own-current",
        reference="Transfer to savings",
    )


def earn(stage: Stage, who: Resident, now_ms: int, amount_minor: int) -> None:
    """Pay arrives."""
    del now_ms
    words = {"pension": "Pension", "gigs": "Invoice", "allowance": "Allowance"}
    move(
        stage,
        who,
        amount_minor,
        method="transfer",
        counterparty=who.income.payer,
        reference=words.get(who.income.pay, "Salary"),
    )


def due_today(who: Resident, *, dues: frozenset[int]) -> list[Bill]:
    """The bills of this day; those paid off are dropped."""
    due = [bill for bill in who.bills if bill.day in dues and bill.count_left]
    if due:
        who.bills = [bill for bill in who.bills if bill.count_left]
    return due


def pay_today(who: Resident, *, paydays: frozenset[int], weekday: int) -> int:
    """What is earned on this day, minor units; 0 on most days."""
    income, rng = who.income, who.rng
    if income.stopped:
        return 0
    if income.pay == "gigs":
        # Six invoices a month, of uneven size, on working days.
        working = weekday < SATURDAY and who.chance(6 / 21.7)
        return round(income.amount_minor / 6 * exp(0.5 * rng.gauss(0, 1) - 0.125)) * working
    if income.pay == "weekly":
        due = weekday == income.day
        return round(income.amount_minor / 4.348 * (0.94 + 0.12 * rng.random())) * due
    overtime = income.pay == "monthly" and who.chance(0.15)
    return round(income.amount_minor * (1.04 if overtime else 1.0)) * (income.day in paydays)


def shop_today(stage: Stage, who: Resident, day_ms: int, *, weekday: int) -> None:
    """Plan the day's visits to shops at home; the careful and the broke buy less."""
    rng = who.rng
    mood = 0.72 if who.careful_until_ms > day_ms else 1.0
    if who.strained:
        mood *= 0.75
    visits = min(max(who.spend_scale, 0.4), 1.6) ** 0.35 * mood
    for place, trade in enumerate(TRADES):
        if rng.random() >= trade.visits_week / sum(trade.weekly) * trade.weekly[weekday] * visits:
            continue
        stage.plan(
            day_ms + _hour(who, trade), who, buy, _purchase(who, trade, place, mood / visits)
        )


def _hour(who: Resident, trade: Trade) -> int:
    first, last = trade.hours
    return round((first + (last - first) * who.rng.random()) * HOUR_MS)


def _purchase(who: Resident, trade: Trade, place: int, scale: float) -> Purchase:
    rng = who.rng
    factor = exp(trade.spread * rng.gauss(0, 1) - trade.spread**2 / 2)
    amount_minor = round(trade.mean_eur * 100 * who.spend_scale * scale * factor)
    if trade.mcc == "6011":
        amount_minor = max(1_000, round(amount_minor / 1_000) * 1_000)
    # A favourite shop, and now and then another.
    favourite = who.shops[place]
    pick = favourite if who.chance(FAVOURITE_SHARE) else rng.randrange(len(trade.merchants))
    merchant = trade.merchants[pick % len(trade.merchants)]
    return Purchase(merchant, trade.mcc, max(amount_minor, 90), who.country, trade.essential)


def strain(who: Resident, *, days_to_pay: float) -> float:
    """How tight money is before the next pay: 0 at ease, 0.5 on the edge, 1 well short."""
    ahead = sum(b.amount_minor for b in who.bills if b.count_left) * min(days_to_pay / 30, 1.0)
    fixed = sum(b.amount_minor for b in who.bills if b.count_left)
    living = max(who.monthly_minor - fixed, 0.25 * who.monthly_minor) / 30 * days_to_pay
    spare = who.balance_minor - who.owed_minor - ahead - 0.6 * living
    return min(max(0.5 - spare / (0.35 * who.monthly_minor), 0.0), 1.0)


def overdrawn(stage: Stage, who: Resident, now_ms: int, _: None) -> None:
    """The weekly fee for an account in the red."""
    del now_ms
    if who.balance_minor < OVERDRAWN_MINOR:
        charge(stage, who, OVERDRAWN_FEE_MINOR, "Overdrawn account fee")


def soon(who: Resident, *, minutes: float) -> int:
    """A short while with some swing, ms."""
    return round(minutes * (0.5 + who.rng.random()) * MINUTE_MS)
