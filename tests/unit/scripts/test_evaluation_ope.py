"""`scripts/evaluate ope` on small logs whose truth is known."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from flows.records import Record
from schemas.base import stamp
from schemas.decisions import SILENCE
from scripts.auditing.logs import dump
from scripts.evaluation.main import EVALUATIONS
from scripts.evaluation.ope import main

RATES = {"card": 0.1, "pot": 0.5, SILENCE: 0.0}
SHARES = {"card": 0.3, "pot": 0.4, SILENCE: 0.3}


def _last(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return found


def _record(topic: str, offset: int, value: dict[str, Any]) -> Record:
    return Record(topic, 0, offset, b"c", orjson.dumps(value), (), 0)


def _decision(number: int, chosen: str, *, arm: str = "exploit", **other: Any) -> dict[str, Any]:
    even = arm == "control"
    rows = [
        {
            "action": action,
            "stage_reached": "arbitrate",
            "score": 0.0 if even else RATES[action],
            "p_final": 1 / 3 if even else share,
        }
        for action, share in SHARES.items()
    ]
    refused = {"action": "loan", "stage_reached": "screen", "reject_rule": "suitability.debt"}
    return {
        "decision_id": f"d{number:05}",
        "customer": f"c{number % 700}",
        "decided_at": stamp(1_700_000_000_000 + number * 1000),
        "candidates": [refused, *rows],
        "chosen": chosen,
        "propensity": 1 / 3 if even else SHARES[chosen],
        "arm": arm,
        "digests": {"model": "m1"},
        "vulnerability_brake": False,
    } | other


def _write(folder: Path, decisions: list[dict[str, Any]], *, seed: int = 1) -> None:
    """A dump in which each decision is taken up at the rate of what was chosen."""
    source = np.random.default_rng(seed)
    records = [_record("decisions", i, row) for i, row in enumerate(decisions)]
    # A decision that was written twice counts once.
    records.append(_record("decisions", len(decisions), decisions[0]))
    for index, row in enumerate(decisions):
        if source.random() < RATES[row["chosen"]]:
            answer = {
                "type": "feedback",
                "decision_id": row["decision_id"],
                "outcome": "completed",
                "counted": True,
            }
            records.append(_record("impact", index, answer))
    dump(records, folder)


def _choices(count: int, *, seed: int = 0) -> list[str]:
    source = np.random.default_rng(seed)
    return [str(a) for a in source.choice(list(SHARES), p=list(SHARES.values()), size=count)]


def test_our_own_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each candidate's truth lies in its interval, and the better one is found better."""
    decisions = [_decision(i, chosen) for i, chosen in enumerate(_choices(2500))]
    decisions += [
        _decision(9001 + i, ["card", "pot", SILENCE][i % 3], arm="control") for i in range(600)
    ]
    decisions += [
        _decision(9900, "pot", vulnerability_brake=True),
        _decision(9901, SILENCE, arm="holdout"),
        _decision(9902, "pot", digests={"model": "fallback"}),
        _decision(9903, "pot", propensity=0.9),
    ]
    _write(tmp_path, decisions)
    assert main(["--log", str(tmp_path), "--json"]) == 0
    result = _last(capsys.readouterr().out)
    assert result["decisions"] == 2500
    assert sum(result["left_out"].values()) == 4
    truths = {"greedy": 0.5, "evenly": 0.2, "silence": 0.0, "committee": 0.23}
    for name, truth in truths.items():
        row = result["candidates"][name]
        low, high = row["estimates"]["dr"]["interval"]
        assert low - 0.01 <= truth <= high + 0.01
        assert row["sequence"][0] <= truth <= row["sequence"][1]
    assert result["candidates"]["greedy"]["verdict"] == "better"
    assert result["candidates"]["silence"]["verdict"] == "worse"
    assert result["control"]["decisions"] == 600
    assert main(["--log", str(tmp_path), "--json"]) == 0
    assert _last(capsys.readouterr().out) == result


def test_a_log_that_can_not_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Too few decisions: no number, what to do instead, and exit status 3."""
    _write(tmp_path, [_decision(i, chosen) for i, chosen in enumerate(_choices(60))])
    options = ["--log", str(tmp_path), "--candidate", "silence", "--json"]
    assert main(options) == 3
    out = capsys.readouterr().out
    assert "record about" in out
    assert _last(out)["candidates"]["silence"]["estimates"] == {}
    assert main([*options, "--insist"]) == 3
    assert _last(capsys.readouterr().out)["candidates"]["silence"]["estimates"]


def test_a_challenger_is_judged_by_its_logged_chances(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A challenger that says «pot» more often is found better, from its chance of what was chosen alone."""
    theirs = {"card": 0.05, "pot": 0.9, SILENCE: 0.05}
    decisions = [
        _decision(
            number,
            chosen,
            rival={
                "model": "m2",
                "policy": "committee",
                "action": "pot",
                "propensity": theirs[chosen],
                "served": False,
            },
        )
        for number, chosen in enumerate(_choices(1500))
    ]
    _write(tmp_path, decisions)
    assert main(["--log", str(tmp_path), "--json"]) == 0
    found = _last(capsys.readouterr().out)["challenger"]
    low, high = found["estimates"]["snips"]["low"], found["estimates"]["snips"]["high"]
    assert low <= 0.9 * 0.5 + 0.05 * 0.1 <= high
    assert found["verdict"] == "better"
    assert found["decisions"] == 1500
    assert found["served"] == 0


@pytest.mark.parametrize("reward", ["worth", "unwelcome"])
def test_other_rewards(reward: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Money and unwelcome words are judged by the same log."""
    _write(tmp_path, [_decision(i, chosen) for i, chosen in enumerate(_choices(900))])
    assert main(["--log", str(tmp_path), "--reward", reward, "--json"]) == 0
    assert _last(capsys.readouterr().out)["reward"] == reward


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "give --log"),
        (["--log", "nowhere"], "no folder"),
        (["--log", "."], "neither"),
        (["--data", "nothing.csv"], "nothing.csv"),
    ],
)
def test_what_can_not_be_used(
    options: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit status 2, and words that say what to give."""
    monkeypatch.chdir(tmp_path)
    assert main(options) == 2
    assert words in capsys.readouterr().err


def test_a_dump_without_a_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where only the fallback served there is nothing to learn of others."""
    _write(tmp_path, [_decision(i, "pot", digests={"model": "fallback"}) for i in range(5)])
    assert main(["--log", str(tmp_path)]) == 2
    assert "5 without a model" in capsys.readouterr().err


def _bandit(folder: Path, policy: str, *, seed: int) -> None:
    """Four items in three positions; the third pays most, and bts shows it most."""
    source = np.random.default_rng(seed)
    shares = np.full(4, 0.25) if policy == "random" else np.array([0.1, 0.2, 0.6, 0.1])
    lines = ["timestamp,item_id,position,click,propensity_score,"]
    lines[0] += ",".join(f"user_feature_{i}" for i in range(4))
    for number in range(3000):
        item = int(source.choice(4, p=shares))
        click = int(source.random() < [0.1, 0.2, 0.4, 0.1][item])
        lines.append(
            f"2019-11-24 {number:06},{item},{number % 3 + 1},{click},{shares[item]},a,b,c,d"
        )
    path = folder / policy / "all"
    path.mkdir(parents=True)
    packed = gzip.compress("\n".join(lines).encode())
    (path / "all.csv.gz").write_bytes(packed)


def test_open_bandit_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each policy is estimated from the other's log, and the truth lies in the intervals."""
    _bandit(tmp_path, "random", seed=1)
    _bandit(tmp_path, "bts", seed=2)
    assert main(["--log", str(tmp_path), "--resamples", "50", "--json"]) == 0
    results = _last(capsys.readouterr().out)["results"]
    assert [(row["log"], row["candidate"]) for row in results] == [
        ("random", "bts"),
        ("bts", "random"),
    ]
    for row in results:
        assert row["sequence_holds"]
        assert row["estimates"]["dr"]["relative_error"] < 0.15
        low, high = row["estimates"]["dr"]["relative_error_interval"]
        assert 0.0 <= low <= high
        assert not row["refused"]
    assert "cab" in results[0]["estimates"]
    assert "cab" not in results[1]["estimates"]
    assert main(["--log", str(tmp_path), "--campaign", "women"]) == 2
    assert "women" in capsys.readouterr().err


def test_a_table_with_known_truth(capsys: pytest.CaptureFixture[str]) -> None:
    """On digits the doubly robust estimate errs by less than 1.62 % on average."""
    assert main(["--data", "digits", "--runs", "1", "--json"]) == 0
    result = _last(capsys.readouterr().out)
    assert result["rows"] == 1797
    assert result["relative_error"]["dr"] <= 0.0162
    assert result["relative_error"]["dr"] < result["relative_error"]["ips"]


def test_coverage_of_the_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    """All kinds hold at every step in at least 95 % of the logs."""
    assert main(["--coverage", "--runs", "60", "--steps", "400", "--json"]) == 0
    result = _last(capsys.readouterr().out)
    assert result["coverage"] >= 0.95
    assert result["usual_interval_coverage"] < 0.95
    assert {world["weights"] for world in result["worlds"]} == {"any", "bounded", "moments"}


def test_it_is_listed() -> None:
    """The command names it."""
    assert "ope" in EVALUATIONS


def test_a_town_knows_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    """What each candidate is truly worth stands beside its estimate."""
    options = ["--town", "3", "--customers", "60", "--events", "1200", "--insist", "--json"]
    assert main(options) in {0, 3}
    result = _last(capsys.readouterr().out)
    assert result["decisions"] > 0
    rows = result["candidates"]
    assert all(0.0 <= row["truth"] <= 1.0 for row in rows.values())
    assert rows["silence"]["truth"] == 0.0
    assert rows["committee"]["estimates"]["ips"]["value"] == pytest.approx(result["earned"])
    assert rows["silence"]["estimates"]["dr"]["value"] == 0.0


def test_records_of_another_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record without what is needed is named, and nothing is judged."""
    dump([_record("decisions", 0, {"decision_id": "d1"})], tmp_path)
    assert main(["--log", str(tmp_path)]) == 2
    assert "decided_at" in capsys.readouterr().err
