"""The whole file of a customer as one JSON object, and back: access and portability.

Stage: 1 of 8. In: customer record. Out: JSON-able body; `restore` gives an equal record.

Source: GDPR articles 15(3) and 20(1): structured, commonly used, machine-readable.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from operators.features import FEATURES, VIEWS
from operators.slots import SOURCE_OF_SLOT
from schemas.base import Purpose, stamp
from schemas.customer import (
    Contact,
    Customer,
    Grant,
    Granted,
    LiveSignal,
    OpenDecision,
    Outstanding,
    Preference,
)
from schemas.vectors import pack_vector, unpack_vector

FORMAT = "market-of-one.customer/1"
BYTES = "=base64"
"""Marks packed bytes. A key of a memory that begins with the same sign gets a second one."""
MARK = "="
_VECTORS = ("context", "action_features")


def export(me: Customer, *, now_ms: int) -> dict[str, Any]:
    """Everything that is held on a customer, with what it means in words.

    ``record`` is what `restore` reads. ``derived`` says each feature in words with its value: what we made
    of the data, for each source that a purpose may use.
    """
    return {
        "type": "customer.export",
        "format": FORMAT,
        "customer": me.customer,
        "at": stamp(now_ms),
        "consents": [
            {
                "purpose": Purpose(purpose).value,
                "source": source,
                "record_id": grant.record_id,
                "given_at": grant.position,
                "from": stamp(grant.from_ms),
                "until": None if grant.until_ms is None else stamp(grant.until_ms),
                "categories": me.category_limits.get(f"{purpose}:{source}", []),
                "channels": me.channel_limits.get(f"{purpose}:{source}", []),
            }
            for purpose, by_source in me.grants.items()
            for source, grant in by_source.items()
        ],
        "derived": list(_derived(me, now_ms=now_ms)),
        "record": plain(asdict(me) | {"open": {n: _told(one) for n, one in me.open.items()}}),
    }


def restore(body: Mapping[str, Any]) -> Customer:
    """The record in an export.

    Raises:
        ValueError: It is no export, or of another format.
        TypeError, KeyError: A part of it has another shape.
    """
    if body.get("format") != FORMAT:
        message = f"not an export of the format {FORMAT}"
        raise ValueError(message)
    fields: dict[str, Any] = dict(raw(body["record"]))
    fields["grants"] = {
        purpose: Granted((source, _grant(one)) for source, one in by_source.items())
        for purpose, by_source in fields["grants"].items()
    }
    fields["access"] = {name: _grant(one) for name, one in fields["access"].items()}
    fields["preferences"] = {c: Preference(**one) for c, one in fields["preferences"].items()}
    fields["signals"] = {n: LiveSignal(**_tuples(one)) for n, one in fields["signals"].items()}
    fields["open"] = {n: _opened(one) for n, one in fields["open"].items()}
    fields["contacts"] = [Contact(**one) for one in fields["contacts"]]
    fields["outstanding"] = {
        n: Outstanding(**_tuples(one)) for n, one in fields["outstanding"].items()
    }
    return Customer(**fields)


def _derived(me: Customer, *, now_ms: int) -> list[dict[str, Any]]:
    """Each feature in words; of several sources only while something of each of them is held."""
    found: list[dict[str, Any]] = []
    held = {SOURCE_OF_SLOT[name] for name in me.slots if name in SOURCE_OF_SLOT}
    for group in FEATURES:
        memory = me.slots.get(group.slot.name)
        if memory is None:
            continue
        values = group.read(memory, now_ms=now_ms)
        found += [
            {"feature": spec.name, "words": spec.words, "source": spec.source.value, "value": value}
            for spec, value in zip(group.specs, values, strict=True)
        ]
    for view in VIEWS:
        seen = view.look(me.slots, now_ms=now_ms)
        if seen is not None:
            found += [
                {
                    "feature": spec.name,
                    "words": spec.words,
                    "source": spec.source.value,
                    "value": view.read(seen, spec.name),
                }
                for spec in view.specs
                if spec.sources <= held
            ]
    return found


def _told(decision: OpenDecision) -> dict[str, Any]:
    """What the model saw as numbers."""
    return asdict(decision) | {n: unpack_vector(getattr(decision, n)) for n in _VECTORS}


def _opened(told: Mapping[str, Any]) -> OpenDecision:
    fields = _tuples(told) | {n: pack_vector(told[n]) for n in _VECTORS}
    # An earlier release told the offer's id as well, which follows from the decision's.
    fields.pop("offer_id", None)
    return OpenDecision(**fields)


def _grant(fields: Mapping[str, Any]) -> Grant:
    return Grant(**_tuples(fields))


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of a small record are tuples in it."""
    return {n: tuple(value) if isinstance(value, list) else value for n, value in fields.items()}


def plain(value: Any) -> Any:
    """What JSON can say: packed memories as base64, under a key that nothing else gets."""
    if isinstance(value, bytes):
        return {BYTES: b64encode(value).decode()}
    if isinstance(value, dict):
        return {_marked(str(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def _marked(key: str) -> str:
    return MARK + key if key.startswith(MARK) else key


def raw(value: Any) -> Any:
    """What `plain` was made of."""
    if isinstance(value, dict):
        if set(value) == {BYTES}:
            return b64decode(value[BYTES])
        return {
            key.removeprefix(MARK) if key.startswith(MARK) else key: raw(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [raw(inner) for inner in value]
    return value
