"""The auditor: an honest product has no violation, and each planted fault is found by its name."""

from pathlib import Path
from random import Random

import pytest

from scripts.auditing.checker import Checker
from scripts.auditing.consent import check
from scripts.auditing.logs import dump, load
from scripts.auditing.plants import EXPECTED, PLANTS
from scripts.auditing.simulate import Cohort, Plan, simulate
from scripts.auditing.steps import Steps

KINDS = (
    "used-after-withdrawal",
    "expired-source",
    "hidden-source",
    "offer-not-recalled",
    "lesson-from-withdrawn",
    "receipt-missing",
    "entry-missing",
    "channel-not-granted",
    "not-forgotten",
    "text-leak",
)
MORE = {"expired-source": 60, "channel-not-granted": 70}
"""Faults that show less often need more customers."""


def test_nothing_is_used_without_consent() -> None:
    """Customers who change their minds all the time: not one use that no consent covers."""
    finding = simulate(Plan(customers=60, days=20, density=0.4))
    assert not finding.violations
    assert finding.looked_at["decisions"] > 200
    assert finding.looked_at["recalls"] > 20
    assert finding.looked_at["lessons"] > 50
    assert finding.looked_at["refused"] > 0


@pytest.mark.parametrize("plant", KINDS)
def test_a_planted_fault_is_found(plant: str) -> None:
    """The checker names what was planted."""
    customers = MORE.get(plant, 12)
    finding = simulate(Plan(customers=customers, days=14, density=0.5, plant=plant))
    assert not EXPECTED[plant].isdisjoint(finding.found)


def test_every_plant_is_tried() -> None:
    """A new plant comes with what it is to be found as, and with its test."""
    assert set(KINDS) == set(PLANTS) == set(EXPECTED)


def test_a_log_in_any_order_is_checked_alike(tmp_path: Path) -> None:
    """Records from a dump, topic by topic, give the same steps as they gave when they were made."""
    cohort = Cohort(Plan(customers=12, days=14, density=0.5), seed="dump", size=12)
    records = [record for piece in cohort.live() for record in piece]
    dump(records, tmp_path)
    checker, steps = Checker(), Steps()
    for step in [*steps.take(records), *steps.end()]:
        checker.take(step)
    loaded = load(tmp_path)
    Random(7).shuffle(loaded)
    finding = check(loaded)
    assert finding.looked_at == checker.tally
    assert not finding.found
    assert not checker.found
