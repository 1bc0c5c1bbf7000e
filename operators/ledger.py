"""All states of one movement of money net to one cash flow, however often and in whatever form they come.

Stage: 2 of 8, before the fold. In: booked, pending and removed movements. Out: what is left to fold, or None.

A movement is known by account and transaction id: ids of two accounts may be equal. What was booked before is
remembered for the last `KEPT_MAX` bookings and more: booked again with the same amount it is a copy (a statement after a
notification), with another amount it is the difference that is folded, and once removed it is taken back.

Memory: text, newest last, one entry a booking: ``;`` 8 characters of a digest, ``=``, the
currency, the amount in minor units.
"""

from base64 import b64encode
from hashlib import blake2b
from typing import Any

from operators.contracts import Slot
from schemas.base import Source
from schemas.customer import Customer
from schemas.events import (
    EventBase,
    ExternalPending,
    ExternalRemoved,
    ExternalTransaction,
    TransactionBooked,
    TransactionPending,
    TransactionRemoved,
)

KEPT_MAX = 128
SLOTS: tuple[Slot, ...] = (
    Slot("ledger", Source.TRANSACTIONS, str),
    Slot("ledger_elsewhere", Source.OPEN_BANKING, str),
)
_ENTRIES_MAX = 2 * KEPT_MAX
_SHORT = _ENTRIES_MAX * len(";MTIzNDU2=EUR1")
"""No text below this length has too many entries."""
_Booked = TransactionBooked | ExternalTransaction
_Pending = TransactionPending | ExternalPending
_Removed = TransactionRemoved | ExternalRemoved


def net(me: Customer, event: EventBase) -> EventBase | None:
    """What an admitted event adds to what was folded before; None when it adds nothing.

    Args:
        me: A customer copy, whose ledger is brought up to date.
        event: Any event; all but movements of money pass as they are.

    Returns:
        The event itself, or a booking of the difference, or None for a copy and for a late authorisation.
    """
    if not isinstance(event, _Booked | _Pending | _Removed):
        return event
    own = event.source is Source.TRANSACTIONS
    slot = "ledger" if own else "ledger_elsewhere"
    memory: str = me.slots.get(slot, "")
    mark = _mark(event.account, event.transaction_id)
    start = memory.find(mark)
    if isinstance(event, _Pending):
        return event if start < 0 else None
    if start < 0:
        if isinstance(event, _Booked):
            me.slots[slot] = _kept(f"{memory}{mark}{event.currency}{event.amount_minor}")
        return event
    end = memory.find(";", start + 1)
    end = len(memory) if end < 0 else end
    at, rest = start + len(mark), memory[:start] + memory[end:]
    currency, before_minor = memory[at : at + 3], int(memory[at + 3 : end])
    if isinstance(event, _Removed):
        me.slots[slot] = rest
        return _taken_back(event, before_minor, currency)
    if event.currency != currency or event.amount_minor == before_minor:
        # A copy. (A booking does not change its currency: of two with one id the first counts.)
        return None
    me.slots[slot] = _kept(f"{rest}{mark}{currency}{event.amount_minor}")
    return event.model_copy(
        update={
            "amount_minor": event.amount_minor - before_minor,
            "amount_exact": None,
            "reverses": event.transaction_id,
        }
    )


def _taken_back(
    event: TransactionRemoved | ExternalRemoved, minor: int, currency: str
) -> EventBase:
    common: dict[str, Any] = {
        "event_id": event.event_id,
        "customer": event.customer,
        "at": event.at,
        "account": event.account,
        "transaction_id": event.transaction_id,
        "amount_minor": -minor,
        "currency": currency,
        "reverses": event.transaction_id,
    }
    if isinstance(event, ExternalRemoved):
        return ExternalTransaction(institution=event.institution, **common)
    return TransactionBooked(**common)


def _mark(account: str, transaction_id: str) -> str:
    """48 bits: among `KEPT_MAX` bookings two of one mark are one in 10^12.

    Example:
        >>> len(_mark("a-1", "t-1")), _mark("a-1", "t-1") == _mark("a-1t", "-1")
        (10, False)
    """
    digest = blake2b(f"{account}\x1f{transaction_id}".encode(), digest_size=6).digest()
    return f";{b64encode(digest).decode()}="


def _kept(memory: str) -> str:
    """Cut back by half when twice too long, so that it is rarely counted."""
    if len(memory) < _SHORT or memory.count(";") <= _ENTRIES_MAX:
        return memory
    return ";" + ";".join(memory.split(";")[-KEPT_MAX:])
