"""What a command of the feature store needs of a deployment: its settings, its world, its log."""

from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from flows.assembly import world_of
from flows.encoder import MiniLmEncoder
from flows.intake import shard_decode
from flows.phrases import head_of
from flows.records import Record
from flows.settings import Settings, load
from flows.zones import load_airports
from operators.contracts import World
from schemas.models import Models
from scripts.auditing.logs import connected, fetch, lines
from scripts.featurestore.recall import Recall, Watch


def records(options: Namespace, roles: Sequence[str]) -> Iterable[Record]:
    """The records of some topics, topic by topic in the order of ``roles``.

    Raises:
        OSError, ValueError: A dump can't be read.
        TransportError: The brokers can't be reached.
    """
    if options.broker:
        found = fetch(connected(options), roles=roles)
        return sorted(found, key=lambda r: (roles.index(r.topic), r.partition, r.offset))
    if not options.log.is_dir():
        message = f"{options.log} is no folder: it should hold a dump, <topic>.jsonl"
        raise ValueError(message)
    return chain.from_iterable(lines(options.log, role) for role in roles)


def recall_of(options: Namespace, *, watch: Watch | None = None) -> Recall:
    """What works a log out again, under the deployment's settings."""
    settings = load(options.config)
    return Recall(
        _world(settings),
        decode=shard_decode(settings.limits, load_airports()),
        shards=settings.kafka.partitions,
        event_clock=settings.decide.clock == "event",
        watch=watch,
    )


def _world(settings: Settings) -> World:
    world = world_of(settings)
    return replace(world, models=_first_models())


@lru_cache(maxsize=1)
def _first_models() -> Models:
    """What messages are read with: the seed phrases, since the log does not tell what was learnt when."""
    return Models(intents=head_of(MiniLmEncoder()).snapshot(1))
