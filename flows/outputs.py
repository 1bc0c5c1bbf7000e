"""From an outcome to records: which topic, which bytes, which CloudEvents headers.

The same event gives the same bytes and the same id, so a record that is sent twice is known by its id.
What is measured and not decided, the latency, is a header: in the body it would change the bytes.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from flows.records import Headers
from schemas import topics
from schemas.decisions import Outcome

SPEC: tuple[str, bytes] = ("ce_specversion", b"1.0")
JSON: tuple[str, bytes] = ("content-type", b"application/json")
LATENCY = "latency_us"
ID = "ce_id"
SOURCE = "ce_source"
KIND = "ce_type"


def source_of(shard: int) -> bytes:
    """Which shard speaks, as a CloudEvents source.

    Example:
        >>> source_of(7)
        b'/market-of-one/decide/7'
    """
    return b"/market-of-one/decide/%d" % shard


def messages(outcome: Outcome) -> Iterator[tuple[str, str, bytes]]:
    """Everything an outcome says, as (topic's role, type, JSON), in a fixed order."""
    if outcome.decision is not None:
        yield topics.DECISIONS, "decision.made", outcome.sealed or encode(outcome.decision)
    for role, said in (
        (topics.OFFERS, outcome.offers),
        (topics.INSIGHTS, outcome.insights),
        (topics.TRANSPARENCY, outcome.transparency),
        (topics.IMPACT, outcome.impact),
        (topics.REVIEWS, outcome.reviews),
    ):
        for body in said:
            yield role, str(body.get("type", role)), encode(body)
    for lesson in outcome.lessons:
        yield topics.LESSONS, f"lesson.{lesson.kind}", encode(lesson)


def encode(body: Any) -> bytes:
    """The body as JSON.

    Example:
        >>> encode({"type": "offer.issued", "until": None})
        b'{"type":"offer.issued","until":null}'
    """
    try:
        return orjson.dumps(body)
    except TypeError:
        # A key that is no plain string. To allow for one costs as much again, and nearly nothing has one.
        return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)


def headers(*, record_id: bytes, source: bytes, kind: str) -> Headers:
    """CloudEvents 1.0 in Kafka's binary mode."""
    return (SPEC, (ID, record_id), (SOURCE, source), (KIND, kind.encode()), JSON)
