import random
from typing import Any

import pytest

from operators.measure import Moments, Uplift, difference
from schemas.base import DAY_MS
from schemas.decisions import SILENCE

HORIZON_MS = 28 * DAY_MS


def made(
    customer: str, arm: str, *, action: str = "pot", decision_id: str = "", at_ms: int = 0
) -> dict[str, Any]:
    """A decision's impact record."""
    return {
        "type": "decision",
        "customer": customer,
        "arm": arm,
        "action": action,
        "decision_id": decision_id or f"{customer}:{at_ms}",
        "at_ms": at_ms,
        "propensity": 0.5,
    }


def completed(customer: str, decision_id: str, *, counted: bool = True) -> dict[str, Any]:
    """A completion's impact record."""
    return {
        "type": "feedback",
        "customer": customer,
        "arm": None,
        "action": "pot",
        "decision_id": decision_id,
        "outcome": "completed",
        "why": None,
        "counted": counted,
        "note": "",
        "at_ms": 5,
    }


def money(customer: str, minor: int, *, at_ms: int = 10, currency: str = "EUR") -> dict[str, Any]:
    """A value's impact record."""
    return {
        "type": "value",
        "customer": customer,
        "arm": None,
        "action": None,
        "decision_id": None,
        "value_customer_minor": minor,
        "value_bank_minor": 0,
        "currency": currency,
        "at_ms": at_ms,
    }


def clock(at_ms: int) -> dict[str, Any]:
    """A record that only moves the time."""
    return {"type": "note", "at_ms": at_ms}


def test_value_is_counted_per_customer_within_the_horizon() -> None:
    """Money before the first decision, after the horizon and in other currencies stays out."""
    uplift = Uplift()
    for record in (
        made("a", "treatment", at_ms=100),
        money("a", 5_000, at_ms=50),
        money("a", 1_200, at_ms=100),
        money("a", -200, at_ms=200),
        money("a", 9_999, at_ms=100 + HORIZON_MS),
        money("a", 9_999, at_ms=300, currency="GBP"),
        made("b", "exploit", at_ms=100),
    ):
        uplift.take(record)
    uplift.take(clock(200 + HORIZON_MS))
    report = uplift.report()
    assert report["matured"] == {"treatment": 2, "control": 0, "holdout": 0}
    assert report["value_eur"] == {"treatment": 5.0, "control": None, "holdout": None}


def test_what_the_customer_gains_is_a_ledger_of_its_own() -> None:
    """What is good for the bank and bad for its customers shows as that, and not as a sum of zero."""
    uplift = Uplift()
    for arm, (theirs, ours) in {"treatment": (-300, 900), "holdout": (500, 100)}.items():
        for number in range(30):
            uplift.take(made(f"{arm}-{number}", arm, at_ms=100))
            uplift.take({**money(f"{arm}-{number}", theirs, at_ms=200), "value_bank_minor": ours})
    uplift.take(clock(200 + HORIZON_MS))
    report = uplift.report()
    assert report["value_uplift_eur"]["treatment_minus_holdout"]["estimate"] == 0.0
    assert report["customer_value_eur"]["treatment"] == -3.0
    assert report["bank_value_eur"]["holdout"] == 1.0
    assert report["customer_value_uplift_eur"]["treatment_minus_holdout"]["estimate"] == -8.0
    assert report["bank_value_uplift_eur"]["treatment_minus_holdout"]["estimate"] == 8.0


def test_only_matured_customers_are_compared() -> None:
    """A customer whose horizon has not passed is counted, and waits."""
    uplift = Uplift()
    uplift.take(made("a", "holdout"))
    uplift.take(money("a", 100))
    report = uplift.report()
    assert report["customers"]["holdout"] == 1
    assert report["matured"]["holdout"] == 0
    assert report["value_eur"]["holdout"] is None


def test_acceptance_is_completed_per_said() -> None:
    """Silences are counted apart; second completions and uncounted ones not at all."""
    uplift = Uplift()
    for record in (
        made("a", "treatment", decision_id="d-1"),
        made("a", "treatment", decision_id="d-1"),
        made("a", "treatment", decision_id="d-2"),
        made("a", "treatment", action=SILENCE, decision_id="d-3"),
        made("b", "treatment", decision_id="d-4"),
        completed("a", "d-1"),
        completed("a", "d-1"),
        completed("a", "d-2", counted=False),
        completed("b", "d-9"),
    ):
        uplift.take(record)
    report = uplift.report()
    assert report["acceptance"]["treatment"] == pytest.approx(1 / 3)
    assert report["silences"] == {"treatment": 1, "control": 0, "holdout": 0}


def test_the_variance_is_that_of_customers() -> None:
    """One customer with many decisions counts as one: copies of a decision don't narrow anything."""
    once, tenfold = Moments(), Moments()
    for number in range(200):
        accepted = number % 4 == 0
        once.add(float(accepted), 1.0)
        tenfold.add(10.0 * accepted, 10.0)
    assert once.ratio() == pytest.approx(tenfold.ratio())


def test_an_effect_is_found_and_no_effect_is_not() -> None:
    """Twenty euros of difference are decided; none are not."""
    generator = random.Random(11)
    for effect, decided in ((20.0, True), (0.0, False)):
        uplift = Uplift()
        for number in range(2000):
            arm = "holdout" if number % 10 == 0 else "treatment"
            mean = 50.0 + (effect if arm == "treatment" else 0.0)
            uplift.take(made(f"c-{number}", arm))
            uplift.take(money(f"c-{number}", round(generator.gauss(mean, 30.0) * 100)))
        uplift.take(clock(HORIZON_MS))
        found = uplift.report()["value_uplift_eur"]["treatment_minus_holdout"]
        assert found["decided"] is decided
        assert found["low"] < effect < found["high"]


def test_looking_at_all_times_keeps_the_promise() -> None:
    """Over 300 streams without an effect, watched at every step, few ever exclude zero."""
    missed = 0
    for seed in range(300):
        generator = random.Random(seed)
        one, other = Moments(), Moments()
        for step in range(400):
            one.add(float(generator.random() < 0.3), 1.0)
            if step % 3 == 0:
                other.add(float(generator.random() < 0.3), 1.0)
            if difference(one, other, alpha=0.05, tight_at=400).decided:
                missed += 1
                break
    assert missed <= 300 * 0.05


def test_a_few_customers_give_no_interval() -> None:
    """The theory is asymptotic, so too few are said to be too few."""
    uplift = Uplift()
    uplift.take(made("a", "treatment"))
    found = uplift.report()["acceptance_uplift"]["treatment_minus_control"]
    assert found == {"estimate": None, "low": None, "high": None, "decided": False}


def test_erasure_takes_the_customer_out() -> None:
    """What an erased customer added is subtracted again."""
    uplift = Uplift()
    uplift.take(made("a", "treatment", decision_id="d-1"))
    uplift.take(completed("a", "d-1"))
    uplift.take({"type": "erasure", "customer": "a", "at_ms": 9})
    report = uplift.report()
    assert report["customers"]["treatment"] == 0
    assert report["acceptance"]["treatment"] is None
    assert report["counts"] == {"decision": 1, "erasure": 1, "feedback": 1}
