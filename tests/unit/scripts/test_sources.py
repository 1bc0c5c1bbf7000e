"""The command `scripts/adapters`: files in, lines of JSON out, and whole data sets added up."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.adapters.complete import pseudonyms
from flows.identity import Bounds, Identities
from flows.records import Record
from schemas.events import EVENT
from scripts.sources import audit, check, rebuild, reconcile
from state.links import LinkStore

SOURCES = Path(__file__).parents[2] / "data" / "sources"


def lines(capsys: pytest.CaptureFixture[str], *files: Path) -> tuple[int, list[dict[str, Any]]]:
    status = check.run(files, form="auto", external=None, tables=None, registry="")
    return status, [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_sample_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Statements, change events and account-information replies, told apart by what they are."""
    status, made = lines(capsys, *sorted(SOURCES.iterdir()))
    kinds = [line["event"]["kind"] for line in made if "event" in line]
    assert status == 0
    assert len(kinds) == 5 + 2 + 5 + 5 + 4 + 3 + 3
    assert {"transaction.booked", "openbanking.pending", "transaction.removed"} <= set(kinds)
    assert made[0]["file"] == "berlin_group.json"
    statement = next(line for line in made if line["file"] == "camt053.xml")
    assert statement["content"]["sums"] == "agree"


def test_packed_cut_and_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Gzip is unpacked, a cut one refused, and records of kcat keep their headers."""
    packed = gzip.compress((SOURCES / "camt053.xml").read_bytes())
    whole, cut, recorded = (tmp_path / name for name in ("a.gz", "b.gz", "c.json"))
    whole.write_bytes(packed)
    cut.write_bytes(packed[: len(packed) // 2])
    headers = ["ce_specversion", "1.0", "ce_id", "1", "ce_type", "x.y", "ce_source", "/s"]
    recorded.write_bytes(orjson.dumps({"topic": "t", "headers": headers, "payload": "{}"}))
    status, made = lines(capsys, whole, cut, recorded, tmp_path / "none")
    assert status == 1
    assert sum("event" in line for line in made) == 5
    causes = [(line["file"], line["cause"]) for line in made if "cause" in line]
    assert causes == [
        ("b.gz", "input.malformed"),
        ("c.json", "input.unknown-kind"),
        ("none", "input.malformed"),
    ]
    assert made[-2]["content"]["attributes"]["id"] == "1"


def test_a_data_set_is_added_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ids that collide across accounts, copies and announcements leave counts and sums exact."""
    rows = ["acct_num|trans_num|unix_time|amt|merchant"]
    rows += [
        f"{account}|t{number}|{1_700_000_000 + 3600 * number}|{number}.5{account}|fraud_Shop"
        for number in range(60)
        for account in (1, 2)
    ]
    path = tmp_path / "sparkov.csv"
    path.write_text("\n".join(rows))
    assert reconcile.run(sparkov=path, berka=None, customers=None) == 0
    report = orjson.loads(capsys.readouterr().out)
    assert (report["movements"], report["folded"], report["distinct_ids"]) == (120, 120, 60)
    assert report["events_sent"] > 150
    assert report["accounts_that_differ"] == 0
    assert reconcile.run(sparkov=tmp_path / "none", berka=None, customers=None) == 2


def test_the_audit_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every act with its position and outcome, refusals too."""
    path = tmp_path / "links-0.sqlite"
    identities = Identities(LinkStore(path), pseudonym=pseudonyms(""), bounds=Bounds())
    act = {"kind": "identity.merged", "event_id": "i", "at": "2026-03-01T08:00:00Z", "by": "x"}
    act |= {"customer": "c-1", "merged": "c-2", "proof": "person-id", "reason": "y"}
    identities.act(Record("identities", 0, 0, None, orjson.dumps(act), (), 0))
    identities.close()
    assert audit.run(path) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert orjson.loads(line)["outcome"].startswith("input.two-people")
    assert audit.run(tmp_path / "none") == 2


def test_whose_events_are_whose() -> None:
    """By the acts that were not refused: a merge brings all, a split takes what names its accounts."""
    at = {"at": "2026-03-01T08:00:00Z", "by": "x"}
    account = {"scheme": "account", "id": "47 11"}
    why = {"proof": "document", "reason": "seen"}
    acts = [
        {"kind": "identity.linked", "customer": "c-2", "holder": account},
        {"kind": "household.changed", "household": "h", "customers": ["c-1", "c-3"]},
        {"kind": "identity.merged", "customer": "c-1", "merged": "c-3", **why},
        {"kind": "identity.merged", "customer": "c-1", "merged": "c-2", **why},
    ]
    records = [
        Record("identities", 0, n, None, orjson.dumps({"event_id": f"i-{n}", **at, **a}), (), 0)
        for n, a in enumerate(acts)
    ]
    paid = EVENT.validate_python(
        {"kind": "transaction.booked", "event_id": "e", "customer": "c-1", "at": at["at"],
         "account": pseudonyms("")("4711"), "transaction_id": "t", "amount_minor": 1, "currency": "EUR"}
    )  # fmt: skip
    joined = rebuild.belonging(records, pseudonym=pseudonyms(""))
    assert joined.aliases == {"c-2": "c-1"}
    assert joined.records_of("c-1") == {"c-1", "c-2"}
    assert (joined.owner("c-2", paid), joined.owner("c-3", paid)) == ("c-1", "c-3")
    apart = {
        "kind": "identity.split",
        "customer": "c-1",
        "to": "c-2",
        "holders": [account],
        "reason": "y",
    }
    last = Record("identities", 0, 9, None, orjson.dumps({"event_id": "i-9", **at, **apart}), (), 0)
    parted = rebuild.belonging([*records, last], pseudonym=pseudonyms(""))
    assert parted.aliases == {}
    assert (parted.owner("c-1", paid), parted.records_of("c-2")) == ("c-2", {"c-1", "c-2"})
