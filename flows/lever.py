"""Set a governed lever of the learner: `python -m flows lever half_life_days 90`.

It is a record on the log of lessons, so it takes effect at its place there, stands for an audit, and is there
again when the log is read from its beginning.
"""

import argparse
import time
from uuid import uuid4

import orjson

from flows import outputs
from flows.access import connection_of
from flows.kafka.sink import LogWriter
from flows.records import Parcel
from flows.settings import Settings
from operators.bandits.ridge import Levers
from operators.drift import BOUNDS, LEVER, pull
from schemas import topics
from schemas.decisions import Lesson
from schemas.errors import ConfigError, TransportError

SOURCE = b"/market-of-one/lever"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked for."""
    parser.add_argument("name", choices=sorted(BOUNDS))
    parser.add_argument("value", type=float)


def set_lever(settings: Settings, options: argparse.Namespace) -> list[str]:
    """Write the record; what was written, in words.

    Raises:
        ConfigError: The lever can't stand there. Disposition: halt.
        TransportError: The brokers can't be reached, or refuse us.
    """
    lesson = lever(options.name, options.value)
    writer = LogWriter(connection_of(settings))
    head = outputs.headers(
        record_id=lesson.lesson_id.encode(), source=SOURCE, kind=f"lesson.{LEVER}"
    )
    try:
        parcel = Parcel(topics.LESSONS, LEVER.encode(), orjson.dumps(lesson), head, lambda *_: None)
        writer.send(parcel)
    finally:
        left = writer.close()
    if left:
        raise TransportError(
            "transport.sink", "the lever was not acknowledged", hint="set it again: twice is once"
        )
    return [f"{options.name} is {options.value:g} from here on"]


def lever(name: str, value: float) -> Lesson:
    """The record that sets a lever.

    Raises:
        ConfigError: It can't stand there. Disposition: halt.
    """
    at_ms = time.time_ns() // 1_000_000
    lesson = Lesson(uuid4().hex, LEVER, "", at_ms, action=name, label=value)
    if pull(Levers(), lesson) is None:
        low, high = BOUNDS[name]
        raise ConfigError(
            "config.bad-value",
            f"{name} can't stand at {value:g}",
            hint=f"it goes from {low:g} to {high:g}",
        )
    return lesson
