"""Whose account is whose: the records of the topic ``identities``, each an explicit act of somebody.

Nothing here is guessed: a customer is joined to an account, to a person's id or to another record of the same
person only because a record says so, with who said it.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from schemas.base import CustomerId, EventId, Instant, Shape, Token

PERSON = "person"
"""The scheme of ids that name a human being: a national id, a party id of the core system."""
SourceId = Annotated[str, StringConstraints(min_length=1, max_length=140)]
Said = Annotated[str, StringConstraints(min_length=1, max_length=140)]


class HolderId(Shape):
    """An id at a source: of an account (``iban``, ``account``, ``openbanking``) or of a ``person``."""

    scheme: Token
    id: SourceId
    issuer: Annotated[str, StringConstraints(max_length=140)] = ""


class _Act(Shape):
    """What every act says: which, when, and who did it."""

    event_id: EventId
    at: Instant
    by: Said


class Linked(_Act):
    """The holder belongs to the customer, alone (``owner``) or with others (``joint``)."""

    kind: Literal["identity.linked"] = "identity.linked"
    customer: CustomerId
    holder: HolderId
    role: Literal["owner", "joint"] = "owner"


class Unlinked(_Act):
    """The holder belongs to the customer no longer."""

    kind: Literal["identity.unlinked"] = "identity.unlinked"
    customer: CustomerId
    holder: HolderId


class Merged(_Act):
    """``merged`` and ``customer`` are records of one person; from here on all goes to ``customer``.

    ``proof`` is what shows it: an id of the person that both carry, or a document that ``by`` has seen.
    """

    kind: Literal["identity.merged"] = "identity.merged"
    customer: CustomerId
    merged: CustomerId
    proof: Literal["person-id", "document"]
    reason: Said


class Split(_Act):
    """``holders`` of ``customer`` belong to ``to``; when ``to`` was merged into it, that is taken back."""

    kind: Literal["identity.split"] = "identity.split"
    customer: CustomerId
    to: CustomerId
    holders: Annotated[tuple[HolderId, ...], Field(strict=False)] = ()
    reason: Said


class HouseholdChanged(_Act):
    """Who lives together now; members stay people of their own, and none sees another's data."""

    kind: Literal["household.changed"] = "household.changed"
    household: Token
    customers: Annotated[tuple[CustomerId, ...], Field(strict=False, max_length=20)]


class Forgotten(_Act):
    """Nothing is to be known of the customer any more; said by `ingest` itself when an erasure passes."""

    kind: Literal["identity.forgotten"] = "identity.forgotten"
    customer: CustomerId


AnyAct = Linked | Unlinked | Merged | Split | HouseholdChanged | Forgotten
Act = Annotated[AnyAct, Field(discriminator="kind")]
ACT: TypeAdapter[AnyAct] = TypeAdapter(Act)
