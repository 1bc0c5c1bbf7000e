"""Stage 2 of 8: what is known of a customer, folded event by event into bounded memories.

A new group is one file, its test, and one line here. The order is behaviour: it is the order of the
context that the bandit sees.
"""

from operators.contracts import FeatureGroup, FeatureSpec
from operators.features.app import AppUse
from operators.features.cash import Cash
from operators.features.life import LifeEvents
from operators.features.openbank import OpenBanking
from operators.features.outside import RegularOutside
from operators.features.places import Places
from operators.features.profile import Profile
from operators.features.recurring import RecurringPayments
from operators.features.spend import Spend
from operators.features.text import Texts
from operators.features.views import VIEWS

FEATURES: tuple[FeatureGroup, ...] = (
    Cash(),
    Spend(),
    RecurringPayments(),
    AppUse(),
    OpenBanking(),
    Places(),
    LifeEvents(),
    Texts(),
    Profile(),
    RegularOutside(),
)
"""Every feature group, in order; each owns one slot of the customer record."""

SPECS: tuple[FeatureSpec, ...] = (
    *(spec for group in FEATURES for spec in group.specs),
    *(spec for view in VIEWS for spec in view.specs),
)
"""Every declared feature, in order: those of the groups, then those of the views."""

CONTEXT: tuple[FeatureSpec, ...] = tuple(spec for spec in SPECS if spec.context)
"""The features that the bandit sees, in order."""

NAMES_OF: dict[str, tuple[str, ...]] = {
    group.slot.name: tuple(spec.name for spec in group.specs) for group in FEATURES
}
"""Slot of a group → the names of its features."""
UNKNOWN: dict[str, dict[str, float]] = {
    group.slot.name: dict(
        zip(NAMES_OF[group.slot.name], group.read(group.slot.zero(), now_ms=0), strict=True)
    )
    for group in FEATURES
}
"""Slot of a group → its features where there is no memory, which are the same at every instant."""

__all__ = ["CONTEXT", "FEATURES", "NAMES_OF", "SPECS", "UNKNOWN", "VIEWS"]
