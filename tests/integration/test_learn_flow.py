"""Learning and measuring over a real log: lessons in, snapshots out, a restart in between."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from uuid import uuid4

import orjson
import pytest

from flows import rollout
from flows.follow import FollowFlow
from flows.kafka.client import Connection, Deadline
from flows.kafka.control import ControlReader
from flows.kafka.sink import LogWriter
from flows.kafka.source import Pace
from flows.kafka.topics import create
from flows.learn import Learner, learn_flow
from flows.measure import Meter, measure_flow
from flows.records import Batch, Parcel
from flows.worker import Stop
from flows.world import WorldKeeper
from operators.bandits import BANDITS
from operators.rollout import beside
from schemas import topics
from schemas.decisions import Choice
from schemas.errors import ConfigError
from schemas.models import CommitteeSnapshot, Models
from schemas.rules import Rules
from scripts.broker.process import Broker
from state.models import decode_model
from tests import alternatives as cases
from tests.kafka_logs import read, write
from tests.streams import small_world

SHARDS = 2
ONCE = Pace(until_end=True, tick_s=0.01)


@pytest.fixture
def connection(embedded_broker: Broker) -> Connection:
    """Topics of this test's own on the shared broker."""
    made = Connection(embedded_broker.bootstrap_servers, prefix=f"learn-{uuid4().hex[:8]}.")
    create(made, shards=SHARDS)
    return made


def spread(values: Iterable[bytes]) -> Iterable[tuple[str, bytes]]:
    """Values with a key each, so that they lie on all partitions."""
    return ((f"c-{number}", value) for number, value in enumerate(values))


def learner(published: Models | None = None) -> Learner:
    """A learner of the test features."""
    return Learner(
        cases.CONTEXT_NAMES,
        cases.ACTION_NAMES,
        actions=cases.ACTIONS,
        levers=cases.LEVERS,
        published=published,
    )


def committees(connection: Connection) -> list[CommitteeSnapshot]:
    """The committees on the log, oldest first."""
    return [
        snapshot
        for record in read(connection, topics.MODELS, partitions=1)
        if record.value is not None and record.key == b"committee"
        for snapshot in [decode_model(record.value)]
        if isinstance(snapshot, CommitteeSnapshot)
    ]


def learn_all(connection: Connection, subject: Learner) -> None:
    """Run the flow once over what stands on the log."""
    learn_flow(connection, learner=subject, partitions=SHARDS, stop=Stop(), pace=ONCE).run()


def test_lessons_become_snapshots_and_a_restart_goes_on(connection: Connection) -> None:
    """History is read whole and published once; the next start knows it and goes on from there."""
    lessons = [
        cases.lesson(n, "pot" if n % 2 else "loan", 6.0 if n % 2 else 0.0) for n in range(200)
    ]
    write(connection, topics.LESSONS, spread(map(orjson.dumps, [*lessons, lessons[0]])))
    learn_all(connection, learner())
    (first,) = committees(connection)
    assert (first.version, first.lessons) == (1, 200)
    assert sum(int(part.partition(":")[2]) for part in first.position.split(",")) == 201
    offered = cases.pot_or_loan(0.0, explore=False)
    choice = BANDITS["committee"].choose(offered, models=Models(committee=first), rules=Rules())
    assert choice.action == "pot"

    more = [cases.lesson(1000 + n, "loan", 12.0) for n in range(400)]
    write(connection, topics.LESSONS, spread([b"not a lesson", *map(orjson.dumps, more)]))
    learn_all(connection, learner(Models(committee=first)))
    _, second = committees(connection)
    assert (second.version, second.lessons) == (2, 600)
    choice = BANDITS["committee"].choose(offered, models=Models(committee=second), rules=Rules())
    assert choice.action == "loan"


def test_a_learner_on_an_empty_log_publishes_its_priors(connection: Connection) -> None:
    """On the first day every worker finds a version 1."""
    stop = Stop()
    subject = learner()
    flow = learn_flow(connection, learner=subject, partitions=SHARDS, stop=stop)
    _stop_once_published(flow, stop)
    flow.run()
    (first,) = committees(connection)
    assert (first.version, first.lessons) == (1, 0)


def test_one_record_goes_back_to_an_earlier_committee(connection: Connection) -> None:
    """Pinned by the command, an earlier version serves every worker; the learner's versions go on."""
    write(connection, topics.LESSONS, spread(map(orjson.dumps, [cases.lesson(1, "pot", 6.0)])))
    learn_all(connection, learner())
    (first,) = committees(connection)
    write(connection, topics.LESSONS, spread(map(orjson.dumps, [cases.lesson(2, "loan", 6.0)])))
    learn_all(connection, learner(Models(committee=first)))
    assert "version 1" in roll(connection, "pin", "1")[1]
    keeper = WorldKeeper(small_world())
    for record in read(connection, topics.MODELS, partitions=1):
        assert keeper.apply(record) is None
    assert keeper.world.models.committee is not None
    assert keeper.world.models.committee.digest == first.digest
    assert keeper.newest is not None
    assert keeper.newest.version == 2
    assert "version 2" in roll(connection, "follow")[1]
    with pytest.raises(ConfigError, match="no committee '7' is kept"):
        roll(connection, "pin", "7")


def test_a_challenger_goes_all_the_way_over_the_log(connection: Connection) -> None:
    """Shadow, canary, promotion and the way back: a worker follows each record and logs exact propensities."""
    write(connection, topics.LESSONS, spread(map(orjson.dumps, [cases.lesson(1, "pot", 6.0)])))
    learn_all(connection, learner())
    (first,) = committees(connection)
    more = [cases.lesson(10 + n, "loan", 12.0) for n in range(200)]
    write(connection, topics.LESSONS, spread(map(orjson.dumps, more)))
    learn_all(connection, learner(Models(committee=first)))
    second = committees(connection)[-1]
    keeper = WorldKeeper(small_world())
    counts = dict.fromkeys(topics.CONTROL, 1)
    worker = ControlReader(connection, counts=counts, keeper=keeper, refused=lambda *_: None)
    try:
        worker.read_whole()
        roll(connection, "pin", "1")
        roll(connection, "try", "newest", "--shadow", "1")
        shadow = _chosen(worker, keeper, until=lambda m: m.rollout is not None)
        assert shadow.model == first.digest
        assert shadow.rival is not None
        assert (shadow.rival.model, shadow.rival.served) == (second.digest, False)

        roll(connection, "try", "newest", "--canary", "0.5")
        canary = _chosen(
            worker, keeper, until=lambda m: m.rollout is not None and m.rollout.canary == 0.5
        )
        alone = BANDITS["committee"]
        offered = cases.pot_or_loan(0.0, key="d-7")
        each = [
            alone.choose(offered, models=Models(committee=c), rules=Rules()).propensities
            for c in (first, second)
        ]
        assert canary.propensities == [(a + b) / 2 for a, b in zip(*each, strict=True)]

        roll(connection, "promote")
        promoted = _chosen(worker, keeper, until=lambda m: m.challenger is None)
        assert (promoted.model, promoted.rival) == (second.digest, None)
        roll(connection, "pin", "1")
        back = _chosen(
            worker, keeper, until=lambda m: m.committee is not None and m.committee.version == 1
        )
        assert back.model == first.digest
    finally:
        worker.close()


def _chosen(
    worker: ControlReader, keeper: WorldKeeper, *, until: Callable[[Models], bool]
) -> Choice:
    """What a worker chooses once it has heard of a change."""
    deadline = Deadline(30.0, what="the change")
    while not until(keeper.world.models):
        worker.poll(0.1)
        deadline.check()
    models, offered = keeper.world.models, cases.pot_or_loan(0.0, key="d-7")
    choice = BANDITS["committee"].choose(offered, models=models, rules=Rules())
    return beside(choice, offered, models=models, rules=Rules())


def roll(connection: Connection, *given: str) -> list[str]:
    """Run the command `rollout`; what it says."""
    parser = ArgumentParser()
    rollout.arguments(parser)
    shelf = rollout.Shelf()
    counts = dict.fromkeys(topics.CONTROL, 1)
    return rollout.perform(
        parser.parse_args(given),
        reader=ControlReader(connection, counts=counts, keeper=shelf, refused=lambda *_: None),
        shelf=shelf,
        writer=LogWriter(connection),
    )


def test_impact_becomes_a_report(connection: Connection) -> None:
    """The report lies on the same topic, and a second run does not read it as impact."""
    decision = {
        "type": "decision",
        "customer": "c-1",
        "arm": "control",
        "action": "pot",
        "decision_id": "d-1",
        "at_ms": 5,
        "propensity": 0.5,
    }
    write(connection, topics.IMPACT, spread([orjson.dumps(decision), b"{"]))
    for _ in range(2):
        flow = measure_flow(connection, meter=Meter(), partitions=SHARDS, stop=Stop(), pace=ONCE)
        flow.run()
    values = [record.value for record in read(connection, topics.IMPACT, partitions=SHARDS)]
    reports = [orjson.loads(v) for v in values if v is not None and b'"uplift"' in v]
    assert [report["counts"] for report in reports] == [{"decision": 1}] * 2


def _stop_once_published(flow: FollowFlow, stop: Stop) -> None:
    """End the flow after the turn in which something was published."""
    follow = flow.follow

    def followed(batches: list[Batch]) -> list[Parcel]:
        parcels = follow(batches)
        if parcels:
            stop.asked = True
        return parcels

    flow.follow = followed  # type: ignore[method-assign]  # the test's own ending
