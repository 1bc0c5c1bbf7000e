"""The fields of a customer record in the order in which the newest version of the codec writes them.

The order is frozen for a version. A change is a new version in `state.codec`, with an upcaster in `state.upcasts`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Raw
from msgspec.msgpack import Encoder

from schemas.base import DAY_MS
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

ID_DIGITS: Final = 32
"""Texts of so many hexadecimal digits or more are ids and digests, which are kept as their bytes."""
TERMS: Final = 5
"""How many terms a consent has; the sources that it gave stand behind them in a row."""
_PACK: Final = Encoder().encode


def encode_body(customer: Customer) -> list[Any]:
    """The fields in their frozen order, made of what MessagePack knows."""
    return [
        customer.customer,
        customer.since_ms,
        customer.latest_ms,
        {purpose: _packed(by_source) for purpose, by_source in customer.grants.items()},
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
        [_encode_open(decision, held) for decision, held in customer.open.items()],
        [[said.at_ms, said.action, said.kind, said.channel] for said in customer.contacts],
        customer.rests,
        customer.mistrusted,
        customer.recent,
        customer.timers,
        customer.decision_count,
        shorter(customer.previous_digest),
        [
            [shorter(offer), *_encode_outstanding(said)]
            for offer, said in customer.outstanding.items()
        ],
        customer.category_limits,
        customer.channel_limits,
        {institution: _terms(grant) for institution, grant in customer.access.items()},
        _days(customer),
    ]


def decode_body(body: list[Any]) -> Customer:
    """The record of a body of the newest version.

    Raises:
        TypeError, ValueError: The body has another layout.
    """
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
        outstanding,
        category_limits,
        channel_limits,
        access,
        touched,
    ) = body
    return Customer(
        customer,
        since_ms,
        latest_ms,
        {
            purpose: Granted(pair for row in rows for pair in _granted(row))
            for purpose, rows in grants.items()
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
        dict(map(_decode_open, held)),
        [Contact(*said) for said in contacts],
        rests,
        mistrusted,
        recent,
        timers,
        decision_count,
        _longer(previous_digest),
        {_longer(offer): _decode_outstanding(fields) for offer, *fields in outstanding},
        category_limits,
        channel_limits,
        {institution: grant_of(*terms) for institution, terms in access.items()},
        _dated(touched, slots, latest_ms),
    )


def _days(customer: Customer) -> list[int] | dict[str, int]:
    """When memories were written: days before the newest, in the order of the slots."""
    touched, slots = customer.touched, customer.slots
    if len(touched) != len(slots):
        return touched
    newest = customer.latest_ms // DAY_MS
    try:
        return [newest - touched[name] for name in slots]
    except KeyError:
        return touched


def _dated(
    days: list[int] | dict[str, int], slots: Mapping[str, Any], latest_ms: int
) -> dict[str, int]:
    if isinstance(days, dict):
        return days
    newest = latest_ms // DAY_MS
    return {name: newest - ago for name, ago in zip(slots, days, strict=True)}


def _encode_outstanding(said: Outstanding) -> list[Any]:
    return [
        shorter(said.decision_id),
        said.action,
        said.purpose,
        said.channel,
        said.sources,
        said.until_ms,
    ]


def _decode_outstanding(fields: list[Any]) -> Outstanding:
    decision_id, action, purpose, channel, sources, until_ms = fields
    return Outstanding(_longer(decision_id), action, purpose, channel, tuple(sources), until_ms)


def grant_rows(by_source: Mapping[str, Grant]) -> list[list[Any]]:
    """Grants of one purpose, one row for all the sources that one consent gave."""
    grants = by_source.values()
    if len(set(map(id, grants))) == 1:  # nearly always: one consent gave them all
        return [[*_terms(next(iter(grants))), list(by_source)]]
    rows: dict[int, list[Any]] = {}
    for source, grant in by_source.items():
        row = rows.get(id(grant))
        if row is None:
            row = next((r for r in rows.values() if r[:TERMS] == _terms(grant)), None)
            if row is None:
                row = [*_terms(grant), []]
            rows[id(grant)] = row
        row[TERMS].append(source)
    return list({id(row): row for row in rows.values()}.values())


def _packed(by_source: Mapping[str, Grant]) -> Raw | list[list[Any]]:
    """The rows of one purpose's grants, encoded once for as long as nobody says another word."""
    if not isinstance(by_source, Granted):
        return grant_rows(by_source)
    packed: Raw | None = by_source.packed
    if packed is None:
        packed = by_source.packed = Raw(_PACK(grant_rows(by_source)))
    return packed


def _terms(grant: Grant) -> list[Any]:
    return [grant.record_id, grant.position, grant.from_ms, grant.until_ms, list(grant.special)]


def _granted(row: list[Any]) -> Iterator[tuple[str, Grant]]:
    *terms, sources = row
    grant = grant_of(*terms)
    return ((source, grant) for source in sources)


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


def _encode_open(key: str, held: OpenDecision) -> list[Any]:
    """A decision under its key, which is its id; how long it is open is mostly the same."""
    return [
        shorter(key),
        None if held.decision_id == key else shorter(held.decision_id),
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
        held.until_ms - held.at_ms,
        held.trainable,
        held.label,
        held.last_outcome,
    ]


def _decode_open(fields: list[Any]) -> tuple[str, OpenDecision]:
    (
        key,
        own_id,
        at_ms,
        *told,
        context,
        action_features,
        sources,
        open_ms,
        trainable,
        label,
        last,
    ) = fields
    action, purpose, channel, arm, propensity, model = told
    decision = _longer(key)
    return decision, OpenDecision(
        decision if own_id is None else _longer(own_id),
        at_ms,
        action,
        purpose,
        channel,
        arm,
        propensity,
        model,
        context,
        action_features,
        tuple(sources),
        at_ms + open_ms,
        trainable,
        label,
        last,
    )


def shorter(text: str) -> str | bytes:
    """An id or a digest in hexadecimal as its bytes; any other text as it is."""
    if len(text) >= ID_DIGITS:
        try:
            raw = bytes.fromhex(text)
        except ValueError:
            return text
        if raw.hex() == text:
            return raw
    return text


def _longer(kept: str | bytes) -> str:
    return kept.hex() if isinstance(kept, bytes) else kept


def grant_of(
    record_id: str,
    position: str,
    from_ms: int,
    until_ms: int | None,
    special: Sequence[str] = (),
) -> Grant:
    """A grant of its terms."""
    return Grant(record_id, position, from_ms, until_ms, tuple(special))
