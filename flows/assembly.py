"""From settings to flows that can run: the one place where everything is put together."""

import logging
import socket
from dataclasses import replace
from pathlib import Path

from flows import catalogue
from flows.access import connection_of, vault_of
from flows.adapters.complete import pseudonyms
from flows.adapters.recognise import Frames, Reader
from flows.backup import backup_run, restore_absent
from flows.cadence import Cadence, Retention, Shelf
from flows.decide import PIECE_MAX, DecideFlow, DecideOptions, owned
from flows.encoder import MiniLmEncoder
from flows.follow import FollowFlow
from flows.identity import Bounds, Identities
from flows.ingest import IngestFlow, IngestOptions
from flows.intake import Intake, shard_decode
from flows.kafka import topics as kafka_topics
from flows.kafka.control import ControlReader
from flows.kafka.member import Member
from flows.kafka.sink import LogWriter
from flows.kafka.source import Pace
from flows.learn import Learner, learn_flow
from flows.measure import Meter, measure_flow
from flows.metrics import Metrics
from flows.phrases import head_of
from flows.pressing import pressing
from flows.records import Record
from flows.sections import Ingest
from flows.settings import Settings
from flows.tenure import GroupFlow, RunOf, group_flow
from flows.worker import Stop
from flows.world import WorldKeeper
from flows.zones import load_airports
from operators.arbitrate import CONTEXT_NAMES
from operators.contracts import World
from operators.decide import decide
from operators.offers import ACTION_NAMES
from schemas import topics
from schemas.errors import InputError
from schemas.models import Models
from state.directory import open_directory, open_shards
from state.handover import Tenancy
from state.links import LinkStore
from state.store import CustomerCache

LOG = logging.getLogger(__name__)


def world_of(settings: Settings) -> World:
    """The world before any control record.

    Raises:
        ConfigError: The catalogue or the encoder can't be loaded. Disposition: halt.
    """
    folder = settings.decide.catalogue
    items = catalogue.load(Path(folder)) if folder else catalogue.load()
    return World(
        catalogue=items,
        rules=settings.rules,
        models=Models(),
        encoder=MiniLmEncoder(),
        digests={"config": settings.digest, "catalogue": catalogue.digest(items)},
        controller=settings.consent,
        seal=settings.consent.seal(),
        caps=settings.decide.caps,
        budgets=settings.decide.budgets,
    )


def ingest_flow(settings: Settings, stop: Stop) -> IngestFlow:
    """The flow `ingest`, with this worker's share of each source's partitions.

    Raises:
        ConfigError: A topic is missing or cut otherwise. Disposition: halt.
        TransportError: The brokers can't be reached, or refuse us.
    """
    connection = connection_of(settings)
    inputs = settings.ingest.topics
    counts = kafka_topics.check(
        connection,
        roles=(*inputs, topics.IDENTITIES, topics.CUSTOMER_EVENTS, topics.DEAD_LETTERS),
        shards=settings.kafka.partitions,
    )
    identities = identities_of(settings)
    return IngestFlow(
        connection,
        spots=[
            (role, partition)
            for role in inputs
            for partition in owned(
                shards=counts[role],
                ordinal=settings.decide.worker_ordinal,
                workers=settings.decide.worker_count,
            )
        ],
        intake=Intake(
            readers_of(settings),
            identities=identities,
            limits=replace(settings.limits, max_message_bytes=settings.ingest.max_message_bytes),
            zones=load_airports(),
        ),
        identities=identities,
        options=IngestOptions(
            inputs=inputs,
            group=settings.ingest.group,
            discard_s=settings.ingest.discard_s or None,
            pace=Pace(
                batch_max=settings.decide.batch_max,
                idle_s=settings.decide.idle_block_ms / 1000,
                tick_s=None,
            ),
        ),
        stop=stop,
        metrics=_metrics(settings, "ingest"),
    )


def _frames(own: Ingest) -> Frames:
    # Its libraries take a quarter of the time that a worker needs to begin, and few have a registry.
    from flows.adapters.registry import RegistryFrames  # noqa: PLC0415

    return RegistryFrames(
        own.registry_url,
        user=own.registry_user.get_secret_value(),
        password=own.registry_password.get_secret_value(),
    )


def readers_of(settings: Settings) -> dict[str, Reader]:
    """The reader of each topic that is not native."""
    own = settings.ingest
    frames = None if not own.registry_url else _frames(own)
    return {
        topic: Reader(form, tables=own.tables, frames=frames)
        for topic, form in own.formats.items()
        if form != "native"
    }


def identities_of(settings: Settings) -> Identities:
    """Whose account is whose, as this worker knows it.

    Raises:
        StateError: Its file can't be opened. Disposition: halt.
    """
    own = settings.ingest
    path = Path(own.identity_directory) / f"links-{settings.decide.worker_ordinal}.sqlite"
    return Identities(
        LinkStore(path),
        pseudonym=pseudonyms(own.pseudonym_key.get_secret_value()),
        bounds=Bounds(own.held_per_holder, own.held_in_all),
    )


def decide_flow(settings: Settings, stop: Stop) -> DecideFlow | GroupFlow:
    """The flow `decide`, with this worker's shards, or with those that the group gives it.

    Raises:
        ConfigError: A topic is missing or cut otherwise, or the catalogue is wrong. Disposition: halt.
        TransportError: The brokers can't be reached, or refuse us.
        StateError: A shard can't be opened. Disposition: halt.
    """
    own = settings.decide
    run = _run_of(settings, stop)
    if own.ownership == "group":
        return group_flow(
            settings,
            connection_of(settings),
            identity=settings.identity,
            vault=vault_of(settings),
            run=run,
            stop=stop,
        )
    directory = open_directory(
        Path(own.state_directory),
        identity=settings.identity,
        owner=f"worker-{own.worker_ordinal}@{socket.gethostname()}",
        vault=vault_of(settings),
    )
    shards = owned(
        shards=settings.kafka.partitions, ordinal=own.worker_ordinal, workers=own.worker_count
    )
    restore_absent(settings.backup, directory, shards)
    stores = open_shards(
        directory,
        shards,
        cache=CustomerCache(capacity=own.lru_customers, bytes_max=own.lru_bytes),
    )
    try:
        return run(Tenancy(directory, stores), None, None)
    except BaseException:
        for store in stores.values():
            store.close()
        raise


def _run_of(settings: Settings, stop: Stop) -> RunOf:
    """What makes a run over open shards; what runs have in common is made once."""
    connection, shards, own = connection_of(settings), settings.kafka.partitions, settings.decide
    inputs = (topics.CUSTOMER_EVENTS, *own.direct_topics)
    counts = kafka_topics.check(
        connection,
        roles=(*inputs, *topics.OUTPUTS, *topics.CONTROL),
        shards=shards,
        cut_alike=(*inputs, *settings.kafka.sealed),
    )
    keeper = WorldKeeper(world_of(settings))
    decode = shard_decode(settings.limits, load_airports())
    metrics = _metrics(settings, "decide")
    # The events' own clock goes by the order of the log.
    presses = None if own.clock == "event" else pressing(own.small_minor)
    options = DecideOptions(
        shards=shards,
        inputs=inputs,
        group=own.group,
        event_clock=own.clock == "event",
        sync_s=own.wal_sync_ms / 1000,
        scrub_s=settings.state.scrub_after_s,
        pace=Pace(own.batch_max, PIECE_MAX, presses, own.idle_block_ms / 1000),
    )

    def run(tenancy: Tenancy, member: Member | None, writer: LogWriter | None) -> DecideFlow:
        return DecideFlow(
            connection,
            stores=tenancy.stores,
            counts=counts,
            keeper=keeper,
            decode=decode,
            decide=decide,
            options=options,
            stop=stop,
            metrics=metrics,
            member=member,
            writer=writer,
            backups=backup_run(settings.backup, tenancy, metrics=metrics),
        )

    return run


def learning_flow(settings: Settings, stop: Stop) -> FollowFlow:
    """The flow `learn`; versions go on from what stands on the topic ``models``.

    Raises:
        ConfigError: A topic is missing, or the encoder can't be loaded. Disposition: halt.
        TransportError: The brokers can't be reached, or refuse us.
    """
    connection, own = connection_of(settings), settings.learn
    counts = kafka_topics.check(
        connection,
        roles=(topics.LESSONS, *topics.CONTROL),
        shards=settings.kafka.partitions,
    )
    world = world_of(settings)
    keeper = WorldKeeper(world)
    control = ControlReader(connection, counts=counts, keeper=keeper, refused=_unused)
    try:
        control.read_whole()
    finally:
        control.close()
    learner = Learner(
        CONTEXT_NAMES,
        ACTION_NAMES,
        actions=[item.id for item in keeper.world.catalogue],
        head=head_of(world.encoder),
        published=replace(keeper.world.models, committee=keeper.newest),
        levers=own.levers(),
        lifetime=own.lifetime(),
        cadence=Cadence(refresh_ms=own.refresh_idle_ms, count_max=own.refresh_max_lessons),
        retention=Retention(days=own.memory_days, lessons_max=own.memory_lessons_max),
        shelf=Shelf(every=own.keep_every, count=own.keep_count),
        budgets=own.budgets,
    )
    return learn_flow(
        connection,
        learner=learner,
        partitions=counts[topics.LESSONS],
        stop=stop,
        group=own.group,
    )


def measuring_flow(settings: Settings, stop: Stop) -> FollowFlow:
    """The flow `measure`.

    Raises:
        ConfigError: The topic is missing. Disposition: halt.
        TransportError: The brokers can't be reached, or refuse us.
    """
    connection = connection_of(settings)
    counts = kafka_topics.check(
        connection, roles=(topics.IMPACT,), shards=settings.kafka.partitions
    )
    return measure_flow(
        connection,
        meter=Meter(report_ms=round(settings.measure.every_s * 1000)),
        partitions=counts[topics.IMPACT],
        stop=stop,
        group=settings.measure.group,
    )


def make_topics(settings: Settings) -> tuple[str, ...]:
    """Make the topics that are missing, and check those that were there; the names made."""
    connection, kafka = connection_of(settings), settings.kafka
    made = kafka_topics.create(connection, shards=kafka.partitions, replication=kafka.replication)
    kafka_topics.check(connection, roles=topics.ALL, shards=kafka.partitions)
    return made


def _metrics(settings: Settings, flow: str) -> Metrics:
    metrics = Metrics(flow)
    if settings.metrics.port:
        metrics.serve(settings.metrics.port, host=settings.metrics.host)
    return metrics


def _unused(record: Record, error: InputError) -> None:
    """Deciding workers put it aside as a dead letter; here the warning is enough."""
    LOG.info("left to the deciding workers", extra={"position": record.place, "code": error.code})
