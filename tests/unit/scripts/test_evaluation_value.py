"""`scripts/evaluate value` on a small bank: what revised labels save, against clicks and waiting."""

import json

import numpy as np
import pytest

from scripts.evaluation.lifetimes import Bank
from scripts.evaluation.value import main


def test_revised_labels_beat_clicks_and_waiting(capsys: pytest.CaptureFixture[str]) -> None:
    """Even with few customers clicks lead astray, waiting loses the first periods, and revision is near the oracle."""
    labels = ["click", "wait", "revised"]
    assert main(["--seed", "5", "--customers", "100", "--json", "--labels", *labels]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    for world in ("valid", "late"):
        regret = {label: result[world][label]["regret"] for label in labels}
        assert regret["revised"] < 0.6 * regret["wait"]
        assert regret["wait"] < regret["click"]
    assert result["decisions"] == 12 * 100


def test_the_truth_is_what_comes_of_it() -> None:
    """What customers bring, followed to the end, is on average what the bank's truth says."""
    bank = Bank(3, horizon=50, late=False)
    cohort = bank.cohort(20_000)
    arms = np.arange(20_000) % 61
    course = bank.live(cohort, arms)
    brought = course.margins @ 0.97 ** np.arange(50) - 0.3 * (arms > 0)
    told = bank.truth(cohort)[np.arange(20_000), arms]
    assert abs(float((brought - told).mean())) < 0.1
    assert np.corrcoef(brought, told)[0, 1] > 0.5
