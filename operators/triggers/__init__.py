"""Stage 3 of 8: moments worth answering. A new trigger is one file, its test, and one line here."""

from collections.abc import Mapping

from operators.contracts import Trigger
from operators.triggers.friction import AppFriction
from operators.triggers.idle import IdleCash
from operators.triggers.recurring import RecurringChanges
from operators.triggers.salary import SalaryArrived, SalaryMissing, pay_wakes
from operators.triggers.shortfall import ShortfallAhead
from operators.triggers.spending import FeesHigh, LargeExpense, UnusualSpend
from operators.triggers.told import AccountLinked, LifeTold, MessageMeaning
from operators.triggers.transitions import Transitions
from operators.triggers.travel import AirportEntered, TravelDetected
from schemas.customer import Memory

TRIGGERS: tuple[Trigger, ...] = (
    ShortfallAhead(),
    SalaryArrived(),
    SalaryMissing(),
    UnusualSpend(),
    LargeExpense(),
    FeesHigh(),
    RecurringChanges(),
    IdleCash(),
    TravelDetected(),
    AirportEntered(),
    AppFriction(),
    Transitions(),
    LifeTold(),
    MessageMeaning(),
    AccountLinked(),
)
"""Every trigger, in order."""


def wakes(memories: Mapping[str, Memory], now_ms: int) -> dict[str, int]:
    """The timers that triggers ask for: name → instant due (ms), always ahead of ``now_ms``.

    Pure and bounded (one timer): the whole of a customer's trigger timers, to replace the earlier ones.
    """
    return pay_wakes(memories, now_ms)


__all__ = ["TRIGGERS", "wakes"]
