"""Reading the log, as far as it needs no broker: errors, patience, refusals."""

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import OffsetSpec

from flows.kafka import client, tail
from flows.kafka import topics as kafka_topics
from flows.kafka.client import LEADER_S, REACH_S, Connection, Deadline, Watch, explain, patiently
from flows.kafka.source import LogSource
from flows.kafka.tail import spots_of
from flows.records import Spot
from flows.worker import Failure
from schemas import topics
from schemas.errors import ConfigError, MarketOfOneError, StateError, TransportError

NOWHERE = Connection("127.0.0.1:1", prefix="acme.", security={"sasl.password": "secret"})


class StillLoop:
    def turn(self) -> None:
        pass

    def room(self, timeout_s: float) -> bool:
        del timeout_s
        return True

    def stopping(self) -> bool:
        return True

    def now_ms(self, shard: int) -> int | None:
        return shard


@pytest.mark.parametrize(
    ("number", "family", "code"),
    [
        (KafkaError._AUTO_OFFSET_RESET, StateError, "state.position-out-of-range"),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, ConfigError, "config.missing-topic"),
        (KafkaError.SASL_AUTHENTICATION_FAILED, TransportError, "transport.authentication"),
        (KafkaError._TRANSPORT, TransportError, "transport.source"),
    ],
)
def test_errors_of_the_client_are_errors_of_ours(
    number: int, family: type[MarketOfOneError], code: str
) -> None:
    """Each says what happened to which topic, and what to do."""
    error = explain(KafkaError(number), role="offers:3", code="transport.source")
    assert isinstance(error, family)
    assert error.code == code
    assert "offers:3" in error.detail
    assert error.hint


def test_a_refusal_is_raised_at_once() -> None:
    """Wrong credentials don't heal."""
    watch = Watch(code="transport.source")
    watch.heard(KafkaError(KafkaError._AUTHENTICATION))
    with pytest.raises(TransportError, match=r"transport\.authentication"):
        watch.check(lambda: None)


def _fails() -> None:
    raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def _outage(probe: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Brokers go down; a minute passes."""
    now = [0.0]
    monkeypatch.setattr("flows.kafka.client.time.monotonic", lambda: now[0])
    watch = Watch(code="transport.source", outage_s_max=60.0)
    watch.heard(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    for now[0] in (30.0, 61.0):
        watch.check(probe)


def test_an_outage_that_lasts_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute without an answer is too long."""
    with pytest.raises(TransportError, match=r"transport\.source"):
        _outage(_fails, monkeypatch)


def test_an_outage_that_ends_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer to a probe ends it, on an idle topic too."""
    _outage(lambda: None, monkeypatch)


def test_a_deadline_moves_with_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only standing still is too long."""
    now = [0.0]
    monkeypatch.setattr("flows.kafka.client.time.monotonic", lambda: now[0])
    deadline = Deadline(10.0, what="outputs")
    now[0] = 9.0
    deadline.moved()
    now[0] = 18.0
    deadline.check()
    now[0] = 20.0
    with pytest.raises(TransportError, match="outputs"):
        deadline.check()


def test_a_run_has_one_worker() -> None:
    """Threads would share the interpreter and the shards; more processes are the way."""
    source = LogSource(
        NOWHERE, positions={("offers", 0): None}, loop=StillLoop(), failure=Failure(), group="g"
    )
    with pytest.raises(ValueError, match="one worker"):
        source.build("read", 0, 2)


def test_unreachable_brokers_are_named_within_the_time_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The check at start gives up with a transport error and a hint, and shows no secret."""
    monkeypatch.setattr("flows.kafka.topics.REACH_S", 0.5)
    plain = Connection("127.0.0.1:1")
    with pytest.raises(TransportError) as caught:
        kafka_topics.check(plain, roles=topics.ALL, shards=1)
    assert "kafka.bootstrap" in caught.value.hint
    assert "secret" not in repr(NOWHERE)


def test_outputs_of_a_shard_are_looked_for_where_they_can_be() -> None:
    """Topics cut like the log have them on the shard's number, others anywhere."""
    spots = spots_of(1, shards=2, counts={"offers": 2, "decisions": 3})
    assert set(spots) == {("offers", 1), ("decisions", 0), ("decisions", 1), ("decisions", 2)}


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.mark.parametrize(
    ("number", "patience_s"),
    [
        (KafkaError.NOT_LEADER_FOR_PARTITION, LEADER_S),
        (KafkaError._TIMED_OUT, REACH_S),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, 0.0),
    ],
)
def test_patience_is_longer_with_brokers_that_answer(
    number: int, patience_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partitions that nobody leads yet are waited for; brokers that stay silent not so long; a refusal not at all."""
    clock = Clock()
    monkeypatch.setattr(client, "time", clock)

    def ask() -> None:
        raise KafkaException(KafkaError(number))

    with pytest.raises(TransportError):
        patiently(ask, role="offsets", watch=Watch(code="transport.source"))
    assert patience_s <= clock.now_s < patience_s + 1.0


@pytest.mark.parametrize(
    ("position", "words"),
    [(4, "customer-events:3 holds 5 to 9, not 4"), (10, "customer-events:3 holds 5 to 9, not 10")],
)
def test_a_position_outside_of_the_log_is_named(
    monkeypatch: pytest.MonkeyPatch, position: int, words: str
) -> None:
    """Before the beginning that retention left, or past the end: with the partition and what it holds."""
    spot = ("customer-events", 3)

    def answers(_: Connection, wanted: object, spec: OffsetSpec) -> dict[Spot, int]:
        return {spot: 5 if spec is earliest else 9} if wanted else {}

    earliest = OffsetSpec.earliest()
    monkeypatch.setattr(OffsetSpec, "earliest", lambda: earliest)
    monkeypatch.setattr(tail, "offsets_at", answers)
    monkeypatch.setattr(tail, "_held", lambda *_: set())
    for at in (5, 9, None):
        assert tail.check_positions(NOWHERE, {spot: at}) == {spot: 9}
    with pytest.raises(
        StateError, match=rf"state\.position-out-of-range: {words}.*restore a newer"
    ):
        tail.check_positions(NOWHERE, {spot: position})
