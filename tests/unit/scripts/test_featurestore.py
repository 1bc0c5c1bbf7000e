"""The command `scripts/features`: reads of now and of then, training sets, and the standing check."""

import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from pyarrow import parquet

from flows.intake import shard_decode
from flows.records import Record
from flows.settings import Limits
from flows.shard import Shard
from flows.zones import Zones
from operators.decide import decide
from operators.features import SPECS
from scripts.auditing.logs import dump, load
from scripts.featurestore import main
from state.directory import open_directory, open_shards
from state.identity import Identity
from tests.streams import log_of, morning, small_world


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a small town, written by the check itself."""
    folder = tmp_path_factory.mktemp("town")
    with pytest.MonkeyPatch.context() as patch:
        said = ["--events", "1200", "--customers", "25", "--keep", str(folder)]
        patch.setattr(sys, "argv", ["features", "reconcile", "--simulate", *said])
        assert main.main() == 0
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["features", *arguments])
    return main.main()


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(capsys.readouterr().out.splitlines()[-1])
    return body


def test_a_dump_agrees_with_itself(
    town: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything that was logged is worked out again; readings of messages are left out and counted."""
    assert run(monkeypatch, "reconcile", "--log", str(town), "--json") == 0
    report = told(capsys)
    assert (report["mismatches"], report["unmet"], report["tampered"]) == (0, 0, 0)
    assert report["decisions"] > 50
    assert report["values"] > 500


def test_a_value_that_was_changed_is_found(
    town: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One logged number among thousands: by its value, and by the digest of its decision."""
    records = load(town)
    at, body = next(
        (at, body)
        for at, record in enumerate(records)
        if record.topic == "decisions" and "cash.balance_eur" in (body := orjson.loads(record.value or b""))["features"]
    )  # fmt: skip
    body["features"]["cash.balance_eur"] += 0.01
    old = records[at]
    records[at] = Record(
        old.topic, old.partition, old.offset, old.key, orjson.dumps(body), old.headers, old.timestamp_ms
    )  # fmt: skip
    dump(records, tmp_path)
    assert run(monkeypatch, "reconcile", "--log", str(tmp_path), "--json") == 1
    report = told(capsys)
    assert (report["mismatches"], report["tampered"]) == (1, 1)
    assert report["by_feature"] == {"cash.balance_eur": 1}


@pytest.mark.parametrize("plant", ["late-lost", "twice-counted", "served-stale"])
def test_planted_faults_are_found(
    plant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A product that loses late events, counts copies, or serves what was known before."""
    size = ("--events", "1500", "--customers", "25")
    assert run(monkeypatch, "reconcile", "--simulate", *size, "--plant", plant, "--json") == 1
    assert told(capsys)["mismatches"] > 0


def test_training_rows(
    town: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A row a decision with every feature, null where training was not agreed to; labels where they exist."""
    path = tmp_path / "rows.parquet"
    assert run(monkeypatch, "export", "--log", str(town), "--out", str(path)) == 0
    table = parquet.read_table(path)
    assert table.column_names[-len(SPECS) :] == [spec.name for spec in SPECS]
    assert table.num_rows > 50
    assert 0 < table["label"].null_count < table.num_rows
    assert any(table[spec.name].null_count for spec in SPECS)
    assert table.field("cash.balance_eur").metadata[b"source"] == b"transactions"
    assert "rows of" in capsys.readouterr().out


def test_as_of_an_instant(
    town: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same customer on two days; before the first event nothing is held."""
    asked = ("as-of", "c00003", "--log", str(town), "--json", "--at")
    found = []
    for day in ("2025-03-04T12:00:00Z", "2025-03-06T12:00:00Z"):
        assert run(monkeypatch, *asked, day) == 0
        found.append(told(capsys)["features"]["app.opens_30d"])
    assert found[0] != found[1]
    assert run(monkeypatch, *asked, "2025-03-01T12:00:00Z") == 1
    assert run(monkeypatch, *asked, "2025-03-06T12:00:00Z", "--clock", "event") == 0
    assert run(monkeypatch, *asked, "yesterday") == 2
    assert "write it as" in capsys.readouterr().err


def test_get_beside_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an open shard committed is read for a purpose; who isn't known and what is no feature is said."""
    directory = open_directory(tmp_path, identity=Identity("", 1, "s"), owner="w")
    store = open_shards(directory, [0])[0]
    shard = Shard(store, decode=shard_decode(Limits(), Zones(())), decide=decide, shards=1)
    shard.process(log_of(morning("c-1")), world=small_world())
    asked = ("--state", str(tmp_path), "--names", "cash.balance_eur", "--json")
    assert run(monkeypatch, "get", "c-1", *asked) == 0
    body = told(capsys)
    assert body["features"] == {"cash.balance_eur": 3958.0}
    assert run(monkeypatch, "get", "nobody", *asked) == 1
    assert run(monkeypatch, "get", "c-1", "--state", str(tmp_path), "--names", "cash.balance") == 2
    assert "did you mean cash.balance_eur" in capsys.readouterr().err
    assert run(monkeypatch, "get", "c-1", "--state", str(tmp_path / "none")) == 2
    assert run(monkeypatch, "get", "c-1", "--state", str(tmp_path)) == 0
    assert "cash.balance_eur" in capsys.readouterr().out
    shard.close()


def test_every_feature_is_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page holds each of them; the terminal too, and one in full."""
    path = tmp_path / "page.html"
    assert run(monkeypatch, "catalogue", "--out", str(path)) == 0
    page = path.read_text()
    assert all(f'id="{spec.name}"' in page for spec in SPECS)
    assert run(monkeypatch, "describe") == 0
    assert f"{len(SPECS)} features" in capsys.readouterr().out
    assert run(monkeypatch, "describe", "app.opens_30d") == 0
    assert "transactions" not in capsys.readouterr().out
    assert run(monkeypatch, "describe", "app.opens") == 2
