"""Which Python the environment is built on: a clearly quicker build of the running one's version takes its place."""

import pytest

from scripts import bootstrap

RUNNING = "/versions/bin/python3.11"
OTHER = "/usr/bin/python3.11"
NEWER = "3.11.9"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, float]]:
    """What is installed: how it is called → which file it is (empty: not whole), and seconds a timing takes."""
    installed: dict[str, tuple[str, float]] = {RUNNING: (RUNNING, 0.004)}

    def answer(python: str, code: str) -> str:
        if python not in installed:
            return ""
        file, seconds = installed[python]
        if "Python.h" in code:
            return file
        return str(seconds) if "process_time" in code else NEWER

    monkeypatch.setattr(bootstrap, "_answer", answer)
    monkeypatch.setattr(bootstrap.sys, "_base_executable", RUNNING, raising=False)
    monkeypatch.setenv("PATH", "/shims:/usr/bin:/nowhere")
    return installed


def _chosen() -> tuple[str, str]:
    return bootstrap._base_python()


@pytest.mark.usefixtures("machine")
def test_alone_the_running_one_is_taken() -> None:
    assert _chosen() == (RUNNING, NEWER)


def test_a_clearly_quicker_build_takes_its_place(
    machine: dict[str, tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    machine[OTHER] = (OTHER, 0.003)

    assert _chosen() == (OTHER, NEWER)
    assert "quicker build" in capsys.readouterr().err


def test_a_little_is_not_enough(machine: dict[str, tuple[str, float]]) -> None:
    machine[OTHER] = (OTHER, 0.0038)

    assert _chosen() == (RUNNING, NEWER)


def test_one_without_headers_is_never_taken(machine: dict[str, tuple[str, float]]) -> None:
    machine[OTHER] = ("", 0.001)

    assert _chosen() == (RUNNING, NEWER)


def test_a_shim_of_the_running_one_is_no_rival(machine: dict[str, tuple[str, float]]) -> None:
    machine["/shims/python3.11"] = (RUNNING, 0.001)

    assert _chosen() == (RUNNING, NEWER)


def test_the_timing_and_the_question_run_in_a_real_python() -> None:
    assert float(bootstrap._answer(bootstrap.sys.executable, bootstrap._TIMED)) > 0
    assert bootstrap._answer(bootstrap.sys.executable, "raise SystemExit(3)") == ""
    assert bootstrap._answer("/nowhere/python3", "print(1)") == ""
