"""How to reach the brokers, and what their errors mean to us."""
# ruff: noqa: SLF001 - confluent_kafka names the codes that librdkafka itself makes with an underscore

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from flows.kafka.seal import TopicSeal
from flows.records import Record
from schemas.errors import ConfigError, MarketOfOneError, StateError, TransportError

LOG = logging.getLogger(__name__)
REACH_S = 10.0
"""How long a first answer of the brokers may take before we give up."""
LEADER_S = 60.0
"""How long the brokers may take to agree who leads what was just made: a thousand partitions on a busy machine."""
PROBE_EVERY_S = 5.0
PROBE_S = 1.0
RETRY_S = 0.1
R = TypeVar("R")

_REFUSED = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError._SSL,
    }
)
_NO_TOPIC = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)
_OUT_OF_RANGE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})
_PASSING = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        # A broker that is just coming up answers so to what it can't look up yet.
        KafkaError.UNKNOWN,
        # The answer left out a partition that had no leader at that moment.
        KafkaError._NOENT,
    }
)
"""By code, since errors from the admin client never say that they are retriable."""
_LEADERLESS = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError._NOENT,
    }
)
"""What brokers answer that are there, and have not settled yet."""


@dataclass(slots=True, frozen=True)
class Connection:
    """The brokers, the topic prefix and the security settings (librdkafka names), which stay out of repr.

    ``seal``: what records are sealed and opened with; without one they are written and read as they are.
    """

    bootstrap_servers: str
    prefix: str = ""
    security: Mapping[str, str] = field(default_factory=dict, repr=False)
    seal: TopicSeal | None = field(default=None, repr=False, compare=False)

    def topic(self, role: str) -> str:
        """The topic's name on the brokers.

        Example:
            >>> Connection("localhost:9092", prefix="acme.").topic("offers")
            'acme.offers'
        """
        return self.prefix + role

    def role(self, topic: str) -> str:
        """The role of a topic that the brokers named."""
        return topic.removeprefix(self.prefix)

    def opened(self, record: Record) -> Record:
        """A record as it was before it was sealed, if it was. Raises as `flows.kafka.seal.TopicSeal.opened`."""
        return record if self.seal is None else self.seal.opened(record)

    def base(self, heard: Callable[[KafkaError], None] | None = None) -> dict[str, Any]:
        """Settings that every client shares; ``heard`` is its ``error_cb``.

        ``log_level`` 2 keeps librdkafka's own lines, which are not JSON, off stderr: what matters of them
        arrives through the error callback as well.
        """
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "client.id": "market-of-one",
            "log_level": 2,
            "socket.nagle.disable": True,
            "socket.keepalive.enable": True,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 2000,
            "topic.metadata.refresh.interval.ms": 60_000,
            **({} if heard is None else {"error_cb": heard}),
            **self.security,
        }


def explain(error: KafkaError, *, role: str, code: str) -> MarketOfOneError:
    """A librdkafka error as one of ours.

    Args:
        error: What librdkafka said.
        role: The topic and partition, or the part of us, that it happened to.
        code: ``transport.source`` or ``transport.sink``, for what is neither refused nor missing.

    Returns:
        The error to raise.
    """
    detail = f"{role}: {error.name()}"
    if error.code() in _REFUSED:
        return TransportError(
            "transport.authentication",
            detail,
            hint="check the user, the password, the certificate and the topic's ACLs",
        )
    if error.code() in _NO_TOPIC:
        return ConfigError(
            "config.missing-topic", detail, hint="create the topics: python -m flows topics"
        )
    if error.code() in _OUT_OF_RANGE:
        return out_of_range(detail)
    return TransportError(
        code, detail, hint="check that the brokers in kafka.bootstrap are up and reachable"
    )


def out_of_range(detail: str) -> StateError:
    """The log does not hold what the state wants to read next: reading on elsewhere would lose events."""
    return StateError(
        "state.position-out-of-range",
        detail,
        hint="restore a newer backup of the state, raise the topic's retention, or begin with an empty "
        "state directory: the log is then read from its beginning",
    )


def passing(error: KafkaError) -> bool:
    """Whether librdkafka goes on trying by itself, so that only the length of an outage counts."""
    return error.retriable() or error.code() in _PASSING


def at_end(error: KafkaError) -> bool:
    """Whether this is no error but the news that a partition was read to its end.

    The one sure way to know: the embedded broker's answers to «which is your last offset» are too low.
    """
    return error.code() == KafkaError._PARTITION_EOF


def purged(error: KafkaError) -> bool:
    """Whether a parcel was let go of by ourselves."""
    return error.code() in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)


class Deadline:
    """A time by which something must have moved on."""

    def __init__(self, seconds: float, *, what: str) -> None:
        """Begin to wait for ``what``, which is named in the error."""
        self._seconds = seconds
        self._what = what
        self._at = time.monotonic() + seconds

    def moved(self) -> None:
        """It moved: wait as long again."""
        self._at = time.monotonic() + self._seconds

    def check(self) -> None:
        """Give up if nothing moved for too long.

        Raises:
            TransportError: ``transport.source``.
        """
        if time.monotonic() > self._at:
            raise explain(
                KafkaError(KafkaError._TIMED_OUT), role=self._what, code="transport.source"
            )


class Watch:
    """Hears the errors of a client's background threads and decides when they are ours.

    librdkafka reconnects by itself; an outage becomes an error only when it lasts, or when the brokers
    refuse us. An idle client does not notice that the brokers came back, hence the probe.
    """

    def __init__(self, *, code: str, outage_s_max: float = 60.0) -> None:
        """Watch one client; ``code`` is the transport error that a long outage becomes."""
        self._code = code
        self._outage_s_max = outage_s_max
        self._refusal: KafkaError | None = None
        self._down: KafkaError | None = None
        self._down_at = 0.0
        self._probe_at = 0.0

    def heard(self, error: KafkaError) -> None:
        """The client's ``error_cb``, which fatal errors never reach: they are raised, or come as a message."""
        if error.code() in _REFUSED:
            self._refusal = error
        elif error.code() == KafkaError._ALL_BROKERS_DOWN and self._down is None:
            LOG.warning("brokers are down", extra={"code": self._code, "error": error.name()})
            self._down = error
            self._down_at = time.monotonic()
            self._probe_at = self._down_at + PROBE_EVERY_S

    def up(self) -> None:
        """Something was read or acknowledged, so the brokers are there."""
        if self._down is not None:
            LOG.info("brokers are back", extra={"code": self._code})
            self._down = None

    def check(self, probe: Callable[[], object]) -> None:
        """Raise what won't heal.

        Args:
            probe: A call that reaches the brokers or raises KafkaException; made rarely, and only while
                they are thought to be down.

        Raises:
            TransportError: The brokers refused us, or have been down for longer than allowed.
        """
        if self._refusal is not None:
            raise explain(self._refusal, role="brokers", code=self._code)
        if self._down is None or time.monotonic() < self._probe_at:
            return
        try:
            probe()
        except KafkaException:
            self._probe_at = time.monotonic() + PROBE_EVERY_S
            if time.monotonic() - self._down_at > self._outage_s_max:
                raise explain(self._down, role="brokers", code=self._code) from None
        else:
            self.up()


def patiently(ask: Callable[[], R], *, role: str, watch: Watch) -> R:
    """Ask the brokers until they answer, for at most `REACH_S`, or `LEADER_S` while they say that nobody leads yet.

    A partition or coordinator that was just made, or just moved, has no leader for a moment.

    Raises:
        MarketOfOneError: What they answered in the end, or that they did not.
    """
    began_at = time.monotonic()
    while True:
        try:
            return ask()
        except KafkaException as failed:
            watch.check(lambda: None)
            error: KafkaError = failed.args[0]
            patience_s = LEADER_S if error.code() in _LEADERLESS else REACH_S
            if not passing(error) or time.monotonic() > began_at + patience_s:
                raise explain(error, role=role, code="transport.source") from None
            time.sleep(RETRY_S)
