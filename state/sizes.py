"""Where the bytes of a record go: how long each of its fields is as the codec writes it."""

from dataclasses import fields

from msgspec.msgpack import Encoder

from schemas.customer import Customer
from state.layout import encode_body

_PACK = Encoder().encode
_FIELDS = tuple(field.name for field in fields(Customer))
_APART = "slots"


def sizes(record: Customer) -> dict[str, int]:
    """Field → bytes, longest first; memories one by one as ``slots.<name>``, their names included.

    Example:
        >>> sizes(Customer("c-1", slots={"cash@1": b"12345678"}))["slots.cash@1"]
        17
    """
    found: dict[str, int] = {}
    for name, part in zip(_FIELDS, encode_body(record), strict=True):
        if name == _APART:
            found |= {
                f"{name}.{slot}": len(_PACK(slot)) + len(_PACK(memory))
                for slot, memory in part.items()
            }
        else:
            found[name] = len(_PACK(part))
    return dict(sorted(found.items(), key=lambda one: -one[1]))
