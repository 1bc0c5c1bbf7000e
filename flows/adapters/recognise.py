"""One message, whatever it is: its format told by its headers and its content, its adapter asked.

The order is: CloudEvents by header, a schema registry's frame, XML, JSON. Native JSON is tried first, so that
it costs nothing more; what is not native is looked at again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from flows.adapters import berlin_group, camt, cloudevents, debezium, jsons, native, openbanking_uk
from flows.adapters.shapes import Foreign, Message, Noted, Refused, Result, invalid
from flows.sections import Table
from schemas.errors import InputError
from schemas.events import KINDS, EventBase

FORMATS = (
    "auto",
    "native",
    "cloudevents",
    "camt",
    "debezium",
    "openbanking-uk",
    "berlin-group",
    "registry",
)
NESTING_MAX = 3
"""A CloudEvent around a registry's frame around a change event."""


class Frames(Protocol):
    """Reads what a schema registry frames: Avro and JSON Schema (`flows.adapters.registry`)."""

    def content(self, value: bytes) -> Any:
        """The parsed content behind the frame.

        Raises:
            Refused: The bytes are not of their schema, or nobody knows the schema.
            TransportError: The registry can't be reached.
        """
        ...


@dataclass(slots=True, frozen=True)
class Reader:
    """Reads messages of one topic in one format, or in any (``auto``)."""

    format: str = "auto"
    tables: Mapping[str, Table] = field(default_factory=dict)
    frames: Frames | None = None
    institution: str = ""

    def __call__(self, message: Message) -> list[Result]:
        """Everything in one message, in order; what can't be used is a value in its place."""
        if message.value is None:
            return [Noted("tombstone: the key has no value any more")]
        try:
            return self._read(
                Message(
                    message.value, cloudevents.spelt(message.headers), external=message.external
                ),
                nesting=0,
            )
        except Refused as refused:
            return [refused.error]

    def _read(self, message: Message, *, nesting: int) -> list[Result]:
        value = message.value or b""
        if nesting > NESTING_MAX:
            raise Refused(invalid("envelopes in envelopes in envelopes"))
        wanted = self.format if nesting == 0 else "auto"
        if wanted == "native":
            return [*native.read(value)]
        if wanted == "cloudevents" or (
            wanted == "auto" and cloudevents.in_headers(message.headers)
        ):
            return self._envelope(message, nesting=nesting)
        if wanted == "registry" or (wanted == "auto" and value[:1] == b"\x00" and self.frames):
            return self._framed(message, nesting=nesting)
        if wanted == "camt" or (wanted == "auto" and _is_xml(value)):
            return camt.read(message)
        return self._json(message, nesting=nesting, wanted=wanted)

    def _json(self, message: Message, *, nesting: int, wanted: str) -> list[Result]:
        """Native events first, so that they cost nothing more; what isn't one is looked at again."""
        value = message.value or b""
        if wanted != "auto":
            return self._content(jsons.parse(value), message, nesting=nesting, wanted=wanted)
        start = value[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if start not in (b"{", b"["):
            raise Refused(InputError("input.malformed", "neither JSON nor XML"))
        native_one = native.read_one(value)
        if isinstance(native_one, EventBase):
            return [native_one]
        content = jsons.parse(value)
        if "kind" in jsons.mapping(content):
            return [native_one]
        return self._content(content, message, nesting=nesting)

    def _content(
        self, content: Any, message: Message, *, nesting: int, wanted: str = "auto"
    ) -> list[Result]:
        external, bank = message.external, self.institution
        if wanted == "auto" and isinstance(content, list):
            return self._several(content, message, nesting=nesting)
        if wanted == "debezium" or (wanted == "auto" and debezium.recognises(content)):
            return debezium.read(content, tables=self.tables, external=external)
        if wanted == "openbanking-uk" or (wanted == "auto" and openbanking_uk.recognises(content)):
            found = openbanking_uk.read(content, external=external, institution=bank)
        elif wanted == "berlin-group" or (wanted == "auto" and berlin_group.recognises(content)):
            found = berlin_group.read(jsons.mapping(content), external=external, institution=bank)
        elif cloudevents.recognises(content):
            return self._opened(cloudevents.structured(content), message, nesting=nesting)
        else:
            raise Refused(
                InputError(
                    "input.unknown-kind",
                    "JSON in no format that is known",
                    hint="native events (they have a kind), camt.052 to .054, CloudEvents, Debezium, UK Open Banking"
                    " and Berlin Group are read",
                )
            )
        return found or [invalid(f"nothing that {wanted} knows is in the message")]

    def _several(self, contents: list[Any], message: Message, *, nesting: int) -> list[Result]:
        """An array is each of its elements, in order; one that can't be used does not stop the others."""
        if not contents:
            return [Noted("an empty array")]
        results: list[Result] = []
        for content in contents:
            inner = Message(jsons.dumps(content), {}, external=message.external)
            try:
                results += self._read(inner, nesting=nesting + 1)
            except Refused as refused:
                results.append(refused.error)
        return results

    def _envelope(self, message: Message, *, nesting: int) -> list[Result]:
        if cloudevents.is_structured(message.headers):
            results: list[Result] = []
            for content in cloudevents.structured_in(message.value, message.headers):
                try:
                    event = cloudevents.structured(content)
                    results += self._opened(event, message, nesting=nesting)
                except Refused as refused:
                    results.append(refused.error)
            return results
        if cloudevents.PREFIX + "specversion" in message.headers:
            event = cloudevents.binary(message.value, message.headers)
        else:
            event = cloudevents.structured(jsons.parse(message.value or b""))
        return self._opened(event, message, nesting=nesting)

    def _opened(
        self, event: cloudevents.CloudEvent, message: Message, *, nesting: int
    ) -> list[Result]:
        shown = {"attributes": event.attributes, "data": _shown(event)}
        if event.data is None:
            why = "data lies elsewhere" if "dataref" in event.attributes else "there is no data"
            return [Foreign(shown, invalid(f"CloudEvent: {why}"))]
        inner = Message(_completed(event), {}, external=message.external)
        try:
            results = self._read(inner, nesting=nesting + 1)
        except Refused as refused:
            results = [refused.error]
        foreign = all(
            isinstance(r, InputError) and r.code in ("input.unknown-kind", "input.malformed")
            for r in results
        )
        if foreign and event.attributes["type"] not in KINDS:
            error = InputError(
                "input.unknown-kind",
                "CloudEvent: its data is in no format that is known",
                hint="a native event, camt, a change event or an account-information reply",
            )
            return [Foreign(shown, error)]
        return results

    def _framed(self, message: Message, *, nesting: int) -> list[Result]:
        if self.frames is None:
            raise Refused(
                invalid("framed for a schema registry, and none is set", hint="set registry.url")
            )
        content = self.frames.content(message.value or b"")
        if isinstance(content, dict) and "kind" in content:
            return [native.read_one(jsons.dumps(content))]
        return self._content(content, message, nesting=nesting + 1)


def _is_xml(value: bytes) -> bool:
    start = value[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    return start.startswith(b"<")


def _completed(event: cloudevents.CloudEvent) -> bytes:
    """The data; a native event and a change event may leave to the envelope what it says already."""
    data, attributes = event.data or b"", event.attributes
    content = event.content
    if content is None and event.json:
        try:
            content = jsons.parse(data)
        except Refused:
            return data
    if not isinstance(content, dict):
        return data
    if attributes["type"] in KINDS and "kind" not in content:
        known = {"kind": attributes["type"], "event_id": attributes["id"]}
        if "time" in attributes:
            known["at"] = attributes["time"]
        if "subject" in attributes:
            known["customer"] = attributes["subject"]
        return jsons.dumps(known | content)
    if "iodebeziumop" in attributes and "op" not in content:
        payload = jsons.mapping(content["payload"]) if "payload" in content else content
        source = {
            name.removeprefix("iodebezium"): value
            for name, value in attributes.items()
            if name.startswith("iodebezium")
        }
        stamp = source.pop("tsms", None)
        made = {"op": source.pop("op"), "source": source, "ts_ms": None, **payload}
        if stamp is not None and str(stamp).isdigit():
            made["ts_ms"] = int(stamp)
        if "schema" in content:
            return jsons.dumps({"schema": content["schema"], "payload": made})
        return jsons.dumps(made)
    return data


def _shown(event: cloudevents.CloudEvent) -> Any:
    if event.content is not None:
        return event.content
    if event.data is None:
        return None
    if event.json:
        try:
            return jsons.parse(event.data)
        except Refused:
            pass
    return event.data.decode(errors="replace")
