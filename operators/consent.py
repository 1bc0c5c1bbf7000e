"""What the customer agreed to, and what that admits.

Stage: 1 of 8. In: event, grants. Out: purposes it is admitted for, or Withheld.

Consent is per purpose and source. Everything fails closed: no grant, an expired grant, a grant that is
older than the withdrawal that came before it, and a source called too personal all mean «no».
Source: GDPR articles 6(1)(a), 7(3) and 21(2)-(3).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.base import DATA_SOURCES, DAY_MS, Purpose, Source
from schemas.customer import Customer, Grant, Preference
from schemas.decisions import Withheld
from schemas.errors import InputError
from schemas.events import (
    ConsentGranted,
    ConsentWithdrawn,
    EventBase,
    ObjectionLifted,
    ObjectionRaised,
    PreferenceChanged,
    VulnerabilityCleared,
    VulnerabilityFlagged,
)

PROFILED: frozenset[Purpose] = frozenset(
    {Purpose.DIRECT_MARKETING, Purpose.SERVICE_PERSONALISATION}
)
"""What an objection to profiling stops; protective help and training have their own consents."""


PURPOSES: tuple[Purpose, ...] = tuple(Purpose)


@dataclass(slots=True, frozen=True)
class ConsentChange:
    """What a control event changed: (purpose, source) pairs that began and ended, said in words."""

    began: tuple[tuple[Purpose, Source], ...] = ()
    ended: tuple[tuple[Purpose, Source], ...] = ()
    words: str = ""


Standing = dict[Purpose, frozenset[Source]]
"""What each purpose may use at one instant."""


def standing(customer: Customer, *, now_ms: int) -> Standing:
    """What each purpose may use now: worked out once an event."""
    return {purpose: usable(customer, purpose, now_ms=now_ms) for purpose in PURPOSES}


def admit(source: Source, stands: Standing) -> tuple[Purpose, ...] | Withheld:
    """The purposes that data of a source is admitted for.

    A source that is mistrusted folds for nothing: it is withheld like one without a grant.
    """
    if source is Source.CONTROL:
        return PURPOSES
    purposes = tuple(purpose for purpose in PURPOSES if source in stands[purpose])
    if not purposes:
        return Withheld(source=source, reason=f"no consent for {source} stands")
    return purposes


def usable(customer: Customer, purpose: Purpose, *, now_ms: int) -> frozenset[Source]:
    """The sources that may be used for a purpose now, objections counted."""
    if "profiling" in customer.objections and purpose in PROFILED:
        return frozenset()
    if "marketing" in customer.objections and purpose is Purpose.DIRECT_MARKETING:
        return frozenset()
    return customer.granted(purpose, now_ms)


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


def apply(customer: Customer, event: EventBase, *, position: str) -> ConsentChange | InputError:
    """Apply one control event to a customer copy; returns what changed, or why it can't be."""
    words = ""
    match event:
        case ConsentGranted():
            return _grant(customer, event, position=position)
        case ConsentWithdrawn():
            return _withdraw(customer, event)
        case ObjectionRaised():
            customer.objections[event.scope] = event.at_ms
            words = f"You objected to {event.scope}. It stopped at once."
        case ObjectionLifted():
            customer.objections.pop(event.scope, None)
            words = f"You took back your objection to {event.scope}."
        case VulnerabilityFlagged():
            customer.vulnerable[event.driver] = event.at_ms
            words = "We noted that you would like extra care."
        case VulnerabilityCleared():
            customer.vulnerable.pop(event.driver, None)
            words = "The note on extra care was removed."
        case PreferenceChanged():
            customer.preferences[event.channel] = Preference(
                enabled=event.enabled,
                quiet_from_hour=event.quiet_from_hour,
                quiet_to_hour=event.quiet_to_hour,
            )
            words = "Your contact preferences were changed."
    return ConsentChange(words=words)


def _grant(
    customer: Customer, event: ConsentGranted, *, position: str
) -> ConsentChange | InputError:
    if Source.CONTROL in event.sources:
        return InputError(
            "input.invalid", "consent for the control source", hint="name a data source"
        )
    until_ms = None if event.valid_until is None else round(event.valid_until.timestamp() * 1000)
    if until_ms is not None and until_ms <= event.at_ms:
        return InputError(
            "input.invalid", "consent ends before it begins", hint="send valid_until after at"
        )
    began = []
    for source in event.sources:
        # Logs of different topics may cross: a grant older than the last withdrawal stays withdrawn.
        if event.at_ms <= customer.withdrawn.get(f"{event.purpose}:{source}", -1):
            continue
        customer.grants.setdefault(event.purpose, {})[source] = Grant(
            record_id=event.record_id,
            position=position,
            from_ms=event.at_ms,
            until_ms=until_ms,
            special=event.special_categories,
        )
        began.append((event.purpose, source))
    if not began:
        return ConsentChange(
            words="This consent is older than your withdrawal, so it has no effect."
        )
    return ConsentChange(began=tuple(began), words="Your consent was recorded.")


def _withdraw(customer: Customer, event: ConsentWithdrawn) -> ConsentChange:
    purposes = tuple(Purpose) if event.purpose is None else (event.purpose,)
    sources = event.sources or DATA_SOURCES
    ended = []
    for purpose in purposes:
        for source in sources:
            key = f"{purpose}:{source}"
            customer.withdrawn[key] = max(event.at_ms, customer.withdrawn.get(key, -1))
            if customer.grants.get(purpose, {}).pop(source, None) is not None:
                ended.append((purpose, source))
    return ConsentChange(ended=tuple(ended), words="Your consent was withdrawn, at once.")


def expire(customer: Customer, *, now_ms: int) -> ConsentChange:
    """Drop grants whose validity has passed from a customer copy."""
    ended = [
        (Purpose(purpose), Source(source))
        for purpose, by_source in customer.grants.items()
        for source, grant in by_source.items()
        if grant.until_ms is not None and grant.until_ms <= now_ms
    ]
    for purpose, source in ended:
        del customer.grants[purpose][source]
    return ConsentChange(ended=tuple(ended), words="Your consent ended." if ended else "")


def orphaned(customer: Customer) -> frozenset[Source]:
    """The sources that no purpose may use any more: what is derived from them must go.

    A source in a pause of mistrust keeps its memory, which nothing reads, until the pause ends.
    """
    granted = {source for by_source in customer.grants.values() for source in by_source}
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


def mistrust(customer: Customer, sources: Iterable[str], *, now_ms: int, days: int) -> None:
    """Stop using sources that the customer called too personal, for some days (a customer copy)."""
    for source in sources:
        customer.mistrusted[source] = now_ms + days * DAY_MS
