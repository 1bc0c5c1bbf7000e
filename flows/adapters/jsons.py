"""JSON read exactly: decimals stay decimals, keys come once, nesting is bounded."""

import json
from decimal import Decimal
from typing import Any

from flows.adapters.shapes import Refused
from schemas.errors import InputError

DEPTH_MAX = 64
_BOM = b"\xef\xbb\xbf"


def parse(value: bytes) -> Any:
    """The value in these bytes; numbers with a point are `Decimal`, so that no amount is rounded.

    Raises:
        Refused: ``input.malformed``: not UTF-8, not JSON, a key twice, NaN, nested too deep.

    Example:
        >>> parse(b'{"amount": 0.1}')
        {'amount': Decimal('0.1')}
    """
    try:
        text = value.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise _malformed(f"not UTF-8 at byte {error.start}") from None
    try:
        return json.loads(
            text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once
        )
    except json.JSONDecodeError as error:
        raise _malformed(f"not JSON: {error.msg} at line {error.lineno}") from None
    except RecursionError:
        raise _malformed("JSON nested too deep") from None
    except ValueError:
        raise _malformed("not JSON: a number is too long") from None


def dumps(value: Any) -> bytes:
    """JSON again; a decimal as the number that it was, bytes are refused."""
    return json.dumps(value, default=_plain, ensure_ascii=False).encode()


def mapping(value: object) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listing(value: object) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def words(value: object) -> str | None:
    """The value if it is text with something in it, or a number, as text; else None."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _malformed("JSON with a key twice: which one is meant can't be told")
    return made


def _no_constant(_: str) -> Any:
    raise _malformed("JSON with NaN or infinity")


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        number = float(value)
        return number if Decimal(repr(number)) == value else format(value, "f")
    return str(value)


def _malformed(what: str) -> Refused:
    return Refused(InputError("input.malformed", what))
