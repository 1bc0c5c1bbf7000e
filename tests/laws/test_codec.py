"""Laws of the record codec: exact round trips, every old version opens, damage never passes."""

from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.customer import (
    Contact,
    Customer,
    Grant,
    LiveSignal,
    OpenDecision,
    Outstanding,
    Preference,
)
from schemas.errors import StateError
from state.codec import UPCASTERS, VERSION, decode, encode, seal, unseal, upcast
from tests.records import customers, full_customer

GOLDEN = Path(__file__).parent.parent / "data" / "golden"
FIELDS = {
    Customer: "customer since_ms latest_ms grants refusals withdrawn objections vulnerable preferences "
    "profile products slots signals open contacts rests mistrusted recent timers decision_count "
    "previous_digest outstanding category_limits channel_limits access touched",
    Outstanding: "decision_id action purpose channel sources until_ms",
    Grant: "record_id position from_ms until_ms special",
    LiveSignal: "at_ms until_ms strength sources words evidence",
    OpenDecision: "decision_id at_ms action purpose channel arm propensity model context "
    "action_features sources until_ms trainable label last_outcome",
    Contact: "at_ms action kind channel",
    Preference: "enabled quiet_from_hour quiet_to_hour",
}
ADDED: dict[int, tuple[str, ...]] = {
    3: ("outstanding", "category_limits", "channel_limits", "access"),
    4: ("touched",),
}
"""Version → the fields of `Customer` that came with it."""


@given(customers(st.sampled_from(["c-1", "Z.9_:"])))
def test_round_trip(record: Customer) -> None:
    """Any record comes back equal from its bytes, types and order of keys included."""
    back = decode(encode(record))
    assert back == record
    assert repr(back.slots) == repr(record.slots)
    assert list(back.timers) == list(record.timers)
    assert encode(back) == encode(record)


@given(customers(st.just("c-1")), st.data())
def test_damage_is_named(record: Customer, data: st.DataObject) -> None:
    """A flipped bit or a cut tail anywhere is an error, never another record."""
    sealed = bytearray(encode(record))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StateError, match=r"state\.corrupt"):
        decode(bytes(sealed))
    with pytest.raises(StateError, match=r"state\.corrupt"):
        decode(encode(record)[:at])


def test_every_version_opens() -> None:
    """The bytes that each version wrote still open as the record they were, less what it did not know."""
    for version in range(1, VERSION + 1):
        held = full_customer()
        for later, names in ADDED.items():
            for name in names if later > version else ():
                setattr(held, name, {})
        assert decode((GOLDEN / f"customer-v{version}.bin").read_bytes()) == held


def test_version_is_frozen() -> None:
    """The newest version still writes the very bytes that it was released with."""
    golden = (GOLDEN / f"customer-v{VERSION}.bin").read_bytes()
    assert encode(full_customer()) == golden, "the layout changed: make a version and an upcaster"


@pytest.mark.parametrize("shape", FIELDS)
def test_no_field_is_forgotten(shape: type) -> None:
    """A field added to a shape is a field that the codec must learn, in a new version."""
    names = [one.name for one in fields(shape)]
    assert names == FIELDS[shape].split(), "the codec does not write this field"


def test_the_golden_record_is_full() -> None:
    """No field of the golden record has its default, so that none can be lost unseen."""
    record = full_customer()
    for one in fields(Customer):
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        assert getattr(record, one.name) != default, one.name


def test_a_copy_has_every_field_and_shares_no_container() -> None:
    """Fields are copied one by one, so that one could be forgotten, or be changed in two records at once."""
    record = full_customer()
    made = record.copy()
    assert made == record
    for one in fields(Customer):
        held = getattr(record, one.name)
        assert not isinstance(held, dict | list) or getattr(made, one.name) is not held, one.name


def test_upcasters_are_gapless() -> None:
    """A step leads on from every version but the newest."""
    assert set(UPCASTERS) == set(range(1, VERSION))


def test_upcast_walks_step_by_step() -> None:
    """An old body goes through each upcaster in turn; a gap is an error."""
    steps = {1: lambda body: [*body, "b"], 2: lambda body: [*body, "c"]}
    assert upcast(["a"], version=1, newest=3, upcasters=steps) == ["a", "b", "c"]
    assert upcast(["a"], version=2, newest=3, upcasters=steps) == ["a", "c"]
    with pytest.raises(StateError, match=r"state\.corrupt"):
        upcast(["a"], version=1, newest=4, upcasters=steps)


def test_newer_version_is_refused() -> None:
    """Bytes of a later release are refused with what to do."""
    with pytest.raises(StateError) as caught:
        decode(seal(b"[]", version=VERSION + 1))
    assert caught.value.code == "state.version-too-new"
    assert caught.value.hint


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'["c-1"]', b"null", b"[1,2,3,4,5]"])
def test_another_layout_is_corrupt(body: bytes) -> None:
    """A body that this version never wrote is corrupt even with a right checksum."""
    with pytest.raises(StateError, match=r"state\.corrupt"):
        decode(seal(body, version=VERSION))


def test_version_zero_is_corrupt() -> None:
    """Zeroed bytes, as a failing disk gives, are not a version."""
    with pytest.raises(StateError, match=r"state\.corrupt"):
        unseal(bytes(64), newest=VERSION, what="record")
