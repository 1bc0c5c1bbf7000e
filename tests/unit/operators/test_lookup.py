"""Features for somebody else: consent of the purpose and the instant applies."""

import pytest

from operators.features import SPECS
from operators.lookup import SOURCE_OF, look_up
from schemas.base import DAY_MS, Purpose, Source
from schemas.customer import Grant
from tests.moments import NOW_MS, customer

CARE, SELL = Purpose.FINANCIAL_WELLBEING, Purpose.DIRECT_MARKETING


def test_all_features_of_granted_sources() -> None:
    """Everything is shown to a purpose that everything is granted for."""
    answer = look_up(customer(), purpose=CARE, now_ms=NOW_MS)
    assert list(answer.values) == [spec.name for spec in SPECS]
    assert (answer.withheld, answer.failed) == ({}, ())


def test_each_reason_for_withholding_is_told() -> None:
    """No grant, an ended one, an objection, a source called too personal, a narrower consent."""
    me = customer()
    me.grants[SELL] = {"app": Grant("r", "p", 0, NOW_MS)}
    assert (
        "no consent to use app"
        in look_up(me, purpose=SELL, now_ms=NOW_MS).withheld["app.opens_30d"]
    )
    assert "app.opens_30d" in look_up(me, purpose=SELL, now_ms=NOW_MS - 1).values
    me = customer(mistrusted={Source.LOCATION: NOW_MS + DAY_MS})
    assert "too personal" in look_up(me, purpose=CARE, now_ms=NOW_MS).withheld["places.zones_30d"]
    me = customer(objections={"marketing": 1})
    assert set(look_up(me, purpose=SELL, now_ms=NOW_MS).withheld) == set(SOURCE_OF)
    me = customer(category_limits={f"{CARE}:app": ["app_use"]})
    assert "leaves out" in look_up(me, purpose=CARE, now_ms=NOW_MS).withheld["app.opens_30d"]


def test_a_feature_is_shown_for_its_own_purposes_alone() -> None:
    """That somebody spoke of money worries sells nothing, whatever was agreed to."""
    answer = look_up(customer(), purpose=SELL, now_ms=NOW_MS)
    assert "text.sentiment" in answer.values
    assert "text.money_trouble_90d" in answer.withheld
    assert set(answer.withheld) == {spec.name for spec in SPECS if SELL not in spec.purposes}
    assert "not meant for direct_marketing" in answer.withheld["text.money_trouble_90d"]


def test_only_what_is_asked_for() -> None:
    """Names choose; one that is no feature's is an error."""
    answer = look_up(customer(), purpose=CARE, now_ms=NOW_MS, names=["app.opens_30d"])
    assert list(answer.values) == ["app.opens_30d"]
    with pytest.raises(KeyError):
        look_up(customer(), purpose=CARE, now_ms=NOW_MS, names=["app.nonsense"])


def test_a_memory_that_cannot_be_read_is_named() -> None:
    """Its features are those of nobody, and the answer says whose they are."""
    answer = look_up(customer(slots={"app": "torn"}), purpose=CARE, now_ms=NOW_MS)
    assert answer.failed == ("feature:app", "feature:habits")
    assert answer.values["app.opens_30d"] == 0.0
