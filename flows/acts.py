"""What an act on identities does, or why it is refused: no two people become one customer.

Rules: an account is its owner's, or several people's who say so (joint). A customer carries at most one id of
a person of each issuer. Two customers may be merged when an id of the person shows that they are one, or when
somebody has seen a document; never when ids of persons differ, when they hold an account jointly, or when they
are two members of a household.
"""

from collections.abc import Callable

from schemas.errors import InputError
from schemas.identity import (
    PERSON,
    AnyAct,
    Forgotten,
    HolderId,
    HouseholdChanged,
    Linked,
    Merged,
    Split,
    Unlinked,
)
from state.links import Change, Link, LinkStore

Name = Callable[[HolderId], str]
"""An id at a source as its pseudonym."""


def judge(act: AnyAct, store: LinkStore, *, name: Name) -> Change | InputError:
    """The change that an act makes to the links as they are."""
    match act:
        case Linked():
            return _link(act, store, name=name)
        case Unlinked():
            return Change(unlink=[(name(act.holder), act.customer)])
        case Merged():
            return _merge(act, store)
        case Split():
            return _split(act, store, name=name)
        case HouseholdChanged():
            return Change(households={act.household: act.customers})
        case Forgotten():
            # Read again after a restart it would forget who came back since.
            return Change() if store.forgot(act.event_id) else Change(forget=act.customer)


def _link(act: Linked, store: LinkStore, *, name: Name) -> Change | InputError:
    holder = name(act.holder)
    person = (act.holder.issuer or act.holder.scheme) if act.holder.scheme == PERSON else ""
    customer = store.aliases().get(act.customer, act.customer)
    others = [link for link in store.links_of(holder) if link.customer != customer]
    if person and act.role == "joint":
        return _two_people("an id of a person is nobody else's")
    if any("owner" in (act.role, link.role) for link in others):
        return _two_people(
            "the holder belongs to another customer",
            hint="split or unlink it there first, or link both as joint",
        )
    held = store.links_with(customer)
    if person and any(link.person == person and link.holder != holder for link in held):
        return _two_people("the customer carries another id of a person from the same issuer")
    return Change(link=[Link(holder, customer, act.role, person)])


def _merge(act: Merged, store: LinkStore) -> Change | InputError:
    if act.customer == act.merged:
        return InputError("input.invalid", "a customer can't be merged with itself")
    aliases = store.aliases()
    if act.merged in aliases or act.customer in aliases:
        return InputError(
            "input.invalid", "one of the customers was merged before", hint="split it first"
        )
    why = _why_two(act, store)
    if why:
        return _two_people(why)
    gone = store.links_with(act.merged)
    return Change(
        link=[Link(link.holder, act.customer, link.role, link.person) for link in gone],
        unlink=[(link.holder, act.merged) for link in gone],
        alias={act.merged: act.customer},
    )


def _why_two(act: Merged, store: LinkStore) -> str:
    """What says that the two customers of a merge are two people; empty when nothing does."""
    kept, gone = store.links_with(act.customer), store.links_with(act.merged)
    persons = {link.person: link.holder for link in kept if link.person}
    theirs = {link.person: link.holder for link in gone if link.person}
    both = persons.keys() & theirs.keys()
    if any(persons[issuer] != theirs[issuer] for issuer in both):
        return "they carry different ids of a person from the same issuer"
    if act.proof == "person-id" and not both:
        return "no id of a person is known of both: link it to both first, or name a document"
    joint = {link.holder for link in kept} & {link.holder for link in gone if not link.person}
    if joint:
        return "they hold an account jointly"
    household = store.household_of(act.customer)
    if household is not None and household == store.household_of(act.merged):
        return "they are two members of one household"
    return ""


def _split(act: Split, store: LinkStore, *, name: Name) -> Change | InputError:
    if act.customer == act.to:
        return InputError("input.invalid", "a customer can't be split from itself")
    held = {link.holder: link for link in store.links_with(act.customer)}
    holders = [name(holder) for holder in act.holders]
    if any(holder not in held for holder in holders):
        return InputError("input.invalid", "a holder that is split off is not the customer's")
    moved = [held[holder] for holder in holders]
    person = {link.person for link in store.links_with(act.to) if link.person}
    if any(link.person in person for link in moved if link.person):
        return _two_people("the customer carries another id of a person from the same issuer")
    back = store.aliases().get(act.to) == act.customer
    return Change(
        link=[Link(link.holder, act.to, link.role, link.person) for link in moved],
        unlink=[(holder, act.customer) for holder in holders],
        alias={act.to: None} if back else {},
    )


def _two_people(what: str, *, hint: str = "") -> InputError:
    return InputError("input.two-people", what, hint=hint or "two people stay two customers")
