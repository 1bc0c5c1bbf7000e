"""Stage 3 of 8, beside the triggers: what is worth knowing and asks for nothing. A new one is one file and one line.

An insight has the shape of a trigger, and its signals go to the topic ``insights`` alone: they never become an
occasion to suggest something. It sees only what may be used for the customer's financial wellbeing.
"""

from collections.abc import Mapping

from operators.contracts import Trigger
from operators.insights.ahead import ChangesAhead
from operators.insights.charges import DuplicateCharges, FeesCharged
from operators.insights.doubles import DoubleSubscriptions
from operators.insights.months import SpendingMonths, month_wakes
from operators.insights.prices import PriceCuts
from operators.insights.wellness import MoneyHealth
from schemas.customer import Memory

INSIGHTS: tuple[Trigger, ...] = (
    FeesCharged(),
    DuplicateCharges(),
    DoubleSubscriptions(),
    PriceCuts(),
    SpendingMonths(),
    MoneyHealth(),
    ChangesAhead(),
)
"""Every insight, in order; later ones see the memories of earlier ones."""


def wakes(memories: Mapping[str, Memory], now_ms: int) -> dict[str, int]:
    """The timer that insights ask for: when the month that is running is told."""
    return month_wakes(memories, now_ms)


__all__ = ["INSIGHTS", "wakes"]
