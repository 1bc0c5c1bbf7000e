"""The seed phrases that the reader of messages begins with, and the head that is made of them.

In: `flows/data/intents.json`, and `flows/data/intents.npz`, which holds the embeddings of its phrases by the encoder
that ships. Out: `operators.nlu.head.IntentHead`. ``python -m flows.phrases`` writes the embeddings anew.
"""

from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Annotated
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from flows.encoder import GRID, MiniLmEncoder
from operators.contracts import Encoder
from operators.nlu.head import IntentHead
from operators.nlu.masking import mask
from schemas.base import Shape, Token
from schemas.errors import ConfigError

SHIPPED = Path(__file__).parent / "data" / "intents.json"
EMBEDDED = Path(__file__).parent / "data" / "intents.npz"
"""An embedding a row, in steps of the grid, under a digest of the encoder's name and the masked phrases."""


class Mood(Shape):
    """A sentence with its sentiment in -1..1."""

    text: str
    sentiment: Annotated[float, Field(ge=-1, le=1)]


class Phrases(Shape):
    """Seed phrases by intent, and graded sentences; ``language`` is ISO 639-1."""

    language: str
    intents: dict[Token, Annotated[tuple[str, ...], Field(min_length=1, strict=False)]]
    sentiment: Annotated[tuple[Mood, ...], Field(min_length=1, strict=False)]


def load(path: Path = SHIPPED) -> Phrases:
    """The phrases of a file.

    Raises:
        ConfigError: ``config.unreadable`` or ``config.bad-value``. Disposition: halt.

    Example:
        >>> len(load().intents)
        16
    """
    try:
        return Phrases.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            "config.unreadable", f"{path.name}: {error.strerror}", hint="install the package again"
        ) from error
    except ValidationError as error:
        flaw = error.errors()[0]
        where = ".".join(str(part) for part in flaw["loc"])
        raise ConfigError(
            "config.bad-value", f"{path.name}: {where}: {flaw['msg']}", hint="correct the file"
        ) from error


def head_of(encoder: Encoder, phrases: Phrases | None = None) -> IntentHead:
    """The head that knows the seed phrases; some milliseconds for each that does not ship with its embedding.

    Phrases are masked as messages are, so that both look alike to the encoder.
    """
    phrases = load() if phrases is None else phrases
    intents = [intent for intent, texts in phrases.intents.items() for _ in texts]
    texts = masked(phrases)
    embeddings = embedded(encoder.name, texts)
    if embeddings is None:
        embeddings = np.array([encoder.encode(text) for text in texts])
    return IntentHead.seeded(
        tuple(phrases.intents),
        seeds=(embeddings[: len(intents)], intents),
        moods=(embeddings[len(intents) :], [mood.sentiment for mood in phrases.sentiment]),
    )


def embedded(name: str, texts: Sequence[str], path: Path = EMBEDDED) -> NDArray[np.float32] | None:
    """The embeddings of masked phrases by the encoder of that name, shape (n, E), None if others were written down.

    Raises:
        ConfigError: ``config.unreadable``: the file is not there or damaged. Disposition: halt.
    """
    try:
        with np.load(BytesIO(path.read_bytes())) as held:
            known, steps = str(held["of"]), held["steps"]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise ConfigError(
            "config.unreadable", f"{path.name}: {error}", hint="install the package again"
        ) from error
    return (steps / GRID).astype(np.float32) if known == _digest(name, texts) else None


def embed(encoder: Encoder, path: Path = EMBEDDED) -> None:
    """Write the embeddings of the phrases that ship."""
    texts = masked(load())
    steps = np.array([encoder.encode(text) for text in texts]) * GRID
    np.savez_compressed(path, of=_digest(encoder.name, texts), steps=steps.astype(np.int16))


def masked(phrases: Phrases) -> list[str]:
    """All phrases as the encoder sees them: those of the intents in order, then the sentences with a mood."""
    of_intents = [text for texts in phrases.intents.values() for text in texts]
    return [mask(text) for text in (*of_intents, *(mood.text for mood in phrases.sentiment))]


def _digest(name: str, texts: Sequence[str]) -> str:
    return sha256("\0".join((name, *texts)).encode()).hexdigest()


if __name__ == "__main__":
    embed(MiniLmEncoder())
