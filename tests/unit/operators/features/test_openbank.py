"""Open banking: balances replace each other, debts and charges are told apart, currencies don't mix."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.features.openbank import ACCOUNTS_MAX, OpenBanking
from schemas.base import DAY_MS
from schemas.customer import Memory
from tests.strategies import event

GROUP = OpenBanking()
NAMES = [spec.name for spec in GROUP.specs]


def linked(account: str, kind: str = "current") -> dict[str, Any]:
    """The body of a link."""
    return {
        "kind": "openbanking.account_linked",
        "account": account,
        "institution": "bank-b",
        "account_type": kind,
    }


def balance(
    account: str, minor: int, kind: str = "current", currency: str = "EUR"
) -> dict[str, Any]:
    """The body of a balance."""
    return {
        **linked(account, kind),
        "kind": "openbanking.balance",
        "balance_minor": minor,
        "currency": currency,
    }


def paid(account: str, minor: int, method: str = "card") -> dict[str, Any]:
    """The body of a transaction."""
    return {
        "kind": "openbanking.transaction",
        "account": account,
        "institution": "bank-b",
        "transaction_id": "t-1",
        "amount_minor": minor,
        "currency": "EUR",
        "method": method,
    }


def fold(bodies: list[tuple[float, dict[str, Any]]]) -> tuple[Memory, int]:
    """The memory after events given as (days after the start, body), and the newest instant."""
    memory, now_ms = GROUP.slot.zero(), 0
    for index, (days, body) in enumerate(bodies):
        one = event(body, minutes=days * 1440, index=index)
        now_ms = max(now_ms, one.at_ms)
        memory = GROUP.update(memory, one, now_ms=now_ms)
    return memory, now_ms


def read(memory: Memory, now_ms: int) -> dict[str, float]:
    """The values by name."""
    return dict(zip(NAMES, GROUP.read(memory, now_ms=now_ms), strict=True))


def test_wealth_debt_and_idle_cash() -> None:
    """Savings less a card's debt is the net worth; a mortgage counts there and not as debt."""
    memory, now_ms = fold(
        [
            (0, balance("s-1", 900_000, "savings")),
            (0, balance("k-1", -120_000, "card")),
            (0, balance("m-1", -10_000_000, "mortgage")),
            (0, paid("s-1", -100_000)),
        ]
    )
    values = read(memory, now_ms)
    assert values["openbank.net_worth_eur"] == 9_000 - 1_200 - 100_000
    assert values["openbank.debt_eur"] == 1_200
    assert values["openbank.idle_cash_eur"] == 9_000 - 3 * 1_000


def test_the_newest_balance_stands() -> None:
    """A late, older balance, or the link itself, doesn't overwrite a newer balance."""
    memory, now_ms = fold(
        [(5, balance("a-1", 70_000)), (3, balance("a-1", 10_000)), (6, linked("a-1"))]
    )
    values = read(memory, now_ms)
    assert values["openbank.net_worth_eur"] == 700
    assert values["openbank.accounts_count"] == 1


def test_charges_are_fees_and_interest_paid() -> None:
    """Interest received is no charge; three months later a fee has mostly faded."""
    memory, now_ms = fold(
        [(0, paid("a-1", -1_500, "fee")), (0, paid("a-1", 9_000, "interest")), (0, paid("a-1", -1))]
    )
    values = read(memory, now_ms)
    assert values["openbank.fees_90d_eur"] == 15
    assert values["openbank.transactions_30d"] == 3
    later = read(memory, now_ms + 90 * DAY_MS)
    assert later["openbank.fees_90d_eur"] == pytest.approx(15 * 0.3679, abs=1e-3)


def test_currencies_are_not_added_up() -> None:
    """Only the accounts in the customer's leading currency are summed; yen have no minor unit."""
    memory, now_ms = fold(
        [
            (0, balance("a-1", 50_000, currency="JPY")),
            (0, balance("a-2", 30_000, currency="JPY")),
            (0, balance("a-3", 100, currency="EUR")),
        ]
    )
    values = read(memory, now_ms)
    assert values["openbank.net_worth_eur"] == 80_000
    assert values["openbank.accounts_count"] == 3


def test_the_memory_is_bounded() -> None:
    """A hundred accounts keep at most the newest few."""
    memory, _ = fold([(i, balance(f"a-{i}", 100)) for i in range(100)])
    assert len(memory["accounts"]) == ACCOUNTS_MAX
    assert "a-99" in memory["accounts"]


@given(
    bodies=st.lists(
        st.tuples(
            st.integers(0, 40),
            st.one_of(
                st.builds(linked, st.sampled_from(["a", "b"])),
                st.builds(balance, st.sampled_from(["a", "b"]), st.integers(-99_999, 999_999)),
                st.builds(paid, st.just("a"), st.integers(-9_999, 9_999)),
            ),
        ),
        min_size=1,
        max_size=20,
    ),
    data=st.data(),
)
def test_order_does_not_matter(
    bodies: list[tuple[float, dict[str, Any]]], data: st.DataObject
) -> None:
    """Late events count where their time belongs: any order reads the same."""
    first, now_ms = fold(bodies)
    second, _ = fold(data.draw(st.permutations(bodies)))
    assert GROUP.read(second, now_ms=now_ms) == pytest.approx(GROUP.read(first, now_ms=now_ms))
