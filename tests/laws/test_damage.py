"""Law of damage: a byte that is flipped, or cut off, in any file of state or backup is found and named.

And whoever goes on without looking is told, or reads what was written: nothing damaged is taken for the truth.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from schemas.errors import StateError
from state.backup import ShardBackups
from state.depot import open_depot
from state.directory import open_directory, open_shards, shard_path
from state.identity import Identity
from state.outbox import OutboxEntry
from state.rocks import RocksStore
from state.safekeeping import carry, checkpointed
from state.sealed import Vault
from state.store import ShardBatch
from state.verify import directory_flaws, shard_flaws
from tests.records import full_customer

IDENTITY = Identity("", 2, "seed")
SHARD = 1
LOG = ("customer-events", SHARD)
CUSTOMERS = tuple(f"c-{n}" for n in range(4))
FOR_PEOPLE = ("LOG", "OPTIONS", "LOCK")
"""Nothing is taken from these, nor from who owns a shard."""
_SCRATCH = tempfile.TemporaryDirectory(prefix="market-of-one-law-")
DAMAGES = st.tuples(st.integers(0), st.integers(0), st.integers(0, 255))
"""Which file and which byte of it (modulo how many there are); what is flipped there, nothing to cut it off."""


def vault(*, sealed: bool) -> Vault | None:
    folder = Path(_SCRATCH.name) / "keys"
    return Vault(folder, masters=[bytes(32)]) if sealed else None


@cache
def original(*, sealed: bool, still_open: bool) -> Path:
    """A state directory with tables, as a worker left it: closed, or killed with a log to be read."""
    path = Path(_SCRATCH.name) / f"state-{sealed}-{still_open}"
    for round_ in range(2):
        home = open_directory(path, identity=IDENTITY, owner="w", vault=vault(sealed=sealed))
        store = open_shards(home, [SHARD])[SHARD]
        for at, name in enumerate(CUSTOMERS[2 * round_ :][:2]):
            record = full_customer()
            record.customer = name
            first = store.next_sequence
            output = OutboxEntry(first, "offers", name.encode(), b"{}")
            store.commit(ShardBatch({name: record}, {LOG: at + 1}, outbox=[output]))
        store.sync()
        if round_ and still_open:
            shutil.copytree(path, path.with_suffix(".killed"))
        store.close()
    return path.with_suffix(".killed") if still_open else path


@cache
def backed_up() -> Path:
    """The place of two backups."""
    path = Path(_SCRATCH.name) / "depot"
    home = open_directory(Path(_SCRATCH.name) / "saved", identity=IDENTITY, owner="w")
    store = open_shards(home, [SHARD])[SHARD]
    backups = ShardBackups(open_depot(str(path)), SHARD)
    for at, name in enumerate(CUSTOMERS[:2]):
        record = full_customer()
        record.customer = name
        store.commit(ShardBatch({name: record}, {LOG: at + 1}))
        with checkpointed(store, home.path) as folder:
            carry(folder, backups, directory=home, log=LOG[0], keep=2, now_ms=at)
    store.close()
    return path


@contextmanager
def damaged(whole: Path, damage: tuple[int, int, int]) -> Iterator[tuple[Path, str]]:
    """A copy with one byte of one file flipped, or cut off from there; and the file's name."""
    files = [
        path.relative_to(whole)
        for path in sorted(whole.rglob("*"))
        if path.is_file()
        and path.stat().st_size
        and not path.name.startswith(FOR_PEOPLE)
        and path.suffix != ".owner"
    ]
    which, where, flip = damage
    with tempfile.TemporaryDirectory(prefix="market-of-one-law-") as scratch:
        copy = Path(scratch) / "copy"
        shutil.copytree(whole, copy)
        victim = files[which % len(files)]
        content = bytearray((copy / victim).read_bytes())
        at = where % len(content)
        if flip:
            content[at] ^= flip
        else:
            del content[at:]
        (copy / victim).write_bytes(content)
        yield copy, victim.name


def read_all(store: RocksStore) -> tuple[object, ...]:
    return (
        [store.customer(name) for name in CUSTOMERS],
        store.positions(),
        store.outbox(),
        store.due(1 << 50, 100),
        store.next_sequence,
    )


@pytest.mark.parametrize("still_open", [False, True], ids=["closed", "killed"])
@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
@settings(max_examples=40, deadline=None)
@given(damage=DAMAGES)
@example(damage=(5, 52373, 0))
def test_damage_in_state_is_named(
    damage: tuple[int, int, int], *, sealed: bool, still_open: bool
) -> None:
    """By the file that it lies in; but that a manifest that is cut behind one of its edits is an older one.

    Nobody can tell it from that, and nothing that was written is missing.
    """
    whole = original(sealed=sealed, still_open=still_open)
    with damaged(whole, damage) as (copy, victim):
        keys = vault(sealed=sealed)
        found = [*directory_flaws(copy), *shard_flaws(copy, SHARD, identity=IDENTITY, vault=keys)]
        if not found and victim.startswith("MANIFEST-") and not damage[2]:
            assert reads(copy, sealed=sealed) == expected(sealed=sealed, still_open=still_open)
            return
        assert any(victim in str(flaw) for flaw in found), (victim, found)


@pytest.mark.parametrize("still_open", [False, True], ids=["closed", "killed"])
@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
@settings(max_examples=40, deadline=None)
@given(damage=DAMAGES)
def test_a_worker_does_not_take_damage_for_the_truth(
    damage: tuple[int, int, int], *, sealed: bool, still_open: bool
) -> None:
    """It is refused when the shard is opened or read, or the shard holds what was written."""
    whole = original(sealed=sealed, still_open=still_open)
    keys = vault(sealed=sealed)
    with damaged(whole, damage) as (copy, victim):
        assume(victim != "SYNCED" or damage[2])  # an emptied note says nothing: no loss
        try:
            home = open_directory(copy, identity=IDENTITY, owner="w", vault=keys)
            store = open_shards(home, [SHARD])[SHARD]
        except StateError:
            return
        try:
            read = read_all(store)
        except StateError:
            return
        finally:
            store.close()
    assert read == expected(sealed=sealed, still_open=still_open)


@cache
def expected(*, sealed: bool, still_open: bool) -> tuple[object, ...]:
    """What the undamaged shard reads as."""
    copy = Path(_SCRATCH.name) / f"read-{sealed}-{still_open}"
    shutil.copytree(original(sealed=sealed, still_open=still_open), copy)
    return reads(copy, sealed=sealed)


def reads(copy: Path, *, sealed: bool) -> tuple[object, ...]:
    """What the shard in a state directory reads as, which is opened for it."""
    home = open_directory(copy, identity=IDENTITY, owner="w", vault=vault(sealed=sealed))
    store = open_shards(home, [SHARD])[SHARD]
    try:
        return read_all(store)
    finally:
        store.close()


@settings(max_examples=50, deadline=None)
@given(damage=DAMAGES)
def test_damage_in_backups_is_named_and_not_restored(damage: tuple[int, int, int]) -> None:
    """By the object that it lies in; what is restored nevertheless is what was backed up, file by file."""
    with damaged(backed_up(), damage) as (copy, victim):
        backups = ShardBackups(open_depot(str(copy)), SHARD)
        found = list(backups.verify())
        assert any(victim in words for words in found), (victim, found)
        for name in ShardBackups(open_depot(str(backed_up())), SHARD).names():
            into = shard_path(copy / "restored", SHARD)
            try:
                backups.restore(backups.read(name), into, identity=IDENTITY)
            except StateError:
                assert not into.exists()
            else:
                assert contents(into) == contents(restored(name))
                shutil.rmtree(into)


@cache
def restored(name: str) -> Path:
    """A backup as it is restored from the undamaged place."""
    into = Path(_SCRATCH.name) / name
    backups = ShardBackups(open_depot(str(backed_up())), SHARD)
    backups.restore(backups.read(name), into, identity=IDENTITY)
    return into


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
