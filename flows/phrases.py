"""The seed phrases that the reader of messages begins with, and the head that is made of them.

In: `flows/data/intents.json`. Out: `operators.nlu.head.IntentHead`.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, ValidationError

from operators.contracts import Encoder
from operators.nlu.head import IntentHead
from operators.nlu.masking import mask
from schemas.base import Shape, Token
from schemas.errors import ConfigError

SHIPPED = Path(__file__).parent / "data" / "intents.json"


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
    """The head that knows the seed phrases; takes some milliseconds a phrase, for the encoder.

    Phrases are masked as messages are, so that both look alike to the encoder.
    """
    phrases = load() if phrases is None else phrases
    seeds = [(text, intent) for intent, texts in phrases.intents.items() for text in texts]
    return IntentHead.seeded(
        tuple(phrases.intents),
        seeds=(
            np.array([encoder.encode(mask(text)) for text, _ in seeds]),
            [intent for _, intent in seeds],
        ),
        moods=(
            np.array([encoder.encode(mask(mood.text)) for mood in phrases.sentiment]),
            [mood.sentiment for mood in phrases.sentiment],
        ),
    )
