"""The shipped catalogue answers every signal, knows its products, and speaks plainly and fairly."""

import re
from typing import get_args

import pytest

from flows.catalogue import load
from operators.triggers import TRIGGERS
from schemas.base import Channel, Purpose
from schemas.events.life import LifeEvent
from schemas.offers import TRAITS, Item, Kind

CATALOGUE = load()
IDS = [item.id for item in CATALOGUE]
CREDIT = [item for item in CATALOGUE if item.credit]


def names(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


PRODUCTS = names(
    """current_account savings_account instant_saver credit_card gold_card travel_card
    personal_loan car_loan mortgage overdraft home_insurance travel_insurance life_insurance
    car_insurance pension index_fund stocks_account junior_account joint_account
    business_account fx_account"""
)
APP_FEATURES = names(
    """budget_planner savings_pots spending_insights card_freeze travel_mode round_up
    bill_reminders statement_export subscriptions_view instant_transfer spending_limits
    round_the_clock_chat"""
)
INTENTS = names(
    """card_lost card_dispute borrow_money mortgage_question save_money invest_money
    money_trouble travel_plans fee_complaint open_account close_account insurance_question
    app_problem moving_house payment_help other"""
)
SENSED = names(
    """shortfall.ahead salary.arrived salary.missing spend.unusual expense.large travel.detected
    airport.entered fees.high idle.cash recurring.new recurring.price_up app.friction
    openbanking.linked sentiment.negative"""
)
SIGNALS = frozenset(
    [*SENSED, *(f"intent.{i}" for i in INTENTS), *(f"life.{e}" for e in get_args(LifeEvent))]
)
CHANNELS: dict[Kind, frozenset[Channel]] = {
    Kind.OFFER: frozenset(Channel),
    Kind.INTERVENTION: frozenset(Channel),
    Kind.FEATURE: frozenset({Channel.IN_APP, Channel.CHAT, Channel.PUSH}),
    Kind.CONSENT_ASK: frozenset({Channel.IN_APP, Channel.CHAT}),
}
"""A feature is reached in the app, so no e-mail; consent is asked where the customer is."""
DARK = re.compile(
    r"\b(hurry|last chance|act now|only today|today only|don.t miss|miss out|limited|exclusive"
    r"|while stocks|expires|running out|before it.s too late|guaranteed|risk.free|no.brainer"
    r"|pre.approved|you deserve|everyone|act fast|instant approval|congratulations)\b|!",
    re.IGNORECASE,
)
"""False urgency, scarcity, shame, crowd pressure and promises that no bank can keep."""
JARGON = re.compile(
    r"\b(APR|AER|LTV|KYC|PSD2|API|ISA|ETF|OCF|TER|overdrawn facility|liquidity|amorti[sz]\w*"
    r"|portfolio|leverage|utili[sz]e|solution|data subject|processing|consent vector|profile you"
    r"|algorithm|optimi[sz]e|seamless|journey|personali[sz]ed)\b"
)
AMERICAN = re.compile(
    r"\b(color|favorite|center|check(?:ing)? account|organize|personalize|gray)\b"
)


def test_there_is_enough_of_each_kind() -> None:
    """A bank's worth of items, helpful ones as many as selling ones."""
    counts = {kind: sum(item.kind is kind for item in CATALOGUE) for kind in Kind}
    assert len(CATALOGUE) >= 48
    assert counts[Kind.OFFER] >= 24
    assert counts[Kind.INTERVENTION] >= 12
    assert counts[Kind.FEATURE] >= 9
    assert counts[Kind.CONSENT_ASK] >= 6


def test_every_signal_is_answered_and_every_answer_is_a_signal() -> None:
    """No signal meets silence for want of an item, and no item waits for what nobody says."""
    assert {name for item in CATALOGUE for name in item.answers} == SIGNALS
    emitted = {name for trigger in TRIGGERS for name in trigger.emits}
    assert emitted <= SIGNALS


def test_money_trouble_is_answered_with_help_only() -> None:
    """Nothing that sells is even proposed on a sign of distress."""
    hard = {
        "shortfall.ahead", "salary.missing", "intent.money_trouble", "life.bereavement",
        "life.job_loss", "sentiment.negative", "intent.payment_help",
    }  # fmt: skip
    for item in CATALOGUE:
        if hard & {*item.answers}:
            assert item.kind in {Kind.INTERVENTION, Kind.FEATURE}, item.id


def test_products_and_features_are_known_and_each_has_its_item() -> None:
    """Names agree with the events that carry them; all products and features can be suggested."""
    named = {
        name
        for item in CATALOGUE
        for name in (item.product, *item.eligibility.requires, *item.eligibility.excludes)
        if name is not None
    }
    assert named <= PRODUCTS
    assert {item.product for item in CATALOGUE} >= PRODUCTS
    assert {item.feature for item in CATALOGUE} - {None} == APP_FEATURES


def test_asks_cover_the_purposes_and_never_repeat() -> None:
    """Each purpose can be asked for, and no pair of purpose and source twice."""
    asked = [(i.asks_purpose, i.asks_source) for i in CATALOGUE if i.kind is Kind.CONSENT_ASK]
    assert len(asked) == len(set(asked))
    assert {purpose for purpose, _ in asked} == set(Purpose)


@pytest.mark.parametrize("item", CATALOGUE, ids=IDS)
def test_channels_fit_the_kind(item: Item) -> None:
    """Every item can appear in the app, and none comes by a channel that is wrong for its kind."""
    assert Channel.IN_APP in item.channels
    assert CHANNELS[item.kind].issuperset(item.channels)
    assert len(set(item.channels)) == len(item.channels)


@pytest.mark.parametrize("item", CATALOGUE, ids=IDS)
def test_texts_are_plain_and_fair(item: Item) -> None:
    """No jargon, no dark pattern, short sentences, British spelling."""
    text = f"{item.title} {item.body}"
    for pattern in (DARK, JARGON, AMERICAN):
        found = pattern.search(text)
        assert found is None, f"{item.id}: {found}"
    assert len(item.title) <= 60
    for sentence in re.split(r"(?<=[.?:;])\s", item.body):
        assert len(sentence.split()) <= 32, sentence
    assert item.body.endswith((".", "?"))


@pytest.mark.parametrize("item", CATALOGUE, ids=IDS)
def test_content_is_described(item: Item) -> None:
    """Each item has traits, so that the model can tell it apart before anybody saw it."""
    assert item.traits
    assert set(item.traits) <= set(TRAITS)
    assert any(value > 0 for value in item.traits.values())


@pytest.mark.parametrize("item", CREDIT, ids=[item.id for item in CREDIT])
def test_credit_is_honest(item: Item) -> None:
    """Credit says what it costs, is worth less to the customer than to the bank or spares them cost."""
    assert re.search(r"interest|cost|fees|commitment", item.body)
    assert item.suitability.shortfall_max is not None
    assert item.suitability.shortfall_max <= 0.35
    if item.product is not None:
        assert item.value_customer_minor < item.value_bank_minor
        assert item.suitability.needs_signal or item.pressure >= 0.5


@pytest.mark.parametrize(
    "item", [i for i in CATALOGUE if i.kind is Kind.CONSENT_ASK], ids=lambda i: i.id
)
def test_asks_leave_no_pressure(item: Item) -> None:
    """A question says what the customer gains, and that «no» is fine."""
    assert item.title.endswith("?")
    assert "«No» is fine" in item.body


def test_the_gravest_items_are_high_stakes() -> None:
    """Long commitments go before the board; protective help never has to."""
    grave = {i.id for i in CATALOGUE if i.high_stakes}
    assert grave >= {"mortgage", "personal_loan", "car_loan", "pension_transfer"}
    assert not any(i.protective and i.high_stakes for i in CATALOGUE)
    protective = [i for i in CATALOGUE if i.protective]
    assert len(protective) * 2 > sum(i.kind is Kind.INTERVENTION for i in CATALOGUE)
