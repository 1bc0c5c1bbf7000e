"""Off-policy evaluation: what another policy would have earned, from the log of the one that decided.

The estimators, by name. A new one is one class, its test, and one line here; the laws run on it unasked.
"""

from collections.abc import Mapping
from types import MappingProxyType

from operators.ope.blends import CAB, DR_OS, SWITCH_DR
from operators.ope.estimators import (
    DirectMethod,
    DoublyRobust,
    Estimator,
    InversePropensity,
    SelfNormalised,
)

_ALL: tuple[Estimator, ...] = (
    InversePropensity(),
    SelfNormalised(),
    DirectMethod(),
    DoublyRobust(),
    SWITCH_DR,
    DR_OS,
    CAB,
)
ESTIMATORS: Mapping[str, Estimator] = MappingProxyType(
    {estimator.name: estimator for estimator in _ALL}
)
"""``dr`` answers by default; the others show how far the answer depends on the way of estimating."""
