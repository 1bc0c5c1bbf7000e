"""Puts customers into what adapters found: by links, never by a guess. What has none waits, and is released in order.

An event whose holder nobody knows is held back in `state.links`, with the place that it came from. The act that
links the holder releases it, in the order of its source; it then carries the position of that act, so that the
shard that reads it takes it once, whatever was read in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from flows.acts import judge
from flows.adapters.complete import Pseudonym, complete
from flows.adapters.shapes import Found, Holder
from flows.decode import encode
from flows.records import Record
from operators.draws import identify
from schemas import topics
from schemas.errors import InputError
from schemas.events import EVENT, ErasureRequested, EventBase
from schemas.identity import ACT, Forgotten, HolderId
from state.links import Change, LinkStore, Place, Released

JOINT_MAX = 16
"""Customers that one account may have, at most; their copies of an event have indexes of their own."""
NOBODY = "-"
"""Stands where the customer will be, in events that wait."""


@dataclass(slots=True, frozen=True)
class Bounds:
    """How many events may wait."""

    per_holder: int = 1000
    in_all: int = 100_000


class Identities:
    """The links as one worker of `ingest` uses them. All on its one thread."""

    def __init__(self, store: LinkStore, *, pseudonym: Pseudonym, bounds: Bounds) -> None:
        """Take over a store, which stays open until `close`."""
        self._store = store
        self._pseudonym = pseudonym
        self._bounds = bounds
        self._aliases = store.aliases()
        self._known: dict[str, tuple[str, ...]] = {}
        self._waiting = store.waiting()
        self._held_any = store.holds_any()

    @property
    def position(self) -> int:
        """The offset of the topic of acts that is to be read next."""
        return self._store.position

    def named(self, event: EventBase) -> EventBase:
        """An event of a customer that was merged goes to who it is now."""
        survivor = self._aliases.get(event.customer)
        return event if survivor is None else event.model_copy(update={"customer": survivor})

    def resolve(self, found: Found, *, place: Place) -> list[EventBase | InputError]:
        """The event for each customer of its holder; none while it waits.

        Args:
            found: From an adapter.
            place: Where it came from, to know it again.
        """
        given = found.body.get("customer")
        customers = (given,) if given is not None else self._customers(found.holder)
        if given is None and self._held_any and self._store.holds(place):
            # Read again after a restart: it waits, or what released it sends it.
            return []
        if customers:
            made = [self._completed(found, customer) for customer in customers[:JOINT_MAX]]
            # What is wrong with it is wrong for each: one cause is enough.
            return made if isinstance(made[0], EventBase) else made[:1]
        waiting = self._completed(found, NOBODY)
        if isinstance(waiting, InputError):
            return [waiting]
        holder = self._name(found.holder)
        full = self._waiting >= self._bounds.in_all
        if full or self._store.waiting(holder) >= self._bounds.per_holder:
            return [
                InputError(
                    "input.unlinked",
                    "nobody says whose it is, and too many events wait already",
                    hint="link the holder on the topic identities, then send this again",
                )
            ]
        self._store.hold(place, holder, encode(waiting))
        self._waiting += 1
        self._held_any = True
        return []

    def act(self, record: Record) -> list[Released] | InputError:
        """Apply one record of the topic of acts; what it releases, or why it is refused."""
        if record.offset < self._store.position:
            return []
        try:
            act = ACT.validate_json(record.value or b"")
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"][1:2])
            refused = InputError(
                "input.invalid", f"identities: {where or 'kind'} ({first['type']})"
            )
            return self._refused(refused, record)
        change = judge(act, self._store, name=lambda holder: self._name(_holder(holder)))
        if isinstance(change, InputError):
            return self._refused(change, record)
        audit = act.model_dump(mode="json")
        self._hide(audit)
        if isinstance(act, Forgotten):
            del audit["customer"]
        released = self._store.commit(change, position=record.offset, act=orjson.dumps(audit))
        self._aliases = self._store.aliases()
        self._known.clear()
        self._waiting = self._store.waiting() if change.forget else self._waiting - len(released)
        return released

    def undelivered(self) -> list[Released]:
        """What was released before a restart and not acknowledged."""
        return self._store.undelivered()

    def delivered(self, one: Released) -> None:
        """The log has it."""
        self._store.delivered(one.place)

    def forget(self, positions: dict[tuple[str, int], int]) -> None:
        """Let go of what was delivered and lies before positions that nobody will read again."""
        for (topic, partition), at in positions.items():
            self._store.purge(topic, partition, below=at)

    def sync(self) -> None:
        """Force what is held to disk."""
        self._store.sync()

    def close(self) -> None:
        """Give the store up."""
        self._store.close()

    def _customers(self, holder: Holder) -> tuple[str, ...]:
        name = self._name(holder)
        customers = self._known.get(name)
        if customers is None:
            customers = tuple(link.customer for link in self._store.links_of(name))
            if customers:
                self._known[name] = customers
        return customers

    def _completed(self, found: Found, customer: str) -> EventBase | InputError:
        name = self._aliases.get(customer, customer)
        return complete(found, name, pseudonym=self._pseudonym)

    def _name(self, holder: Holder) -> str:
        return self._pseudonym(f"{holder.scheme}\x1f{holder.issuer}\x1f{holder.id}")

    def _refused(self, error: InputError, record: Record) -> InputError:
        self._store.commit(Change(outcome=str(error)), position=record.offset, act=b"{}")
        return error

    def _hide(self, audit: dict[str, object]) -> None:
        """No account number in the audit: its pseudonym tells the same."""
        for key in ("holder", "holders"):
            held = audit.get(key)
            if isinstance(held, dict):
                audit[key] = self._name(Holder(held["scheme"], held["id"], held["issuer"]))
            elif isinstance(held, list):
                audit[key] = [self._name(Holder(h["scheme"], h["id"], h["issuer"])) for h in held]


def event_of(one: Released) -> EventBase:
    """The event that was released, its customer in it."""
    body = orjson.loads(one.event) | {"customer": one.customer}
    return EVENT.validate_json(orjson.dumps(body))


def forgotten(event: ErasureRequested) -> Forgotten:
    """The act that makes every worker forget whose accounts a customer's were."""
    return Forgotten(
        event_id=identify(event.event_id, event.customer, "identity.forgotten"),
        at=event.at,
        by="ingest",
        customer=event.customer,
    )


def source_of(one: Released) -> bytes:
    """The position that a released event carries: of what released it, told apart by where it came from.

    Example:
        >>> source_of(Released(("transactions", 3, 17, 0), 5, 2, "c-1", b"{}"))
        b'identities/transactions:3:5:2'
    """
    topic, part, _, _ = one.place
    return f"{topics.IDENTITIES}/{topic}:{part}:{one.released}:{one.turn}".encode()


def _holder(holder: HolderId) -> Holder:
    compact = holder.id.replace(" ", "") if holder.scheme in ("iban", "account") else holder.id
    return Holder(holder.scheme, compact, "" if holder.scheme == "iban" else holder.issuer)


def placed(
    results: Sequence[Sequence[EventBase | InputError]],
) -> list[tuple[int, EventBase | InputError]]:
    """Events with the index that each has within its message, the same at every reading.

    Example:
        >>> from schemas.errors import InputError
        >>> [index for index, _ in placed([[InputError("input.invalid")], [], [InputError("input.invalid")]])]
        [0, 32]
    """
    return [
        (position * JOINT_MAX + copy, event)
        for position, events in enumerate(results)
        for copy, event in enumerate(events)
    ]
