"""Laws of the event shapes, over every kind: a golden sample, exact round trips, nothing guessed."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from flows.decode import encode
from schemas.events import EVENT, KINDS, TOPIC_OF_KIND_PREFIX, EventBase
from schemas.topics import SOURCES_IN

SAMPLES = Path(__file__).parent.parent / "data" / "events"


def samples(kind: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (SAMPLES / f"{kind}.jsonl").read_bytes().splitlines()]


def read(sample: object) -> EventBase:
    return EVENT.validate_json(orjson.dumps(sample))


def numbers() -> list[tuple[str, str]]:
    return [
        (kind, name)
        for kind in KINDS
        for name, value in samples(kind)[0].items()
        if type(value) in (int, float) and name != "version"
    ]


def test_every_kind_has_a_sample_and_every_sample_a_kind() -> None:
    """The files of golden samples are the kinds, no more and no less."""
    assert {path.stem for path in SAMPLES.glob("*.jsonl")} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_sample_round_trips(kind: str) -> None:
    """A sample reads as its kind's shape and comes back equal from its own bytes, used or not."""
    for sample in samples(kind):
        event = read(sample)
        assert type(event) is KINDS[kind]
        # A cached property must not find its way onto the wire.
        assert event.at_ms > 0
        assert EVENT.validate_json(encode(event)) == event
        assert set(orjson.loads(encode(event))) >= set(sample)


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_field_is_refused(kind: str) -> None:
    """A field that the shape does not know is an error, so that a slip never drops data."""
    with pytest.raises(ValidationError, match="extra_forbidden"):
        read(samples(kind)[0] | {"amout": 1})


@pytest.mark.parametrize(
    "at",
    ["2026-03-01T09:00:00", "2026-03-01", "yesterday", "1740819600", 1740819600, 1.5, True, None],
)
@pytest.mark.parametrize("kind", KINDS)
def test_instant_without_offset_is_refused(kind: str, at: object) -> None:
    """An instant is text with an offset: a naive one or a number would be a guess."""
    with pytest.raises(ValidationError):
        read(samples(kind)[0] | {"at": at})


@pytest.mark.parametrize(("kind", "name"), numbers())
def test_number_is_a_number(kind: str, name: str) -> None:
    """Text is no number, nor is true, and NaN and infinity are nowhere."""
    sample = samples(kind)[0]
    for wrong in (str(sample[name]), True, [sample[name]]):
        with pytest.raises(ValidationError):
            read(sample | {name: wrong})
    for word in (b"NaN", b"Infinity", b"-Infinity", b"1e999"):
        raw = orjson.dumps(sample | {name: "@"}).replace(b'"@"', word)
        with pytest.raises(ValidationError):
            EVENT.validate_json(raw)


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_not_a_number(kind: str) -> None:
    """A number where a word belongs is refused."""
    with pytest.raises(ValidationError):
        read(samples(kind)[0] | {"customer": 7})


@pytest.mark.parametrize("kind", KINDS)
def test_event_is_frozen(kind: str) -> None:
    """Nobody changes what happened."""
    event: Any = read(samples(kind)[0])
    with pytest.raises(ValidationError, match="frozen_instance"):
        event.customer = "c-2"


def test_every_kind_has_a_topic() -> None:
    """Each kind but the clock's belongs on an input topic, and no topic is named for nothing."""
    prefixes = {kind.split(".")[0] for kind in KINDS}
    assert set(TOPIC_OF_KIND_PREFIX) == prefixes - {"clock", "customer"}
    assert set(TOPIC_OF_KIND_PREFIX.values()) == set(SOURCES_IN)
