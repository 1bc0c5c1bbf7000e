"""Money across institutions: what lies elsewhere by kind of account, and what it comes to with what is here.

Stage: 2 of 8, when read. In: memories of ``openbank``, ``cash``, ``spend``. Out: feature values.

Amounts of another currency than most accounts elsewhere have, or than the accounts here have, do not add up
without a rate, and are left out.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from operators.features import balances, weeks
from operators.features.decay import HALF_LIFE_90D, halved
from operators.features.faded import fade
from operators.features.money import unit_of
from operators.features.openbank import BUFFER_MONTHS, CASH_TYPES, WINDOWS_DAYS
from operators.features.spending import INDEX
from operators.features.views.lens import Lens, Reading, ratio, share
from schemas.base import DAY_MS, Source
from schemas.customer import Memory

KINDS: dict[str, str] = {
    "current": "current accounts",
    "savings": "savings accounts",
    "card": "cards",
    "loan": "loans",
    "mortgage": "mortgages",
}
STALE_DAYS = 30
UNHEARD_DAYS = 365.0


class Elsewhere(NamedTuple):
    """Accounts at other banks; balances in major units by kind, flows faded.

    ``ages`` is days since each account was heard of, ``currencies`` those of all balances.
    """

    kinds: list[str]
    balances: list[tuple[str, float]]
    ages: list[float]
    currencies: list[str]
    leading: str
    fees: float
    outgoings: float
    transactions: float

    def of(self, *kinds: str) -> float:
        """What accounts of some kinds hold together; debts are negative."""
        return sum(balance for kind, balance in self.balances if kind in kinds)

    @property
    def cash(self) -> float:
        """What lies on current and savings accounts."""
        return sum(b for kind, b in self.balances if kind in CASH_TYPES and b > 0)

    @property
    def debt(self) -> float:
        """What is owed, mortgages apart."""
        return -sum(b for kind, b in self.balances if kind != "mortgage" and b < 0)

    @property
    def net(self) -> float:
        """All of it together."""
        return sum(balance for _, balance in self.balances)


def look(memories: Mapping[str, Memory], now_ms: int) -> Elsewhere | None:
    """The accounts elsewhere at an instant."""
    memory = memories.get("openbank")
    return _elsewhere(memory, now_ms) if memory else None


def _elsewhere(memory: Mapping[str, Any], now_ms: int) -> Elsewhere:
    rows = [memory["accounts"][name] for name in sorted(memory["accounts"])]
    currencies = [row[1] for row in rows if row[1]]
    leading = max(sorted(set(currencies)), key=currencies.count, default="")
    flows = fade(memory["at_ms"], memory["sums"], now_ms=now_ms, windows_days=WINDOWS_DAYS)
    return Elsewhere(
        [row[0] for row in rows],
        [(row[0], row[2] / unit_of(leading)) for row in rows if leading and row[1] == leading],
        [max(0, now_ms - row[3]) / DAY_MS for row in rows],
        currencies,
        leading,
        *flows,
    )


class Together(NamedTuple):
    """Here and elsewhere, major units; ``months`` are means over 91 days here (income, spending, debts, housing)."""

    here: float
    elsewhere: Elsewhere
    income: float
    spending: float
    debts: float
    fees: float

    @property
    def liquid(self) -> float:
        """Money at hand, here and elsewhere."""
        return max(0.0, self.here) + self.elsewhere.cash

    @property
    def outgoings(self) -> float:
        """Money out a month, here and elsewhere."""
        return self.spending + self.elsewhere.outgoings

    @property
    def debt(self) -> float:
        """Owed on cards, loans and overdrafts, here and elsewhere."""
        return max(0.0, -self.here) + self.elsewhere.debt


NOTHING = Elsewhere([], [], [], [], "", 0.0, 0.0, 0.0)


def look_at_all(memories: Mapping[str, Memory], now_ms: int) -> Together | None:
    """Here and elsewhere at an instant; what is elsewhere in another currency is left out."""
    cash, spend, other = memories.get("cash"), memories.get("spend"), memories.get("openbank")
    if not cash and not other:
        return None
    elsewhere = _elsewhere(other, now_ms) if other else NOTHING
    if not cash:
        return Together(0.0, elsewhere, 0.0, 0.0, 0.0, 0.0)
    unit = unit_of(cash["currency"])
    if elsewhere.leading and elsewhere.leading != cash["currency"]:
        elsewhere = NOTHING
    today = max(now_ms // DAY_MS, cash["day"])
    newest, income, spending, debts, _ = cash["weeks"]
    known_days = float(today - cash["first"])
    income, spending, debts = (
        max(
            0.0,
            weeks.monthly(
                weeks.shifted(bins, today // 7 - newest), today=today, history_days=known_days
            ),
        )
        / unit
        for bins in (income, spending, debts)
    )
    fees = 0.0
    if spend and spend["currency"] == cash["currency"]:
        fading = halved(max(0, now_ms - spend["at"]), HALF_LIFE_90D)
        fees = max(0.0, spend["sums"][INDEX["fees"]]) * fading / unit
    return Together(balances.total_minor(cash) / unit, elsewhere, income, spending, debts, fees)


def _by_kind() -> Iterator[Reading[Elsewhere]]:
    def count(kind: str) -> Callable[[Elsewhere], float]:
        return lambda e: e.kinds.count(kind)

    def held(kind: str) -> Callable[[Elsewhere], float]:
        return lambda e: e.of(kind)

    for kind, called in KINDS.items():
        words = f"your {called} at other banks"
        yield Reading(
            f"{kind}_count", "count", f"Linked {called} at other banks.", words, count(kind)
        )
        yield Reading(f"{kind}_eur", "major", f"Balance of {called} at other banks; what is owed is negative.",
                      words, held(kind))  # fmt: skip


ELSEWHERE_VIEW: Lens[Elsewhere] = Lens(
    "elsewhere",
    slots=("openbank",),
    sources=(Source.OPEN_BANKING,),
    owner="open banking",
    look=look,
    readings=(
        *_by_kind(),
        Reading("cash_eur", "major", "Cash at other banks.", "your money at other banks", lambda e: e.cash),
        Reading("savings_share", "0..1", "Share of the cash at other banks that is on savings accounts.",
                "your savings at other banks", lambda e: share(e.of("savings"), e.cash)),
        Reading("largest_share", "0..1", "Share of the cash at other banks that is on the fullest account.",
                "where your money lies",
                lambda e: share(max((b for k, b in e.balances if k in CASH_TYPES), default=0.0), e.cash)),
        Reading("overdrawn_count", "count", "Current accounts at other banks below zero.", "overdrafts at other banks",
                lambda e: sum(b < 0 for kind, b in e.balances if kind == "current")),
        Reading("debt_share", "0..1", "Debts at other banks, mortgages apart, over cash and debts there.",
                "what you owe at other banks", lambda e: share(e.debt, e.debt + e.cash)),
        Reading("currencies_count", "count", "Currencies of the accounts at other banks.", "your currencies",
                lambda e: len(set(e.currencies))),
        Reading("newest_days", "days", f"Days since anything was heard of accounts elsewhere; {UNHEARD_DAYS:.0f} if never.",
                "how fresh what we know is", lambda e: min(e.ages, default=UNHEARD_DAYS), unknown=UNHEARD_DAYS),
        Reading("stale_count", "count", f"Accounts that nothing was heard of for {STALE_DAYS} days.",
                "how fresh what we know is", lambda e: sum(age >= STALE_DAYS for age in e.ages)),
        Reading("outgoings_30d_eur", "major", "Money out at other banks in about 30 days, faded.",
                "what you spend at other banks", lambda e: e.outgoings, 30),
        Reading("fees_share", "0..1", "Share of three months' money out at other banks that is fees and interest.",
                "fees that you pay at other banks", lambda e: share(e.fees, 3 * e.outgoings), 90),
        Reading("payment_mean_eur", "major", "Money out over transactions at other banks, 30 days, faded.",
                "how you use your other accounts", lambda e: e.outgoings / max(1.0, e.transactions), 30),
    ),
)  # fmt: skip
"""Accounts at other banks."""

TOGETHER_VIEW: Lens[Together] = Lens(
    "together",
    slots=("cash", "spend", "openbank"),
    sources=(Source.TRANSACTIONS, Source.OPEN_BANKING),
    owner="open banking",
    look=look_at_all,
    readings=(
        Reading("net_worth_eur", "major", "Balances here and at other banks, debts taken off.",
                "what you have less what you owe", lambda t: t.here + t.elsewhere.net),
        Reading("liquid_eur", "major", "Cash here and at other banks.", "the money that you can use", lambda t: t.liquid),
        Reading("here_share", "0..1", "Share of the cash that lies here.", "where your money lies",
                lambda t: share(t.here, t.liquid)),
        Reading("debt_eur", "major", "Owed on cards, loans and overdrafts, here and at other banks.", "what you owe",
                lambda t: t.debt),
        Reading("debt_to_income", "ratio", "Debts, mortgages apart, over a year's income here.", "what you owe",
                lambda t: ratio(t.debt, 12 * t.income), 91),
        Reading("debt_service_share", "0..1", "Repayments here with charges elsewhere over income, 91 days.",
                "what repayments take", lambda t: share(t.debts + t.elsewhere.fees / 3, t.income), 91),
        Reading("outgoings_month_eur", "major / month", "Money out a month, here and at other banks.", "what you spend",
                lambda t: t.outgoings, 91),
        Reading("spending_here_share", "0..1", "Share of money out that leaves from here.", "where you spend",
                lambda t: share(t.spending, t.outgoings), 91),
        Reading("reserve_months", "months", "Cash here and elsewhere over money out of a month.", "your reserve",
                lambda t: ratio(t.liquid, t.outgoings), 91),
        Reading("idle_eur", "major", f"Cash beyond {BUFFER_MONTHS:.0f} months of money out, here and elsewhere.",
                "money that lies idle", lambda t: max(0.0, t.liquid - BUFFER_MONTHS * t.outgoings), 91),
        Reading("fees_90d_eur", "major", "Fees and interest paid here and at other banks, 90 days, faded.",
                "the fees you pay", lambda t: t.fees + t.elsewhere.fees, 90),
        Reading("fees_elsewhere_share", "0..1", "Share of fees and interest that other banks charge.",
                "the fees you pay elsewhere", lambda t: share(t.elsewhere.fees, t.fees + t.elsewhere.fees), 90),
        Reading("overdraft_covered", "0..1", "How much of what is below zero here the cash elsewhere would cover.",
                "whether other money could help", lambda t: share(t.elsewhere.cash, -t.here) if t.here < 0 else 0.0),
    ),
)  # fmt: skip
"""Here and elsewhere: shown only where both may be used."""
