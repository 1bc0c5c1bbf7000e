"""What was expected of a choice, in two accounts: the customer's and the bank's.

In: the snapshot that chose, and what it saw. Out: what each account gets by its mean model, and how they were combined.

A choice is made by one number, weight_customer · customer + weight_bank · bank − price. Nobody can judge a number in
which a gain of one makes up for a loss of the other, so the two are learnt, published and told apart.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from operators.bandits.grid import snap_actions, snap_context
from schemas.models import LEDGERS, CommitteeSnapshot, Models

MINOR_PER_UNIT = 1000.0
"""Minor units of EUR in a unit of the models."""
CURRENCY = "EUR"


class Worth(NamedTuple):
    """What the mean model expects by ledger, what each counts, and the price of what is scarce; units of 10 EUR."""

    customer: float
    bank: float
    weights: tuple[float, float]
    price: float

    @property
    def score(self) -> float:
        """The number that the choice was made by."""
        return self.weights[0] * self.customer + self.weights[1] * self.bank - self.price


def expected(
    snapshot: CommitteeSnapshot,
    *,
    action: str,
    context: Sequence[float],
    action_features: Sequence[float],
) -> Worth | None:
    """What an action is expected to bring, this moment and later, beyond what would come anyway.

    Returns:
        The worth by ledger; None if the snapshot is of an earlier release, or made for other features.
    """
    dx, da = len(snapshot.context_names), len(snapshot.action_names)
    if not snapshot.ledgers.size or (len(context), len(action_features)) != (dx, da):
        return None
    size = dx * da
    slopes = snapshot.ledgers[:, :size].reshape(len(LEDGERS), dx, da)
    parts = slopes @ snap_actions([action_features])[0] @ snap_context([context])[0]
    price = 0.0
    if action in snapshot.actions:
        parts += snapshot.ledgers[:, size + snapshot.actions.index(action)]
        price = dict(snapshot.prices).get(action, 0.0)
    return Worth(float(parts[0]), float(parts[1]), snapshot.weights, price)


def told(
    models: Models,
    model: str,
    *,
    action: str,
    context: Sequence[float],
    action_features: Sequence[float],
) -> dict[str, Any] | None:
    """The worth of a choice as it is written down, in minor units; None if no model of two ledgers made it.

    Args:
        models: The snapshots in use.
        model: The digest of the one that chose.
        action: What was chosen.
        context: What the model saw of the customer, shape (dx,).
        action_features: What it saw of the action, shape (da,).
    """
    for snapshot in (models.committee, models.challenger):
        if snapshot is not None and snapshot.digest == model:
            worth = expected(
                snapshot, action=action, context=context, action_features=action_features
            )
            return None if worth is None else _written(worth)
    return None


def _written(worth: Worth) -> dict[str, Any]:
    customer, bank = (round(part * MINOR_PER_UNIT) for part in worth[:2])
    return {
        "customer_minor": customer,
        "bank_minor": bank,
        "currency": CURRENCY,
        "weight_customer": worth.weights[0],
        "weight_bank": worth.weights[1],
        "price_minor": round(worth.price * MINOR_PER_UNIT),
        "words": (
            f"We expected it to be worth {_eur(customer)} to you and {_eur(bank)} to the bank in the long run. "
            f"In the choice, a euro of yours counted {worth.weights[0]:g}, one of the bank's {worth.weights[1]:g}."
        ),
    }


def _eur(minor: int) -> str:
    return f"{'−' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02} EUR"
