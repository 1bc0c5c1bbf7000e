"""All states of one movement of money net to one cash flow, however often and in whatever form they come.

Stage: 2 of 8, before the fold. In: booked, pending and removed movements. Out: what is left to fold, or None.

A movement is known by account and transaction id: ids of two accounts may be equal. What was booked before is
remembered for the last `KEPT_MAX` bookings: booked again with the same amount it is a copy (a statement after a
notification), with another amount it is the difference that is folded, and once removed it is taken back.

Memory: packed, newest last. The version and the number of bookings (a byte each), the currency of most of them (3
bytes), then an entry a booking: 44 bits of a digest, four that say how many bytes the amount takes and whether a
currency of its own comes first, the amount in minor units.
"""

from base64 import b64decode
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final

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

KEPT_MAX: Final = 128
SLOTS: tuple[Slot, ...] = (
    Slot("ledger", Source.TRANSACTIONS, bytes, version=4),
    Slot("ledger_elsewhere", Source.OPEN_BANKING, bytes, version=4),
)
_VERSION: Final = 4
_DIGEST: Final = 6
_CURRENCY: Final = 3
_COUNT_AT: Final = 1
_CURRENCY_AT: Final = 2
_BEGIN: Final = _CURRENCY_AT + _CURRENCY
_WHOLE: Final = _DIGEST - 1
"""Bytes of an entry that are of the digest alone."""
_HEAD: Final = 0x0F
_FOREIGN: Final = 0x08
_SIZE: Final = 0x07
"""Of the byte behind them: what is not of the digest; in it, whether a currency stands before the amount; its bytes."""
_COUNTED, _FOREIGN_BEFORE = 3, 0x80
"""Version 3, the first with a count; up to it, the bit in an entry's head for a currency of its own."""
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
    # Most bookings are new, and of those no byte needs to be looked at twice. (`in` makes an exception first, to learn
    # that it was not asked for a number.)
    found = _find(memory, digest) if memory.find(digest[:_WHOLE]) >= 0 else None
    if found is None:
        if isinstance(event, _Booked):
            me.slots[slot] = _with(memory, digest, event)
        return event
    if isinstance(event, _Pending):
        return None
    start, end, currency, before_minor = found
    rest = _without(memory, start, end)
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
        (13, [(5, 13, 'EUR', -500)])
    """
    at, usual = _BEGIN, memory[_CURRENCY_AT:_BEGIN].decode()
    while at < len(memory):
        end, start = _end(memory, at), at
        currency = usual
        at += _DIGEST
        if memory[at - 1] & _FOREIGN:
            currency = memory[at : at + _CURRENCY].decode()
            at += _CURRENCY
        yield start, end, currency, int.from_bytes(memory[at:end], "big", signed=True)
        at = end


def _end(memory: bytes, start: int) -> int:
    """Where the entry that begins there ends."""
    head = memory[start + _WHOLE]
    return start + _DIGEST + (head & _SIZE) + (_CURRENCY if head & _FOREIGN else 0)


def _find(memory: bytes, digest: bytes) -> tuple[int, int, str, int] | None:
    whole, rest = digest[:_WHOLE], digest[_WHOLE] & ~_HEAD
    return next(
        (
            entry
            for entry in entries(memory)
            if memory.startswith(whole, entry[0]) and memory[entry[0] + _WHOLE] & ~_HEAD == rest
        ),
        None,
    )


def _without(memory: bytes, start: int, end: int) -> bytes:
    count = memory[_COUNT_AT] - 1
    return bytes((_VERSION, count)) + memory[_CURRENCY_AT:start] + memory[end:]


def _with(memory: bytes, digest: bytes, event: _Booked) -> bytes:
    """The memory and one more entry; the oldest goes when there are too many."""
    if memory and memory[_COUNT_AT] >= KEPT_MAX:
        memory = _without(memory, _BEGIN, _end(memory, _BEGIN))
    return _longer(memory, digest, event.currency.encode(), event.amount_minor)


def _longer(memory: bytes, digest: bytes, currency: bytes, amount_minor: int) -> bytes:
    memory = memory or bytes((_VERSION, 0)) + currency
    own = b"" if memory.startswith(currency, _CURRENCY_AT) else currency
    # Seven bytes at the most, for the largest amount that an event may have.
    size = amount_minor.bit_length() // 8 + 1
    head = digest[_WHOLE] & ~_HEAD | size | (_FOREIGN if own else 0)
    entry = digest[:_WHOLE] + bytes((head,)) + own + amount_minor.to_bytes(size, "big", signed=True)
    return bytes((_VERSION, memory[_COUNT_AT] + 1)) + memory[_CURRENCY_AT:] + entry


def _digest(account: str, transaction_id: str) -> bytes:
    """44 bits, and four that are not looked at: a booking is taken for one of `KEPT_MAX` others once in 10^11.

    Example:
        >>> len(_digest("a-1", "t-1")), _digest("a-1", "t-1") == _digest("a-1t", "-1")
        (6, False)
    """
    return blake2b(f"{account}\x1f{transaction_id}".encode(), digest_size=_DIGEST).digest()


def _newest(memory: bytes | str) -> bytes:
    """Earlier versions (`_earlier`) as this one has them."""
    if isinstance(memory, bytes) and (not memory or memory[0] == _VERSION):
        return memory
    packed = b""
    for digest, currency, amount_minor in list(_earlier(memory))[-KEPT_MAX:]:
        packed = _longer(packed, digest, currency, amount_minor)
    return packed


def _earlier(memory: bytes | str) -> Iterator[tuple[bytes, bytes, int]]:
    """Digest (6 bytes), currency and amount of each entry of an earlier version.

    A text of ``;``, 8 characters of base64, ``=``, currency, amount; then bytes, with a byte for the head of each
    entry, without a version and a count before them at first.
    """
    if isinstance(memory, str):
        for entry in filter(None, memory.split(";")):
            yield b64decode(entry[:8]), entry[9:12].encode(), int(entry[12:])
        return
    at = _CURRENCY_AT if memory[0] == _COUNTED else 0
    usual, at = memory[at : at + _CURRENCY], at + _CURRENCY
    while at < len(memory):
        digest, head, at = memory[at : at + _DIGEST], memory[at + _DIGEST], at + _DIGEST + 1
        currency = usual
        if head & _FOREIGN_BEFORE:
            currency, at = memory[at : at + _CURRENCY], at + _CURRENCY
        end = at + (head & ~_FOREIGN_BEFORE)
        yield digest, currency, int.from_bytes(memory[at:end], "big", signed=True)
        at = end
