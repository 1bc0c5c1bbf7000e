"""`scripts/state`: shards are backed up, put back, checked and read, and what can't be done says why."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from flows.partition import shard_of
from operators.portability import restore
from schemas.customer import Customer
from scripts.shards.main import main
from state.codec import VERSION
from state.directory import open_directory, open_shards, shard_path
from state.identity import Identity
from state.outbox import OutboxEntry
from state.sealed import Vault
from state.store import ShardBatch

MASTER = "ab" * 32
WHO = Customer(
    "anna", latest_ms=1_740_000_000_000, slots={"cash@1": b"abc"}, timers={"x": 1_750_000_000_000}
)
SHARD = shard_of(WHO.customer, shards=2)
LOG = ("customer-events", SHARD)


class Said(NamedTuple):
    """What a command left: its exit status, and what it said."""

    status: int
    out: str
    err: str


class Deployment:
    """A folder with settings, a state directory and a place for backups; `run` calls the command."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        *,
        sealed: bool = False,
    ) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys
        self.state, self.depot = folder / "state", folder / "depot"
        folder.mkdir(exist_ok=True)
        (folder / "bank.toml").write_text(
            f"[kafka]\npartitions = 2\n[rules]\nseed = 's'\n[decide]\nstate_directory = '{self.state}'\n"
            f"[ingest]\nidentity_directory = '{folder}'\n[backup]\naddress = '{self.depot}'\n"
            f"[state]\nencryption = {str(sealed).lower()}\nkey_directory = '{folder / 'keys'}'\n"
        )
        monkeypatch.setenv("MARKET_OF_ONE_MASTER_KEY", MASTER)
        self.vault = Vault(folder / "keys", masters=[bytes.fromhex(MASTER)]) if sealed else None
        home = open_directory(
            self.state, identity=Identity("", 2, "s"), owner="worker-0", vault=self.vault
        )
        for shard, store in open_shards(home, [0, 1]).items():
            batch = ShardBatch(positions={("customer-events", shard): 7})
            if shard == SHARD:
                batch.customers[WHO.customer] = WHO
                batch.outbox.append(OutboxEntry(0, "offers", b"anna", b'{"id": "o-1"}'))
            store.commit(batch)
            store.close()

    def run(self, command: str, *arguments: str) -> Said:
        """One command under the deployment's settings."""
        config = str(self.folder / "bank.toml")
        self._monkeypatch.setattr(
            "sys.argv", ["scripts/state", command, *arguments, "--config", config]
        )
        self._capsys.readouterr()
        status = main()
        return Said(status, *self._capsys.readouterr())


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Deployment:
    """A deployment, plain and sealed."""
    return Deployment(tmp_path / "bank", monkeypatch, capsys, sealed=request.param)


def test_a_lost_shard_comes_back(place: Deployment) -> None:
    """Backed up, listed, lost, restored, verified, and read again as it was."""
    assert "no backups" in place.run("backups").err
    made = place.run("backup")
    assert (made.status, made.out.count("bytes of them") or made.out.count(" new")) == (0, 2)
    listed = place.run("backups", "--json")
    assert [json.loads(line)["position"] for line in listed.out.splitlines()] == [7, 7]
    assert place.run("backups", "--shards", "1").out.count("; whole") == 1
    shutil.rmtree(place.state)
    restored = place.run("restore")
    assert (restored.status, restored.out.count("read again from 7")) == (0, 2)
    checked = place.run("verify")
    assert (checked.status, checked.out) == (0, "")
    assert "2 shards" in checked.err
    assert "2 backups" in checked.err
    assert restore(json.loads(place.run("export", "anna").out)) == WHO


def test_what_is_here_is_not_replaced(place: Deployment) -> None:
    """Nor is any other shard restored then, until it is asked for alone."""
    place.run("backup")
    shutil.rmtree(shard_path(place.state, 0))
    refused = place.run("restore")
    assert refused.status == 4
    assert "is there already" in refused.err
    assert not shard_path(place.state, 0).exists()
    assert place.run("restore", "--shards", "0").status == 0
    assert shard_path(place.state, 0).exists()


def test_a_damaged_backup_is_refused_by_name(place: Deployment) -> None:
    """A file is cut: verify names it, restore refuses it, and nothing is put in the shard's place."""
    place.run("backup")
    name = json.loads(place.run("backups", "--shards", "1", "--json").out)["name"]
    files = (place.depot / "shard-0001" / "files").iterdir()
    victim = max(files, key=lambda path: path.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-1])
    checked = place.run("verify", "--only", "backups")
    assert (checked.status, victim.name in checked.out) == (1, True)
    assert "has another length" in place.run("backups").out
    shutil.rmtree(place.state)
    for arguments in (["--shards", "1"], ["--shards", "1", "--name", name]):
        refused = place.run("restore", *arguments)
        assert refused.status == 4
        assert "state.backup-damaged" in refused.err
        assert victim.name in refused.err
        assert not shard_path(place.state, 1).exists()
    assert place.run("restore", "--shards", "1", "--name", "7-7").status == 4
    assert place.run("restore", "--name", name).status == 2


def test_damage_is_named(place: Deployment) -> None:
    """A byte of a table is flipped: the file and the shard are named, and the status is 1."""
    table = next(shard_path(place.state, SHARD).glob("*.sst"))
    content = bytearray(table.read_bytes())
    content[len(content) // 3] ^= 1
    table.write_bytes(content)
    checked = place.run("verify")
    assert checked.status == 1
    assert f"{place.state}/{shard_path(Path(), SHARD)}/{table.name}: " in checked.out
    assert place.run("verify", "--shards", str(1 - SHARD)).status == 0


def test_shards_are_shown(place: Deployment) -> None:
    """Positions, owner, codec, customers, bytes, outbox and timers; as text and as JSON."""
    facts = {
        f["shard"]: f for f in map(json.loads, place.run("inspect", "--json").out.splitlines())
    }
    mine = facts[SHARD]
    assert (mine["log_read_to"], mine["customers"], mine["outbox"], mine["timers"]) == (7, 1, 1, 1)
    assert mine["codec"] == {str(VERSION): 1}
    assert mine["owner"].startswith("worker-0 (process ")
    assert mine["runs"] is False
    assert mine["bytes"] == mine["largest"] > 0 == facts[1 - SHARD]["bytes"]
    shown = place.run("inspect", "--shards", str(SHARD)).out
    assert f"shard {SHARD}: log read to 7; 1 customers" in shown
    assert "next due 2025-06-15" in shown


def test_a_record_is_readable(place: Deployment) -> None:
    """Instants as dates, memories by length, and where the bytes go."""
    shown = place.run("inspect", "anna").out
    assert "latest_ms: 2025-02-19T21:20:00+00:00" in shown
    assert "cash@1: 3 bytes 616263" in shown
    assert "1 outputs not delivered" in shown
    sizes = json.loads(place.run("inspect", "anna", "--sizes", "--json").out)
    assert sizes["slots.cash@1"]["plain"] == 12
    assert 0 < sizes["slots.cash@1"]["added"] <= 12
    assert "slots.cash@1" in place.run("inspect", "anna", "--sizes").out
    absent = place.run("inspect", "nobody-we-know", "--shards", "0")
    assert (absent.status, "nothing is held on 'nobody-we-know'" in absent.err) == (1, True)


def test_everything_is_exported(place: Deployment) -> None:
    """The record, what waits to be delivered, and from where it was read."""
    file = place.folder / "anna.json"
    assert place.run("export", "anna", "--out", str(file)).status == 0
    found = json.loads(file.read_text())
    assert restore(found) == WHO
    assert [one["topic"] for one in found["undelivered"]] == ["offers"]
    assert found["read"]["log_read_to"] == 7
    assert place.run("export", "nobody-we-know").status == 1


def test_a_running_worker_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What needs the shard to itself says which process has it."""
    place = Deployment(tmp_path, monkeypatch, capsys)
    monkeypatch.setattr("state.holder.holder_of", lambda _: 4711)
    for command in ("backup", "verify"):
        refused = place.run(command)
        assert refused.status == 4
        assert "is open in process 4711" in refused.err


def test_what_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No state, no shard, no backups, two workers' folders: each has its words and its status."""
    place = Deployment(tmp_path / "bank", monkeypatch, capsys)
    absent = place.run("verify", "--state", str(tmp_path / "absent"))
    assert (absent.status, "holds no state" in absent.err) == (4, True)
    assert "holds no shard 5" in place.run("verify", "--shards", "5").err
    empty = place.run("restore", "--state", str(tmp_path / "new"))
    assert (empty.status, "state.no-backup" in empty.err) == (4, True)
    shutil.copytree(place.state, tmp_path / "group" / "worker-0")
    shutil.copytree(place.state, tmp_path / "group" / "worker-1")
    both = place.run("backup", "--state", str(tmp_path / "group"))
    assert (both.status, "the state of 2 workers" in both.err) == (2, True)
    assert place.run("inspect", "--state", str(tmp_path / "group")).out.count("made under") == 2
    assert place.run("inspect", "anna", "--state", str(tmp_path / "group")).status == 0
    monkeypatch.setenv("MARKET_OF_ONE_BACKUP_ADDRESS", "")
    nowhere = place.run("backups")
    assert (nowhere.status, "set backup.address" in nowhere.err) == (2, True)


def test_damaged_key_rings_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By themselves, also those of shards that lie elsewhere; the files of a dark shard are checked still."""
    place = Deployment(tmp_path, monkeypatch, capsys, sealed=True)
    whole = place.run("verify", "--only", "state")
    assert (whole.status, whole.out) == (0, "")
    assert "2 key rings, 2 shards" in whole.err
    ring = tmp_path / "keys" / f"keys-{SHARD:04d}.sqlite"
    elsewhere = ring.with_name("keys-0007.sqlite")
    elsewhere.write_bytes(b"x" * 5000)
    content = bytearray(ring.read_bytes())
    with sqlite3.connect(ring) as database:
        (tag,) = database.execute("SELECT tag FROM keys").fetchone()
    content[content.index(tag)] ^= 1
    ring.write_bytes(content)
    (shard_path(place.state, SHARD) / "CURRENT").write_bytes(b"")
    found = place.run("verify", "--only", "state")
    assert found.status == 1
    assert f"{ring}: holds other keys than were written" in found.out
    assert f"{elsewhere}: can't be read: file is not a database" in found.out
    assert "/CURRENT: " in found.out
    ring.unlink()
    assert f"{ring}: is missing" in place.run("verify", "--only", "state").out
    assert not ring.exists()
