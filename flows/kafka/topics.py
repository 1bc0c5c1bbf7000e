"""The topics that a deployment needs: make them, check them."""

from collections.abc import Collection, Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata, NewTopic

from flows.kafka.client import REACH_S, Connection, Watch, explain, passing, patiently
from schemas import topics
from schemas.errors import ConfigError

ASK_S = REACH_S / 4
"""How long one question for the topics may wait; a refusal is heard of between two of them."""
CONTROL_PARTITIONS = 1
"""Control topics are read whole by every worker, in one order."""


def layout(shards: int) -> dict[str, int]:
    """Partitions by role: everything keyed by customer has as many as there are shards.

    Equal counts and one partitioner put a customer's outputs on the partition of the same number, so that
    a worker need only look there for what it had sent before a crash.

    Example:
        >>> layout(8)["decisions"], layout(8)["models"]
        (8, 1)
    """
    single = {*topics.CONTROL, topics.IDENTITIES}
    return {role: CONTROL_PARTITIONS if role in single else shards for role in topics.ALL}


def create(
    connection: Connection,
    *,
    shards: int,
    replication: int = 1,
    roles: Collection[str] = topics.ALL,
) -> tuple[str, ...]:
    """Make the topics that do not exist yet.

    Args:
        connection: The brokers.
        shards: Partitions of what is keyed by customer; fixed for good at creation.
        replication: Copies of each partition.
        roles: The topics that are needed.

    Returns:
        The names made.

    Raises:
        TransportError: The brokers can't be reached, or refuse us.
        ConfigError: The brokers refuse a topic as it was asked for.
    """
    admin, watch = _admin(connection)
    present = _metadata(admin, watch).topics
    wanted = [
        NewTopic(
            connection.topic(role),
            num_partitions=partitions,
            replication_factor=replication,
            config={"cleanup.policy": "compact"} if role in topics.CONTROL else {},
        )
        for role, partitions in layout(shards).items()
        if role in roles and connection.topic(role) not in present
    ]
    made = []
    for name, future in (
        admin.create_topics(wanted, request_timeout=REACH_S).items() if wanted else ()
    ):
        try:
            future.result(REACH_S)
        except KafkaException as failed:
            error: KafkaError = failed.args[0]
            if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            if passing(error):
                raise explain(error, role=connection.role(name), code="transport.sink") from None
            raise ConfigError(
                "config.topic-mismatch",
                f"{name}: {error.name()}",
                hint="check kafka.partitions, kafka.replication and the topic ACLs",
            ) from None
        made.append(name)
    return tuple(made)


def check(
    connection: Connection, *, roles: Iterable[str], shards: int, cut_alike: Iterable[str] = ()
) -> dict[str, int]:
    """Check that topics exist and are cut as the flows need them.

    Args:
        connection: The brokers.
        roles: The topics that this run reads or writes.
        shards: How many partitions the customers' log must have.
        cut_alike: Topics that are read like it, and so must have as many.

    Returns:
        Partitions by role.

    Raises:
        TransportError: The brokers can't be reached within `REACH_S`, or refuse us.
        ConfigError: A topic is missing, or has other partitions than its role needs.
    """
    admin, watch = _admin(connection)
    present = _metadata(admin, watch).topics
    roles = tuple(roles)
    counts: dict[str, int] = {}
    missing = [role for role in roles if connection.topic(role) not in present]
    if missing:
        raise ConfigError(
            "config.missing-topic",
            ", ".join(connection.topic(role) for role in missing),
            hint="create the topics: python -m flows topics",
        )
    for role in roles:
        counts[role] = len(present[connection.topic(role)].partitions)
    _compare(connection, counts, shards=shards, fixed={topics.CUSTOMER_EVENTS, *cut_alike})
    return counts


def _compare(
    connection: Connection, counts: Mapping[str, int], *, shards: int, fixed: set[str]
) -> None:
    """Other sources and outputs may be cut as the bank likes."""
    wrong = [
        f"{connection.topic(role)} has {counts[role]} partitions, not {shards}"
        for role in sorted(fixed & counts.keys())
        if counts[role] != shards
    ]
    if wrong:
        raise ConfigError(
            "config.topic-mismatch",
            "; ".join(wrong),
            hint="set kafka.partitions to what the log has; a log of customers can't be cut anew",
        )


def _admin(connection: Connection) -> tuple[AdminClient, Watch]:
    watch = Watch(code="transport.source")
    return AdminClient(connection.base(watch.heard)), watch


def _metadata(admin: AdminClient, watch: Watch) -> ClusterMetadata:
    def ask() -> ClusterMetadata:
        try:
            return admin.list_topics(timeout=ASK_S)
        except KafkaException:
            admin.poll(0)  # lets the watch hear that we were refused, which ends the patience
            raise

    return patiently(ask, role="brokers", watch=watch)
