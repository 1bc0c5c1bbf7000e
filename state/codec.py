"""One customer record to bytes and back, exactly: a version byte, a checksum, a positional body.

Layout of a value: ``version (1 byte) | CRC-32 of version and body (4 bytes, big-endian) | body``.
The body is JSON without field names: fields in the order of `_encode_body`, which is frozen for a version.
A change of shape is a new version and one line in `UPCASTERS`; old bytes are then read for ever.

What does not come back equal is refused by the in-memory twin (`state.memory`) in every test and simulation:
NaN and infinities (JSON has none), tuples inside a slot's memory (they would come back as lists), keys that
are not strings.
"""

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any
from zlib import crc32

import orjson

from schemas.customer import Contact, Customer, Grant, LiveSignal, OpenDecision, Preference
from schemas.errors import StateError

VERSION = 1
Upcaster = Callable[[list[Any]], list[Any]]
UPCASTERS: Mapping[int, Upcaster] = {}
"""Version → what makes a body of the next version of it."""

RESTORE_HINT = (
    "stop the worker, restore the shard's backup or remove its directory, start again: "
    "the log is read anew from the position that is found"
)
_HEADER = Struct(">BI")
_KEYS_LIKE_STR = orjson.OPT_NON_STR_KEYS
"""Members of StrEnum are keys too; orjson takes them only so."""


def encode(customer: Customer) -> bytes:
    """The bytes of a record, of the newest version.

    Raises:
        TypeError: A memory holds what JSON can't say (a bug of the plug-in, so not a `StateError`).

    Example:
        >>> decode(encode(Customer("c-1", since_ms=5))) == Customer("c-1", since_ms=5)
        True
    """
    return seal(orjson.dumps(_encode_body(customer), option=_KEYS_LIKE_STR), version=VERSION)


def decode(data: bytes) -> Customer:
    """The record in these bytes, whatever version wrote them.

    Raises:
        StateError: ``state.corrupt`` when a byte is not what was written, ``state.version-too-new``
            when a later release wrote it. Disposition: halt.
    """
    version, body = unseal(data, newest=VERSION, what="customer record")
    try:
        fields = orjson.loads(body)
        if version != VERSION:
            fields = upcast(fields, version=version, newest=VERSION, upcasters=UPCASTERS)
        return _decode_body(fields)
    except (orjson.JSONDecodeError, TypeError, ValueError) as error:
        raise _corrupt(f"customer record of version {version} has another layout") from error


def upcast(
    body: list[Any], *, version: int, newest: int, upcasters: Mapping[int, Upcaster]
) -> list[Any]:
    """The body as the newest version writes it, one step of `upcasters` at a time.

    Raises:
        StateError: ``state.corrupt`` when no upcaster leads on from a version.

    Example:
        >>> upcast(["c-1"], version=1, newest=2, upcasters={1: lambda body: [*body, 0]})
        ['c-1', 0]
    """
    for step in range(version, newest):
        if step not in upcasters:
            raise _corrupt(f"no upcaster leads on from version {step}")
        body = upcasters[step](body)
    return body


def seal(body: bytes, *, version: int) -> bytes:
    """The version byte and the checksum before a body."""
    return _HEADER.pack(version, crc32(body, version)) + body


def unseal(data: bytes, *, newest: int, what: str) -> tuple[int, bytes]:
    """The version and the body of sealed bytes; ``what`` names them in the error.

    Raises:
        StateError: ``state.corrupt`` or ``state.version-too-new``.

    Example:
        >>> unseal(seal(b"[]", version=1), newest=1, what="note")
        (1, b'[]')
    """
    if len(data) < _HEADER.size:
        raise _corrupt(f"{what} of {len(data)} bytes is too short")
    version, checksum = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if crc32(body, version) != checksum:
        raise _corrupt(f"{what} fails its checksum")
    if version > newest:
        raise StateError(
            "state.version-too-new",
            f"{what} has version {version}, this release reads up to {newest}",
            hint="start the release that wrote it, or a newer one",
        )
    if version == 0:
        raise _corrupt(f"{what} has version 0, which no release wrote")
    return version, body


def _corrupt(detail: str) -> StateError:
    return StateError("state.corrupt", detail, hint=RESTORE_HINT)


def _encode_body(customer: Customer) -> list[Any]:
    return [
        customer.customer,
        customer.since_ms,
        customer.latest_ms,
        {
            purpose: {source: _encode_grant(grant) for source, grant in by_source.items()}
            for purpose, by_source in customer.grants.items()
        },
        customer.refusals,
        customer.withdrawn,
        customer.objections,
        customer.vulnerable,
        {
            channel: [preference.enabled, preference.quiet_from_hour, preference.quiet_to_hour]
            for channel, preference in customer.preferences.items()
        },
        customer.profile,
        customer.products,
        customer.slots,
        {name: _encode_signal(signal) for name, signal in customer.signals.items()},
        {decision: _encode_open(held) for decision, held in customer.open.items()},
        [[said.at_ms, said.action, said.kind, said.channel] for said in customer.contacts],
        customer.rests,
        customer.mistrusted,
        customer.recent,
        customer.timers,
        customer.decision_count,
        customer.previous_digest,
    ]


def _encode_grant(grant: Grant) -> list[Any]:
    fields: list[Any] = [grant.record_id, grant.position, grant.from_ms, grant.until_ms]
    # Left out when empty, which it nearly always is: records written before it existed read the same.
    return [*fields, grant.special] if grant.special else fields


def _decode_grant(
    record_id: str,
    position: str,
    from_ms: int,
    until_ms: int | None,
    special: Sequence[str] = (),
) -> Grant:
    return Grant(record_id, position, from_ms, until_ms, tuple(special))


def _decode_body(body: list[Any]) -> Customer:
    # Unpacked, so that a body of another length is an error and never a shifted record.
    (
        customer,
        since_ms,
        latest_ms,
        grants,
        refusals,
        withdrawn,
        objections,
        vulnerable,
        preferences,
        profile,
        products,
        slots,
        signals,
        held,
        contacts,
        rests,
        mistrusted,
        recent,
        timers,
        decision_count,
        previous_digest,
    ) = body
    return Customer(
        customer,
        since_ms,
        latest_ms,
        {
            purpose: {source: _decode_grant(*grant) for source, grant in by_source.items()}
            for purpose, by_source in grants.items()
        },
        refusals,
        withdrawn,
        objections,
        vulnerable,
        {channel: Preference(*preference) for channel, preference in preferences.items()},
        profile,
        products,
        slots,
        {name: _decode_signal(signal) for name, signal in signals.items()},
        {decision: _decode_open(fields) for decision, fields in held.items()},
        [Contact(*said) for said in contacts],
        rests,
        mistrusted,
        recent,
        timers,
        decision_count,
        previous_digest,
    )


def _encode_signal(signal: LiveSignal) -> list[Any]:
    return [
        signal.at_ms,
        signal.until_ms,
        signal.strength,
        signal.sources,
        signal.words,
        signal.evidence,
    ]


def _decode_signal(fields: list[Any]) -> LiveSignal:
    at_ms, until_ms, strength, sources, words, evidence = fields
    return LiveSignal(at_ms, until_ms, strength, tuple(sources), words, evidence)


def _encode_open(held: OpenDecision) -> list[Any]:
    return [
        held.decision_id,
        held.at_ms,
        held.action,
        held.purpose,
        held.channel,
        held.arm,
        held.propensity,
        held.model,
        held.context,
        held.action_features,
        held.sources,
        held.until_ms,
        held.trainable,
        held.offer_id,
        held.label,
        held.last_outcome,
    ]


def _decode_open(fields: list[Any]) -> OpenDecision:
    *before, context, action_features, sources, until_ms, trainable, offer_id, label, last = fields
    decision_id, at_ms, action, purpose, channel, arm, propensity, model = before
    return OpenDecision(
        decision_id,
        at_ms,
        action,
        purpose,
        channel,
        arm,
        propensity,
        model,
        tuple(context),
        tuple(action_features),
        tuple(sources),
        until_ms,
        trainable,
        offer_id,
        label,
        last,
    )
