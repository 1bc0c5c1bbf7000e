"""All states of one movement net to one cash flow."""

from base64 import b64encode
from hashlib import blake2b
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.ledger import KEPT_MAX, entries, net
from schemas.customer import Customer
from schemas.events import EVENT, EventBase, TransactionBooked

PLACES = st.tuples(st.sampled_from(["a-1", "a-2"]), st.sampled_from(["t-1", "t-2", "t-3"]))


def movement(kind: str, account: str, transaction: str, amount: int | None) -> EventBase:
    body: dict[str, Any] = {
        "kind": kind,
        "event_id": f"{kind}{account}{transaction}{amount}",
        "customer": "c-1",
        "at": "2026-03-01T09:00:00Z",
        "account": account,
        "transaction_id": transaction,
    }
    if amount is not None:
        body |= {"amount_minor": amount, "currency": "EUR"}
    return EVENT.validate_json(orjson.dumps(body))


def booked(amount: int, *, account: str = "a-1", transaction: str = "t-1") -> EventBase:
    return movement("transaction.booked", account, transaction, amount)


def amounts(*events: EventBase) -> list[int]:
    me = Customer("c-1")
    left = [net(me, event) for event in events]
    return [one.amount_minor for one in left if isinstance(one, TransactionBooked)]


def test_a_copy_adds_nothing() -> None:
    """A statement after a notification is the same booking, under whatever event id."""
    assert amounts(booked(-500), booked(-500)) == [-500]


def test_ids_of_two_accounts_may_be_equal() -> None:
    """A transaction is known by its account and its id."""
    assert amounts(booked(-500), booked(-500, account="a-2")) == [-500, -500]


def test_a_changed_booking_adds_the_difference() -> None:
    """What is mutable nets to what it is last; and gone, to nothing."""
    removed = movement("transaction.removed", "a-1", "t-1", None)
    assert amounts(booked(-500), booked(-650)) == [-500, -150]
    assert amounts(booked(-500), booked(-650), removed) == [-500, -150, 650]
    assert amounts(booked(-500), removed, booked(-500)) == [-500, 500, -500]


def test_an_authorisation_that_comes_late_is_nothing() -> None:
    """Pending before booked passes; after it, it would be held for ever."""
    pending = movement("transaction.pending", "a-1", "t-1", -500)
    me = Customer("c-1")
    assert net(me, pending) is pending
    assert net(me, booked(-500)) is not None
    assert net(me, pending) is None


def test_the_ledger_is_bounded() -> None:
    """It forgets the oldest, and keeps the newest."""
    me = Customer("c-1")
    for number in range(5 * KEPT_MAX):
        assert net(me, booked(-number, transaction=f"t-{number}")) is not None
    kept = me.slots["ledger"]
    assert len(list(entries(kept))) == KEPT_MAX == kept[1]
    assert len(kept) < 12 * KEPT_MAX
    assert net(me, booked(1 - 5 * KEPT_MAX, transaction=f"t-{5 * KEPT_MAX - 1}")) is None


@given(st.lists(st.tuples(PLACES, st.none() | st.integers(-9, 9)), max_size=40))
def test_the_flow_is_what_stands_last(steps: list[tuple[tuple[str, str], int | None]]) -> None:
    """Whatever order states come in, the sum of what is folded is the sum of what stands."""
    stands: dict[tuple[str, str], int] = {}
    events = []
    for (account, transaction), amount in steps:
        if amount is None:
            stands.pop((account, transaction), None)
            events.append(movement("transaction.removed", account, transaction, None))
        else:
            stands[account, transaction] = amount
            events.append(booked(amount, account=account, transaction=transaction))
    assert sum(amounts(*events)) == sum(stands.values())


def test_a_ledger_of_text_is_read_on() -> None:
    """What version 1 remembered is a copy still, in whatever currency."""
    euros, pounds = booked(-500), booked(-650, transaction="t-2")
    pounds = pounds.model_copy(update={"currency": "GBP"})
    text = "".join(
        f";{b64encode(blake2b(f'a-1{chr(31)}{t}'.encode(), digest_size=6).digest()).decode()}={rest}"
        for t, rest in (("t-1", "EUR-500"), ("t-2", "GBP-650"))
    )
    me = Customer("c-1", slots={"ledger": text})
    assert net(me, euros) is None
    assert net(me, pounds) is None
    assert net(me, booked(-600)) is not None
    assert [e[2:] for e in entries(me.slots["ledger"])] == [("GBP", -650), ("EUR", -600)]


@pytest.mark.parametrize("count", [1, KEPT_MAX, 5 * KEPT_MAX // 4])
def test_a_ledger_without_a_head_is_read_on(count: int) -> None:
    """Version 2 had no count, and up to a quarter more entries; the newest of them are remembered on."""
    ids = [f"t-{number}" for number in range(count)]
    before = b"EUR" + b"".join(
        blake2b(f"a-1\x1f{name}".encode(), digest_size=6).digest() + b"\1\x07" for name in ids
    )
    me = Customer("c-1", slots={"ledger": before})
    assert net(me, booked(7, transaction=ids[-1])) is None
    assert net(me, booked(8, transaction="new")) is not None
    kept = [amount for *_, amount in entries(me.slots["ledger"])]
    assert kept == [*[7] * min(count, KEPT_MAX - 1), 8]
    assert net(me, booked(7, transaction=ids[-1])) is None


@pytest.mark.parametrize("count", [1, KEPT_MAX])
def test_a_ledger_with_whole_heads_is_read_on(count: int) -> None:
    """Version 3 had a byte of its own for how long an amount is."""
    ids = [f"t-{number}" for number in range(count)]
    before = bytes((3, count)) + b"EUR"
    for number, name in enumerate(ids):
        own, head = (b"GBP", 0x82) if number % 3 else (b"", 2)
        digest = blake2b(f"a-1\x1f{name}".encode(), digest_size=6).digest()
        before += digest + bytes((head,)) + own + (300 + number).to_bytes(2, "big")
    me = Customer("c-1", slots={"ledger": before})
    for number, name in enumerate(ids):
        again = booked(300 + number, transaction=name)
        assert net(me, again.model_copy(update={"currency": "GBP"} if number % 3 else {})) is None
    assert net(me, booked(8, transaction="new")) is not None
    kept = list(entries(me.slots["ledger"]))
    assert len(kept) == me.slots["ledger"][1] == min(count + 1, KEPT_MAX)
    assert kept[-1][2:] == ("EUR", 8)
    assert [e[2] for e in kept[:-1]] == ["GBP" if n % 3 else "EUR" for n in range(count)][
        -len(kept) + 1 :
    ]


@given(st.lists(st.integers(-(10**15), 10**15), max_size=20))
def test_any_amount_is_kept(amounts_minor: list[int]) -> None:
    """The largest amounts that an event may have come back."""
    me = Customer("c-1")
    for number, amount in enumerate(amounts_minor):
        net(me, booked(amount, transaction=f"t-{number}"))
    assert [e[3] for e in entries(me.slots.get("ledger", b""))] == amounts_minor
