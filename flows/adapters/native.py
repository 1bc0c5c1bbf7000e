"""The native format: one JSON object per message, of a shape in `schemas.events`."""

from collections.abc import Callable
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import InputError
from schemas.events import EVENT, KINDS, EventBase

NEWEST_VERSION = 1
_FIELDS_NAMED_MAX = 5
_validated: Callable[[bytes], EventBase] = EVENT.validator.validate_json
"""Without what the adapter's own method asks of each call, which is a quarter of it."""
_SHAPELESS = frozenset({"union_tag_invalid", "union_tag_not_found"})


def read(value: bytes) -> list[EventBase | InputError]:
    """The one event in these bytes, or why it is none; as every adapter, a list."""
    return [read_one(value)]


def read_one(value: bytes) -> EventBase | InputError:
    """The event in these bytes, or why it is none.

    The error names fields and what is wrong with them, never a value or a name that the sender chose.

    Example:
        >>> read_one(b'{"kind": "app.opened", "customer": "c-1", "event_id": "e-1", "at": "yesterday"}')
        InputError('input.invalid', 'app.opened: at (instant_format)', '')
    """
    try:
        return _validated(value)
    except ValidationError as error:
        return _explain(error.errors(include_url=False))


def _explain(errors: list[ErrorDetails]) -> InputError:
    first = errors[0]
    if first["type"] == "json_invalid":
        return InputError("input.malformed", f"not JSON: {first['ctx']['error']}")
    if first["type"] in _SHAPELESS:
        return _explain_kind(first)
    if not first["loc"]:
        return InputError("input.invalid", "not a JSON object")
    kind = str(first["loc"][0])
    for error in errors:
        version = error["input"]
        if error["loc"][1:] == ("version",) and type(version) is int and version > NEWEST_VERSION:
            return InputError(
                "input.version-too-new",
                f"{kind} of version {version}, this release reads up to {NEWEST_VERSION}",
                hint="upgrade the workers before the producers",
            )
    named = [_field(error) for error in errors[:_FIELDS_NAMED_MAX]]
    if len(errors) > len(named):
        named.append(f"{len(errors) - len(named)} more")
    return InputError("input.invalid", f"{kind}: {', '.join(named)}", hint=_nearest(errors, kind))


def _explain_kind(error: ErrorDetails) -> InputError:
    if error["type"] == "union_tag_not_found":
        return InputError("input.invalid", "kind (missing)")
    nearest = get_close_matches(str(error["ctx"]["tag"]), KINDS, n=1)
    hint = f"the nearest known kind is {nearest[0]}" if nearest else ""
    return InputError("input.unknown-kind", "no event has this kind", hint=hint)


def _field(error: ErrorDetails) -> str:
    path = [str(part) for part in error["loc"][1:]]
    if error["type"] == "extra_forbidden":
        # The sender chose this name: it may say as much as a value does.
        path[-1] = "<unknown>"
    return f"{'.'.join(path)} ({error['type']})"


def _nearest(errors: list[ErrorDetails], kind: str) -> str:
    known = list(KINDS[kind].model_fields)
    for error in errors:
        if error["type"] == "extra_forbidden":
            nearest = get_close_matches(str(error["loc"][-1]), known, n=1)
            if nearest:
                return f"an unknown field is near {nearest[0]}"
    return ""
