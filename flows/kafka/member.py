"""Membership of a consumer group: which shards are ours, and the proof of it that goes with every output.

The member never reads: its partitions are paused, and the log is read by `flows.kafka.source` from where
the state says. What the group gives, it may take away: then everything is given up before we agree to it,
or, if we were away for too long, before we notice; `fence` is what keeps us from speaking in between.
"""
# ruff: noqa: SLF001 - confluent_kafka names the codes that librdkafka itself makes with an underscore

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from flows.kafka.client import REACH_S, Connection, Watch, explain, passing
from flows.records import Spot
from schemas import topics
from schemas.errors import ConfigError, StateError

LOG = logging.getLogger(__name__)
FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.UNKNOWN_MEMBER_ID,
    }
)


def fenced(error: KafkaError) -> StateError:
    """The group went on without us."""
    return StateError(
        "state.fenced",
        f"another worker owns the shards by now ({error.name()})",
        hint="nothing was said twice; start the worker again, and it joins anew. If this happens in "
        "service, raise decide.session_timeout_ms",
    )


class Member:
    """One worker's membership. Used from one thread; changes arrive inside `poll`."""

    def __init__(
        self, connection: Connection, *, group: str, instance: str, session_ms: int
    ) -> None:
        """Join. The first shards come with a later `poll`.

        Args:
            connection: The brokers.
            group: Whose members share the shards.
            instance: Names this worker for good: one that comes back in time finds its shards kept.
            session_ms: After so long without a sign of life the others take over.
        """
        self.shards: frozenset[int] = frozenset()
        self.give_up: Callable[[], None] = lambda: None
        """Called before shards come or go, while they are still ours if they can be."""
        self._connection = connection
        self._watch = Watch(code="transport.source")
        self._consumer = Consumer(
            {
                **connection.base(self._watch.heard),
                "group.id": group,
                "group.instance.id": instance,
                "session.timeout.ms": session_ms,
                "heartbeat.interval.ms": max(session_ms // 5, 100),
                "partition.assignment.strategy": "cooperative-sticky",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
            }
        )
        self._consumer.subscribe(
            [connection.topic(topics.CUSTOMER_EVENTS)],
            on_assign=self._given,
            on_revoke=self._taken,
            on_lost=self._lost,
        )

    def poll(self, timeout_s: float = 0.0) -> None:
        """Show life and hear of changes.

        Raises:
            StateError: ``state.fenced``: another process joined under our name.
            ConfigError: The brokers refuse the session's length.
            TransportError: The brokers refuse us or stay away.
        """
        message = self._consumer.poll(timeout_s)
        error = None if message is None else message.error()
        if error is not None:
            # The one fatal error that a member with a name can have is that another has it now.
            if error.code() in FENCED or error.code() == KafkaError._FATAL:
                raise fenced(error)
            if error.code() == KafkaError.INVALID_SESSION_TIMEOUT:
                raise ConfigError(
                    "config.bad-value",
                    "the brokers refuse decide.session_timeout_ms",
                    hint="keep it between their group.min and group.max.session.timeout.ms",
                )
            if not passing(error):
                raise explain(error, role="group", code="transport.source")
        self._watch.check(lambda: None)

    def fence(self, producer: Producer, positions: Mapping[int, int]) -> None:
        """Put positions into a transaction, which the brokers refuse unless the shards are ours.

        Raises:
            KafkaException: They refuse it.
        """
        producer.send_offsets_to_transaction(
            self._places(positions), self._consumer.consumer_group_metadata(), REACH_S
        )

    def report(self, positions: Mapping[Spot, int]) -> None:
        """Tell the group how far the state is; never waits, and may be lost."""
        ours = {
            partition: at
            for (role, partition), at in positions.items()
            if role == topics.CUSTOMER_EVENTS and partition in self.shards
        }
        if ours:
            self._consumer.commit(offsets=self._places(ours), asynchronous=True)

    def close(self) -> None:
        """Leave. A member with a name is missed only when its session has run out."""
        self._consumer.close()

    def _places(self, positions: Mapping[int, int]) -> list[TopicPartition]:
        name = self._connection.topic(topics.CUSTOMER_EVENTS)
        return [TopicPartition(name, shard, at) for shard, at in positions.items()]

    def _given(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        if places:
            self.give_up()
        with _changing():
            consumer.incremental_assign(places)
            consumer.pause(places)
        self._now(self.shards | {place.partition for place in places})

    def _taken(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self.give_up()
        with _changing():
            consumer.incremental_unassign(places)
        self._now(self.shards - {place.partition for place in places})

    def _lost(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        LOG.warning("the group went on without us", extra={"shards": len(places)})
        self._taken(consumer, places)

    def _now(self, shards: frozenset[int] | set[int]) -> None:
        self.shards = frozenset(shards)
        LOG.info("shards of the group", extra={"shards": sorted(shards)})


@contextmanager
def _changing() -> Iterator[None]:
    """Name what the client refuses while it calls us: before Python 3.12 its own error leaves a callback as none at all.

    It comes out as a KafkaError, which is no exception to any ``except``.
    """
    try:
        yield
    except KafkaException as failed:
        raise explain(failed.args[0], role="group", code="transport.source") from None
