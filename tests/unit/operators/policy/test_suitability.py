"""Suitability: credit never to the distressed, and no limit passed unchecked."""

import math
from typing import Any

import pytest

from operators.policy.suitability import InTheirInterest
from schemas.base import DAY_MS, Purpose, Source
from schemas.customer import Customer
from schemas.rules import Rules
from tests.moments import (
    EASY,
    NOW_MS,
    candidate,
    credit,
    customer,
    grant_all,
    item,
    live,
    situation,
)

POLICY = InTheirInterest()


def rule(of: Any, signal: str | None = None, **where: Any) -> str:
    """The rule that refuses this item, or nothing."""
    me: Customer | None = where.pop("me", None)
    return POLICY.judge(candidate(of, signal=signal), situation(me, **where)).rule


def test_easy_finances_allow_credit() -> None:
    """Somebody who can clearly afford it may be offered credit."""
    assert rule(credit()) == ""


@pytest.mark.parametrize(
    ("shortfall", "expected"),
    [
        (0.2, ""),
        (0.21, "suitability.shortfall"),
        (0.5, "suitability.distress"),
        (math.nan, "suitability.distress"),
        (None, "suitability.unknown"),
    ],
)
def test_shortfall_gates_credit(shortfall: float | None, expected: str) -> None:
    """The item's limit, the bank's limit, and «unknown» all refuse."""
    assert rule(credit(), shortfall=shortfall) == expected


def test_distress_stops_every_sale_but_no_help() -> None:
    """At a shortfall probability of one half nothing is sold; help goes on."""
    assert rule(item("offer"), shortfall=0.5) == "suitability.distress"
    assert rule(item("offer"), shortfall=0.49) == ""
    assert rule(item("intervention"), shortfall=0.99) == ""


def test_no_lever_in_the_catalogue_loosens_credit() -> None:
    """Credit without any limit of its own still meets the limits of the rules."""
    bare = credit(suitability={})
    assert rule(bare, shortfall=0.5) == "suitability.distress"
    assert rule(bare, shortfall=None) == "suitability.unknown"
    assert rule(bare, features=EASY | {"cash.debt_service_share": 0.41}) == "suitability.debt"
    generous = credit(suitability={"shortfall_max": 1.0, "debt_service_share_max": 1.0})
    strict = Rules(shortfall_suppress_sales=0.3, debt_service_share_max=0.1)
    indebted = EASY | {"cash.debt_service_share": 0.2}
    assert rule(generous, shortfall=0.3, rules=strict) == "suitability.distress"
    assert rule(generous, features=indebted, rules=strict) == "suitability.debt"


@pytest.mark.parametrize(
    ("feature", "value", "expected"),
    [
        ("cash.debt_service_share", 0.31, "suitability.debt"),
        ("cash.income_month_eur", 999.0, "suitability.income"),
        ("cash.income_month_eur", math.nan, "suitability.income"),
        ("cash.history_days", 27.0, "suitability.unknown"),
    ],
)
def test_means_gate_credit(feature: str, value: float, expected: str) -> None:
    """Debt, income and too short a history each refuse; a NaN never passes."""
    assert rule(credit(), features=EASY | {feature: value}) == expected


def test_money_must_be_there_to_lock_up() -> None:
    """A saver that locks money up needs a balance beyond its minimum."""
    saver = item(suitability={"balance_minor_min": 300_000})
    assert rule(saver) == ""
    assert rule(saver, features=EASY | {"cash.balance_eur": 2_999.99}) == "suitability.balance"


@pytest.mark.parametrize("name", ["shortfall.ahead", "salary.missing", "intent.money_trouble"])
def test_signs_of_distress_stop_credit(name: str) -> None:
    """A live sign of distress outweighs the best forecast."""
    me = customer(signals={name: live("transactions")})
    assert rule(credit(), me=me) == "suitability.distress"


@pytest.mark.parametrize("name", ["life.bereavement", "life.job_loss"])
def test_hard_times_stop_sales_for_ninety_days(name: str) -> None:
    """After a loss nothing is sold for ninety days, while help and features go on."""
    recent = customer(signals={name: live("life_events", days_ago=89)})
    older = customer(signals={name: live("life_events", days_ago=90)})
    assert rule(item("offer"), me=recent) == "suitability.hard_time"
    assert rule(item("offer"), me=older) == ""
    assert rule(item("intervention"), me=recent) == rule(item("feature"), me=recent) == ""


def test_cannot_afford_is_believed() -> None:
    """Who said so is not sold the like for half a year; help of that category goes on."""
    recent = customer(profile={"cannot_afford": {"some": NOW_MS - 179 * DAY_MS}})
    older = customer(profile={"cannot_afford": {"some": NOW_MS - 180 * DAY_MS}})
    assert rule(item(), me=recent) == "suitability.cannot_afford"
    assert rule(item(category="other"), me=recent) == rule(item(), me=older) == ""
    assert rule(item("intervention"), me=recent) == ""


def test_needs_signal() -> None:
    """What needs a reason is not offered out of the blue."""
    needing = item(suitability={"needs_signal": True})
    assert rule(needing) == "suitability.needs_signal"
    assert rule(needing, signal="life.car") == ""


def test_payments_without_consent_are_not_looked_at() -> None:
    """Without consent to payments the forecast is neither held against anybody nor relied on."""
    grants = grant_all()
    for purpose in (Purpose.DIRECT_MARKETING, Purpose.FINANCIAL_WELLBEING):
        del grants[purpose][Source.TRANSACTIONS]
    del grants[Purpose.SERVICE_PERSONALISATION][Source.TRANSACTIONS]
    me = customer(grants=grants)
    assert rule(item("offer"), me=me, shortfall=0.9) == ""
    assert rule(credit(), me=me) == "suitability.unknown"
    me.signals = {"salary.missing": live("transactions")}
    assert rule(credit(), me=me) == "suitability.unknown"
