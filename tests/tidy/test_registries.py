"""Every plug-in is in its registry: a file that nobody listed is found here."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from operators.features import CONTEXT, FEATURES, SPECS
from operators.policy import POLICIES
from operators.triggers import TRIGGERS

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("features", "triggers", "forecasting", "nlu", "policy", "bandits", "ope")


@pytest.mark.parametrize("kind", KINDS)
def test_no_dead_plugin(kind: str) -> None:
    """Importing the registry imports every file of its folder, but for what is still on trial."""
    import_module(f"operators.{kind}")
    import_module("operators.decide")
    import_module("flows.learn")
    # The learnt parts of the forecast are measured before they serve.
    import_module("scripts.evaluation.forecasting")
    import_module("scripts.evaluation.acceptance")
    import_module("scripts.evaluation.bandit")
    import_module("scripts.evaluation.ope")
    for path in (ROOT / "operators" / kind).glob("*.py"):
        if path.stem != "__init__":
            assert f"operators.{kind}.{path.stem}" in sys.modules, f"{path.name} is in no registry"


def test_forty_features_and_more() -> None:
    """The profile has at least forty features, each named once, and a bounded context of them."""
    names = [spec.name for spec in SPECS]
    assert len(names) == len(set(names)) >= 40
    assert 8 <= len(CONTEXT) <= 24
    slots = [group.slot.name for group in FEATURES]
    assert len(slots) == len(set(slots))


def test_plugin_names_are_unique() -> None:
    """Names are what decisions and dead letters report, so they must tell plug-ins apart."""
    for registry in (TRIGGERS, POLICIES):
        names = [plugin.name for plugin in registry]
        assert len(names) == len(set(names))
