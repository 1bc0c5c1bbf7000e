"""The real world of a deployment, for tests: shipped catalogue, real encoder, first snapshots."""

from dataclasses import replace
from functools import lru_cache

from flows import catalogue
from flows.encoder import MiniLmEncoder
from flows.learn import Learner
from flows.phrases import head_of
from flows.signing import Signer
from operators.arbitrate import CONTEXT_NAMES
from operators.bandits.ridge import PosteriorRidge
from operators.contracts import World
from operators.offers import ACTION_NAMES
from schemas.models import Models
from schemas.rules import Rules


@lru_cache(maxsize=1)
def _encoder() -> MiniLmEncoder:
    return MiniLmEncoder()


@lru_cache(maxsize=1)
def shipped() -> World:
    """What a worker decides with on its first day."""
    items = catalogue.load()
    ridge = PosteriorRidge(CONTEXT_NAMES, ACTION_NAMES, actions=[item.id for item in items])
    return World(
        catalogue=items,
        rules=Rules(),
        models=Models(committee=ridge.snapshot(1), intents=head_of(_encoder()).snapshot(1)),
        encoder=_encoder(),
        digests={"config": "tests", "catalogue": catalogue.digest(items)},
    )


def ruled(**rules: float) -> World:
    """The shipped world under other rules."""
    return replace(shipped(), rules=Rules.model_validate(rules))


def learner() -> Learner:
    """A learner that starts from nothing but the catalogue and the seed phrases."""
    return Learner(
        CONTEXT_NAMES,
        ACTION_NAMES,
        actions=[item.id for item in shipped().catalogue],
        head=head_of(_encoder()),
        published=Models(),
    )


def sealed(signer: Signer) -> World:
    """The shipped world with receipts signed."""
    return replace(shipped(), seal=signer.seal)
