"""Backups: whole or refused, newest first, and only what is new is carried over."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.customer import Customer
from schemas.errors import StateError
from state.backup import GRACE_MS, Made, ShardBackups, shards_in
from state.depot import Depot, open_depot
from state.directory import StateDirectory, open_directory, open_shards, shard_path
from state.handover import take
from state.identity import Identity
from state.rocks import RocksStore
from state.safekeeping import carry, checkpointed, fetch
from state.sealed import Vault
from state.snapshot import positions_of
from state.store import ShardBatch

IDENTITY = Identity("", 2, "seed")
TOPIC = "customer-events"
LOG = (TOPIC, 1)
BULK = 40


class Site:
    """A state directory with one open shard, and the place of its backups."""

    def __init__(self, path: Path) -> None:
        self.home = open_directory(path / "state", identity=IDENTITY, owner="w")
        self.store: RocksStore = open_shards(self.home, [1])[1]
        self.place = path / "depot"
        self.depot: Depot = open_depot(str(self.place))
        self.backups = ShardBackups(self.depot, 1)

    def back_up(self, position: int, *, keep: int = 8) -> Made:
        """Commit up to a position, and back that up."""
        name = f"c-{position}"
        record = Customer(name, products={f"{position}-{n}": n for n in range(BULK)})
        self.store.commit(ShardBatch({name: record}, {LOG: position}))
        with checkpointed(self.store, self.home.path) as folder:
            self.store.commit(ShardBatch(positions={LOG: position + 1}))
            return carry(
                folder, self.backups, directory=self.home, log=TOPIC, keep=keep, now_ms=position
            )

    def files(self) -> list[Path]:
        """Where the content of backups lies."""
        return sorted((self.place / "shard-0001" / "files").iterdir())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One with two backups, at 10 and 20."""
    made = Site(tmp_path)
    made.back_up(10)
    made.back_up(20)
    made.store.close()
    return made


def elsewhere(site: Site) -> StateDirectory:
    return open_directory(site.place.parent / "other", identity=IDENTITY, owner="other")


def test_the_newest_is_restored(site: Site) -> None:
    """With the positions inside the checkpoint, whatever was committed while it was carried over."""
    other = elsewhere(site)
    restored = fetch(site.backups, other, 1)
    assert restored is not None
    assert restored.backup.position == 20
    assert restored.backup.positions == ((TOPIC, 1, 20),)
    store = open_shards(other, [1])[1]
    assert store.positions() == {LOG: 20}
    assert {c for c in ("c-10", "c-20", "c-30") if store.customer(c)} == {"c-10", "c-20"}
    store.close()
    assert shards_in(site.depot) == [1]
    assert not list(site.home.path.glob("backing-up/*"))


def test_only_what_is_new_is_carried_over(tmp_path: Path) -> None:
    """The files of the last backup are there already."""
    made = Site(tmp_path)
    made.back_up(10)
    second = made.back_up(20)
    made.store.close()
    assert 0 < second.carried_bytes < second.backup.size
    assert sum(path.stat().st_size for path in made.files()) < 2 * second.backup.size


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("harm", [flip, cut, Path.unlink])
def test_a_damaged_backup_is_named_and_passed_over(
    site: Site, harm: Callable[[Path], None]
) -> None:
    """The older one is restored, and every cause is said; asked for by name, the damaged one is refused."""
    names = site.backups.names()
    older, newest = (site.backups.read(name) for name in names)
    digests = {file.digest for file in older.files}
    alone = next(file for file in newest.files if file.digest not in digests and file.size)
    harm(site.place / "shard-0001" / "files" / alone.digest)
    flaws = list(site.backups.verify())
    assert flaws
    assert all(newest.name in flaw and alone.name in flaw for flaw in flaws)
    other = elsewhere(site)
    with pytest.raises(StateError, match=f"state.backup-damaged.*{alone.name}"):
        site.backups.restore(newest, shard_path(other.path, 1), identity=IDENTITY)
    assert not list(other.path.glob("shard-*"))
    restored = fetch(site.backups, other, 1)
    assert restored is not None
    assert restored.backup == older
    assert alone.name in restored.passed[0]


def test_without_a_whole_backup_nothing_is_made_up(site: Site) -> None:
    """Every file is damaged: refused, and nothing is left behind; a copy that is here is kept."""
    for path in site.files():
        if path.stat().st_size:
            flip(path)
    other = elsewhere(site)
    with pytest.raises(StateError, match=r"state\.backup-damaged: no backup of shard 1 is whole"):
        fetch(site.backups, other, 1)
    assert not list(other.path.glob("shard-*"))
    assert fetch(site.backups, site.home, 1, beyond=5) is None
    assert positions_of(shard_path(site.home.path, 1)) == {LOG: 21}


@pytest.mark.parametrize("harm", [flip, cut])
def test_a_damaged_manifest_is_named(site: Site, harm: Callable[[Path], None]) -> None:
    """A flipped byte anywhere in it is, too."""
    newest = max((site.place / "shard-0001" / "backups").iterdir())
    harm(newest)
    assert newest.name in next(iter(site.backups.verify()))
    with pytest.raises(StateError, match=r"state\.backup-damaged"):
        site.backups.read(newest.stem)
    with pytest.raises(StateError, match=r"state\.no-backup"):
        site.backups.read("7-7")


def test_a_backup_of_another_deployment_is_refused(site: Site, tmp_path: Path) -> None:
    """Nothing of it is put here."""
    stranger = Identity("x.", 2, "seed")
    other = open_directory(tmp_path / "stranger", identity=stranger, owner="w")
    with pytest.raises(StateError, match=r"state\.other-configuration"):
        fetch(site.backups, other, 1)


def test_old_backups_go_with_what_only_they_need(tmp_path: Path) -> None:
    """Files that may be another's are left for a while; those kept stay whole."""
    made = Site(tmp_path)
    for position in range(10, 60, 10):
        made.back_up(position, keep=2)
    made.store.close()
    assert [int(name.partition("-")[0]) for name in made.backups.names()] == [40, 50]
    before = len(made.files())
    later = max(round(path.stat().st_mtime * 1000) for path in made.files()) + GRACE_MS + 1000
    assert made.backups.prune(keep=2, now_ms=later) == before - len(made.files()) > 0
    assert list(made.backups.verify()) == []


def test_a_take_over_begins_with_the_newest_there_is(site: Site, tmp_path: Path) -> None:
    """A backup that is newer than any copy here is restored; one that is older is not asked for."""
    root = tmp_path / "root"
    found = []
    for _ in range(2):
        tenancy = take(
            root, worker="worker-0", shards=[1], identity=IDENTITY, log=TOPIC, depot=site.depot
        )
        found.append(tenancy.stores[1].positions()[LOG])
        tenancy.stores[1].commit(ShardBatch(positions={LOG: 30}))
        tenancy.stores[1].close()
        tenancy.release()
    assert found == [20, 30]


def test_keys_are_not_in_a_backup(tmp_path: Path) -> None:
    """A sealed shard is backed up without its key ring, and an erasure darkens the backup."""
    vault = Vault(tmp_path / "keys", masters=[bytes(32)])
    home = open_directory(tmp_path / "state", identity=IDENTITY, owner="w", vault=vault)
    store = open_shards(home, [1])[1]
    store.commit(ShardBatch({"c-1": Customer("c-1"), "c-2": Customer("c-2")}, {LOG: 10}))
    backups = ShardBackups(open_depot(str(tmp_path / "depot")), 1)
    with checkpointed(store, home.path) as folder:
        carry(folder, backups, directory=home, log=TOPIC, keep=1, now_ms=1)
    store.commit(ShardBatch({"c-1": None}, {LOG: 11}, erased={"c-1"}))
    store.close()
    assert not list((tmp_path / "depot").rglob("*keys*"))
    shutil.rmtree(shard_path(home.path, 1))
    fetch(backups, home, 1)
    store = open_shards(home, [1])[1]
    assert (store.customer("c-1"), store.customer("c-2")) == (None, Customer("c-2"))
    assert store.positions() == {LOG: 10}
    store.close()


def test_a_place_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """With the setting to look at."""
    (tmp_path / "file").write_text("")
    for address in ("nowhere://bucket", str(tmp_path / "file" / "depot")):
        with pytest.raises(StateError, match=r"state.backup-unreachable.*backup.address"):
            open_depot(address)
