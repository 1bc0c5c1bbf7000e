"""The linear reader: one matrix, honest probabilities, and a refusal of what doesn't fit."""

import numpy as np
import pytest

from operators.nlu.linear import UNREAD, LinearReader
from schemas.errors import ComponentError
from schemas.models import IntentSnapshot, Models

SNAPSHOT = IntentSnapshot(
    version=1,
    digest="d" * 64,
    intents=("card_lost", "other"),
    weights=np.array([[2.0, 0.0], [0.0, 2.0]]),
    bias=np.array([0.0, 0.0]),
    sentiment=np.array([-1.0, 1.0, 0.0]),
)
LOST = np.array([1.0, 0.0], dtype=np.float32)


def test_it_abstains_without_a_snapshot() -> None:
    """Nothing learnt, nothing said."""
    assert LinearReader().read(LOST, text="", models=Models()) == UNREAD


def test_it_reads_softmax_and_tanh() -> None:
    """Probability and sentiment are those of the formulas."""
    reading = LinearReader().read(LOST, text="", models=Models(intents=SNAPSHOT))
    assert reading.intent == "card_lost"
    assert reading.intent_probability == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert reading.sentiment == pytest.approx(np.tanh(-1.0))
    assert reading.model == "intents@dddddddddddd"


def test_another_encoder_is_a_failure_of_the_component() -> None:
    """An embedding of another size degrades, and says what the operator does."""
    with pytest.raises(ComponentError) as caught:
        LinearReader().read(np.ones(3, dtype=np.float32), text="", models=Models(intents=SNAPSHOT))
    assert caught.value.code == "component.nlu"
