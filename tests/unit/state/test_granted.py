"""Grants that know what follows from them: never changed, and their bytes are those of a plain dictionary."""

from copy import deepcopy

import pytest

from operators.dialogue import ends, expire
from schemas.base import Purpose, Source
from schemas.customer import Customer, Grant, Granted, terms_of
from state.codec import decode, encode

ONE = Grant("r-1", "t:0:1:0", 5, 50)
OTHER = Grant("r-2", "t:0:2:0", 6)
PURPOSE = Purpose.FINANCIAL_WELLBEING


@pytest.mark.parametrize(
    "grants", [{}, {"app": ONE}, {"app": ONE, "profile": ONE}, {"app": ONE, "profile": OTHER}]
)
def test_the_bytes_are_those_of_plain_grants(grants: dict[str, Grant]) -> None:
    """Encoded for the first time, again, and read back."""
    plain = Customer("c-1", grants={PURPOSE: grants})
    knowing = Customer("c-1", grants={PURPOSE: Granted(grants)})
    assert plain == knowing
    assert encode(plain) == encode(knowing) == encode(knowing.copy()) == encode(knowing)
    assert encode(decode(encode(knowing))) == encode(plain)


def test_what_was_encoded_is_not_what_another_word_left() -> None:
    """A grant that ended is in no byte of the record after it."""
    me = Customer("c-1", grants={PURPOSE: Granted({"app": ONE, "profile": OTHER})})
    before = encode(me)
    after = me.copy()
    assert ends(after) == 50
    assert expire(after, now_ms=49).ended == ()
    assert expire(after, now_ms=50).ended == ((PURPOSE, Source.APP),)
    assert ends(after) is None
    assert decode(encode(after)).grants == {PURPOSE: {"profile": OTHER}}
    assert after.granted(PURPOSE, 60) == {Source.PROFILE}
    assert encode(me) == before


@pytest.mark.parametrize("now_ms", [4, 5, 49, 50])
def test_one_consent_for_all_stands_or_falls_as_each_would(now_ms: int) -> None:
    """The short way says what a look at each source says."""
    me = Customer("c-1", grants={PURPOSE: Granted({"app": ONE, "profile": ONE})})
    each = {s for s in (Source.APP, Source.PROFILE) if me.may(PURPOSE, s, now_ms)}
    assert me.granted(PURPOSE, now_ms) == each


def test_grants_are_replaced_never_changed() -> None:
    """A change in place would leave behind what was worked out before it."""
    grants = Granted({"app": ONE})
    with pytest.raises(TypeError, match="replaced"):
        grants["profile"] = OTHER
    with pytest.raises(TypeError, match="replaced"):
        del grants["app"]
    with pytest.raises(TypeError, match="replaced"):
        grants.update(profile=OTHER)
    with pytest.raises(TypeError, match="replaced"):
        grants.pop("app")
    assert grants == {"app": ONE}


def test_copies_are_grants_too() -> None:
    """Copied deeply, they come back as what they were."""
    grants = Granted({"app": ONE})
    encode(Customer("c-1", grants={PURPOSE: grants}))
    made = deepcopy(grants)
    assert made == grants
    assert (type(made), terms_of(made)) == (Granted, terms_of(grants))
