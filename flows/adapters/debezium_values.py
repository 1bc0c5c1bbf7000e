"""Values of columns as Kafka Connect and Debezium write them: exact decimals, instants in four units."""

import binascii
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from flows.adapters.amounts import instant_of
from flows.adapters.jsons import listing, mapping, words
from flows.adapters.shapes import refuse

DECIMAL = "org.apache.kafka.connect.data.Decimal"
VARIABLE_DECIMAL = "io.debezium.data.VariableScaleDecimal"
DAYS = frozenset({"io.debezium.time.Date", "org.apache.kafka.connect.data.Date"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: tuple[tuple[int, int], ...] = ((10**17, 1_000_000_000), (10**14, 1_000_000), (10**11, 1000))
"""From so large a number on, so many to a second: nanoseconds, microseconds, milliseconds. From 1973 to 5138
the ranges don't overlap."""
_SECONDS_MIN = 10**8
_DAYS_MAX = 10**6


def plain_row(row: dict[str, Any], schema: dict[str, Any], *, side: str | None) -> dict[str, Any]:
    """A row with its typed columns made plain, as far as a schema tells their types.

    Args:
        row: Column → value as it was sent.
        schema: Of the message, empty when it came without.
        side: The field that the row stands in; None when the row is the whole message.

    Raises:
        Refused: A column does not hold what its type says.
    """
    struct = (
        schema
        if side is None
        else next(
            (f for f in listing(schema.get("fields")) if mapping(f).get("field") == side), None
        )
    )
    types = {mapping(f).get("field"): mapping(f) for f in listing(mapping(struct).get("fields"))}
    return {column: _plain(value, types.get(column, {}), column) for column, value in row.items()}


def instant_of_column(value: object, what: str) -> str:
    """An instant as RFC 3339 out of text, or a number since 1970 whose size tells its unit.

    Raises:
        Refused: It is neither.

    Example:
        >>> instant_of_column(1582540780807, "at"), instant_of_column(18316, "at")
        ('2020-02-24T10:39:40.807000+00:00', '2020-02-24T00:00:00+00:00')
    """
    if isinstance(value, str):
        return instant_of(value, what)
    if not isinstance(value, int) or isinstance(value, bool):
        raise refuse(f"{what} is no instant")
    for least, per_second in _UNITS:
        if value >= least:
            return (_EPOCH + timedelta(microseconds=value * 1_000_000 // per_second)).isoformat()
    if value >= _SECONDS_MIN:
        return (_EPOCH + timedelta(seconds=value)).isoformat()
    if 0 <= value < _DAYS_MAX:
        return (_EPOCH + timedelta(days=value)).isoformat()
    raise refuse(f"{what} is no instant")


def _plain(value: Any, column: dict[str, Any], what: str) -> Any:
    kind = words(column.get("name"))
    if value is None:
        return None
    if kind == DECIMAL:
        scale = words(mapping(column.get("parameters")).get("scale")) or "0"
        return _unscaled(value, int(scale), what)
    if kind == VARIABLE_DECIMAL and isinstance(value, dict):
        scale = words(value.get("scale")) or "0"
        return _unscaled(value.get("value"), int(scale), what)
    return value


def _unscaled(value: object, scale: int, what: str) -> Decimal:
    """Two's complement, big-endian, in base64.

    Example:
        >>> _unscaled("AYY=", 2, "amount")
        Decimal('3.90')
    """
    if isinstance(value, Decimal | int):
        return Decimal(value)
    try:
        raw = b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        raise refuse(
            f"{what} is no decimal in base64",
            hint="send the schema too, or set decimal.handling.mode to string",
        ) from None
    return Decimal(int.from_bytes(raw, "big", signed=True)).scaleb(-scale)
