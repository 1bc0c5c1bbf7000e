"""Laws of every reader: bounded, pure, silent without a model, and never thrown by a text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from operators.contracts import Reader
from operators.nlu import READERS
from schemas.models import IntentSnapshot, Models

SIZE = 8
RNG = np.random.default_rng(11)
SNAPSHOT = IntentSnapshot(
    version=1,
    digest="0" * 64,
    intents=("card_lost", "save_money", "other"),
    weights=RNG.normal(scale=5, size=(3, SIZE)),
    bias=RNG.normal(size=3),
    sentiment=RNG.normal(scale=3, size=SIZE + 1),
)
MODELS = Models(intents=SNAPSHOT)
EMBEDDINGS = arrays(np.float32, SIZE, elements=st.floats(-1, 1, width=32))
EACH = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)


@EACH
@given(embedding=EMBEDDINGS, text=st.text(max_size=50))
def test_readings_are_bounded(
    reader: Reader, embedding: np.ndarray[tuple[int], np.dtype[np.float32]], text: str
) -> None:
    """Whatever the embedding, the intent is a known one and the numbers are in their ranges."""
    reading = reader.read(embedding, text=text, models=MODELS)
    assert reading.intent is None or reading.intent in SNAPSHOT.intents
    assert 0 <= reading.intent_probability <= 1
    assert -1 <= reading.sentiment <= 1


@EACH
@given(embedding=EMBEDDINGS, text=st.text(max_size=50))
def test_readers_are_pure(
    reader: Reader, embedding: np.ndarray[tuple[int], np.dtype[np.float32]], text: str
) -> None:
    """The same text reads the same, and the embedding is left as it was."""
    before = embedding.tobytes()
    first = reader.read(embedding, text=text, models=MODELS)
    assert reader.read(embedding, text=text, models=MODELS) == first
    assert embedding.tobytes() == before


@EACH
@given(embedding=EMBEDDINGS)
def test_no_model_no_word(
    reader: Reader, embedding: np.ndarray[tuple[int], np.dtype[np.float32]]
) -> None:
    """Before a model is published a reader names no intent and hears no mood."""
    reading = reader.read(embedding, text="hello", models=Models())
    assert (reading.intent, reading.intent_probability, reading.sentiment) == (None, 0.0, 0.0)


def test_names_are_unique() -> None:
    """A name tells a reader from the others."""
    assert len({reader.name for reader in READERS}) == len(READERS)
