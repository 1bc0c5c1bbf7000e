"""What the customer's own word changes: grants, withdrawals, objections, access elsewhere, expiry.

Stage: 1 of 8. In: control event, customer copy. Out: ConsentChange | InputError.

One event withdraws, as easily as it was given. What contradicts itself is refused with its cause, and
what crossed on the way (a grant behind its withdrawal) has no effect: doubt means no.
Source: GDPR articles 7(3), 17(1)(b) and 21; ISO/IEC TS 27560:2023, annex B (states of consent).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from operators.consent import PURPOSES, let_in, objected, orphaned
from schemas.base import DATA_SOURCES, DAY_MS, Purpose, Source
from schemas.consents import CATEGORIES
from schemas.customer import Customer, Grant, Granted, Preference, terms_of
from schemas.errors import InputError
from schemas.events import (
    AccessGranted,
    AccessWithdrawn,
    ConsentGranted,
    ConsentWithdrawn,
    EventBase,
    ObjectionLifted,
    ObjectionRaised,
    PreferenceChanged,
    VulnerabilityCleared,
    VulnerabilityFlagged,
)

ACCESS_DAYS_MAX = 180
"""Longest access to another institution without asking again: (EU) 2018/389, article 10a."""
Pairs = tuple[tuple[Purpose, Source], ...]


@dataclass(slots=True, frozen=True)
class ConsentChange:
    """What a control event changed.

    ``began`` and ``ended`` are (purpose, source) pairs; what stood on an ended one is recalled. ``erased``
    are sources whose derived state goes. ``state`` is what the receipt says of it: a DPV consent state, or that of an objection.
    """

    began: Pairs = ()
    ended: Pairs = ()
    erased: frozenset[Source] = frozenset()
    words: str = ""
    state: str = ""


UNCHANGED = ConsentChange()


def apply(customer: Customer, event: EventBase, *, position: str) -> ConsentChange | InputError:
    """Apply one control event to a customer copy; returns what changed, or why it can't be."""
    match event:
        case ConsentGranted():
            return _grant(customer, event, position=position)
        case ConsentWithdrawn():
            return _withdraw(customer, event)
        case AccessGranted():
            return _open_access(customer, event, position=position)
        case AccessWithdrawn():
            return _close_access(customer, event.institution, at_ms=event.at_ms)
        case ObjectionRaised():
            return _object(customer, event)
    return _note(customer, event)


def _note(customer: Customer, event: EventBase) -> ConsentChange:
    """What takes nothing away: an objection lifted, care asked for, preferences."""
    words, state = "", ""
    match event:
        case ObjectionLifted() if event.at_ms < customer.objections.get(event.scope, event.at_ms):
            words = "You objected again since, so taking back the older objection has no effect."
            state = "objection.raised"
        case ObjectionLifted():
            customer.objections.pop(event.scope, None)
            words = f"You took back your objection to {event.scope}."
            state = "objection.lifted"
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
    return ConsentChange(words=words, state=state)


def _grant(
    customer: Customer, event: ConsentGranted, *, position: str
) -> ConsentChange | InputError:
    flaw = _flaw(customer, event)
    if flaw is not None:
        return flaw
    until_ms = None if event.valid_until is None else round(event.valid_until.timestamp() * 1000)
    grant = Grant(
        record_id=event.record_id,
        position=position,
        from_ms=event.at_ms,
        until_ms=until_ms,
        special=event.special_categories,
    )
    before = {source: let_in(customer, source) for source in event.sources}
    began: list[tuple[Purpose, Source]] = []
    renewed = fenced = withdrawn = False
    for source in event.sources:
        # Logs of different topics may cross: a grant older than the last withdrawal stays withdrawn.
        key = f"{event.purpose}:{source}"
        if event.at_ms <= customer.withdrawn.get(key, -1):
            withdrawn = True
            continue
        by_source = customer.grants.setdefault(event.purpose, {})
        categories = CATEGORIES[source].intersection(event.categories)
        standing = by_source.get(source)
        if standing is not None and (
            grant.from_ms < standing.from_ms
            or (
                replace(grant, position=standing.position) == standing
                and (customer.category_limits.get(key) or sorted(CATEGORIES[source]))
                == sorted(categories or CATEGORIES[source])
                and customer.channel_limits.get(key, []) == sorted(event.channels)
            )
        ):
            # A word that a newer one overtook, or a copy that comes long after its first.
            continue
        renewed = renewed or source in by_source
        fenced = fenced or (
            source in by_source
            and not set(by_source[source].special) <= {*event.special_categories}
        )
        customer.grants[event.purpose] = Granted({**by_source, source: grant})
        _limit(customer.category_limits, key, categories)
        _limit(customer.channel_limits, key, event.channels)
        began.append((event.purpose, source))
    if not began and withdrawn:
        return ConsentChange(
            words="This consent is older than your withdrawal, so it has no effect.",
            state="dpv:ConsentWithdrawn",
        )
    if not began:
        return ConsentChange(
            words="This consent was recorded before, or a newer one stands: nothing changed.",
            state="dpv:ConsentGiven",
        )
    # What was let in and is no longer covered can't be told apart in the memories: they begin anew.
    narrowed = frozenset(s for _, s in began if fenced or not before[s] <= let_in(customer, s))
    return ConsentChange(
        began=tuple(began),
        erased=narrowed,
        words="Your consent was renewed." if renewed else "Your consent was recorded.",
        state="dpv:RenewedConsentGiven" if renewed else "dpv:ConsentGiven",
    )


def _flaw(customer: Customer, event: ConsentGranted) -> InputError | None:
    """Why a consent can't stand: it contradicts itself, or another under the same record."""
    if Source.CONTROL in event.sources:
        return InputError(
            "input.bad-consent", "consent for the control source", hint="name a data source"
        )
    if event.valid_until is not None and event.valid_until <= event.at:
        return InputError(
            "input.bad-consent", "consent ends before it begins", hint="send valid_until after at"
        )
    allowed = frozenset[str]().union(*(CATEGORIES[source] for source in event.sources))
    bare = [
        s for s in event.sources if event.categories and CATEGORIES[s].isdisjoint(event.categories)
    ]
    if bare or not allowed.issuperset(event.categories):
        return InputError(
            "input.bad-consent",
            "the categories do not fit the sources",
            hint="give each source a category of its own, and no category without its source",
        )
    for purpose, by_source in customer.grants.items():
        if purpose != event.purpose and any(
            grant.record_id == event.record_id for grant in by_source.values()
        ):
            return InputError(
                "input.bad-consent",
                "the record stands for another purpose",
                hint="give each purpose a record of its own",
            )
    return None


def _limit(limits: dict[str, list[str]], key: str, values: Iterable[str]) -> None:
    """Set or lift what a grant is limited to; sorted, so that records compare equal."""
    chosen = sorted(values)
    if chosen:
        limits[key] = chosen
    else:
        limits.pop(key, None)


def _withdraw(customer: Customer, event: ConsentWithdrawn) -> ConsentChange:
    purposes = tuple(Purpose) if event.purpose is None else (event.purpose,)
    sources = event.sources or DATA_SOURCES
    ended: list[tuple[Purpose, Source]] = []
    for purpose in purposes:
        for source in sources:
            key = f"{purpose}:{source}"
            customer.withdrawn[key] = max(event.at_ms, customer.withdrawn.get(key, -1))
            if source in customer.grants.get(purpose, {}):
                ended.append((purpose, source))
    words = "Your consent was withdrawn, at once."
    if not ended:
        words = "No such consent stood. An older one that may still arrive will have no effect."
    return _end(customer, ended, words=words, state="dpv:ConsentWithdrawn")


def _end(
    customer: Customer, ended: Sequence[tuple[Purpose, Source]], *, words: str, state: str
) -> ConsentChange:
    """Take grants out of a customer copy; says which derived state goes with them."""
    before = {source: let_in(customer, source) for _, source in ended}
    for purpose, source in ended:
        kept = customer.grants[purpose]
        customer.grants[purpose] = Granted((s, grant) for s, grant in kept.items() if s != source)
        customer.category_limits.pop(f"{purpose}:{source}", None)
        customer.channel_limits.pop(f"{purpose}:{source}", None)
    narrowed = {s for s, categories in before.items() if not categories <= let_in(customer, s)}
    return ConsentChange(
        ended=tuple(ended),
        erased=orphaned(customer) | narrowed if ended else frozenset(),
        words=words,
        state=state,
    )


def _object(customer: Customer, event: ObjectionRaised) -> ConsentChange:
    """Purposes close though their consents stand: what stands on them is recalled like after a withdrawal."""
    open_before = [p for p in PURPOSES if not objected(customer, p)]
    customer.objections[event.scope] = max(event.at_ms, customer.objections.get(event.scope, 0))
    ended = tuple(
        (purpose, Source(source))
        for purpose in open_before
        if objected(customer, purpose)
        for source in customer.grants.get(purpose, {})
    )
    return ConsentChange(
        ended=ended,
        erased=orphaned(customer),
        words=f"You objected to {event.scope}. It stopped at once.",
        state="objection.raised",
    )


def _open_access(
    customer: Customer, event: AccessGranted, *, position: str
) -> ConsentChange | InputError:
    until_ms = round(event.valid_until.timestamp() * 1000)
    if until_ms <= event.at_ms or until_ms - event.at_ms > ACCESS_DAYS_MAX * DAY_MS:
        return InputError(
            "input.bad-consent",
            f"access to an institution lasts from 1 to {ACCESS_DAYS_MAX} days",
            hint="send valid_until after at, and ask again when it ends",
        )
    before = customer.access.get(event.institution)
    if before is not None and before.from_ms > event.at_ms:
        words = "This access is older than your last word on it, so it has no effect."
        return ConsentChange(words=words, state="dpv:ConsentWithdrawn")
    customer.access[event.institution] = Grant(event.record_id, position, event.at_ms, until_ms)
    return ConsentChange(
        words="Your consent to read your accounts there was recorded.", state="dpv:ConsentGiven"
    )


def _close_access(customer: Customer, institution: str, *, at_ms: int) -> ConsentChange:
    """End our access to an institution; one memory holds all of them, so it begins anew."""
    before = customer.access.get(institution)
    record, position = ("", "") if before is None else (before.record_id, before.position)
    customer.access[institution] = Grant(record, position, at_ms, at_ms)
    return ConsentChange(
        ended=_all_of(customer, Source.OPEN_BANKING),
        erased=frozenset({Source.OPEN_BANKING}),
        words="We no longer read your accounts there.",
        state="dpv:ConsentWithdrawn",
    )


def _all_of(customer: Customer, source: Source) -> Pairs:
    return tuple(
        p for p in ((q, source) for q in PURPOSES) if source in customer.grants.get(p[0], {})
    )


def expire(customer: Customer, *, now_ms: int) -> ConsentChange:
    """Drop grants, and end accesses, whose validity has passed from a customer copy."""
    first_ms = ends(customer)
    if first_ms is None or first_ms > now_ms:
        return UNCHANGED
    ended = [
        (Purpose(purpose), Source(source))
        for purpose, by_source in customer.grants.items()
        if (ends_ms := terms_of(by_source).ends_ms) is not None and ends_ms <= now_ms
        for source, grant in by_source.items()
        if grant.until_ms is not None and grant.until_ms <= now_ms
    ]
    closed = [
        institution
        for institution, access in customer.access.items()
        if access.until_ms is not None and access.from_ms < access.until_ms <= now_ms
    ]
    recalled: list[tuple[Purpose, Source]] = list(ended)
    erased = frozenset[Source]()
    for institution in closed:
        until_ms = customer.access[institution].until_ms or now_ms
        change = _close_access(customer, institution, at_ms=until_ms)
        recalled += [pair for pair in change.ended if pair not in recalled]
        erased |= change.erased
    change = _end(customer, ended, words="Your consent ended.", state="dpv:ConsentExpired")
    return ConsentChange(
        ended=tuple(recalled),
        erased=change.erased | erased,
        words=change.words,
        state=change.state,
    )


def ends(customer: Customer) -> int | None:
    """When the next consent or access ends by itself (ms), if any does."""
    first_ms: int | None = None
    for by_source in customer.grants.values():
        ends_ms = terms_of(by_source).ends_ms
        if ends_ms is not None and (first_ms is None or ends_ms < first_ms):
            first_ms = ends_ms
    for access in customer.access.values():
        ends_ms = access.until_ms
        if ends_ms is None or access.from_ms >= ends_ms:
            continue
        if first_ms is None or ends_ms < first_ms:
            first_ms = ends_ms
    return first_ms
