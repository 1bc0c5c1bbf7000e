"""Bodies of earlier versions of the codec, made bodies of the next one step at a time.

Places are those of the version that is read: a step is never changed once another version stands on it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.customer import event_mark
from schemas.vectors import pack_vector
from state.layout import grant_of, grant_rows, shorter

Upcaster = Callable[[list[Any]], list[Any]]
GRANTS = 3
"""Where the grants stand in a body."""
OPEN, RECENT = 13, 17
"""Where the open decisions and the events that were seen stand."""
VECTORS = 8
"""Where the two vectors of an open decision begin."""
DIGEST, OUTSTANDING = 20, 21
"""Where the digest of the decision before and what is outstanding stand."""


def _grants_in_rows(body: list[Any]) -> list[Any]:
    """Version 2 writes the terms of a consent once, and not once for each source that it gave."""
    grants = {
        purpose: grant_rows({source: grant_of(*terms) for source, terms in by_source.items()})
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
            *map(pack_vector, fields[VECTORS : VECTORS + 2]),
            *fields[VECTORS + 2 :],
        ]
        for decision, fields in body[OPEN].items()
    }
    return [*body[:OPEN], held, *body[OPEN + 1 : RECENT], recent, *body[RECENT + 1 :], {}]


def _with_short_ids(body: list[Any]) -> list[Any]:
    """Version 5 keeps ids and digests as bytes, lets go of offers' ids, which follow, and is squeezed as a whole."""
    made = list(body)
    made[OPEN] = [_short_open(key, fields) for key, fields in body[OPEN].items()]
    made[DIGEST] = shorter(body[DIGEST])
    made[OUTSTANDING] = [
        [shorter(offer), shorter(decision_id), *fields]
        for offer, (decision_id, *fields) in body[OUTSTANDING].items()
    ]
    return made


def _short_open(key: str, fields: list[Any]) -> list[Any]:
    (
        decision_id,
        at_ms,
        *told,
        context,
        action_features,
        sources,
        until_ms,
        trainable,
        _,
        label,
        last,
    ) = fields
    own_id = None if decision_id == key else shorter(decision_id)
    # What was off the grid lay there as a list.
    vectors = [v if isinstance(v, bytes) else pack_vector(v) for v in (context, action_features)]
    ends = [sources, until_ms - at_ms, trainable, label, last]
    return [shorter(key), own_id, at_ms, *told, *vectors, *ends]


UPCASTERS: Mapping[int, Upcaster] = {
    1: _grants_in_rows,
    2: _with_outstanding,
    3: _with_marks,
    4: _with_short_ids,
}
"""Version → what makes a body of the next version of it."""
