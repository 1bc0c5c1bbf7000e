"""`scripts/evaluate bandit` on small tables of many shapes."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from scripts.evaluation.bandit import main
from scripts.evaluation.rivals import RIVALS
from scripts.evaluation.tables import read_table


def table(count: int = 300) -> list[list[str]]:
    """Rows of a number, a word, a gap now and then, and a label that follows the first two."""
    generator = np.random.default_rng(2)
    rows = []
    for _ in range(count):
        number, word = generator.normal(), str(generator.choice(["tea", "milk", "beer"]))
        label = "old" if word == "beer" else "young" if number > 0 else "none"
        rows.append([f"{number:.3f}" if generator.random() > 0.05 else "?", word, label])
    return rows


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", "|"])
@pytest.mark.parametrize("header", [["weight", "drink", "group"], None])
def test_shapes_of_tables(tmp_path: Path, separator: str, header: list[str] | None) -> None:
    """Separators, headers and gaps are found out."""
    lines = [separator.join(row) for row in ([header] if header else []) + table()]
    path = tmp_path / "table.data.gz"
    path.write_bytes(gzip.compress("\r\n".join(lines).encode()))
    read = read_table(path)
    assert read.names == ("none", "old", "young")
    assert read.x.shape == (300, 5)
    assert np.allclose(read.x.mean(axis=0), 0.0, atol=1e-9)


def test_labels_and_headers_of_other_kinds(tmp_path: Path) -> None:
    """Numbers as labels, ARFF headers, an index of rows, a label that is first or has a name."""
    path = tmp_path / "t.dat"
    path.write_text("@relation x\n@data\n1.5, 2, 1\n2.5, 3, 1.0\n0.5, 2, 2\n")
    assert read_table(path).names == ("1", "2")
    path.write_text(",a,b,kind\n" + "".join(f"{i},{i % 3},{i % 7},k{i % 2}\n" for i in range(20)))
    assert read_table(path).names == ("k0", "k1")
    assert read_table(path, label="a").names == ("0", "1", "2")
    path.write_text("e,x,1\np,y,2\ne,x,3\n" * 5)
    assert read_table(path, label="first").names == ("e", "p")


def test_what_is_no_classification_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One label, no rows, no such column or no file: a reason, and status 2."""
    path = tmp_path / "t.csv"
    path.write_text("1,a\n2,a\n")
    assert main(["--data", str(path)]) == 2
    assert "1 different labels" in capsys.readouterr().err
    path.write_text("")
    assert main(["--data", str(path)]) == 2
    assert "no rows" in capsys.readouterr().err
    path.write_text("x,kind\n1,a\n2,b\n")
    assert main(["--data", str(path), "--label", "sort"]) == 2
    assert "no column «sort»" in capsys.readouterr().err
    assert main(["--data", str(tmp_path / "none.csv")]) == 2
    assert "needs --data" in capsys.readouterr().err


def test_numbers_as_europe_writes_them(tmp_path: Path) -> None:
    """Decimals after a comma, quoted or not, do not pass for columns; nor do commas in quoted words."""
    for quote in ("", '"'):
        path = tmp_path / "t.csv"
        row = "{q}{a},5{q};{q}{b},25{q};{q}{c}{q}"
        lines = [row.format(q=quote, a=i % 9, b=i % 11, c="uv"[i % 2]) for i in range(200)]
        path.write_text("a;b;kind\n" + "\r\n".join(lines))
        assert read_table(path).x.shape == (200, 2)
        assert read_table(path, label="a").names[:2] == ("0.5", "1.5")
    path.write_text("a,town,kind\n" + "".join(f'{i},"Cork, {i % 2}",k{i % 2}\n' for i in range(40)))
    assert read_table(path).x.shape == (40, 3)


def test_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows of other lengths, rows without a label, and columns that tell nothing."""
    path = tmp_path / "t.csv"
    path.write_text(
        "".join(
            f"1,{'2,' if i % 10 == 0 else ''}{'?' if i == 5 else 'ab'[i % 2]}\n" for i in range(50)
        )
    )
    assert main(["--data", str(path), "--steps", "40", "--seeds", "1", "--no-skyline"]) == 0
    said = capsys.readouterr().err
    assert "5 rows are not of 2 values" in said
    assert "1 of 45 rows have no label" in said
    assert "nothing can be learnt but the labels' shares" in said


def test_text_of_other_encodings_is_read_and_no_text_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """UTF-16 with its mark, Latin-1; not an image."""
    path = tmp_path / "t.csv"
    text = "".join(f"{i % 7},caf\u00e9 {i % 2},{'ab'[i % 2]}\n" for i in range(60))
    for encoding in ("utf-16", "latin-1"):
        path.write_bytes(text.encode(encoding))
        assert read_table(path).names == ("a", "b")
    path.write_bytes(bytes(range(256)))
    assert main(["--data", str(path)]) == 2
    assert "is no text" in capsys.readouterr().err
    path.write_text("a,b,kind\n")
    assert main(["--data", str(path)]) == 2
    for wrong in (["--steps", "0"], ["--floor", "2"]):
        with pytest.raises(SystemExit):
            main(["--data", str(path), *wrong])


@pytest.mark.parametrize("policy", ["committee", "inverse_gap", "greedy", "fair_merit"])
def test_learning_beats_chance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], policy: str
) -> None:
    """Every learning policy is far better than chance, and the last line is one JSON object."""
    path = tmp_path / "t.csv"
    path.write_text("\n".join(",".join(row) for row in table()))
    arguments = [
        "--data",
        str(path),
        "--policy",
        policy,
        "--steps",
        "600",
        "--seeds",
        "1",
        "--json",
    ]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["normalised_regret"] < 75.0
    assert (result["steps"], result["policy"], result["floor"]) == (600, policy, 0.0)
    assert result["skyline"] < result["normalised_regret"] + 5.0


@pytest.mark.parametrize("policy", ["uniform", *RIVALS])
def test_baselines_and_rivals_run_in_the_same_command(
    capsys: pytest.CaptureFixture[str], policy: str
) -> None:
    """Chance is 100 per cent of chance, give or take; River's policies run on the wheel."""
    arguments = [
        "--format",
        "wheel",
        "--policy",
        policy,
        "--steps",
        "150",
        "--seeds",
        "2",
        "--json",
    ]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["policy"] == policy
    assert 0.0 < result["normalised_regret"] < 150.0
