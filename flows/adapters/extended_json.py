"""MongoDB's extended JSON, canonical or relaxed: types are objects of one key, and a row is JSON in text.

Source: MongoDB Extended JSON (v2); Debezium connector for MongoDB, «Change event values».
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from flows.adapters.jsons import parse

_NUMBER = re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$")


def document(value: Any) -> Any:
    """A row: as it is, or out of its text.

    Raises:
        Refused: It is text and no JSON.

    Example:
        >>> document('{"amount": {"$numberDecimal": "8.85005"}, "at": {"$date": 1582540780807}}')
        {'amount': Decimal('8.85005'), 'at': 1582540780807}
    """
    return _plain(parse(value.encode())) if isinstance(value, str) else value


def _number(value: Any) -> Any:
    return Decimal(str(value)) if _NUMBER.match(str(value)) else value


def _whole(value: Any) -> Any:
    return int(str(value)) if str(value).removeprefix("-").isdecimal() else value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name in _TYPES:
            return _TYPES[name](inner)
    return {name: _plain(inner) for name, inner in value.items()}


_TYPES: Mapping[str, Callable[[Any], Any]] = {
    "$numberDecimal": _number,
    "$numberDouble": _number,
    "$numberInt": _whole,
    "$numberLong": _whole,
    "$oid": str,
    "$symbol": str,
    "$date": _plain,
}
"""What stands for a type → what makes its value plain."""
