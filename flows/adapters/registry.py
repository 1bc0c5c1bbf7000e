"""Avro and JSON Schema behind a Confluent-compatible schema registry: the frame off, the content as JSON values.

A frame is a zero byte, the schema's id in four bytes, then the content. Schemas are fetched once an id.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from flows.adapters.shapes import Refused
from schemas.errors import InputError, TransportError

FRAME_BYTES = 5
_NOT_FOUND = 404


class RegistryFrames:
    """Reads frames; one registry, its schemas kept."""

    def __init__(self, url: str, *, user: str = "", password: str = "") -> None:
        """Point at a registry; nothing is fetched yet."""
        config: dict[str, Any] = {"url": url, "max.retries": 2, "timeout": 5}
        if user:
            config["basic.auth.user.info"] = f"{user}:{password}"
        self._client = SchemaRegistryClient(config)
        self._readers: dict[int, Callable[[bytes], Any]] = {}

    def content(self, value: bytes) -> Any:
        """The content behind a frame, in JSON's types and decimals.

        Raises:
            Refused: ``input.malformed``: no frame, an unknown schema, or content of another one.
            TransportError: ``transport.registry``: it can't be reached; the same message may be read later.
        """
        if len(value) < FRAME_BYTES or value[0] != 0:
            raise _malformed("no frame of a schema registry")
        schema_id = int.from_bytes(value[1:FRAME_BYTES], "big")
        reader = self._readers.get(schema_id)
        if reader is None:
            reader = self._readers[schema_id] = self._reader(schema_id)
        try:
            return _json(reader(value))
        except SchemaRegistryError as error:
            raise _unreachable(error) from None
        except Exception as error:  # noqa: BLE001 - a decoder fed with hostile bytes fails in its own ways
            raise _malformed(f"not of the schema that it names ({type(error).__name__})") from None

    def _reader(self, schema_id: int) -> Callable[[bytes], Any]:
        try:
            schema: Schema = self._client.get_schema(schema_id)
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                raise _malformed("its schema is not in the registry") from None
            raise _unreachable(error) from None
        except Exception as error:  # noqa: BLE001 - its HTTP library's errors differ between releases
            raise _unreachable(error) from None
        kind = (schema.schema_type or "AVRO").upper()
        context = SerializationContext("any", MessageField.VALUE)
        if kind == "AVRO":
            avro = AvroDeserializer(schema_registry_client=self._client)
            return lambda value: avro(value, context)
        if kind == "JSON":
            checked = JSONDeserializer(schema.schema_str, schema_registry_client=self._client)
            return lambda value: checked(value, context)
        raise _malformed("a schema that is neither Avro nor JSON Schema")


def _json(value: Any) -> Any:
    """Avro's logical types as text and decimals.

    Example:
        >>> from decimal import Decimal
        >>> _json({"on": date(2026, 3, 1), "raw": [Decimal("1.50")]})
        {'on': '2026-03-01', 'raw': [Decimal('1.50')]}
    """
    if isinstance(value, dict):
        return {str(key): _json(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        raise ValueError("bytes")  # noqa: TRY004 - what to do is the same as with any other flaw
    return value


def _malformed(what: str) -> Refused:
    return Refused(InputError("input.malformed", what))


def _unreachable(error: Exception) -> TransportError:
    return TransportError(
        "transport.registry",
        type(error).__name__,
        hint="check ingest.registry_url and its credentials, and that the registry is up",
    )
