"""Where the bytes of a record go: how long each of its fields is, and what it adds once all is squeezed."""

from dataclasses import fields
from typing import NamedTuple

from msgspec.msgpack import Encoder

from schemas.customer import Customer
from state.layout import encode_body
from state.squeeze import squeeze

_PACK = Encoder().encode
_FIELDS = tuple(field.name for field in fields(Customer))
_APART = "slots"


class Size(NamedTuple):
    """Bytes of a field: ``plain`` as it is written, ``added`` what the squeezed record would be shorter without it."""

    plain: int
    added: int


def sizes(record: Customer) -> dict[str, Size]:
    """Field → its bytes, what adds most first; memories one by one as ``slots.<name>``, their names included.

    Example:
        >>> sizes(Customer("c-1", slots={"cash@1": b"12345678"}))["slots.cash@1"].plain
        17
    """
    body = encode_body(record)
    whole = len(squeeze(_PACK(body)))
    found: dict[str, Size] = {}
    for at, (name, part) in enumerate(zip(_FIELDS, body, strict=True)):
        if name == _APART:
            for slot, memory in part.items():
                others = {other: kept for other, kept in part.items() if other != slot}
                less = [*body[:at], others, *body[at + 1 :]]
                plain = len(_PACK(slot)) + len(_PACK(memory))
                found[f"{name}.{slot}"] = Size(plain, whole - len(squeeze(_PACK(less))))
        else:
            less = [*body[:at], *body[at + 1 :]]
            found[name] = Size(len(_PACK(part)), whole - len(squeeze(_PACK(less))))
    return dict(sorted(found.items(), key=lambda one: -one[1].added))
