"""The campaign of faults in small: `scripts/faults --short`."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.apache
def test_every_fault_is_survived(tmp_path: Path) -> None:
    """State and outputs after each are those of an uninterrupted run over the same log."""
    done = subprocess.run(
        [sys.executable, "scripts/faults", "--short", "--json", "--dir", str(tmp_path / "faults")],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    rows = orjson.loads(done.stdout)
    assert len(rows) >= 7
    assert all(row["events"] for row in rows)
