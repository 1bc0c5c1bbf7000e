"""`scripts/demo`: everything at once, on this machine, for as long as somebody watches."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from types import FrameType

from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection
from schemas import topics
from schemas.errors import MarketOfOneError
from scripts.auditing.logs import dump, fetch
from scripts.broker.launch import start_broker
from scripts.broker.process import BrokerError, free_port
from scripts.console.tally import Header, Tally
from scripts.console.words import summary
from scripts.demo_app import settings_file
from scripts.demo_app.children import (
    FLOWS,
    ChildError,
    Children,
    count_in,
    scrape,
    withheld_in,
)
from scripts.demo_app.options import PARTITIONS, Options, parse
from scripts.demo_app.pace import Pacer
from scripts.demo_app.screen import Screen
from scripts.demo_app.wire import Wire, remove_topics
from scripts.demo_app.world import KNOWN, BerkaWorld, TownWorld, World
from scripts.replay import ReplayError

LOOP_S = 0.02
CHECK_EVERY_S = 1.0
LAST_WORDS_S = 2.0
"""How long the flows are listened to after the last event."""
READ = {
    "ingest": "market_of_one_ingest_events_total",
    "decide": "market_of_one_decide_read_age_seconds_count",
}
"""What grows as long as a flow has something to read: records, and batches."""


class Ending:
    """Set by Ctrl-C and SIGTERM; the loop looks at it."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._heard)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.asked:
            raise KeyboardInterrupt  # the second time somebody means it
        self.asked = True


def main() -> int:
    """Run the demo; 0 when it ended as it should, 1 when a part of it failed."""
    options = parse()
    ending = Ending()
    directory = Path(tempfile.mkdtemp(prefix="market-of-one-demo-"))
    try:
        status = _run(options, ending, directory)
    except (ReplayError, BrokerError) as error:
        status = _fail(str(error))
    except KeyboardInterrupt:
        status = _fail("ended at once")
    except (ChildError, MarketOfOneError, ConnectionError) as error:
        print(f"demo: {error}\ndemo: the logs stay in {directory}", file=sys.stderr)
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    return status


def _fail(words: str) -> int:
    print(f"demo: {words}", file=sys.stderr)
    return 1


def _run(options: Options, ending: Ending, directory: Path) -> int:
    replay = BerkaWorld(options) if options.replay is not None else None
    with contextlib.ExitStack() as stack:
        if options.broker is None:
            broker = start_broker(options.prefer)
            stack.callback(broker.close)
            address, name, title, prefix = broker.bootstrap_servers, broker.name, broker.title, ""
        else:
            address, name, title = options.broker, "apache", f"broker {options.broker}"
            prefix = f"demo-{os.getpid()}-{_wall_ms()}."
        connection = Connection(address, prefix)
        kafka_topics.create(connection, shards=PARTITIONS)
        if prefix:
            stack.callback(remove_topics, connection)
        rate = options.rate_on(name)
        customers = options.customers_at(rate)
        world = replay or TownWorld(options.seed, customers, known=min(KNOWN, customers // 4))
        children = Children(directory, environment=os.environ)
        stack.callback(children.stop)
        settings = settings_file.write(directory, bootstrap=address, prefix=prefix)
        ports = _start(children, settings)
        wire = Wire(connection)
        stack.callback(wire.close)
        run = Run(
            tally=Tally(
                Header(title, world.name, options.seed, world.customers, answering=world.answering)
            ),
            pacer=Pacer(
                world.events(),
                rate=rate,
                speed_up=options.speed_up,
                live_from_ms=world.live_from_ms,
            ),
            world=world,
            wire=wire,
            children=children,
            ports=ports,
        )
        with Screen(run.tally, plain=options.plain) as screen:
            run.watch(screen, ending, minutes=options.minutes)
        if options.keep is not None:
            children.stop()
            dump(fetch(connection), options.keep)
    print("\nsummary of this run")
    print(summary(run.tally))
    if options.keep is not None:
        print(f"  kept                 {options.keep}: scripts/audit consent --log {options.keep}")
        print(f"                       or scripts/evaluate ope --log {options.keep}")
    return 0


def _start(children: Children, settings: Path) -> dict[str, int]:
    """Start the flows and wait until they read; returns the ports of their metrics."""
    print(f"demo: starting the flows {', '.join(FLOWS)}", file=sys.stderr)
    ports = {flow: free_port() for flow in FLOWS}
    for flow in FLOWS:
        children.start(flow, settings=settings, metrics_port=ports[flow])
    for flow in ("ingest", "decide"):
        children.wait_for(ports[flow])
    # The learner has no endpoint; what is decided before it listens is learnt late.
    children.wait_for_word("learn", "following")
    return ports


@dataclass(slots=True)
class Run:
    """The parts of one run, and its loop."""

    tally: Tally
    pacer: Pacer
    world: World
    wire: Wire
    children: Children
    ports: Mapping[str, int]
    check_s: float = 0.0
    read: list[int | None] = field(default_factory=list)

    def watch(self, screen: Screen, ending: Ending, *, minutes: float | None) -> None:
        """Send, hear and show, until the end is asked for, the time is up, or the events are."""
        began_s = time.monotonic()
        end_s = inf if minutes is None else began_s + 60 * minutes
        self.tally.began_wall_ms = self.tally.wall_ms = _wall_ms()
        while not (ending.asked or self.pacer.finished or time.monotonic() >= end_s):
            self._send()
            self._turn(screen)
        last_s = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < last_s:
            self._turn(screen)

    def _send(self) -> None:
        for record in self.pacer.due(time.monotonic()):
            self.tally.began_ms = self.tally.began_ms or max(record.at_ms, self.world.live_from_ms)
            # Told before it is sent, since the answer may be quicker than we are.
            self.tally.sent(record.event, at_ms=record.at_ms, wall_ms=_wall_ms())
            self.wire.send(record)

    def _turn(self, screen: Screen) -> None:
        for heard in self.wire.hear(wait_s=LOOP_S):
            self.tally.take(
                heard.topic, heard.body, headers=heard.headers, timestamp_ms=heard.timestamp_ms
            )
            if heard.topic == topics.OFFERS:
                self.world.hear(heard.body)
            elif heard.topic == topics.DECISIONS:
                self.world.judge(heard.body, self.tally)
        now_s = time.monotonic()
        self.tally.wall_ms = _wall_ms()
        if now_s >= self.check_s:
            self.check_s = now_s + CHECK_EVERY_S
            self.children.check()
            self._look()
        screen.show(now_s)

    def _look(self) -> None:
        """Ask the flows what they withheld, and whether they are through with the history."""
        for source, count in withheld_in(scrape(self.ports["decide"]) or "").items():
            self.tally.withheld[source] = count
        if self.pacer.copied and not self.pacer.taken_in:
            before, self.read = self.read, [self._read(flow) for flow in READ]
            self.pacer.taken_in = None not in self.read and self.read == before

    def _read(self, flow: str) -> int | None:
        """How much a flow has read; None if it is too busy to say."""
        metrics = scrape(self.ports[flow])
        return None if metrics is None else count_in(metrics, READ[flow])


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
