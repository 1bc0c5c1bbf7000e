"""Topics put into the order in which things were caused."""

from collections.abc import Sequence

from flows import outputs
from flows.records import Record
from schemas import topics
from scripts.auditing.logs import in_order

TICK = "clock:0:5000:ab"


def event(offset: int, *, written_ms: int) -> Record:
    return Record(topics.CUSTOMER_EVENTS, 0, offset, b"c-1", b"{}", (), written_ms)


def output(topic: str, cause: str, *, offset: int, written_ms: int) -> Record:
    headers = ((outputs.ID, f"{cause}/{offset}".encode()),)
    return Record(topic, 0, offset, b"c-1", b"{}", headers, written_ms)


def order(records: Sequence[Record]) -> list[tuple[str, int]]:
    return [(record.topic, record.offset) for record in in_order(records)]


def cause(offset: int) -> str:
    return f"{topics.CUSTOMER_EVENTS}:0:{offset}:0"


def test_a_tick_comes_behind_what_was_written_before_it_on_another_topic() -> None:
    """Its own topic holds nothing else, which tells nothing of when it was."""
    log = [
        event(0, written_ms=990),
        event(1, written_ms=1_010),
        output(topics.TRANSPARENCY, cause(0), offset=0, written_ms=1_000),
        output(topics.TRANSPARENCY, cause(1), offset=1, written_ms=1_020),
        output(topics.INSIGHTS, TICK, offset=0, written_ms=1_005),
    ]
    assert order(log) == [
        (topics.CUSTOMER_EVENTS, 0),
        (topics.TRANSPARENCY, 0),
        (topics.INSIGHTS, 0),
        (topics.CUSTOMER_EVENTS, 1),
        (topics.TRANSPARENCY, 1),
    ]


def test_within_one_millisecond_the_topic_alone_tells() -> None:
    """What may have been written after the tick doesn't move it; what lies before it on its topic does."""
    log = [
        event(0, written_ms=990),
        event(1, written_ms=990),
        output(topics.INSIGHTS, cause(0), offset=0, written_ms=1_000),
        output(topics.INSIGHTS, TICK, offset=1, written_ms=1_000),
        output(topics.TRANSPARENCY, cause(1), offset=0, written_ms=1_000),
    ]
    assert order(log) == [
        (topics.CUSTOMER_EVENTS, 0),
        (topics.INSIGHTS, 0),
        (topics.INSIGHTS, 1),
        (topics.CUSTOMER_EVENTS, 1),
        (topics.TRANSPARENCY, 0),
    ]
