"""Source adapters: what turns the bytes of an input topic into events. One line each in `SOURCES`.

An adapter reads one message and gives its events in order, an `InputError` in the place of each that
can't be used; it never raises. Checks that need more than the message itself are in `flows.decode`.
"""

from collections.abc import Callable, Mapping

from flows.adapters import native
from schemas.errors import InputError
from schemas.events import EventBase
from schemas.topics import CUSTOMER_EVENTS, SOURCES_IN

Adapter = Callable[[bytes], list[EventBase | InputError]]

SOURCES: Mapping[str, Adapter] = {
    **dict.fromkeys(SOURCES_IN, native.read),
    CUSTOMER_EVENTS: native.read,
}
"""Topic (without the deployment's prefix) → its adapter."""
