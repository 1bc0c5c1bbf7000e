"""Sealed topics on real brokers: real workers read and write them, and an erasure darkens every one of them."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from flows import settings as settings_module
from flows.access import connection_of
from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection, Deadline
from flows.kafka.source import Pace
from flows.learn import Learner, learn_flow
from flows.records import Record
from flows.worker import Stop
from operators.arbitrate import CONTEXT_NAMES
from operators.offers import ACTION_NAMES
from schemas import topics
from schemas.events import TOPIC_OF_KIND_PREFIX
from schemas.models import CommitteeSnapshot
from scripts.auditing.consent import check
from scripts.auditing.logs import fetch
from scripts.auditing.remains import guises, on_topics
from scripts.broker.process import Broker
from state.models import decode_model
from tests.kafka_logs import read, write
from tests.streams import body, morning

SHARDS = 2
SEALED = (topics.CUSTOMER_EVENTS, *topics.OUTPUTS)
ANNA, BEN = "customer-anna", "customer-ben"
MASTER = "ab" * 32
ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 60.0


class Bench:
    """The settings, and two ways to see the topics: as they lie there, and as who has the keys reads them."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.folder, self.keeps_sources = folder, broker.name != "apache"
        self.raw = Connection(broker.bootstrap_servers, prefix=f"sealed-{uuid4().hex[:8]}.")
        kafka_topics.create(self.raw, shards=SHARDS)
        self.config = folder / "worker.toml"
        self.config.write_text(
            f"""
            [kafka]
            bootstrap = "{self.raw.bootstrap_servers}"
            topic_prefix = "{self.raw.prefix}"
            partitions = {SHARDS}
            sealed = {list(SEALED)}
            [ingest]
            identity_directory = "{folder / "identity"}"
            discard_s = {0.0 if self.keeps_sources else 0.1}
            [decide]
            state_directory = "{folder / "state"}"
            clock = "event"
            [state]
            encryption = true
            key_directory = "{folder / "keys"}"
            master_key = "{MASTER}"
            scrub_after_s = 0.0
            [rules]
            holdout_share = 0.0
            """
        )
        self.settings = settings_module.load(self.config, environment={})
        self.clear = connection_of(self.settings)

    def records(self, role: str) -> list[Record]:
        """A topic with the keys; what is dark is left out."""
        opened = map(self.clear.opened, read(self.raw, role, partitions=SHARDS))
        return [record for record in opened if not record.dark]

    def everything(self) -> dict[str, list[Record]]:
        """All sealed topics with the keys, read at once; what is dark is left out."""
        found = sorted(fetch(self.clear, roles=SEALED), key=lambda r: (r.partition, r.offset))
        return {role: [r for r in found if r.topic == role] for role in SEALED}

    def tell(self, values: list[bytes]) -> None:
        """Put events on their sources: consents first, and what follows once they are on the customers' log."""
        expected = self.ingested()
        for first in (True, False):
            for role in dict.fromkeys(map(_topic, values)):
                if (role == "consents") == first:
                    some = [value for value in values if _topic(value) == role]
                    write(self.raw, role, [(_who(value), value) for value in some])
                    expected += len(some)
            self.until(lambda wanted=expected: self.ingested() >= wanted)  # type: ignore[misc]  # bound now

    def ingested(self) -> int:
        """How many records the customers' log has."""
        return len(read(self.raw, topics.CUSTOMER_EVENTS, partitions=SHARDS))

    @staticmethod
    def until(true: Callable[[], bool]) -> None:
        """Look again and again, for a bounded time."""
        deadline = Deadline(WAIT_S, what="the workers")
        while not true():
            deadline.check()

    @contextmanager
    def worker(self, flow: str) -> Iterator[subprocess.Popen[bytes]]:
        """A worker process, which ends cleanly with the block."""
        with (self.folder / f"{flow}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows", flow, "--config", str(self.config)],
                cwd=ROOT,
                stderr=log,
            )
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()
            process.wait()

    def said(self, flow: str, message: str) -> bool:
        """Whether a worker has logged something."""
        return message.encode() in (self.folder / f"{flow}.log").read_bytes()

    def decided(self, customer: str) -> int:
        """How many decisions on a customer can be read."""
        return sum(r.key == customer.encode() for r in self.records(topics.DECISIONS))


@pytest.fixture
def bench(broker: Broker, tmp_path: Path) -> Bench:
    """Topics and folders of this test's own."""
    return Bench(broker, tmp_path)


def _who(value: bytes) -> str:
    return str(orjson.loads(value)["customer"])


def _topic(value: bytes) -> str:
    return TOPIC_OF_KIND_PREFIX[orjson.loads(value)["kind"].partition(".")[0]]


def erasure(customer: str) -> bytes:
    return body(customer, 900, {"kind": "erasure.requested"}, minutes=90.0)


def return_of(customer: str) -> list[bytes]:
    """The customer is back a day later, under the same id."""
    grant = orjson.loads(morning(customer)[0])
    fields = {k: v for k, v in grant.items() if k not in {"event_id", "customer", "at"}}
    contents = [fields, {"kind": "profile.updated", "birth_year": 1999}, {"kind": "app.opened"}]
    return [body(customer, 1000 + n, c, minutes=1500.0 + n) for n, c in enumerate(contents)]


def test_an_erasure_darkens_every_topic_and_nothing_else(bench: Bench) -> None:
    """Not a byte is readable in clear; with the keys the others' records are, and what came after the erasure."""
    with bench.worker("ingest"), bench.worker("decide"):
        bench.tell([*morning(ANNA), *morning(BEN)])
        bench.until(lambda: bench.decided(ANNA) >= 1 and bench.decided(BEN) >= 1)
        before = bench.everything()
        assert any(r.key == ANNA.encode() for r in before[topics.CUSTOMER_EVENTS])
        bench.tell([erasure(ANNA)])
        bench.until(lambda: bench.said("decide", "erased customers are off the disk"))
        bench.tell(return_of(ANNA))
        bench.until(
            lambda: any(
                r.key == ANNA.encode() and b"consent.receipt" in (r.value or b"")
                for r in bench.records(topics.TRANSPARENCY)
            )
        )
        bench.until(
            lambda: bench.keeps_sources or not bench.records("consents") + bench.records("profiles")
        )
    sought = guises([ANNA, BEN, "employer-1", "airport:LHR"])
    # The embedded broker deletes no records, so its sources are left as they are.
    emptied = () if bench.keeps_sources else topics.SOURCES_IN
    raw = fetch(bench.raw, roles=(*SEALED, *emptied))
    assert raw
    assert on_topics(raw, sought) == ([], 0)
    after = bench.everything()
    events = [r for r in after[topics.CUSTOMER_EVENTS] if r.key == ANNA.encode()]
    kinds = [orjson.loads(r.value or b"")["kind"] for r in events]
    assert kinds[0] == "erasure.requested"
    assert sorted(kinds[1:]) == ["app.opened", "consent.granted", "profile.updated"]
    assert "erasure.certified" in {
        orjson.loads(r.value or b"")["type"] for r in after[topics.TRANSPARENCY]
    }
    for role in SEALED:
        kept = [r for r in after[role] if r.key == BEN.encode()]
        assert kept[: len(before[role])] == [r for r in before[role] if r.key == BEN.encode()]
    assert check(r for found in after.values() for r in found).violations == []
    printed = subprocess.run(
        [sys.executable, "-m", "flows", "open", topics.DECISIONS, "--config", str(bench.config)],
        cwd=ROOT,
        capture_output=True,
        timeout=WAIT_S,
        check=True,
    )
    rows = [orjson.loads(line) for line in printed.stdout.splitlines()]
    assert sorted(row["value"] for row in rows) == sorted(
        (r.value or b"").decode() for r in after[topics.DECISIONS]
    )


def learnt(lessons: Connection) -> CommitteeSnapshot:
    """The committee that `learn` makes of the lessons on a log, published beside it."""
    learner = Learner(CONTEXT_NAMES, ACTION_NAMES)
    pace = Pace(until_end=True, tick_s=0.01)
    learn_flow(lessons, learner=learner, partitions=SHARDS, stop=Stop(), pace=pace).run()
    models = [
        decode_model(r.value)
        for r in read(lessons, topics.MODELS, partitions=1)
        if r.value and r.key == b"committee"
    ]
    assert isinstance(models[-1], CommitteeSnapshot)
    return models[-1]


def test_learners_never_saw_who_was_erased(bench: Bench) -> None:
    """A learner that starts on sealed lessons is, to the bit, one whose log never held the customer's."""
    with bench.worker("ingest"), bench.worker("decide"):
        bench.tell([*morning(ANNA), *morning(BEN)])
        # Days later what was said counts as unanswered, which is a lesson.
        bench.tell([body(who, 800, {"kind": "app.opened"}, minutes=9_000.0) for who in (ANNA, BEN)])
        bench.until(
            lambda: {r.key for r in bench.records(topics.LESSONS)} >= {ANNA.encode(), BEN.encode()}
        )
        bench.tell([erasure(ANNA)])
        bench.until(lambda: bench.said("decide", "erased customers are off the disk"))
    stays = [r for r in bench.records(topics.LESSONS) if r.key == BEN.encode()]
    assert stays
    never = Connection(bench.raw.bootstrap_servers, prefix=f"{bench.raw.prefix}never.")
    kafka_topics.create(never, shards=SHARDS)
    write(never, topics.LESSONS, [(BEN, r.value or b"") for r in stays])
    with_erasure, without = learnt(bench.clear), learnt(never)
    assert with_erasure.lessons == without.lessons > 0
    assert with_erasure.theta.tobytes() == without.theta.tobytes()
    assert with_erasure.mean.tobytes() == without.mean.tobytes()


def test_a_worker_without_its_state_reads_past_what_is_dark(bench: Bench) -> None:
    """From the log alone it makes the others' records again, says nothing twice, and does not stop."""
    with bench.worker("ingest"), bench.worker("decide"):
        bench.tell([*morning(ANNA), *morning(BEN)])
        bench.until(lambda: bench.decided(ANNA) >= 1 and bench.decided(BEN) >= 1)
        bench.tell([erasure(ANNA)])
        bench.until(lambda: bench.said("decide", "erased customers are off the disk"))
    shutil.rmtree(bench.folder / "state")
    with bench.worker("decide"), bench.worker("ingest"):
        more = body(BEN, 2000, {"kind": "app.opened"}, minutes=200.0)
        bench.tell([more])
        bench.until(lambda: bench.decided(BEN) >= 2)
    ids = [
        dict(r.headers)["ce_id"]
        for role, found in bench.everything().items()
        for r in found
        if role != topics.CUSTOMER_EVENTS and r.key == BEN.encode()
    ]
    assert len(ids) == len(set(ids))
