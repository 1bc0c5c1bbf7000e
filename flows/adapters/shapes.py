"""What goes into an adapter and what comes out of it: a message; what was found in it, left out, or is wrong.

Most sources know accounts and no customers. What an adapter finds therefore names a `Holder`, an id at its
source, in the customer's place; `flows.identity` puts the customer in. Until then account numbers and names
stand as the source wrote them; they go no further than that step, which replaces them by pseudonyms.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import InputError
from schemas.events import EventBase


@dataclass(slots=True, frozen=True)
class Message:
    """One message as it came: ``headers`` are Kafka's, by name; ``external`` when it is about another bank."""

    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)
    external: bool = False


@dataclass(slots=True, frozen=True)
class Holder:
    """Whose it is, as the source says it: ``scheme`` (iban, account, openbanking, customer…), id, issuer."""

    scheme: str
    id: str
    issuer: str = ""


@dataclass(slots=True, frozen=True)
class Found:
    """A native event but for its customer: ``body`` has its fields, ids of accounts still the source's own."""

    holder: Holder
    body: dict[str, Any]


@dataclass(slots=True, frozen=True)
class Noted:
    """Something that was read and is no event: information, a tombstone, a statement's own figures."""

    what: str
    content: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Foreign:
    """An envelope that was read, around something that nobody told us how to use."""

    content: dict[str, Any]
    error: InputError


Result = EventBase | Found | Noted | Foreign | InputError
Adapter = Callable[[Message], list[Result]]
"""Reads one message; gives what is in it, in order; never raises but for a registry that can't be reached."""


def invalid(what: str, *, hint: str = "") -> InputError:
    """The everyday refusal: ``input.invalid``, with names of fields and never a value."""
    return InputError("input.invalid", what, hint=hint)


class Refused(Exception):  # noqa: N818 - what it carries is the error
    """Leaves a parser at any depth with its cause; caught where the adapter returns."""

    def __init__(self, error: InputError) -> None:
        self.error = error
        super().__init__(error)


def refuse(what: str, *, hint: str = "") -> Refused:
    """`invalid`, to be raised."""
    return Refused(invalid(what, hint=hint))
