"""What the customer agreed to, and what that admits.

Stage: 1 of 8. In: event, grants. Out: purposes it is admitted for, or Withheld.

Consent is per purpose and source. Everything fails closed: no grant, an expired grant, a grant that is
older than the withdrawal that came before it, and a source called too personal all mean «no».
Source: GDPR articles 6(1)(a), 7(3) and 21(2)-(3).
"""

from collections.abc import Iterable

from schemas.base import DATA_SOURCES, Purpose, Source
from schemas.consents import CATEGORIES, category_of
from schemas.customer import Customer, Grant
from schemas.decisions import Withheld
from schemas.events import EventBase

PROFILED: frozenset[Purpose] = frozenset(
    {Purpose.DIRECT_MARKETING, Purpose.SERVICE_PERSONALISATION}
)
"""What an objection to profiling stops; protective help and training have their own consents."""


PURPOSES: tuple[Purpose, ...] = tuple(Purpose)


Standing = dict[Purpose, frozenset[Source]]
"""What each purpose may use at one instant, in the order of `PURPOSES`."""


def standing(customer: Customer, *, now_ms: int) -> Standing:
    """What each purpose may use now: worked out once an event."""
    if not customer.objections and not customer.category_limits:
        return {purpose: customer.granted(purpose, now_ms) for purpose in PURPOSES}
    return {purpose: usable(customer, purpose, now_ms=now_ms) for purpose in PURPOSES}


def admit(event: EventBase, customer: Customer, stands: Standing) -> tuple[Purpose, ...] | Withheld:
    """The purposes that the data of an event is admitted for.

    A source that is mistrusted folds for nothing: it is withheld like one without a grant. So is a
    category that consent leaves out, and an institution that we may no longer read.
    """
    source = event.source
    if source is Source.CONTROL:
        return PURPOSES
    purposes = tuple([purpose for purpose, usable in stands.items() if source in usable])
    if purposes and customer.category_limits:
        category = category_of(getattr(event, "kind", ""), source)
        purposes = tuple(p for p in purposes if category in _categories(customer, p, source))
    if not purposes:
        return Withheld(source=source, reason=f"no consent for {source} stands")
    if source is Source.OPEN_BANKING and customer.access:
        access = customer.access.get(getattr(event, "institution", ""))
        if access is not None and not _open(access, customer.latest_ms):
            return Withheld(source=source, reason="access to this institution has ended")
    return purposes


def usable(customer: Customer, purpose: Purpose, *, now_ms: int) -> frozenset[Source]:
    """The sources that may be used for a purpose now, objections counted.

    Memories mix the categories of a source, so a purpose may use a source only if its consent covers
    every category that any purpose has let in.
    """
    if objected(customer, purpose):
        return frozenset()
    granted = customer.granted(purpose, now_ms)
    if customer.category_limits:
        return frozenset(
            s for s in granted if _categories(customer, purpose, s) >= let_in(customer, s)
        )
    return granted


def objected(customer: Customer, purpose: Purpose) -> bool:
    """Whether an objection closes a purpose, whatever was consented to (GDPR article 21)."""
    objections = customer.objections
    if not objections:
        return False
    return ("profiling" in objections and purpose in PROFILED) or (
        "marketing" in objections and purpose is Purpose.DIRECT_MARKETING
    )


def let_in(customer: Customer, source: Source) -> frozenset[str]:
    """The categories of a source that some purpose has consent for."""
    return frozenset[str]().union(
        *(
            _categories(customer, purpose, source)
            for purpose in PURPOSES
            if source in customer.grants.get(purpose, {}) and not objected(customer, purpose)
        )
    )


def special(customer: Customer, source: Source, admitted: tuple[Purpose, ...]) -> frozenset[str]:
    """The special categories that data of a source may be kept of: those that every purpose's grant names.

    Memories are shared between purposes, so what one purpose may not see is not kept for another.
    """
    named = [
        frozenset(grant.special)
        for purpose in admitted
        if (grant := customer.grants.get(purpose, {}).get(source)) is not None
    ]
    return frozenset.intersection(*named) if named else frozenset()


def _categories(customer: Customer, purpose: Purpose, source: Source) -> frozenset[str]:
    limit = customer.category_limits.get(f"{purpose}:{source}")
    return CATEGORIES[source] if limit is None else frozenset(limit)


def _open(access: Grant, now_ms: int) -> bool:
    return access.until_ms is None or now_ms < access.until_ms


def orphaned(customer: Customer) -> frozenset[Source]:
    """The sources that no purpose may use any more: what is derived from them must go.

    A source in a pause of mistrust keeps its memory, which nothing reads, until the pause ends.
    """
    granted = {
        source
        for purpose, by_source in customer.grants.items()
        if not objected(customer, Purpose(purpose))
        for source in by_source
    }
    return frozenset(source for source in DATA_SOURCES if source not in granted)


def vector(
    customer: Customer, purposes: Iterable[Purpose], *, now_ms: int
) -> dict[str, dict[str, str]]:
    """The consents that a decision stands on: purpose → source → record@position."""
    return {
        purpose.value: {
            source.value: f"{grant.record_id}@{grant.position}"
            for source in sorted(usable(customer, purpose, now_ms=now_ms))
            for grant in (customer.grants[purpose][source],)
        }
        for purpose in purposes
    }
