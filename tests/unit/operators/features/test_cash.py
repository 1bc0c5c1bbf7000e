from base64 import b64encode
from typing import Any

import pytest
from msgspec.msgpack import encode as packb

from operators.features import payday
from operators.features.cash import Cash, pending_minor, salary_of
from schemas.base import DAY_MS
from tests.accounts import START_DAY, folded, happened, household, monthly, moved, values


def at(day: float) -> int:
    return (START_DAY + int(day)) * DAY_MS + DAY_MS - 1


def test_a_stated_balance_wins_over_the_sum() -> None:
    """The booked balance is the bank's where it is given, and integrated where it isn't."""
    given = folded([moved(0, 1_000, balance_minor=50_000), moved(1, -300)])
    assert values(given, now_ms=at(1))["cash.balance_eur"] == 497.0
    summed = folded([moved(0, 1_000), moved(1, -300)])
    assert values(summed, now_ms=at(1))["cash.balance_eur"] == 7.0


def test_a_late_movement_changes_no_balance_that_the_bank_stated_later() -> None:
    """The later balance already holds what came late; its own day's low is still learnt."""
    memories = folded([moved(5, -100, balance_minor=90_000), moved(2, -500, balance_minor=1_000)])
    read = values(memories, now_ms=at(5))
    assert read["cash.balance_eur"] == 900.0
    assert read["cash.low_30d_eur"] == 10.0


def test_accounts_add_up_and_transfers_between_them_are_no_income() -> None:
    """Two accounts make one balance; moving money between them is neither income nor spending."""
    memories = folded(
        [
            moved(0, 200_000, balance_minor=200_000, counterparty="employer-1"),
            moved(1, 0, account="a-2", balance_minor=0),
            moved(2, -50_000, balance_minor=150_000, counterparty="a-2"),
            moved(2, 50_000, account="a-2", balance_minor=50_000, counterparty="a-1"),
        ]
    )
    read = values(memories, now_ms=at(2))
    assert read["cash.balance_eur"] == 2_000.0
    assert read["cash.spend_month_eur"] == 0.0
    assert read["cash.income_month_eur"] == 2_000.0


def test_a_reversal_and_what_it_reverses_are_one_flow() -> None:
    """Money that was taken back is neither spent nor earned, whichever way it went."""
    bought = folded([moved(0, -8_000), moved(3, 8_000, reverses="t-0--8000-0")])
    read = values(bought, now_ms=at(3))
    assert read["cash.spend_month_eur"] == read["cash.income_month_eur"] == 0.0
    assert read["cash.net_30d_eur"] == 0.0
    paid = folded([moved(0, 8_000), moved(3, -8_000, reverses="t-0-8000-0")])
    read = values(paid, now_ms=at(3))
    assert read["cash.spend_month_eur"] == read["cash.income_month_eur"] == 0.0


def test_pending_is_no_part_of_the_balance_and_ends_when_booked() -> None:
    """An authorisation is held apart until its booking, by transaction id, or until it lapses."""
    pending = happened(
        "transaction.pending", 1, account="a-1", amount_minor=-4_000, currency="EUR",
        transaction_id="t-9", method="card",
    )  # fmt: skip
    memories = folded([moved(0, 10_000), pending])
    assert values(memories, now_ms=at(1))["cash.balance_eur"] == 100.0
    assert pending_minor(memories["cash"], now_ms=at(1)) == -4_000
    assert pending_minor(memories["cash"], now_ms=at(30)) == 0
    booked = folded([moved(2, -4_000, transaction_id="t-9")], memories)
    assert pending_minor(booked["cash"], now_ms=at(2)) == 0
    assert values(booked, now_ms=at(2))["cash.balance_eur"] == 60.0


def test_other_currencies_are_left_out() -> None:
    """Without a rate nothing in another currency can be added to the balance."""
    memories = folded([moved(0, 1_000), moved(1, 99_000, currency="JPY")])
    assert values(memories, now_ms=at(1))["cash.balance_eur"] == 10.0


@pytest.mark.parametrize(("currency", "major"), [("JPY", 5_000.0), ("EUR", 50.0), ("KWD", 5.0)])
def test_minor_units_follow_the_currency(currency: str, major: float) -> None:
    """ISO 4217 says how many decimals the minor unit has."""
    memories = folded([moved(0, 5_000, currency=currency)])
    assert values(memories, now_ms=at(0))["cash.balance_eur"] == major


def test_a_household_reads_as_it_lives() -> None:
    """Income, spending, rent share, pay day and regularity of a plain life come out right."""
    events = household(8)
    read = values(folded(events), now_ms=events[-1].at_ms)
    assert read["cash.income_month_eur"] == pytest.approx(2_500, rel=0.05)
    assert read["cash.spend_month_eur"] == pytest.approx(1_290, rel=0.1)
    assert read["cash.rent_share"] == pytest.approx(0.36, rel=0.1)
    assert read["cash.savings_rate"] == pytest.approx(0.48, abs=0.06)
    assert read["cash.income_regularity"] > 0.8
    assert (
        read["cash.days_since_income"]
        == values(folded(events), now_ms=events[-1].at_ms)["cash.days_since_income"]
    )
    assert 0 <= read["cash.days_since_income"] <= 31


def test_pay_needs_a_rhythm_or_a_name() -> None:
    """Two equal credits from a stranger aren't pay yet; three are, and so is one that says so."""
    fields: dict[str, Any] = {"method": "transfer", "counterparty": "acme-7"}
    two = folded(monthly(200_000, day_of_month=25, months=range(1, 3), **fields))
    assert salary_of(two["cash"], today=START_DAY + 60) is None
    three = folded(monthly(200_000, day_of_month=25, months=range(1, 4), **fields))
    found = salary_of(three["cash"], today=START_DAY + 90)
    assert found is not None
    assert found[0] == "c:acme-7"
    named = folded([moved(0, 200_000, reference="SALARY JAN", **fields)])
    assert salary_of(named["cash"], today=START_DAY) is not None


def test_pay_is_forgotten_after_a_long_silence() -> None:
    """A payer that has been silent for two and a half pay cycles is no longer the main pay."""
    memories = folded(household(5))
    last = payday.Payer(*memories["cash"]["pay"]["c:employer-1"]).last
    assert salary_of(memories["cash"], today=last + 40) is not None
    assert salary_of(memories["cash"], today=last + 90) is None


def test_memory_stays_small() -> None:
    """A year of a busy life fits into a kilobyte, and memory of text goes on as it was."""
    memory = folded(household(12))["cash"]
    assert len(packb(memory)) < 1_000
    text = {**memory, **{name: b64encode(memory[name]).decode() for name in ("net", "low")}}
    later = moved(366, -1_234)
    assert Cash().read(text, now_ms=at(366)) == Cash().read(memory, now_ms=at(366))
    assert Cash().update(text, later, now_ms=at(366)) == Cash().update(
        memory, later, now_ms=at(366)
    )
    assert len(Cash().specs) == 12
