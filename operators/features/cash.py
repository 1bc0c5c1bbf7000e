"""The customer's cash: the booked balance, its low, what comes in and goes out, pay, debt, rent.

Stage: 2 of 8. In: transaction.booked, transaction.pending. Out: memory, feature values.

Memory (empty until the first movement)::

    currency  the currency of the first movement; other currencies are left out, there being no rate
    accounts  account → [newest ms, booked balance, whether the bank states balances]
    first, day   oldest and newest day of a booked movement, days since 1970
    net       ring of booked net flow a day, minor units (`rings`)
    low       ring of the lowest booked balance a day
    weeks     [newest week, income, spending, debt service, housing], 14 bins each, minor units
    pay       party → payer (`payday.Payer`)
    unexplained  [day it began, minor units]: how far stated balances are off their movements; only if so
    pending   transaction id → [amount, day]; no part of the balance, gone once booked or stale
"""

from collections.abc import Mapping
from math import sqrt
from typing import Any, Final

from operators.contracts import FeatureSpec, Slot
from operators.features import balances, payday, rings, weeks
from operators.features.money import Flow, flow_of, unit_of
from operators.features.payday import PAYMENTS_MIN, TWICE, Payer
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import EventBase, TransactionBooked, TransactionPending

PENDING_MAX: Final = 16
PENDING_DAYS: Final = 7
UNPAID_DAYS: Final = 90
"""What `cash.days_since_income` says when no pay is known."""
WHOLE_WEEKS_MIN: Final = 4
INCOME: Final = 1
SPENDING: Final = 2
DEBT: Final = 3
HOUSING: Final = 4
_NOT_SPENDING: Final = frozenset({"savings"})


def _spec(
    name: str, unit: str, description: str, words: str, grid: tuple[float, float], *,
    days: int | None, context: bool = False,
) -> FeatureSpec:  # fmt: skip
    return FeatureSpec(
        "cash." + name, Source.TRANSACTIONS, unit, description, words, *grid, context=context,
        window_days=days, owner="payments",
    )  # fmt: skip


class Cash:
    """Balance, flows and pay, exact in minor units; a reversal and what it reverses are one flow.

    Pending movements are remembered for the forecast, and never counted as booked.
    """

    slot: Slot = Slot("cash", Source.TRANSACTIONS, dict, version=2)
    kinds: frozenset[str] = frozenset({"transaction.booked", "transaction.pending"})
    specs: tuple[FeatureSpec, ...] = (
        _spec("balance_eur", "major", "Booked balance over all accounts here.",
              "the money in your accounts with us", (2000.0, 3000.0), days=None, context=True),
        _spec("low_30d_eur", "major", "Lowest booked balance of the last 30 days.",
              "the lowest your balance has been this month", (1000.0, 2500.0), days=30),
        _spec("net_30d_eur", "major", "Booked money in less money out, last 30 days.",
              "what was left of your money this month", (0.0, 1500.0), days=30, context=True),
        _spec("income_month_eur", "major / month", "Mean monthly income over 91 days.",
              "your income", (2200.0, 1500.0), days=91, context=True),
        _spec("spend_month_eur", "major / month", "Mean monthly money out over 91 days, savings apart.",
              "what you spend in a month", (2000.0, 1500.0), days=91),
        _spec("days_since_income", "days", f"Days since the last pay; {UNPAID_DAYS} if none is known.",
              "how long ago you were paid", (15.0, 15.0), days=90, context=True),
        _spec("income_regularity", "0..1", "How steady the main pay is in day and amount.",
              "how regular your pay is", (0.6, 0.4), days=None),
        _spec("debt_service_share", "0..1", "Share of income that goes to loans and cards, 91 days.",
              "how much of your income goes to repayments", (0.1, 0.2), days=91, context=True),
        _spec("rent_share", "0..1", "Share of income that goes to rent or mortgage, 91 days.",
              "how much of your income goes to your home", (0.25, 0.2), days=91),
        _spec("savings_rate", "-1..1", "Share of income not spent, 91 days.",
              "how much of your income you keep", (0.05, 0.3), days=91, context=True),
        _spec("volatility", "ratio", "Standard deviation of weekly net flow over mean weekly spending.",
              "how much your money goes up and down", (1.2, 1.0), days=91),
        _spec("history_days", "days", "Days since the oldest movement, at most ten years.",
              "how long we have known your account", (180.0, 180.0), days=3650, context=True),
    )  # fmt: skip

    def update(self, memory: Memory, event: EventBase, *, now_ms: int) -> Memory:  # noqa: ARG002 - the event tells its time
        """Fold a movement where its own time puts it; late ones up to a quarter are counted in full."""
        if isinstance(event, TransactionPending):
            return _held(memory, event)
        if not isinstance(event, TransactionBooked):
            return memory
        if event.currency != memory.get("currency", event.currency):
            return memory
        flow = flow_of(event)
        made = _packed(dict(memory)) if memory else _start(event, flow)
        if event.transaction_id in made["pending"]:
            made["pending"] = {
                k: v for k, v in made["pending"].items() if k != event.transaction_id
            }
        gap = balances.unexplained(made["accounts"], event)
        if gap:
            made["unexplained"] = balances.drifted(made.get("unexplained"), flow.day, gap)
        before = balances.total_minor(made)
        made["accounts"] = balances.booked(made["accounts"], event)
        after = balances.total_minor(made)
        made["low"] = balances.lowered(made, event, before, after)
        made["net"] = rings.add(made["net"], flow.day, flow.amount_minor, newest=made["day"])
        made["first"] = min(made["first"], flow.day)
        made["day"] = max(made["day"], flow.day)
        own = event.counterparty is not None and event.counterparty in made["accounts"]
        if not own:
            made["weeks"] = _weekly(made["weeks"], flow)
            if _may_be_pay(made, event, flow):
                made["pay"] = payday.folded(made["pay"], flow, calls_itself_pay=payday.named(event))
        return made

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant; zeros (and `UNPAID_DAYS`) before the first movement."""
        if not memory:
            return (0.0, 0.0, 0.0, 0.0, 0.0, float(UNPAID_DAYS), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        memory = _packed(memory)
        today = max(now_ms // DAY_MS, memory["day"])
        unit = unit_of(memory["currency"])
        balance = balances.total_minor(memory)
        history_days = float(today - memory["first"])
        late = today // 7 - memory["weeks"][0]
        bins = [weeks.shifted(kept, late) for kept in memory["weeks"][1:]]
        income, spending, debt, housing = (
            max(0.0, weeks.monthly(kept, today=today, history_days=history_days)) / unit
            for kept in bins
        )
        main = salary_of(memory, today=today)
        return (
            balance / unit,
            balances.lowest(memory, today, balance) / unit,
            rings.total(memory["net"], newest=memory["day"], until=today, days=30) / unit,
            income,
            spending,
            float(min(UNPAID_DAYS, today - main[1].last)) if main else float(UNPAID_DAYS),
            _regularity(main[1], today) if main else 0.0,
            _share(debt, income),
            _share(housing, income),
            max(-1.0, min(1.0, (income - spending) / income)) if income > 0 else 0.0,
            _volatility(bins[0], bins[1], history_days),
            min(3650.0, history_days),
        )


def pending_minor(memory: Mapping[str, Any], *, now_ms: int) -> int:
    """Authorised and not yet booked, minor units; an authorisation lapses after `PENDING_DAYS`."""
    since = now_ms // DAY_MS - PENDING_DAYS
    return sum(amount for amount, day in memory.get("pending", {}).values() if day >= since)


def salary_of(
    memory: Mapping[str, Any], *, today: int, regular: bool = False
) -> tuple[str, Payer] | None:
    """The main pay: the salary-like payer that pays most a month and hasn't been silent for long.

    Args:
        memory: The memory of the ``cash`` slot.
        today: Days since 1970.
        regular: Only pay whose rhythm is known, so that the next one has a date.
    """
    best: tuple[str, Payer] | None = None
    for party, kept in memory.get("pay", {}).items():
        payer = Payer(*kept)
        silent = today - payer.last > max(45.0, 2.5 * payer.gap)
        if silent or not payer.salary_like:
            continue
        if regular and not (payer.regular and payer.hits >= PAYMENTS_MIN):
            continue
        if best is None or payer.monthly_amount > best[1].monthly_amount:
            best = (party, payer)
    return best


def _packed(memory: dict[str, Any]) -> dict[str, Any]:
    """Version 1 kept its rings as text, and half a year of the net flow, of which a month is asked for."""
    if isinstance(memory["net"], bytes) and isinstance(memory["low"], bytes):
        return memory
    day = memory["day"]
    return memory | {name: rings.packed(memory[name], newest=day) for name in ("net", "low")}


def _start(event: TransactionBooked, flow: Flow) -> dict[str, Any]:
    empty = [0] * weeks.WEEKS
    return {
        "currency": event.currency,
        "accounts": {},
        "first": flow.day,
        "day": flow.day,
        "net": b"",
        "low": b"",
        "weeks": [flow.day // 7, empty, empty, empty, empty],
        "pay": {},
        "pending": {},
    }


def _held(memory: Mapping[str, Any], event: TransactionPending) -> dict[str, Any]:
    if event.currency != memory.get("currency"):
        return dict(memory)
    day = event.at_ms // DAY_MS
    held = {k: v for k, v in memory.get("pending", {}).items() if v[1] >= day - PENDING_DAYS}
    held[event.transaction_id] = [event.amount_minor, day]
    while len(held) > PENDING_MAX:
        del held[min(held, key=lambda name: (held[name][1], name))]
    return {**memory, "pending": held}


def _weekly(kept: list[Any], flow: Flow) -> list[Any]:
    """Income, spending, debt service and housing by week, with one flow."""
    week = flow.day // 7
    newest = max(kept[0], week)
    bins = [weeks.shifted(b, newest - kept[0]) for b in kept[1:]] if newest > kept[0] else kept[1:]
    made, age, amount = [newest, *bins], newest - week, flow.amount_minor
    outgoing = (amount < 0) != flow.refund
    if not outgoing:
        if flow.category not in ("debt", "savings"):
            made[INCOME] = weeks.put(made[INCOME], age, amount)
        return made
    if flow.category not in _NOT_SPENDING:
        made[SPENDING] = weeks.put(made[SPENDING], age, -amount)
    if flow.category == "debt":
        made[DEBT] = weeks.put(made[DEBT], age, -amount)
    elif flow.category == "housing":
        made[HOUSING] = weeks.put(made[HOUSING], age, -amount)
    return made


def _may_be_pay(made: Mapping[str, Any], event: TransactionBooked, flow: Flow) -> bool:
    if flow.amount_minor <= 0 or flow.refund or not flow.party:
        return False
    if event.method in ("cash", "fee", "interest", "card") or flow.category in ("debt", "savings"):
        return False
    material = 0.1 * sum(made["weeks"][INCOME]) / 3
    return flow.amount_minor >= material or flow.party in made["pay"]


def _share(part: float, income: float) -> float:
    return min(1.0, part / income) if income > 0 else 0.0


def _regularity(payer: Payer, today: int) -> float:
    if payer.hits < TWICE:
        return 0.2
    steady = max(0.0, 1 - payer.gap_deviation / (0.25 * payer.gap + 1))
    steady *= max(0.0, 1 - payer.amount_deviation / max(1.0, payer.amount))
    steady *= min(1.0, payer.hits / 4)
    return steady if today <= payer.late_after else steady / 2


def _volatility(income: list[float], spending: list[float], history_days: float) -> float:
    """Over whole weeks only: the newest bin is still filling."""
    whole = min(weeks.WEEKS - 1, int(history_days // 7))
    spent = sum(spending[1 : whole + 1])
    if whole < WHOLE_WEEKS_MIN or spent <= 0:
        return 0.0
    nets = [income[week] - spending[week] for week in range(1, whole + 1)]
    mean = sum(nets) / whole
    return min(20.0, sqrt(sum((net - mean) ** 2 for net in nets) / whole) / (spent / whole))
