"""The auditor over real topics: what it reads from a broker is what was said."""

from pathlib import Path
from uuid import uuid4

import pytest

from flows.kafka.client import Connection
from flows.kafka.sink import LogWriter
from flows.kafka.topics import create
from flows.records import Parcel
from scripts.auditing import consent
from scripts.auditing.logs import READ, load
from scripts.auditing.simulate import Cohort, Plan
from scripts.broker.process import Broker


@pytest.fixture
def connection(embedded_broker: Broker) -> Connection:
    """Topics of this test's own on the shared broker."""
    made = Connection(embedded_broker.bootstrap_servers, prefix=f"audit-{uuid4().hex[:8]}.")
    create(made, shards=1)
    return made


@pytest.mark.parametrize(("plant", "status"), [("", 0), ("receipt-missing", 1)])
def test_topics_are_checked(
    connection: Connection, tmp_path: Path, plant: str, status: int
) -> None:
    """An honest log passes, a planted fault is found, and what was read can be kept as a dump."""
    cohort = Cohort(Plan(customers=4, days=8, density=0.4, plant=plant), seed="broker", size=4)
    records = [r for piece in cohort.live() for r in piece if r.topic in READ]
    writer = LogWriter(connection)
    for record in records:
        writer.send(Parcel(record.topic, record.key, record.value, record.headers, lambda *_: None))
    assert writer.close() == 0
    arguments = [
        f"--broker={connection.bootstrap_servers}",
        f"--prefix={connection.prefix}",
        f"--keep={tmp_path}",
    ]
    assert consent.main(arguments) == status
    kept = load(tmp_path)
    assert len(kept) == len(records)
    assert consent.main([f"--log={tmp_path}"]) == status


def test_an_empty_log_proves_nothing(tmp_path: Path) -> None:
    """Where nothing can be looked at, the auditor does not say that all is well."""
    assert consent.main([f"--log={tmp_path}"]) == 2
