"""CloudEvents 1.0 over Kafka: the envelope off, the event inside on.

Binary mode has the attributes in headers (``ce_…``) and the data as the value; structured mode has all in one
JSON. What the data is, is for the other adapters to say.

Source: CloudEvents 1.0.2, and its Kafka protocol binding and JSON event format.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.adapters.jsons import dumps, mapping, parse
from flows.adapters.shapes import Refused, refuse
from schemas.errors import InputError

PREFIX = "ce_"
STRUCTURED = "application/cloudevents"
REQUIRED = ("id", "source", "specversion", "type")
VERSION = "1.0"
_NAME = re.compile(r"^[a-z0-9]+$")
_ATTRIBUTES = frozenset({*REQUIRED, "time", "subject", "datacontenttype", "dataschema"})


@dataclass(slots=True, frozen=True)
class CloudEvent:
    """An event: ``attributes`` as text by name, extensions among them; ``data`` as bytes, None for none.

    ``content`` is the data parsed, where it came as JSON inside JSON.
    """

    attributes: dict[str, Any]
    data: bytes | None
    content: Any = field(default=None)

    @property
    def json(self) -> bool:
        """Whether the data is JSON, which it is by default."""
        kind = str(self.attributes.get("datacontenttype") or "application/json")
        media = kind.partition(";")[0].strip().lower()
        return media.endswith(("/json", "+json"))


def in_headers(headers: Mapping[str, bytes]) -> bool:
    """Whether the headers are those of a CloudEvent, in either mode.

    Example:
        >>> in_headers({"ce_specversion": b"1.0"}), in_headers({"content-type": b"application/json"})
        (True, False)
    """
    return PREFIX + "specversion" in headers or _media(headers).startswith(STRUCTURED)


def spelt(headers: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Headers as the Kafka binding spells them; bridges from HTTP leave theirs as ``Ce-Id`` and ``Content-Type``.

    Example:
        >>> spelt({"Ce-SpecVersion": b"1.0", "Content-Type": b"text/plain", "X": b"1"})
        {'ce_specversion': b'1.0', 'content-type': b'text/plain', 'X': b'1'}
    """
    made: dict[str, bytes] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower.startswith(("ce-", PREFIX)):
            made[PREFIX + lower[len(PREFIX) :]] = value
        else:
            made[lower if lower == "content-type" else name] = value
    return made


def recognises(content: Any) -> bool:
    """Whether parsed JSON is an event in structured mode."""
    return "specversion" in mapping(content)


def binary(value: bytes | None, headers: Mapping[str, bytes]) -> CloudEvent:
    """An event in binary mode.

    Raises:
        Refused: A required attribute is missing, or one is wrong.
    """
    attributes: dict[str, Any] = {}
    for name, raw in headers.items():
        if name.startswith(PREFIX):
            try:
                attributes[name.removeprefix(PREFIX)] = raw.decode()
            except UnicodeDecodeError:
                raise refuse("a CloudEvents header is not UTF-8") from None
    if "content-type" in headers:
        attributes["datacontenttype"] = headers["content-type"].decode(errors="replace")
    return CloudEvent(_checked(attributes), value)


def structured(content: Any) -> CloudEvent:
    """An event in structured mode, from its parsed JSON.

    Raises:
        Refused: It is no object, a required attribute is missing, or one is wrong.
    """
    if not isinstance(content, dict):
        raise refuse("a CloudEvent is a JSON object")
    attributes = {k: v for k, v in content.items() if k not in ("data", "data_base64")}
    event = _checked({name: value for name, value in attributes.items() if value is not None})
    if "data_base64" in content:
        if "data" in content:
            raise refuse("data and data_base64 both: which one counts can't be told")
        try:
            return CloudEvent(event, b64decode(str(content["data_base64"]), validate=True))
        except (binascii.Error, ValueError):
            raise refuse("data_base64 is not base64") from None
    if "data" not in content:
        return CloudEvent(event, None)
    data = content["data"]
    made = CloudEvent(event, None)
    if isinstance(data, str) and not made.json:
        return CloudEvent(event, data.encode())
    return CloudEvent(event, dumps(data), data)


def structured_in(value: bytes | None, headers: Mapping[str, bytes]) -> list[Any]:
    """The parsed events of a message in structured mode; a batch has several.

    Raises:
        Refused: Not JSON, or in a format that is not read (Avro, Protobuf, XML).
    """
    media = _media(headers)
    if media not in (STRUCTURED + "+json", STRUCTURED + "-batch+json"):
        raise refuse(
            "a CloudEvents format other than JSON", hint="send application/cloudevents+json"
        )
    content = parse(value or b"")
    if media.startswith(STRUCTURED + "-batch"):
        if not isinstance(content, list):
            raise refuse("a batch of CloudEvents is a JSON array")
        return content
    return [content]


def is_structured(headers: Mapping[str, bytes]) -> bool:
    """Whether the content type says structured mode; the binding asks it first."""
    return _media(headers).startswith(STRUCTURED)


def _media(headers: Mapping[str, bytes]) -> str:
    raw = headers.get("content-type", b"").decode(errors="replace")
    return raw.partition(";")[0].strip().lower()


def _checked(attributes: dict[str, Any]) -> dict[str, Any]:
    missing = [n for n in REQUIRED if not isinstance(attributes.get(n), str) or not attributes[n]]
    if missing:
        raise refuse(f"CloudEvent without {', '.join(missing)}")
    if attributes["specversion"] != VERSION:
        raise Refused(
            InputError(
                "input.version-too-new",
                f"a CloudEvent of another specification version, this release reads {VERSION}",
            )
        )
    for name, value in attributes.items():
        if not _NAME.match(name):
            raise refuse("a CloudEvents attribute whose name is not lower-case letters and digits")
        if name in _ATTRIBUTES and not isinstance(value, str):
            raise refuse(f"CloudEvent: {name} is no text")
        if not isinstance(value, str | int | bool):
            raise refuse("a CloudEvents extension that is no simple value")
    time = attributes.get("time")
    if time is not None:
        try:
            zoned = datetime.fromisoformat(time).tzinfo is not None
        except ValueError:
            zoned = False
        if not zoned:
            raise refuse("CloudEvent: time is not RFC 3339")
    return attributes
