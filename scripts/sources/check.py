"""Files of a source, read with the adapters: each event, note or cause as a line of JSON."""

import gzip
import json
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from flows.adapters.complete import complete, pseudonyms
from flows.adapters.jsons import parse
from flows.adapters.recognise import Reader
from flows.adapters.registry import RegistryFrames
from flows.adapters.shapes import Foreign, Found, Message, Noted, Refused, Result
from flows.decode import CURRENCIES, encode
from flows.settings import load
from schemas.errors import ConfigError, InputError, TransportError
from schemas.events import EventBase

BYTES_MAX = 64 * 1024 * 1024
"""Of one file, unpacked."""
_GZIP = b"\x1f\x8b"
_HOLDER = "somebody"
"""Stands in for the customer, so that the rest of an event can be checked."""


def run(
    files: Sequence[Path], *, form: str, external: bool | None, tables: Path | None, registry: str
) -> int:
    """Print what is in the files; 1 if anything was refused."""
    try:
        known = load(tables).ingest.tables
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    reader = Reader(form, tables=known, frames=RegistryFrames(registry) if registry else None)
    counts: Counter[str] = Counter()
    for path in files:
        for index, result in enumerate(_results(path, reader, external=external)):
            line = {"file": path.name, "index": index} | shown(result)
            counts["refused" if "cause" in line and "content" not in line else _sort(line)] += 1
            sys.stdout.write(json.dumps(line, ensure_ascii=False, default=_plain) + "\n")
    told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    sys.stderr.write(f"{len(files)} files: {told or 'nothing in them'}\n")
    return 1 if counts["refused"] else 0


def shown(result: Result) -> dict[str, Any]:
    """One result as a line: ``event``, ``note`` or ``cause``."""
    if isinstance(result, Found):
        customer = result.body.get("customer", _HOLDER)
        wrong = _wrong(complete(result, customer, pseudonym=pseudonyms("")))
        if wrong is not None:
            return _cause(wrong)
        holder = {"scheme": result.holder.scheme, "id": result.holder.id}
        if result.holder.issuer:
            holder["issuer"] = result.holder.issuer
        return {"event": result.body, "holder": holder}
    if isinstance(result, Noted):
        return {"note": result.what, "content": result.content}
    if isinstance(result, Foreign):
        return {"note": "read, and not used", "content": result.content} | _cause(result.error)
    if isinstance(result, InputError):
        return _cause(result)
    wrong = _wrong(result)
    return {"event": orjson.loads(encode(result))} if wrong is None else _cause(wrong)


def _wrong(event: EventBase | InputError) -> InputError | None:
    if isinstance(event, InputError):
        return event
    if getattr(event, "currency", "EUR") not in CURRENCIES:
        return InputError("input.unknown-currency", "currency is not of ISO 4217")
    return None


def _cause(error: InputError) -> dict[str, Any]:
    line = {"cause": error.code, "detail": error.detail}
    return line | ({"hint": error.hint} if error.hint else {})


def _sort(line: dict[str, Any]) -> str:
    if "event" in line:
        return "events"
    return "read and not used" if "cause" in line else "notes"


def _results(path: Path, reader: Reader, *, external: bool | None) -> Iterator[Result]:
    try:
        for message, foreign in _messages(_content(path)):
            side = _outside(message, foreign) if external is None else external
            yield from reader(Message(message.value, message.headers, external=side))
    except Refused as refused:
        yield refused.error
    except TransportError as error:
        yield InputError("input.malformed", str(error))


def _content(path: Path) -> bytes:
    """The bytes of a file, unpacked.

    Raises:
        Refused: It can't be read, is cut, or larger than `BYTES_MAX`.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if packed else raw
            value = stream.read(BYTES_MAX + 1)
    except EOFError:
        raise Refused(InputError("input.malformed", "gzip that is cut")) from None
    except (OSError, zlib.error) as error:
        what = getattr(error, "strerror", None) or "gzip that is damaged"
        raise Refused(InputError("input.malformed", what)) from None
    if len(value) > BYTES_MAX:
        raise Refused(InputError("input.too-large", f"more than {BYTES_MAX} bytes unpacked"))
    return value


def _messages(value: bytes) -> Iterator[tuple[Message, Any]]:
    """The messages of a file, each with its JSON where it is some: one, an array of them, or one a line."""
    start = value[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"{", b"[")):
        yield Message(value), None
        return
    try:
        content = parse(value)
    except Refused as refused:
        lines = [line for line in value.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.lstrip()[:1] == b"{" for line in lines) and _whole(lines[0]):
            for line in lines:
                yield from _line(line)
            return
        raise refused from None
    if isinstance(content, list):
        array = orjson.loads(value)
        for inner in array:
            yield Message(orjson.dumps(inner)), inner
        return
    kept = _kcat(content)
    yield (kept, None) if kept is not None else (Message(value), content)


def _line(line: bytes) -> Iterator[tuple[Message, Any]]:
    try:
        content = parse(line)
    except Refused:
        yield Message(line), None
        return
    kept = _kcat(content)
    yield (kept, None) if kept is not None else (Message(line), content)


def _whole(line: bytes) -> bool:
    try:
        parse(line)
    except Refused:
        return False
    return True


def _kcat(content: Any) -> Message | None:
    """A record as ``kcat -J`` prints it: headers in turn name and value, the value under ``payload``."""
    if not (
        isinstance(content, dict)
        and "payload" in content
        and isinstance(content.get("headers"), list)
    ):
        return None
    pairs = content["headers"]
    headers = {
        str(name): str(held).encode() for name, held in zip(pairs[::2], pairs[1::2], strict=False)
    }
    payload = content["payload"]
    return Message(None if payload is None else str(payload).encode(), headers)


def _outside(message: Message, content: Any) -> bool:
    """Account-information replies are about other banks, all else about this one, unless one says otherwise."""
    del message
    return isinstance(content, dict) and (
        "Data" in content
        or "transactions" in content
        or "balances" in content
        or "accounts" in content
        or "cardTransactions" in content
        or "cardAccounts" in content
    )


def _plain(value: object) -> object:
    return str(value)
