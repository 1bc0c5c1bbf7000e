"""Law of the adapters: whatever is done to a message, it becomes events or causes, and no failure."""

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.adapters.complete import complete, pseudonyms
from flows.adapters.recognise import Reader
from flows.adapters.shapes import Found, Message, Refused, Result
from flows.settings import load
from schemas.errors import CODES, InputError
from schemas.events import EVENT, EventBase

DATA = Path(__file__).parents[1] / "data"
SAMPLES = [
    *sorted(path.read_bytes() for path in (DATA / "sources").iterdir() if path.is_file()),
    *sorted(line for path in (DATA / "events").glob("*.jsonl") for line in path.read_bytes().splitlines()),
]  # fmt: skip
READER = Reader("auto", tables=load(None).ingest.tables)
VALUE = re.compile(rb'>([^<>\s][^<>]*)<|:\s*("[^"]*"|-?[0-9.]+|true|false|null)')
TOKENS = (
    b"", b"-1", b"+5", b"1e999", b"NaN", b"Infinity", b"null", b"[]", b"{}", b"1,50", b"1_000", b" 5 ", b"0x10",
    b"9" * 30, b"0." + b"0" * 25 + b"1", b"ZZZ", b"eur", b"\xff\xfe", b"\0", b"2024-02-30", b"24:00:00", b"-0001",
    b"9999-12-31T23:59:59.999999999+14:00", b"0001-01-01T00:00:00-14:00", "٣".encode(), "\U0001f4a9".encode(),
)  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "latin-1", "cp037", "utf-7", "utf-8-sig")
VERSION = re.compile(rb"camt\.05\d\.001\.\d\d")


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A sample that was cut, garbled, written in another way, or says something else somewhere."""
    value = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(1, 2))):
        match draw(
            st.sampled_from(["cut", "garbled", "encoded", "said", "said", "twice", "version"])
        ):
            case "cut":
                value = value[: draw(st.integers(0, len(value)))]
            case "garbled" if value:
                at = draw(st.integers(0, len(value) - 1))
                value = value[:at] + bytes([draw(st.integers(0, 255))]) + value[at + 1 :]
            case "encoded":
                text = value.decode(errors="replace")
                value = text.encode(draw(st.sampled_from(ENCODINGS)), "replace")
            case "said":
                value = _said(draw, value)
            case "twice":
                start, end = sorted(draw(st.tuples(*[st.integers(0, len(value))] * 2)))
                value = value[:end] + value[start:end] + value[end:]
            case "version":
                named = b"camt.05%d.001.%02d" % draw(
                    st.tuples(st.integers(0, 9), st.integers(0, 99))
                )
                value = VERSION.sub(named, value)
    return value


def _said(draw: st.DrawFn, value: bytes) -> bytes:
    spots = list(VALUE.finditer(value))
    if not spots:
        return value
    spot = draw(st.sampled_from(spots))
    group = 1 if spot[1] is not None else 2
    token = draw(st.sampled_from(TOKENS))
    if group == 2 and draw(st.booleans()):
        token = b'"' + token + b'"'
    return value[: spot.start(group)] + token + value[spot.end(group) :]


def _read(message: Message) -> list[Result]:
    try:
        return list(READER(message))
    except Refused as refused:
        return [refused.error]


@settings(max_examples=400, deadline=None)
@given(value=spoilt(), external=st.booleans())
def test_a_spoilt_message_is_read_or_refused(value: bytes, *, external: bool) -> None:
    """Each result is a whole event in a known currency, a note, or a cause that the documents explain."""
    for result in _read(Message(value, external=external)):
        made = result
        if isinstance(result, Found):
            made = complete(result, "somebody", pseudonym=pseudonyms(""))
        if isinstance(made, InputError):
            assert made.code in CODES
            assert made.detail
        elif isinstance(made, EventBase):
            assert EVENT.validate_json(made.model_dump_json(exclude_none=True)) == made


def test_samples_are_there() -> None:
    """The law is about something: XML and JSON of every source."""
    assert len(SAMPLES) > 30
    assert any(sample.lstrip().startswith(b"<") for sample in SAMPLES)
