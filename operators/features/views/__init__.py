"""Stage 2 of 8, when read: features worked out from memories that groups and insights keep, with none of their own.

A new view is one `lens.Lens`, its oracle in the laws, and one line here.
"""

from operators.contracts import FeatureView
from operators.features.views.accounts import ELSEWHERE_VIEW, TOGETHER_VIEW
from operators.features.views.budget import BUDGET_VIEW
from operators.features.views.categories import CATEGORIES_VIEW
from operators.features.views.commitments import COMMITMENTS_VIEW
from operators.features.views.habits import HABITS_VIEW, VOICE_VIEW
from operators.features.views.life import BOND_VIEW, STAGE_VIEW, WAYS_VIEW
from operators.features.views.months import MONTHS_VIEW
from operators.features.views.overlap import OVERLAP_VIEW
from operators.features.views.rhythm import RHYTHM_VIEW

VIEWS: tuple[FeatureView, ...] = (
    CATEGORIES_VIEW,
    MONTHS_VIEW,
    RHYTHM_VIEW,
    BUDGET_VIEW,
    COMMITMENTS_VIEW,
    HABITS_VIEW,
    VOICE_VIEW,
    ELSEWHERE_VIEW,
    TOGETHER_VIEW,
    OVERLAP_VIEW,
    STAGE_VIEW,
    BOND_VIEW,
    WAYS_VIEW,
)
"""Every view, in order."""

__all__ = ["VIEWS"]
