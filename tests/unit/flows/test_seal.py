"""Sealed records: what went in comes out, on its own topic alone, until its customer's key is destroyed."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import outputs
from flows.kafka import seal as module
from flows.kafka.seal import ERASURE, TopicSeal
from flows.partition import partition_of
from flows.records import Headers, Parcel, Record
from schemas import topics
from schemas.errors import StateError
from state.keyring import KeyRing, topic_tag
from state.sealed import Vault, ring_path

SHARDS = 4
MASTER = bytes(range(32))
WHO = b"customer-anna"
SHARD = partition_of(WHO, partitions=SHARDS)
ROLES = (topics.CUSTOMER_EVENTS, topics.OFFERS, topics.TRANSPARENCY)


def seal_in(folder: Path) -> TopicSeal:
    keys = folder / "keys"
    return TopicSeal(keys, Vault(keys, masters=[MASTER]), shards=SHARDS, roles=ROLES)


def parcel(
    value: bytes | None = b"owes",
    *,
    key: bytes | None = WHO,
    role: str = topics.OFFERS,
    kind: str = "offer.issued",
    headers: Headers = (),
) -> Parcel:
    return Parcel(role, key, value, ((outputs.KIND, kind.encode()), *headers), lambda *_: None)


def lying(closed: Parcel) -> Record:
    """A parcel as a reader finds it on the log."""
    return Record(
        closed.topic, closed.partition or 0, 7, closed.key, closed.value, closed.headers, 0
    )


def erase(folder: Path, turn: int | None) -> None:
    """What a shard does once an erasure is decided."""
    ring = KeyRing(ring_path(folder / "keys", SHARD), shard=SHARD, masters=[MASTER])
    tag = ring.tag(WHO.decode())
    ring.note_parting({topic_tag(tag): turn})
    ring.destroy({tag: None})
    ring.close()


@given(
    key=st.binary(min_size=1, max_size=40) | st.none(),
    value=st.binary(max_size=200) | st.none(),
    headers=st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=20)), max_size=3),
)
def test_what_is_sealed_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    key: bytes | None,
    value: bytes | None,
    headers: list[tuple[str, bytes]],
) -> None:
    """Key, headers and value, none of them in clear; sealed again it has the same bytes."""
    folder = tmp_path_factory.mktemp("seal")
    one = seal_in(folder)
    given_ = parcel(value, key=key, headers=tuple(headers))
    closed = one.closed(given_)
    assert one.closed(given_) == closed
    whole = b"\0".join((closed.key or b"", closed.value or b"", *dict(closed.headers).values()))
    for part in (key, value):
        assert part is None or len(part) < 4 or part not in whole
    other = seal_in(folder)
    opened = other.opened(lying(closed))
    assert (opened.key, opened.value, opened.headers) == (given_.key, given_.value, given_.headers)
    one.close()
    other.close()


@pytest.mark.parametrize(
    ("role", "kind", "turn"),
    [(topics.OFFERS, "offer.issued", None), (topics.CUSTOMER_EVENTS, ERASURE, 0)],
)
def test_a_senders_own_header_is_never_taken_for_the_turn(
    tmp_path: Path, role: str, kind: str, turn: int | None
) -> None:
    """It comes back as it was; of an erasure only what the seal added counts."""
    seal = seal_in(tmp_path)
    own: Headers = (("parting", b"no number"), ("parting", b"7"), ("ce_type2", b"\xff"))
    given_ = parcel(role=role, kind=kind, headers=own)
    opened = seal.opened(lying(seal.closed(given_)))
    assert (opened.headers, opened.parting) == (given_.headers, turn)
    seal.close()


def test_what_is_not_sealed_is_taken_as_it_is(tmp_path: Path) -> None:
    """On other topics, and on a log from before sealing was switched on."""
    seal = seal_in(tmp_path)
    plain = parcel(role=topics.MODELS)
    assert seal.closed(plain) is plain
    record = lying(parcel())
    assert seal.opened(record) is record
    assert not (tmp_path / "keys").exists()


def test_a_changed_record_is_put_aside_and_not_believed(tmp_path: Path) -> None:
    """A flipped byte, another topic, another customer's key, a cut value: it comes back unread, to be refused."""
    seal = seal_in(tmp_path)
    good = lying(seal.closed(parcel()))
    ben = lying(seal.closed(parcel(key=b"customer-ben")))
    value = good.value or b""
    for bad in (
        replace(good, value=value[:-1] + bytes([value[-1] ^ 1])),
        replace(good, topic=topics.TRANSPARENCY),
        replace(good, value=value[:20]),
        replace(good, headers=(("sealed", b"99"),)),
        replace(good, headers=(("sealed", b"x"),)),
    ):
        assert seal.opened(bad) is bad
    with pytest.raises(StateError) as caught:
        seal.opened(replace(good, key=ben.key))
    assert caught.value.code == "state.corrupt"
    newer = replace(good, value=b"\x02" + value[1:])
    with pytest.raises(StateError) as caught:
        seal.opened(newer)
    assert caught.value.code == "state.version-too-new"
    seal.close()


def test_a_lost_ring_stops_the_reader(tmp_path: Path) -> None:
    """Records whose keys are lost must not be passed over as if their customers had been erased."""
    seal = seal_in(tmp_path)
    record = lying(seal.closed(parcel()))
    seal.close()
    ring_path(tmp_path / "keys", SHARD).unlink()
    for _ in range(2):
        with pytest.raises(StateError) as caught:
            seal_in(tmp_path).opened(record)
        assert caught.value.code == "state.corrupt"
        seal_in(tmp_path).closed(parcel())  # somebody makes the ring anew


def test_an_erasure_darkens_what_was_before_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the customer causes after asking to be erased is sealed with another key, which stays."""
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.0)
    writer, reader = seal_in(tmp_path), seal_in(tmp_path)
    before = lying(writer.closed(parcel()))
    request = lying(writer.closed(parcel(role=topics.CUSTOMER_EVENTS, kind=ERASURE)))
    after = lying(writer.closed(parcel(b"is back")))
    asked = reader.opened(request)
    assert asked.value == b"owes"
    assert dict(asked.headers) == {outputs.KIND: ERASURE.encode()}
    assert asked.parting == 1
    assert not reader.opened(before).dark
    for _ in range(2):  # a worker that died after it destroys again
        erase(tmp_path, asked.parting)
        gone = reader.opened(before)
        assert (gone.dark, gone.key, gone.value, gone.headers) == (True, None, None, ())
        assert reader.opened(after).value == b"is back"
        assert reader.opened(request).value == b"owes"
    certificate = lying(writer.closed(parcel(role=topics.TRANSPARENCY, kind="erasure.certified")))
    erase(tmp_path, None)
    assert reader.opened(after).dark
    assert reader.opened(certificate).value == b"owes"
    # Back once more, under a key that no erasure so far ends.
    again = lying(writer.closed(parcel(b"once more")))
    erase(tmp_path, asked.parting)
    assert reader.opened(again).value == b"once more"
    for one in (writer, reader):
        one.close()


def test_a_request_that_is_written_twice_ends_all_that_was_before_the_one_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that died may write it again: each copy says for itself what ends with it."""
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.0)
    seal = seal_in(tmp_path)
    first = lying(seal.closed(parcel(b"first")))
    request = parcel(role=topics.CUSTOMER_EVENTS, kind=ERASURE)
    lost = lying(seal.closed(request))
    between = lying(seal.closed(parcel(b"between")))
    second = lying(seal.closed(request))
    after = lying(seal.closed(parcel(b"after")))
    assert [seal.opened(one).parting for one in (lost, second)] == [1, 2]
    erase(tmp_path, seal.opened(second).parting)
    assert [seal.opened(one).dark for one in (first, between, after)] == [True, True, False]
    seal.close()


def test_keys_are_made_together(tmp_path: Path) -> None:
    """Of many new customers; records without a customer need none."""
    seal = seal_in(tmp_path)
    parcels = [parcel(key=b"customer-%d" % n) for n in range(20)] + [parcel(key=None)]
    seal.prepare(parcels)
    held = 0
    for shard in range(SHARDS):
        ring = KeyRing(ring_path(tmp_path / "keys", shard), shard=shard, masters=[MASTER])
        held += ring.counts()[0]
        ring.close()
    assert held == 20
    nobody = seal.closed(parcels[-1])
    assert (nobody.key, nobody.partition) == (None, None)
    assert seal.opened(lying(nobody)).value == b"owes"
    seal.close()
