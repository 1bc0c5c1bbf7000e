"""Sealed shards: dark without their keys, dark for ever once a key is destroyed, and never silently so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.customer import Customer
from schemas.errors import StateError
from state.codec import encode, legible
from state.identity import Identity
from state.keyring import KeyRing
from state.outbox import OutboxEntry
from state.rocks import RocksStore
from state.rocks_engine import RocksEngine
from state.sealed import SealedRows, Vault, ring_path
from state.store import CustomerCache, ShardBatch
from state.timers import Timer
from tests.bytes import holding

IDENTITY = Identity(topic_prefix="", shard_count=8, seed="a")
SHARD = 3
MASTER, OTHER = bytes(range(32)), bytes(range(1, 33))
WHO = "customer-anna"


def vault(folder: Path, *masters: bytes) -> Vault:
    return Vault(folder / "keys", masters=masters or (MASTER,))


def open_store(folder: Path, *, name: str = "shard", sealed: bool = True) -> RocksStore:
    return RocksStore(
        folder / name,
        shard=SHARD,
        engine=RocksEngine(),
        cache=CustomerCache(),
        identity=IDENTITY,
        rows=vault(folder).rows(SHARD) if sealed else None,
    )


def anna(**changed: object) -> Customer:
    fields: dict[str, object] = {
        "profile": {"employer": "Acme Weather"},
        "slots": {"note": {"rent_minor": 123_456}},
        "timers": {"salary": 500},
    }
    return Customer(WHO, **(fields | changed))  # type: ignore[arg-type]  # of its fields


def batch_of(*records: Customer) -> ShardBatch:
    return ShardBatch(
        customers={record.customer: record for record in records},
        outbox=[
            OutboxEntry(n, "offers", record.customer.encode(), record.customer.encode() + b" owes")
            for n, record in enumerate(records)
        ],
    )


def erase(store: RocksStore, customer: str = WHO, *, after: Customer | None = None) -> None:
    sequences = [e.sequence for e in store.outbox() if e.key == customer.encode()]
    store.commit(
        ShardBatch(
            customers={customer: after},
            erased={customer},
            delivered=sequences,
            outbox=[OutboxEntry(store.next_sequence, "impact", customer.encode(), b"gone")],
        )
    )


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(StateError) as caught:
        action()
    return caught.value.code


def test_nothing_of_a_customer_is_readable(tmp_path: Path) -> None:
    """No file of a sealed shard, write-ahead log and manifest included, holds an id, a name or a timer's name."""
    store = open_store(tmp_path)
    store.commit(batch_of(anna()))
    words = [WHO.encode(), b"Acme Weather", b"rent_minor", b"salary", b" owes"]
    assert holding(tmp_path, words) == {}
    store.close()
    assert holding(tmp_path, words) == {}
    plain = open_store(tmp_path, name="plain", sealed=False)
    plain.commit(batch_of(anna()))
    # A plain record is only squeezed, which who looks for somebody undoes; all else of a shard is in clear.
    squeezed = {b"Acme Weather", b"rent_minor"}
    assert set(holding(tmp_path, words)) == set(words) - squeezed
    assert all(word in legible(encode(anna())) for word in squeezed)
    plain.close()


def test_what_was_sealed_is_read_again(tmp_path: Path) -> None:
    """Records, timers and outputs come back as they were."""
    store = open_store(tmp_path)
    store.commit(batch_of(anna(), Customer("customer-ben", timers={"x": 400})))
    store.close()
    again = open_store(tmp_path)
    assert again.customer(WHO) == anna()
    assert again.due(600, 9) == [Timer(400, "customer-ben", "x"), Timer(500, WHO, "salary")]
    assert [e.value for e in again.outbox()] == [b"customer-anna owes", b"customer-ben owes"]
    again.close()


def test_an_erasure_darkens_copies(tmp_path: Path) -> None:
    """A copy of the shard from before an erasure holds nobody any more, and the others still."""
    store = open_store(tmp_path)
    store.commit(batch_of(anna(), Customer("customer-ben", timers={"x": 700})))
    store.close()
    shutil.copytree(tmp_path / "shard", tmp_path / "copy")
    store = open_store(tmp_path)
    erase(store)
    assert store.customer(WHO) is None
    assert [e.value for e in store.outbox()] == [b"customer-ben owes", b"gone"]
    store.close()
    copy = open_store(tmp_path, name="copy")
    assert copy.customer(WHO) is None
    assert [e.key for e in copy.outbox()] == [b"customer-ben"]
    assert copy.due(600, 9) == []
    assert copy.next_due_ms() == 700
    assert copy.due(700, 9) == [Timer(700, "customer-ben", "x")]
    copy.close()


def test_who_comes_back_has_another_key(tmp_path: Path) -> None:
    """A customer who is erased and comes back in one batch is read; what was before stays dark."""
    store = open_store(tmp_path)
    store.commit(batch_of(anna()))
    store.close()
    shutil.copytree(tmp_path / "shard", tmp_path / "copy")
    store = open_store(tmp_path)
    back = anna(profile={}, timers={"salary": 900})
    erase(store, after=back)
    store.close()
    again = open_store(tmp_path)
    assert again.customer(WHO) == back
    assert again.due(1000, 9) == [Timer(900, WHO, "salary")]
    again.close()
    copy = open_store(tmp_path, name="copy")
    assert copy.customer(WHO) is None
    copy.close()


def test_a_crash_does_not_stop_an_erasure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was to be destroyed when the worker died is destroyed when the shard is opened again."""
    store = open_store(tmp_path)
    store.commit(batch_of(anna()))
    store.close()
    shutil.copytree(tmp_path / "shard", tmp_path / "copy")
    store = open_store(tmp_path)

    def dies(_rows: SealedRows, _tombs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SealedRows, "destroy", dies)
        with pytest.raises(KeyboardInterrupt):
            erase(store)
    store.close()
    open_store(tmp_path).close()
    copy = open_store(tmp_path, name="copy")
    assert copy.customer(WHO) is None
    copy.close()


@pytest.mark.parametrize("sealed", [True, False])
def test_a_scrub_leaves_no_byte(tmp_path: Path, *, sealed: bool) -> None:
    """After an erasure and a scrub no file holds a byte of the customer's: not even their place in a plain shard."""
    store = open_store(tmp_path, sealed=sealed)
    crowd = [Customer(f"customer-{n:03d}", profile={"employer": "Acme"}) for n in range(50)]
    store.commit(batch_of(anna(), *crowd))
    store.commit(ShardBatch(delivered=list(range(51))))
    place = (vault(tmp_path).rows(SHARD) if sealed else store._rows).customer_key(WHO)
    assert set(holding(tmp_path / "shard", [place])) == {place}
    store.commit(ShardBatch(customers={WHO: None}, erased={WHO}))
    assert store.erasing
    store.scrub()
    assert not store.erasing
    assert holding(tmp_path / "shard", [place, WHO.encode(), b"Acme Weather", b"rent_minor"]) == {}
    assert store.customer("customer-049") == crowd[49]
    store.close()


def test_a_scrub_waits_for_the_last_words(tmp_path: Path) -> None:
    """What is said of an erasure names the customer until it is delivered; only then the files are rewritten."""
    store = open_store(tmp_path, sealed=False)
    store.commit(ShardBatch(customers={WHO: anna()}))
    erase(store)
    store.scrub()
    assert store.erasing
    store.commit(ShardBatch(delivered=[0]))
    store.scrub()
    assert not store.erasing
    assert holding(tmp_path / "shard", [WHO.encode(), b"Acme Weather"]) == {}
    store.close()


def test_a_scrub_is_made_up_for(tmp_path: Path) -> None:
    """A shard that was closed before its scrub knows so when it is opened again."""
    store = open_store(tmp_path, sealed=False)
    store.commit(ShardBatch(customers={WHO: anna()}))
    store.commit(ShardBatch(customers={WHO: None}, erased={WHO}))
    store.close()
    again = open_store(tmp_path, sealed=False)
    assert again.erasing
    again.scrub()
    assert holding(tmp_path / "shard", [WHO.encode(), b"Acme Weather"]) == {}
    again.close()
    assert not open_store(tmp_path, sealed=False).erasing


def test_a_shard_opens_only_as_it_was_sealed(tmp_path: Path) -> None:
    """Without its key ring, with another one, or under another master key a shard is refused, and plain ones too."""
    store = open_store(tmp_path)
    store.commit(batch_of(anna()))
    store.close()
    assert code_of(lambda: open_store(tmp_path, sealed=False)) == "state.other-configuration"
    assert code_of(lambda: vault(tmp_path, OTHER).rows(SHARD)) == "state.other-configuration"
    shutil.move(tmp_path / "keys", tmp_path / "away")
    assert code_of(lambda: open_store(tmp_path)) == "state.other-configuration"
    open_store(tmp_path, name="plain", sealed=False).close()
    assert code_of(lambda: open_store(tmp_path, name="plain")) == "state.other-configuration"


def test_a_lost_key_is_not_an_erasure(tmp_path: Path) -> None:
    """A key ring that is older than the state stops the worker: it never takes a customer for a stranger."""
    ring = ring_path(tmp_path / "keys", SHARD)
    store = open_store(tmp_path)
    shutil.copy(ring, tmp_path / "old")
    store.commit(batch_of(anna()))
    store.close()
    shutil.copy(tmp_path / "old", ring)
    again = open_store(tmp_path)
    assert code_of(lambda: again.customer(WHO)) == "state.corrupt"
    again.close()


def test_a_changed_byte_is_named(tmp_path: Path) -> None:
    """A flipped byte, a cut row, and a row in another's place do not open."""
    rows = vault(tmp_path).rows(SHARD)
    ben = Customer("customer-ben")
    rows.prepare(batch_of(anna(), ben))
    value = rows.record(anna())
    assert rows.record_of(WHO, value) == anna()
    for damaged in (value[:-1] + bytes([value[-1] ^ 1]), value[:30], b"\0" * 8 + value[8:], b""):
        assert code_of(lambda data=damaged: rows.record_of(WHO, data)) == "state.corrupt"
    assert code_of(lambda: rows.record_of(ben.customer, value)) == "state.corrupt"
    key, sealed = rows.timer(Timer(500, WHO, "salary"))
    moved = key.replace(b"t|\0", b"t|\1", 1)
    assert code_of(lambda: rows.timer_of(moved, sealed)) == "state.corrupt"
    rows.close()


def test_a_new_master_key_wraps_what_the_old_one_did(tmp_path: Path) -> None:
    """Both open a ring together; after it was wrapped anew the old one opens nothing."""
    store = open_store(tmp_path)
    store.commit(batch_of(anna()))
    store.close()
    ring = vault(tmp_path, OTHER, MASTER).ring(SHARD)
    assert ring.rewrap() == 1
    assert ring.rewrap() == 0
    ring.close()
    assert code_of(lambda: vault(tmp_path).rows(SHARD)) == "state.other-configuration"
    rows = vault(tmp_path, OTHER).rows(SHARD)
    assert rows._ring.find(rows._ring.tag(WHO)) is not None
    rows.close()


def test_of_two_first_keys_one_holds(tmp_path: Path) -> None:
    """A paused owner and its successor seal a new customer with the same key."""
    path = tmp_path / "keys.sqlite"
    one, two = (KeyRing(path, shard=SHARD, masters=[MASTER]) for _ in range(2))
    tag = one.tag(WHO)
    assert tag == two.tag(WHO)
    one.obtain([tag])
    two.obtain([tag])
    assert one.find(tag) == two.find(tag)
    assert one.counts() == (1, 0)
    two.destroy({tag: None})
    assert one.counts() == (0, 1)
    one.close()
    two.close()


def test_a_ring_is_of_one_shard(tmp_path: Path) -> None:
    """The ring of another shard is refused, and so is a file that is no ring."""
    vault(tmp_path).ring(SHARD).close()
    shutil.copy(ring_path(tmp_path / "keys", SHARD), ring_path(tmp_path / "keys", 4))
    assert code_of(lambda: vault(tmp_path).ring(4)) == "state.other-configuration"
    ring_path(tmp_path / "keys", 5).write_bytes(b"no database" * 100)
    assert code_of(lambda: vault(tmp_path).ring(5)) == "state.corrupt"
