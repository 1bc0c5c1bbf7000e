"""Workers out of a nursery: processes of their own, each with its environment, log, status and death."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.campaign.births import Births, Nursery, Process, Started

PATIENCE_S = 60.0
SILENT = '[kafka]\nbootstrap = "127.0.0.1:{port}"\n'


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for all tests: it loads the product."""
    with Nursery() as made:
        yield made


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A broker that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield door


@pytest.fixture
def unreached(silent: socket.socket, tmp_path: Path) -> Path:
    """Settings whose broker never answers, so that a worker waits."""
    path = tmp_path / "settings.toml"
    path.write_text(SILENT.format(port=silent.getsockname()[1]), encoding="utf-8")
    return path


def asked(births: Births, log: Path, *command: str, **environment: str) -> Process:
    """A worker with an environment of its own."""
    return births.born(command, environment={"PATH": os.environ["PATH"], **environment}, log=log)


def test_a_worker_runs_the_product_whatever_it_comes_of(nursery: Nursery, tmp_path: Path) -> None:
    """The same words and the same status, forked or started."""
    both: dict[str, Births] = {"forked": nursery, "started": Started()}
    for name, births in both.items():
        log = tmp_path / name
        worker = asked(births, log, "flows", "decide", "--config", str(tmp_path / "none.toml"))
        assert worker.wait(PATIENCE_S) == worker.poll() == worker.returncode == 2
        assert log.read_text().startswith("config.unreadable")


def test_a_worker_sees_its_own_environment_alone(nursery: Nursery, tmp_path: Path) -> None:
    """A setting from the environment counts for the one that was given it."""
    words = []
    for number, environment in enumerate(({"MARKET_OF_ONE_CONFIG": "/nowhere/a.toml"}, {})):
        log = tmp_path / f"log-{number}"
        command = ("flows", "decide") if environment else ("flows", "decide", "--config", "b.toml")
        assert asked(nursery, log, *command, **environment).wait(PATIENCE_S) == 2
        words.append(log.read_text())
    assert "a.toml" in words[0]
    assert "b.toml" in words[1]


def test_a_kill_ends_one_worker_and_no_other(
    nursery: Nursery, unreached: Path, silent: socket.socket, tmp_path: Path
) -> None:
    """Two wait for their broker; kill -9 hits the first, a plain end the second."""
    first, second = (
        asked(nursery, tmp_path / name, "flows", "decide", "--config", str(unreached))
        for name in ("first", "second")
    )
    wires = [silent.accept()[0] for _ in range(2)]
    first.send_signal(signal.SIGKILL)
    assert first.wait(PATIENCE_S) == -signal.SIGKILL
    assert second.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(0.01)
    for wire in wires:
        wire.close()
    second.send_signal(signal.SIGKILL)
    assert second.wait(PATIENCE_S) == -signal.SIGKILL
    second.send_signal(signal.SIGKILL)  # of one that is gone: nobody is hit


def test_workers_end_with_whoever_asked_for_them(
    unreached: Path, silent: socket.socket, tmp_path: Path
) -> None:
    """A campaign that is killed leaves no worker behind."""
    log = tmp_path / "log"
    code = (
        "import sys; from pathlib import Path; from scripts.campaign.births import Nursery;"
        "worker = Nursery().born(('flows', 'decide', '--config', sys.argv[1]), environment={},"
        " log=Path(sys.argv[2])); print(worker.pid, flush=True); worker.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(unreached), str(log)],
        cwd=Path(__file__).resolve().parents[3],
        stdout=subprocess.PIPE,
    ) as campaign:
        assert campaign.stdout is not None
        assert int(campaign.stdout.readline()) > 0
        wire, _ = silent.accept()
        campaign.kill()
    with wire:
        wire.settimeout(PATIENCE_S)
        while wire.recv(
            4096
        ):  # until the worker's end of it is closed, as the end of its process does
            pass
