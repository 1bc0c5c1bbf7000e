"""Customers by links: nobody is guessed, what waits is released in order, two people stay two."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.adapters.complete import pseudonyms
from flows.adapters.movements import Movement, found
from flows.adapters.shapes import Found, Holder
from flows.identity import Bounds, Identities, event_of, forgotten, source_of
from flows.records import Record
from schemas.errors import InputError
from schemas.events import ErasureRequested, EventBase
from state.links import Change, Link, LinkStore, Released
from tests.bytes import holding

IBAN = "DE89370400440532013000"


def opened(path: Path | None = None, *, bounds: Bounds | None = None) -> Identities:
    return Identities(
        LinkStore(path), pseudonym=pseudonyms("k"), bounds=bounds or Bounds(per_holder=3, in_all=5)
    )


def act(kind: str, offset: int, **fields: Any) -> Record:
    body = {"kind": kind, "event_id": f"i-{offset}", "at": "2026-03-01T08:00:00Z", "by": "core"}
    return Record("identities", 0, offset, None, orjson.dumps(body | fields), (), 0)


def holder(number: str = IBAN, scheme: str = "iban", issuer: str = "") -> dict[str, str]:
    return {"scheme": scheme, "id": number, "issuer": issuer}


def person(number: str) -> dict[str, str]:
    return holder(number, "person", "registry")


def movement(number: int, *, iban: str = IBAN) -> Found:
    return found(
        Movement(
            holder=Holder("iban", iban),
            reference=f"t-{number}",
            state="booked",
            at="2026-03-01T09:00:00+00:00",
            currency="EUR",
        )
    )


def did(identities: Identities, *records: Record) -> list[str]:
    """The code of each act's refusal, empty for one that was applied."""
    outcomes = [identities.act(record) for record in records]
    return [o.code if isinstance(o, InputError) else "" for o in outcomes]


def customers(identities: Identities, iban: str = IBAN) -> list[str]:
    made = identities.resolve(movement(9, iban=iban), place=("transactions", 0, 999, 0))
    return [event.customer for event in made if isinstance(event, EventBase)]


def test_what_waits_is_released_in_order_and_survives(tmp_path: Path) -> None:
    """Held before a restart, released after it, sent again until the log has it, and then never again."""
    path = tmp_path / "links.sqlite"
    first = opened(path)
    for number in (2, 1, 0):
        place = ("transactions", 0, 10 - number, 0)
        assert first.resolve(movement(number), place=place) == []
        assert first.resolve(movement(number), place=place) == []
    first.close()
    second = opened(path)
    released = second.act(act("identity.linked", 5, customer="c-1", holder=holder()))
    assert isinstance(released, list)
    assert [one.place[2] for one in released] == [8, 9, 10]
    assert [source_of(one) for one in released] == [
        b"identities/transactions:0:5:%d" % turn for turn in range(3)
    ]
    assert {event_of(one).customer for one in released} == {"c-1"}
    assert IBAN not in str(released)
    second.delivered(released[0])
    second.close()
    third = opened(path)
    assert third.position == 6
    assert third.undelivered() == released[1:]
    # Read again from before the restart: what released it sends it, nobody else.
    assert third.resolve(movement(2), place=("transactions", 0, 8, 0)) == []
    assert [e for e in third.resolve(movement(7), place=("transactions", 0, 11, 0)) if e]
    third.forget({("transactions", 0): 11})
    assert third.undelivered() == released[1:]
    third.close()


def test_waiting_is_bounded() -> None:
    """Beyond the bound the newest is refused with its cause, and nothing that waits is lost."""
    identities = opened()
    for number in range(3):
        assert identities.resolve(movement(number), place=("t", 0, number, 0)) == []
    (refused,) = identities.resolve(movement(3), place=("t", 0, 3, 0))
    assert isinstance(refused, InputError)
    assert refused.code == "input.unlinked"
    released = identities.act(act("identity.linked", 0, customer="c-1", holder=holder()))
    assert isinstance(released, list)
    assert all(isinstance(one, Released) for one in released)
    assert len(released) == 3


def test_an_account_has_one_owner_or_joint_ones() -> None:
    """A second owner is refused; people who hold it jointly each get its events."""
    identities = opened()
    linked = [
        act("identity.linked", 0, customer="c-1", holder=holder()),
        act("identity.linked", 1, customer="c-2", holder=holder()),
        act("identity.linked", 2, customer="c-1", holder=holder("X"), role="joint"),
        act("identity.linked", 3, customer="c-2", holder=holder("X"), role="joint"),
        act("identity.linked", 4, customer="c-3", holder=holder("X")),
    ]
    assert did(identities, *linked) == ["", "input.two-people", "", "", "input.two-people"]
    assert customers(identities) == ["c-1"]
    assert customers(identities, "X") == ["c-1", "c-2"]


def test_a_merge_needs_a_person() -> None:
    """One id of a person on both sides merges them, and a split takes it back; each is in the audit."""
    identities = opened()
    merge = {"customer": "c-1", "merged": "c-2", "proof": "person-id", "reason": "two log-ins"}
    acts = [
        act("identity.linked", 0, customer="c-1", holder=person("p-1")),
        act("identity.linked", 1, customer="c-2", holder=holder()),
        act("identity.merged", 2, **merge),
        act("identity.merged", 3, **merge | {"proof": "document"}),
    ]
    assert did(identities, *acts) == ["", "", "input.two-people", ""]
    assert customers(identities) == ["c-1"]
    back = {"customer": "c-1", "to": "c-2", "holders": [holder()], "reason": "an error"}
    assert did(identities, act("identity.split", 4, **back)) == [""]
    assert customers(identities) == ["c-2"]
    outcomes = [outcome for _, _, outcome in identities._store.audit()]
    assert [o.split(":")[0] for o in outcomes] == ["applied"] * 2 + ["input.two-people"] + [
        "applied"
    ] * 2
    assert IBAN.encode() not in b"".join(line for _, line, _ in identities._store.audit())


@pytest.mark.parametrize(
    "before",
    [
        [("identity.linked", {"customer": "c-1", "holder": person("p-1")}),
         ("identity.linked", {"customer": "c-2", "holder": person("p-2")})],
        [("identity.linked", {"customer": "c-1", "holder": holder(), "role": "joint"}),
         ("identity.linked", {"customer": "c-2", "holder": holder(), "role": "joint"})],
        [("household.changed", {"household": "h-1", "customers": ["c-1", "c-2"]})],
    ],
    ids=["other persons", "a joint account", "one household"],
)  # fmt: skip
def test_a_merge_that_would_join_two_people_is_refused(
    before: list[tuple[str, dict[str, Any]]],
) -> None:
    """Not even a document makes one of two who are known to be two."""
    identities = opened()
    for offset, (kind, fields) in enumerate(before):
        assert did(identities, act(kind, offset, **fields)) == [""]
    merge = act(
        "identity.merged", 7, customer="c-1", merged="c-2", proof="document", reason="looks alike"
    )
    assert did(identities, merge) == ["input.two-people"]


def test_acts_are_applied_once_and_wrong_ones_named() -> None:
    """An act that was read before does nothing; one that can't be read says which field."""
    identities = opened()
    linked = act("identity.linked", 0, customer="c-1", holder=holder())
    unlinked = act("identity.unlinked", 1, customer="c-1", holder=holder())
    assert did(identities, linked, unlinked, linked) == ["", "", ""]
    assert customers(identities) == []
    wrong = identities.act(act("identity.linked", 2, customer="c 1", holder=holder()))
    assert isinstance(wrong, InputError)
    assert "customer" in wrong.detail
    assert identities.position == 3


def test_who_is_forgotten_leaves_no_byte(tmp_path: Path) -> None:
    """Links, merges, households, released events and what acts said of a customer go, from every file."""
    path = tmp_path / "links.sqlite"
    identities = opened(path)
    identities.resolve(movement(0), place=("transactions", 0, 1, 0))
    done = did(
        identities,
        act("identity.linked", 0, customer="anna-0042", holder=holder()),
        act("identity.linked", 1, customer="ben-0007", holder=holder("GB29NWBK60161331926819")),
        act("identity.linked", 2, customer="anna-old", holder=person("p-1")),
        act("identity.linked", 3, customer="anna-0042", holder=person("p-1")),
        act("household.changed", 4, household="h-1", customers=["anna-0042", "ben-0007"]),
    )
    assert done == ["", "", "", "input.two-people", ""]
    request = ErasureRequested(
        event_id="e-1", customer="anna-0042", at=datetime(2026, 3, 2, tzinfo=UTC)
    )
    said = forgotten(request).model_dump_json().encode()
    assert did(identities, Record("identities", 0, 5, None, said, (), 0)) == [""]
    assert holding(tmp_path, [b"anna-0042"]) == {}
    assert customers(identities, "GB29NWBK60161331926819") == ["ben-0007"]
    assert identities.resolve(movement(8), place=("transactions", 0, 998, 0)) == []
    # Who comes back is linked anew, and the same act read again changes nothing.
    again = act("identity.linked", 6, customer="anna-0042", holder=holder())
    assert did(identities, again, Record("identities", 0, 7, None, said, (), 0)) == ["", ""]
    assert customers(identities) == ["anna-0042"]
    identities.close()


def test_the_record_of_acts_stays_without_the_name(tmp_path: Path) -> None:
    """Each act keeps its place and its outcome; what it said of the customer is gone."""
    store = LinkStore(tmp_path / "links.sqlite")
    said = orjson.dumps({"kind": "identity.linked", "customer": "anna-0042", "event_id": "i"})
    store.commit(Change(link=[Link("h", "anna-0042", "owner")]), position=0, act=said)
    store.commit(Change(forget="anna-0042"), position=1, act=b'{"event_id":"f"}')
    assert [(at, outcome) for at, _, outcome in store.audit()] == [(0, "applied"), (1, "applied")]
    assert b"anna" not in b"".join(act for _, act, _ in store.audit())
    store.close()
