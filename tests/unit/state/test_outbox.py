"""Outbox entries to bytes and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import StateError
from state.codec import seal
from state.outbox import NAME_MAX, OutboxEntry, decode_entry, encode_entry

PAYLOADS = st.none() | st.binary(max_size=40)
NAMES = st.text(st.characters(codec="utf-8"), max_size=5) | st.integers(
    NAME_MAX - 1, NAME_MAX + 1
).map("é".__mul__)
"""Short ones, and those on both sides of the longest that is packed once."""
ENTRIES = st.builds(
    OutboxEntry,
    sequence=st.integers(0, 2**63),
    topic=st.text("ab-.", min_size=1, max_size=8),
    key=PAYLOADS,
    value=PAYLOADS,
    headers=st.lists(
        st.tuples(NAMES, st.binary(max_size=8)),
        max_size=3,
    ).map(tuple),
)


@given(ENTRIES)
def test_round_trip(entry: OutboxEntry) -> None:
    """Bytes, absent and empty alike, come back as they were."""
    assert decode_entry(entry.sequence, encode_entry(entry)) == entry


@pytest.mark.parametrize("body", [b"", b"\0\0", b"\0\0\0\1\xff" + b"\0" * 10, b"\0" * 11])
def test_another_layout_is_corrupt(body: bytes) -> None:
    """A body that was never written is an error, with a right checksum too."""
    with pytest.raises(StateError, match=r"state\.corrupt"):
        decode_entry(0, seal(body, version=1))
