"""The fields of a customer record in the order in which the newest version of the codec writes them.

The order is frozen for a version. A change is a new version in `state.codec`, with an upcaster here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from struct import pack, unpack
from typing import Any

from schemas.base import DAY_MS
from schemas.customer import (
    Contact,
    Customer,
    Grant,
    LiveSignal,
    OpenDecision,
    Outstanding,
    Preference,
    event_mark,
)

Upcaster = Callable[[list[Any]], list[Any]]
GRANTS = 3
"""Where the grants stand in a body."""
OPEN, RECENT = 13, 17
"""Where the open decisions and the events that were seen stand."""
VECTORS = 8
"""Where the two vectors of an open decision begin."""
GRID, STEP_MAX = 1024, 32_767
TERMS = 5
"""How many terms a consent has; the sources that it gave stand behind them in a row."""


def encode_body(customer: Customer) -> list[Any]:
    """The fields in their frozen order, made of what MessagePack knows."""
    return [
        customer.customer,
        customer.since_ms,
        customer.latest_ms,
        {purpose: _rows(by_source) for purpose, by_source in customer.grants.items()},
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
        {offer: _encode_outstanding(said) for offer, said in customer.outstanding.items()},
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
            purpose: {source: grant for row in rows for source, grant in _granted(row)}
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
        {decision: _decode_open(fields) for decision, fields in held.items()},
        [Contact(*said) for said in contacts],
        rests,
        mistrusted,
        recent,
        timers,
        decision_count,
        previous_digest,
        {offer: _decode_outstanding(fields) for offer, fields in outstanding.items()},
        category_limits,
        channel_limits,
        {institution: _grant(*terms) for institution, terms in access.items()},
        _dated(touched, slots, latest_ms),
    )


def _days(customer: Customer) -> list[int] | dict[str, int]:
    """When memories were written: days before the newest, in the order of the slots."""
    touched = customer.touched
    if touched.keys() != customer.slots.keys():
        return touched
    newest = customer.latest_ms // DAY_MS
    return [newest - touched[name] for name in customer.slots]


def _dated(
    days: list[int] | dict[str, int], slots: Mapping[str, Any], latest_ms: int
) -> dict[str, int]:
    if isinstance(days, dict):
        return days
    newest = latest_ms // DAY_MS
    return {name: newest - ago for name, ago in zip(slots, days, strict=True)}


def _encode_outstanding(said: Outstanding) -> list[Any]:
    return [
        said.decision_id,
        said.action,
        said.purpose,
        said.channel,
        said.sources,
        said.until_ms,
    ]


def _decode_outstanding(fields: list[Any]) -> Outstanding:
    decision_id, action, purpose, channel, sources, until_ms = fields
    return Outstanding(decision_id, action, purpose, channel, tuple(sources), until_ms)


def _rows(by_source: dict[str, Grant]) -> list[list[Any]]:
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


def _terms(grant: Grant) -> list[Any]:
    return [grant.record_id, grant.position, grant.from_ms, grant.until_ms, list(grant.special)]


def _granted(row: list[Any]) -> Iterator[tuple[str, Grant]]:
    *terms, sources = row
    grant = _grant(*terms)
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
        _packed(held.context),
        _packed(held.action_features),
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
        _unpacked(context),
        _unpacked(action_features),
        tuple(sources),
        until_ms,
        trainable,
        offer_id,
        label,
        last,
    )


def _packed(vector: Sequence[float]) -> bytes | list[float]:
    """What models see lies on a grid: two bytes a value there, as it is anywhere else."""
    steps = [value * GRID for value in vector]
    if all(step.is_integer() and -STEP_MAX <= step <= STEP_MAX for step in steps):
        return pack(f"<{len(steps)}h", *map(int, steps))
    return list(vector)


def _unpacked(kept: bytes | list[float]) -> tuple[float, ...]:
    if isinstance(kept, list):
        return tuple(kept)
    return tuple(step / GRID for step in unpack(f"<{len(kept) // 2}h", kept))


def _grant(
    record_id: str,
    position: str,
    from_ms: int,
    until_ms: int | None,
    special: Sequence[str] = (),
) -> Grant:
    return Grant(record_id, position, from_ms, until_ms, tuple(special))


def _grants_in_rows(body: list[Any]) -> list[Any]:
    """Version 2 writes the terms of a consent once, and not once for each source that it gave."""
    grants = {
        purpose: _rows({source: _grant(*terms) for source, terms in by_source.items()})
        for purpose, by_source in body[GRANTS].items()
    }
    return [*body[:GRANTS], grants, *body[GRANTS + 1 :]]


def _with_outstanding(body: list[Any]) -> list[Any]:
    """Version 3 adds what is outstanding, the limits of consents, and access to other institutions."""
    return [*body, {}, {}, {}, {}]


def _with_marks(body: list[Any]) -> list[Any]:
    """Version 4 keeps marks of event ids, packs vectors, and knows when a memory was written."""
    recent = b"".join(map(event_mark, body[RECENT]))
    held = {
        decision: [
            *fields[:VECTORS],
            *map(_packed, fields[VECTORS : VECTORS + 2]),
            *fields[VECTORS + 2 :],
        ]
        for decision, fields in body[OPEN].items()
    }
    return [*body[:OPEN], held, *body[OPEN + 1 : RECENT], recent, *body[RECENT + 1 :], {}]


UPCASTERS: Mapping[int, Upcaster] = {1: _grants_in_rows, 2: _with_outstanding, 3: _with_marks}
"""Version → what makes a body of the next version of it."""
