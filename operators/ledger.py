"""All states of one movement of money net to one cash flow, however often and in whatever form they come.

Stage: 2 of 8, before the fold. In: booked, pending and removed movements. Out: what is left to fold, or None.

A movement is known by account and transaction id: ids of two accounts may be equal. What was booked before is
remembered for the last `KEPT_MAX` bookings and more: booked again with the same amount it is a copy (a statement after a
notification), with another amount it is the difference that is folded, and once removed it is taken back.

Memory: packed, newest last. The currency of most bookings (3 bytes), then an entry a booking: 6 bytes of a digest, a
byte that says how many bytes the amount takes and whether a currency of its own comes first, the amount in minor units.
"""

from base64 import b64decode
from collections.abc import Iterator
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
    Slot("ledger", Source.TRANSACTIONS, bytes, version=2),
    Slot("ledger_elsewhere", Source.OPEN_BANKING, bytes, version=2),
)
_ENTRIES_MAX = 5 * KEPT_MAX // 4
_DIGEST, _CURRENCY = 6, 3
_SHORT = _CURRENCY + _ENTRIES_MAX * (_DIGEST + 2)
"""No memory below this length has too many entries."""
_FOREIGN = 0x80
"""In an entry's head: a currency stands before the amount."""
_Booked = TransactionBooked | ExternalTransaction
_Pending = TransactionPending | ExternalPending
_Removed = TransactionRemoved | ExternalRemoved
_MOVEMENTS = _Booked | _Pending | _Removed


def net(me: Customer, event: EventBase) -> EventBase | None:
    """What an admitted event adds to what was folded before; None when it adds nothing.

    Args:
        me: A customer copy, whose ledger is brought up to date.
        event: Any event; all but movements of money pass as they are.

    Returns:
        The event itself, or a booking of the difference, or None for a copy and for a late authorisation.
    """
    if not isinstance(event, _MOVEMENTS):
        return event
    own = event.source is Source.TRANSACTIONS
    slot = "ledger" if own else "ledger_elsewhere"
    memory = _newest(me.slots.get(slot, b""))
    digest = _digest(event.account, event.transaction_id)
    # Most bookings are new, and of those no byte needs to be looked at twice.
    found = _find(memory, digest) if digest in memory else None
    if isinstance(event, _Pending):
        return event if found is None else None
    if found is None:
        if isinstance(event, _Booked):
            me.slots[slot] = _with(memory, digest, event)
        return event
    start, end, currency, before_minor = found
    rest = memory[:start] + memory[end:]
    if isinstance(event, _Removed):
        me.slots[slot] = rest
        return _taken_back(event, before_minor, currency)
    if event.currency != currency or event.amount_minor == before_minor:
        # A copy. (A booking does not change its currency: of two with one id the first counts.)
        return None
    me.slots[slot] = _with(rest, digest, event)
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


def entries(memory: bytes) -> Iterator[tuple[int, int, str, int]]:
    """Where each entry begins and ends, its currency and its amount (minor units), oldest first.

    Example:
        >>> from schemas.events import TransactionBooked
        >>> fields = {"event_id": "e", "customer": "c", "at": "2026-03-01T09:00:00Z", "account": "a-1"}
        >>> money = {"transaction_id": "t-1", "amount_minor": -500, "currency": "EUR"}
        >>> kept = _with(b"", _digest("a-1", "t-1"), TransactionBooked(**fields, **money))
        >>> len(kept), list(entries(kept))
        (12, [(3, 12, 'EUR', -500)])
    """
    at, usual = _CURRENCY, memory[:_CURRENCY].decode()
    while at < len(memory):
        head, start = memory[at + _DIGEST], at
        at += _DIGEST + 1
        currency = usual
        if head & _FOREIGN:
            currency = memory[at : at + _CURRENCY].decode()
            at += _CURRENCY
        end = at + (head & ~_FOREIGN)
        yield start, end, currency, int.from_bytes(memory[at:end], "big", signed=True)
        at = end


def _find(memory: bytes, digest: bytes) -> tuple[int, int, str, int] | None:
    return next((e for e in entries(memory) if memory.startswith(digest, e[0])), None)


def _with(memory: bytes, digest: bytes, event: _Booked) -> bytes:
    """The memory and one more entry, cut back when it has grown too long."""
    memory = _longer(memory, digest, event.currency.encode(), event.amount_minor)
    if len(memory) < _SHORT:
        return memory
    starts = [start for start, *_ in entries(memory)]
    if len(starts) <= _ENTRIES_MAX:
        return memory
    return memory[:_CURRENCY] + memory[starts[-KEPT_MAX] :]


def _longer(memory: bytes, digest: bytes, currency: bytes, amount_minor: int) -> bytes:
    memory = memory or currency
    own = b"" if memory.startswith(currency) else currency
    size = amount_minor.bit_length() // 8 + 1
    head = bytes([size | (_FOREIGN if own else 0)])
    return memory + digest + head + own + amount_minor.to_bytes(size, "big", signed=True)


def _digest(account: str, transaction_id: str) -> bytes:
    """48 bits: among `KEPT_MAX` bookings two of one digest are one in 10^12.

    Example:
        >>> len(_digest("a-1", "t-1")), _digest("a-1", "t-1") == _digest("a-1t", "-1")
        (6, False)
    """
    return blake2b(f"{account}\x1f{transaction_id}".encode(), digest_size=_DIGEST).digest()


def _newest(memory: bytes | str) -> bytes:
    """Version 1 was text: an entry was ``;``, 8 characters of base64, ``=``, currency, amount."""
    if isinstance(memory, bytes):
        return memory
    packed = b""
    for entry in filter(None, memory.split(";")):
        packed = _longer(packed, b64decode(entry[:8]), entry[9:12].encode(), int(entry[12:]))
    return packed
