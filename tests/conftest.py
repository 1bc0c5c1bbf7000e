"""Brokers for tests, and the closing words on which of them ran.

A test takes `embedded_broker`, `apache_broker`, or `broker` to run against both; each starts once per run,
when the first test asks for it. A test that stops or kills takes `own_broker`. Where Apache Kafka can't run,
its tests are deselected and the summary says why; once Java and Maven are there, it has to run.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from operators.contracts import World
from scripts.broker import jars
from scripts.broker.apache import ApacheKafka
from scripts.broker.embedded import EmbeddedBroker
from scripts.broker.process import Broker
from tests.worlds import shipped

# Timings are never asserted: shared machines are slow at any moment.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
KINDS: dict[str, type[Broker]] = {kind.name: kind for kind in (EmbeddedBroker, ApacheKafka)}
RAN = pytest.StashKey[set[str]]()
"""The names of the brokers that a test ran against."""
LACK = pytest.StashKey[str | None]()
"""What this machine lacks for Apache Kafka."""
UNASKED = "no test asked for it"


def pytest_configure(config: pytest.Config) -> None:
    """Begin with nothing run and nothing known to be lacking."""
    config.stash[RAN] = set()
    config.stash[LACK] = None


@pytest.fixture(scope="session")
def embedded_broker(pytestconfig: pytest.Config) -> Iterator[EmbeddedBroker]:
    """The embedded broker, shared by the whole run: name topics so that tests don't meet."""
    with EmbeddedBroker() as broker:
        pytestconfig.stash[RAN].add(broker.name)
        yield broker


@pytest.fixture(scope="session")
def apache_broker(pytestconfig: pytest.Config) -> Iterator[ApacheKafka]:
    """Apache Kafka, shared by the whole run: name topics so that tests don't meet."""
    with ApacheKafka(brief=True) as broker:
        pytestconfig.stash[RAN].add(broker.name)
        yield broker


@pytest.fixture(scope="session")
def world() -> World:
    """The real world of a deployment on its first day."""
    return shipped()


@pytest.fixture(params=list(KINDS))
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each shared broker in turn."""
    shared: Broker = request.getfixturevalue(f"{request.param}_broker")
    return shared


@pytest.fixture(params=list(KINDS))
def own_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Each broker in turn, started for this test alone, which may stop, kill and restart it."""
    with KINDS[request.param](tmp_path / "broker") as broker:
        request.config.stash[RAN].add(broker.name)
        yield broker


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that start brokers, and put aside those that can't have theirs."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        call = getattr(item, "callspec", None)
        asked = {call.params.get("broker"), call.params.get("own_broker")} if call else set()
        if names & {"broker", "own_broker", "embedded_broker", "apache_broker"}:
            item.add_marker("broker")
        if "apache_broker" in names or ApacheKafka.name in asked:
            item.add_marker("apache")
    aside = [item for item in items if item.get_closest_marker("apache")]
    config.stash[LACK] = jars.missing() if aside else None
    if config.stash[LACK]:
        items[:] = [item for item in items if not item.get_closest_marker("apache")]
        config.hook.pytest_deselected(items=aside)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which brokers the integration tests ran against, so that a gap is seen."""
    ran = config.stash[RAN]
    embedded = "ran" if EmbeddedBroker.name in ran else f"not run: {UNASKED}"
    apache = "ran" if ApacheKafka.name in ran else f"not run: {config.stash[LACK] or UNASKED}"
    terminalreporter.write_line(f"integration: embedded broker {embedded}; Apache Kafka {apache}")
