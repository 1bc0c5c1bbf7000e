"""`scripts/keys`: a master key is made, given, and changed."""

from pathlib import Path

import pytest

from schemas.customer import Customer
from scripts.keyrings.command import main
from state.sealed import Vault
from state.store import ShardBatch

OLD, NEW = "01" * 32, "ab" * 32
WHO = Customer("customer-anna")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, master: str = "") -> int:
    monkeypatch.setattr("sys.argv", ["scripts/keys", *arguments])
    monkeypatch.setenv("MARKET_OF_ONE_MASTER_KEY", master)
    return main()


def test_the_master_key_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a worker sealed under the old key is read under the new one alone, and no more under the old one."""
    rows = Vault(tmp_path / "keys", masters=[bytes.fromhex(OLD)]).rows(5)
    rows.prepare(ShardBatch(customers={WHO.customer: WHO}))
    sealed = rows.record(WHO)
    rows.close()
    config = tmp_path / "bank.toml"
    config.write_text(f'[state]\nencryption = true\nkey_directory = "{tmp_path / "keys"}"\n')
    given = ("--config", str(config))
    assert run(monkeypatch, "rewrap", *given, master=f"{NEW},{OLD}") == 0
    assert "1 keys were wrapped anew" in capsys.readouterr().out
    assert run(monkeypatch, "status", *given, master=OLD) == 4
    assert "another master key" in capsys.readouterr().err
    assert run(monkeypatch, "status", *given, master=NEW) == 0
    rows = Vault(tmp_path / "keys", masters=[bytes.fromhex(NEW)]).rows(5)
    assert rows.record_of(WHO.customer, sealed) == WHO
    rows.close()


def test_a_new_key_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two that are made differ, and each is 32 bytes."""
    made = set()
    for _ in range(2):
        assert run(monkeypatch, "new") == 0
        made.add(bytes.fromhex(capsys.readouterr().out.strip()))
    assert [len(key) for key in made] == [32, 32]


def test_without_keys_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Settings without encryption, a master key or a ring are told apart."""
    config = tmp_path / "bank.toml"
    config.write_text(f'[state]\nencryption = true\nkey_directory = "{tmp_path}"\n')
    assert run(monkeypatch, "status", master=OLD) == 2
    assert "encryption is off" in capsys.readouterr().err
    assert run(monkeypatch, "status", "--config", str(config)) == 2
    assert "scripts/keys new" in capsys.readouterr().err
    assert run(monkeypatch, "status", "--config", str(config), master=OLD) == 2
    assert "no key ring" in capsys.readouterr().err
