"""What can't be used, kept with its cause: the original record with Kafka Connect's error headers.

Key, value and headers are the original's, so a repaired record can be sent again as it was. Positions are
the exception: a coordinate is kept nowhere, so their value is left out and the place on the log must do.
"""

from flows.records import Headers, Record
from schemas.errors import InputError
from schemas.topics import CUSTOMER_EVENTS

CONNECT = "__connect.errors."
KEPT_BYTES_MAX = 900_000
"""Brokers refuse a record over 1 MB by default; the headers need some of that."""
COORDINATES = frozenset({"locations"})

REFUSED = "refused"
"""First header of a record on the customers' log that is no event but a dead letter to be, from ingest."""
KEYLESS = b"keyless"
"""Its value where the source record had no key; the log's key is then the place, to stay on one shard."""


def letter(record: Record, error: InputError, *, stage: str) -> tuple[bytes | None, Headers]:
    """The value and the headers of the dead letter of a record.

    Args:
        record: What was read.
        error: Why it can't be used; its detail must be redacted already.
        stage: Which stage refused it: ``decode``, ``admit``.

    Returns:
        Value and headers. ``attempts`` counts how often the record came here, ``first_seen`` is when its
        first attempt was on the log, in milliseconds since 1970.

    Example:
        >>> record = Record("feedback", 0, 7, b"c-1", b"{", (), 1_000)
        >>> value, headers = letter(record, InputError("input.malformed"), stage="decode")
        >>> value, dict(headers)["__connect.errors.exception.class.name"], dict(headers)["attempts"]
        (b'{', b'input.malformed', b'1')
    """
    earlier = dict(record.headers)
    value, omitted = _kept(record, error)
    ours: dict[str, bytes] = {
        f"{CONNECT}topic": record.topic.encode(),
        f"{CONNECT}partition": b"%d" % record.partition,
        f"{CONNECT}offset": b"%d" % record.offset,
        f"{CONNECT}stage": stage.encode(),
        f"{CONNECT}exception.class.name": error.code.encode(),
        f"{CONNECT}exception.message": str(error).encode(),
        "disposition": error.disposition.value.encode(),
        "attempts": b"%d" % (_count(earlier.get("attempts")) + 1),
        "first_seen": earlier.get("first_seen", b"%d" % record.timestamp_ms),
    }
    if omitted:
        ours["omitted"] = omitted.encode()
    kept = tuple((name, held) for name, held in record.headers if name not in ours)
    return value, (*kept, *ours.items())


def refusal(headers: Headers) -> str:
    """The error code among the headers of a dead letter."""
    return dict(headers)[f"{CONNECT}exception.class.name"].decode()


def _kept(record: Record, error: InputError) -> tuple[bytes | None, str]:
    """The value that may stay, and why it was left out."""
    if record.value is None:
        return None, ""
    if _located(record):
        return None, f"{len(record.value)} bytes that may hold coordinates"
    if len(record.value) > KEPT_BYTES_MAX:
        return None, f"{len(record.value)} bytes are too many ({error.code})"
    return record.value, ""


def _located(record: Record) -> bool:
    return record.topic in COORDINATES or (
        record.topic == CUSTOMER_EVENTS
        and record.value is not None
        and (b"latitude" in record.value or b"longitude" in record.value)
    )


def _count(text: bytes | None) -> int:
    return int(text) if text is not None and text.isdigit() else 0
