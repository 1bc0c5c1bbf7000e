"""Whether a history says enough to look ahead from: each reason not to is stated, never guessed over.

Duplicates, late and out-of-order movements are put right where they are folded (`operators.ledger`,
`operators.features.book`), and so are days without any. What can't be put right is a reason here.
"""

from collections.abc import Mapping
from typing import Any

from operators.features import book
from schemas.base import DAY_MS
from schemas.customer import Memory

DORMANT_DAYS = 60
"""Without a movement for so long there is nothing to tell from."""
FOREIGN_RUN = 5
"""So many movements in another currency since the last in its own, and the account has changed its currency."""
FOREIGN_PART = 4
"""More than one movement in so many in other currencies, and what is left out is too much."""
UNEXPLAINED_SHARE = 0.5
"""Of a quarter's money out: a stated balance this far off its movements, and most of them aren't seen."""
REASONS: dict[str, str] = {
    "unknown": "no movements are known",
    "new": "the history is too short",
    "dormant": f"nothing has moved for {DORMANT_DAYS} days",
    "currency": "the account has changed its currency, or much of it moves in others",
    "contradicted": "the stated balance doesn't follow from the movements",
}
"""Why a forecaster abstains, in words."""


def why_not(
    cash: Mapping[str, Any] | None, recurring: Memory, *, now_ms: int, days_min: int
) -> str | None:
    """The reason (of `REASONS`) not to look ahead; None if one may.

    Args:
        cash: The memory of the ``cash`` slot.
        recurring: That of the ``recurring`` slot.
        now_ms: The instant.
        days_min: The least history in days, today included.
    """
    if not cash or not recurring or not isinstance(recurring, bytes):
        return "unknown"
    head = book.head(recurring)
    today = max(now_ms // DAY_MS, cash["day"], head.last)
    if today - head.first + 1 < days_min:
        return "new"
    if today - head.last > DORMANT_DAYS:
        return "dormant"
    if head.foreign_run >= FOREIGN_RUN or FOREIGN_PART * head.foreign > head.movements:
        return "currency"
    since, unexplained = cash.get("unexplained", (0, 0))
    if today - since <= book.DAYS and abs(unexplained) > UNEXPLAINED_SHARE * sum(cash["weeks"][2]):
        return "contradicted"
    return None


def corrected(cash: Mapping[str, Any]) -> bool:
    """Whether a balance was taken from the bank that doesn't follow from the movements that were seen."""
    return bool(cash.get("unexplained", (0, 0))[1])
