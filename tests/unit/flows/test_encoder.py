"""The encoder and the phrases, with the real model."""

from pathlib import Path

import numpy as np
import pytest

from flows.encoder import GRID, TOKENS_MAX, VOCABULARY, MiniLmEncoder, tokenizer_of
from flows.phrases import EMBEDDED, Phrases, embed, embedded, head_of, load, masked
from operators.nlu import READERS
from schemas.errors import ConfigError
from schemas.models import Models
from schemas.signals import Reading


@pytest.fixture(scope="module")
def encoder() -> MiniLmEncoder:
    """One encoder for the module: it takes a while to load."""
    return MiniLmEncoder()


@pytest.fixture(scope="module")
def models(encoder: MiniLmEncoder) -> Models:
    """The models with an intent head that knows only the seed phrases."""
    return Models(intents=head_of(encoder).snapshot(1))


def read(text: str, encoder: MiniLmEncoder, models: Models) -> Reading:
    """What the last reader makes of a text."""
    return READERS[-1].read(encoder.encode(text), text=text, models=models)


def test_an_embedding_is_a_unit_vector_on_the_grid(encoder: MiniLmEncoder) -> None:
    """Shape, type, norm and grid are as the contract says, and nobody can change it."""
    embedding = encoder.encode("I lost my card")
    assert embedding.shape == (encoder.size,) == (384,)
    assert embedding.dtype == np.float32
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=0.01)
    assert (embedding * GRID == np.round(embedding * GRID)).all()
    with pytest.raises(ValueError, match="read-only"):
        embedding[0] = 0


def test_meaning_is_near(encoder: MiniLmEncoder) -> None:
    """Two ways to say it are nearer than two matters."""
    lost = encoder.encode("I lost my card")
    same = encoder.encode("My card has gone missing")
    other = encoder.encode("What a lovely day for a walk")
    assert lost @ same > 0.7
    assert lost @ other < 0.4


def test_the_same_text_gives_the_same_bits(encoder: MiniLmEncoder) -> None:
    """Kept or made anew, by this encoder or another, the embedding is the same."""
    kept = encoder.encode("hello there")
    assert encoder.encode("hello there") is kept
    assert (MiniLmEncoder().encode("hello there") == kept).all()


def test_long_and_empty_texts_are_read(encoder: MiniLmEncoder) -> None:
    """Only the first tokens of a long text count; an empty one has an embedding as well."""
    long = "card " * TOKENS_MAX
    assert (encoder.encode(long) == encoder.encode(long + "mortgage " * 500)).all()
    assert np.isfinite(encoder.encode("")).all()
    assert np.isfinite(encoder.encode("\ud800 lone surrogate \U0001f600")).all()


def test_the_name_pins_the_weights(encoder: MiniLmEncoder) -> None:
    """The name carries a digest of the model file."""
    assert encoder.name.startswith("all-MiniLM-L6-v2-int8@")


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    """A missing file and a vocabulary of another model halt at start, and say what to do."""
    with pytest.raises(ConfigError) as caught:
        tokenizer_of(tmp_path / "none.txt")
    assert caught.value.code == "config.unreadable"
    (tmp_path / "short.txt").write_text("[CLS]\n[SEP]\n[UNK]\n")
    with pytest.raises(ConfigError) as caught:
        tokenizer_of(tmp_path / "short.txt")
    assert caught.value.code == "config.bad-value"


def test_words_are_cut_as_bert_cuts_them() -> None:
    """Case, accents and punctuation are as uncased BERT has them."""
    tokens = tokenizer_of(VOCABULARY).encode("Café loans, ÜBER-fees payable!").tokens
    words = "[CLS] cafe loans , uber - fees pay ##able ! [SEP]"
    assert tokens == words.split()


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("somebody has stolen my debit card", "card_lost"),
        ("I see a purchase that I did not make", "card_dispute"),
        ("can I get a loan for a motorbike?", "borrow_money"),
        ("we need a mortgage for our first flat", "mortgage_question"),
        ("which savings account should I take?", "save_money"),
        ("I want to buy an index fund", "invest_money"),
        ("I can't afford to pay my bills any more", "money_trouble"),
        ("we fly to Greece on holiday on Friday, will my card work?", "travel_plans"),
        ("why do I pay this fee every month?", "fee_complaint"),
        ("please close my account", "close_account"),
        ("does the insurance cover my bicycle?", "insurance_question"),
        ("the app crashes every time", "app_problem"),
        ("we are moving, here is our new address", "moving_house"),
        ("my transfer to a friend is still pending", "payment_help"),
        ("what's the best recipe for pancakes?", "other"),
    ],
)
def test_plain_sentences_are_read(
    text: str, intent: str, encoder: MiniLmEncoder, models: Models
) -> None:
    """A head that knows only the seeds reads plain sentences that are not among them."""
    reading = read(text, encoder, models)
    assert reading.intent == intent
    assert reading.intent_probability > 0.35


def test_moods_are_told_apart(encoder: MiniLmEncoder, models: Models) -> None:
    """Anger is negative, thanks are positive, a question is neither."""
    angry = read("I am furious, you have robbed me, this is a disgrace", encoder, models)
    calm = read("Could you tell me your opening hours?", encoder, models)
    happy = read("Wonderful, thank you so much, great service!", encoder, models)
    assert angry.sentiment < -0.5
    assert abs(calm.sentiment) < 0.3
    assert happy.sentiment > 0.5


def test_the_phrases_are_varied() -> None:
    """Each intent has at least fourteen phrases, no phrase stands twice, and moods are spread."""
    phrases = load()
    texts = [text for texts in phrases.intents.values() for text in texts]
    assert min(len(texts) for texts in phrases.intents.values()) >= 14
    assert len(texts) == len({text.lower() for text in texts})
    assert len(phrases.sentiment) >= 60
    assert {mood.sentiment for mood in phrases.sentiment} >= {-1.0, 0.0, 1.0}


def test_bad_phrases_are_refused(tmp_path: Path) -> None:
    """A grade beyond the scale halts at start and names its place."""
    path = tmp_path / "intents.json"
    path.write_text(
        '{"language": "en", "intents": {}, "sentiment": [{"text": "a", "sentiment": 3}]}'
    )
    with pytest.raises(ConfigError, match=r"sentiment\.0\.sentiment"):
        load(path)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.json")
    assert caught.value.code == "config.unreadable"


def test_the_phrases_ship_with_their_embeddings(encoder: MiniLmEncoder) -> None:
    """Those of this encoder, up to a step of the grid; if they are None, run ``python -m flows.phrases``."""
    texts = masked(load())
    shipped = embedded(encoder.name, texts)
    assert shipped is not None
    assert (shipped.shape, shipped.dtype) == ((len(texts), encoder.size), np.float32)
    some = slice(None, None, 20)
    made = np.array([encoder.encode(text) for text in texts[some]])
    assert np.abs(shipped[some] - made).max() <= 1 / GRID


def test_other_phrases_are_embedded_at_once(encoder: MiniLmEncoder) -> None:
    """As are those of another encoder: what ships is of the one alone."""
    own = Phrases(
        language="en",
        intents={"lost-card": ("my card is gone",), "travel": ("off to Rome", "a week in Oslo")},
        sentiment=load().sentiment[:2],
    )
    assert embedded(encoder.name, masked(own)) is None
    assert embedded("another", masked(load())) is None
    head = head_of(encoder, own).snapshot(1)
    assert head.intents == ("lost-card", "travel")
    vector = encoder.encode("my card is gone")
    assert np.argmax(head.weights @ vector + head.bias) == 0


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    """By an encoder that takes no time."""

    class Short:
        name, size = "short", 4

        def encode(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
            return np.round(np.array([len(text), 1, -1, 0]) / 999 * GRID).astype(np.float32) / GRID

    path = tmp_path / "some.npz"
    embed(Short(), path)
    texts = masked(load())
    found = embedded("short", texts, path)
    assert found is not None
    assert (found == [Short().encode(text) for text in texts]).all()


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_damaged_embeddings_are_refused(tmp_path: Path, kept: int) -> None:
    """With what to do; -1: no file at all."""
    path = tmp_path / "cut.npz"
    if kept >= 0:
        path.write_bytes(EMBEDDED.read_bytes()[:kept])
    with pytest.raises(ConfigError, match="install"):
        embedded("any", [], path)
