"""Bodies are squeezed and come back, whoever does it at the same time; another dictionary is refused."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import StateError
from state import squeeze as module
from state.codec import body_of, encode, legible
from state.squeeze import expand, squeeze
from tests.records import full_customer


@given(st.binary(max_size=3000))
def test_round_trip(body: bytes) -> None:
    """Any bytes come back; what can't be made smaller takes a few bytes more."""
    made = squeeze(body)
    assert expand(made) == body
    assert len(made) <= len(body) + 16
    assert squeeze(body) == made


@given(st.binary(max_size=200))
def test_what_was_not_squeezed_is_an_error(data: bytes) -> None:
    """Never anything else: what can be expanded is what somebody squeezed."""
    try:
        body = expand(data)
    except ValueError:
        return
    assert expand(squeeze(body)) == body


def test_a_record_takes_less_than_its_body() -> None:
    """The names that all records have are in the dictionary."""
    record = full_customer()
    assert len(encode(record)) < 0.7 * len(body_of(record))


def test_threads_do_not_meddle() -> None:
    """A worker's thread writes while another reads a backup."""
    bodies = [bytes([n]) * 5000 + body_of(full_customer()) for n in range(64)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda body: expand(squeeze(body)), bodies * 8)) == bodies * 8


def test_another_dictionary_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A damaged installation is told before a record is read or written with it."""
    damaged = bytearray(module.DICTIONARY.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "customer-v5.zdict").write_bytes(damaged)
    monkeypatch.setattr(module, "DICTIONARY", tmp_path / "customer-v5.zdict")
    with pytest.raises(StateError, match="install the release anew"):
        module.dictionary()


def test_words_are_found_in_a_record() -> None:
    """Who looks for somebody sees through the squeezing, to bytes, text and ids."""
    record = full_customer()
    record.previous_digest = "ab" * 32
    seen = legible(encode(record))
    for word in (b"c-1", b"has arrived", b"ab" * 32, b"savings_pots"):
        assert word in seen
    assert b"savings_pots" not in encode(record)
    assert legible(b"\5nonsense") == b"\5nonsense"
