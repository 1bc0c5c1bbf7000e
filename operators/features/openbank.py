"""What the customer has, owes and pays at other banks.

Stage: 2 of 8. In: openbanking.account_linked, .balance, .transaction. Out: memory, feature values.

Memory: ``{"accounts": {account: [type, currency, balance_minor, at_ms]}, "at_ms", "sums": [3 faded]}``.
At most `ACCOUNTS_MAX` accounts are held. ``currency`` is "" until the first balance.
"""

from typing import Any

from operators.contracts import FeatureSpec, Slot
from operators.features.faded import add, fade
from operators.features.money import unit_of
from schemas.base import Source
from schemas.customer import Memory
from schemas.events import EventBase, ExternalAccountLinked, ExternalBalance, ExternalTransaction

ACCOUNTS_MAX = 16
CASH_TYPES: frozenset[str] = frozenset({"current", "savings"})
CHARGES: frozenset[str] = frozenset({"fee", "interest"})
BUFFER_MONTHS = 3.0
"""Months of spending that a household is advised to keep at hand before money counts as idle."""
WINDOWS_DAYS: tuple[int, ...] = (90, 30, 30)


def _zero() -> Memory:
    return {"accounts": {}, "at_ms": 0, "sums": [0.0, 0.0, 0.0]}


class OpenBanking:
    """Balances, debt, charges and activity elsewhere.

    Sums are over the accounts in the currency that most of them have: without a rate, amounts of
    different currencies do not add up.

    Source: Cohen and Strauss 2003 for fading; UK MoneyHelper, emergency savings of three months' outgoings.
    """

    slot: Slot = Slot("openbank", Source.OPEN_BANKING, _zero)
    kinds: frozenset[str] = frozenset(
        {"openbanking.account_linked", "openbanking.balance", "openbanking.transaction"}
    )
    specs: tuple[FeatureSpec, ...] = (
        FeatureSpec(
            name="openbank.accounts_count",
            source=Source.OPEN_BANKING,
            unit="count",
            description=f"Accounts at other banks that are linked, at most {ACCOUNTS_MAX}.",
            words="how many accounts at other banks you linked",
            centre=1.0,
            scale=1.5,
            context=True,
            window_days=None,
            owner="open banking",
        ),
        FeatureSpec(
            name="openbank.net_worth_eur",
            source=Source.OPEN_BANKING,
            unit="major units",
            description="Balances at other banks, debts taken off.",
            words="what you have at other banks less what you owe there",
            centre=3000.0,
            scale=15000.0,
            window_days=None,
            owner="open banking",
        ),
        FeatureSpec(
            name="openbank.idle_cash_eur",
            source=Source.OPEN_BANKING,
            unit="major units",
            description="Cash at other banks beyond three months of the outgoings seen there.",
            words="money at other banks that lies idle",
            centre=2000.0,
            scale=5000.0,
            context=True,
            window_days=None,
            owner="open banking",
        ),
        FeatureSpec(
            name="openbank.debt_eur",
            source=Source.OPEN_BANKING,
            unit="major units",
            description="Owed at other banks on cards, loans and overdrafts; mortgages are left out.",
            words="what you owe at other banks",
            centre=1500.0,
            scale=4000.0,
            window_days=None,
            owner="open banking",
        ),
        FeatureSpec(
            name="openbank.fees_90d_eur",
            source=Source.OPEN_BANKING,
            unit="major units, faded over 90 days",
            description="Fees and interest paid at other banks in about the last 90 days.",
            words="fees that you pay at other banks",
            centre=10.0,
            scale=30.0,
            window_days=90,
            owner="open banking",
        ),
        FeatureSpec(
            name="openbank.transactions_30d",
            source=Source.OPEN_BANKING,
            unit="count, faded over 30 days",
            description="Transactions at other banks in about the last 30 days.",
            words="how much you use your accounts at other banks",
            centre=10.0,
            scale=20.0,
            window_days=30,
            owner="open banking",
        ),
    )

    def update(
        self,
        memory: Memory,
        event: EventBase,
        *,
        now_ms: int,  # noqa: ARG002 - every group is told
    ) -> Memory:
        """Take over a link, a balance (the newest stands, in any order) or a transaction.

        Args:
            memory: The memory so far.
            event: Any event of `kinds`.
            now_ms: Not needed: each balance and transaction carries its own time.
        """
        if isinstance(event, ExternalTransaction):
            amount = event.amount_minor / unit_of(event.currency)
            outgoing = max(-amount, 0.0)
            charged = outgoing if event.method in CHARGES else 0.0
            anchor_ms, sums = add(
                memory["at_ms"],
                memory["sums"],
                at_ms=event.at_ms,
                amounts=(charged, outgoing, 1.0),
                windows_days=WINDOWS_DAYS,
            )
            return {"accounts": memory["accounts"], "at_ms": anchor_ms, "sums": sums}
        if isinstance(event, ExternalBalance):
            row = [event.account_type, event.currency, event.balance_minor, event.at_ms]
        elif isinstance(event, ExternalAccountLinked):
            row = [event.account_type, "", 0, event.at_ms]
        else:
            return memory
        accounts = memory["accounts"]
        before = accounts.get(event.account)
        if before is not None and not _newer(row, before):
            return memory
        return {**memory, "accounts": _bounded({**accounts, event.account: row})}

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant.

        Example:
            >>> accounts = {"a": ["savings", "EUR", 500_000, 0], "b": ["card", "EUR", -20_000, 0]}
            >>> OpenBanking().read({"accounts": accounts, "at_ms": 0, "sums": [9.0, 1000.0, 8.0]}, now_ms=0)
            (2.0, 4800.0, 2000.0, 200.0, 9.0, 8.0)
        """
        accounts: dict[str, list[Any]] = memory["accounts"]
        fees, outgoings, transactions = fade(
            memory["at_ms"], memory["sums"], now_ms=now_ms, windows_days=WINDOWS_DAYS
        )
        currencies = [row[1] for row in accounts.values() if row[1]]
        leading = max(sorted(set(currencies)), key=currencies.count, default="")
        net = cash = debt = 0.0
        for kind, currency, balance_minor, _ in accounts.values():
            if currency != leading:
                continue
            balance = balance_minor / unit_of(currency)
            net += balance
            if balance > 0 and kind in CASH_TYPES:
                cash += balance
            elif balance < 0 and kind != "mortgage":
                debt -= balance
        idle = max(cash - BUFFER_MONTHS * outgoings, 0.0)
        return (float(len(accounts)), net, idle, debt, fees, transactions)


def _newer(row: list[Any], before: list[Any]) -> bool:
    """Whether a row replaces another: a balance beats a mere link, then the later, then the larger."""
    return (row[1] != "", row[3], row[2]) > (before[1] != "", before[3], before[2])


def _bounded(accounts: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """At most `ACCOUNTS_MAX`: the account that nothing was heard of for longest goes first."""
    if len(accounts) > ACCOUNTS_MAX:
        oldest = min(accounts, key=lambda account: (accounts[account][3], account))
        accounts = {name: row for name, row in accounts.items() if name != oldest}
    return accounts
