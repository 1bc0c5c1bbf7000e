"""Give every command in this folder the project's own Python: make `.venv` from the locks, then run in it.

A command is two lines, ``from bootstrap import run`` and ``run("scripts.some.module")``: the module's
``main()`` is called inside `.venv`. Standard library only, and plain enough for an old Python to read,
so that a wrong Python ends in a sentence and not in a syntax error.

``python3 scripts/bootstrap.py`` only makes `.venv`; ``python3 scripts/bootstrap.py lock`` renews the
locks from the `.in` files.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-dev.lock")
STAMP = VENV / "market-of-one.stamp"
SUPPORTED = ((3, 12), (3, 11))
CLEARLY = 1.1
"""Another build of the same Python is taken if it is so many times as quick."""
TIMINGS = 4
_WHOLE = """
import ensurepip, os, sys, sysconfig, venv
os.stat(os.path.join(sysconfig.get_path("include"), "Python.h"))
print(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
"""
"""Says which file a build is, if it can make an environment and be compiled for."""
_TIMED = """
import time
class Point:
    def __init__(self, at, much): self.at, self.much = at, much
    def moved(self, by): return Point(self.at + by, self.much * 1.5)
def work():
    seen = {}
    for each in range(4000):
        one = Point(each, 2.0).moved(each)
        seen[str(one.at % 97)] = (one.much, seen.get("7"))
    return seen
least = float("inf")
for _ in range(20):
    began = time.process_time()
    work()
    least = min(least, time.process_time() - began)
print(least)
"""
"""Says how many seconds of CPU objects, calls and tables take: what the workers are made of."""


def run(module: str) -> None:
    """Call ``main()`` of a module inside the project's environment; its result is the exit code."""
    inside_venv()
    from importlib import import_module  # noqa: PLC0415 - costs time that a re-executing start hasn't

    sys.exit(import_module(module).main())


def inside_venv() -> None:
    """Return only in the Python of an up-to-date `.venv`, with the repository importable.

    Otherwise bring `.venv` up to date and start the running script again with its Python.
    """
    if sys.path and Path(sys.path[0] or ".").resolve() == ROOT / "scripts":
        del sys.path[0]  # scripts/ itself holds packages that must not pass for top-level ones
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    fresh = _fresh()
    if fresh and Path(sys.prefix).resolve() == VENV.resolve():
        _compile_once()
        return
    if not fresh:
        _make_once()
    python = str(_venv_python())
    sys.stdout.flush()
    os.execv(python, [python, *sys.argv])  # noqa: S606 - our own interpreter, no shell


def _venv_python() -> Path:
    return VENV / "bin" / "python"


def _wanted(version: str) -> str:
    """What the stamp of an up-to-date `.venv` says. It names the place: a moved venv is a broken one."""
    digest = sha256(b"".join(lock.read_bytes() for lock in LOCKS)).hexdigest()
    return f"{digest}\n{version}\n{VENV}\n"


def _fresh() -> bool:
    try:
        stamp = STAMP.read_text(encoding="utf-8")
        version = stamp.split("\n")[1]
        return stamp == _wanted(version) and os.access(_venv_python(), os.X_OK)
    except (OSError, IndexError):
        return False


def _make_once() -> None:
    """Make `.venv` unless another command, started at the same time, has just done so."""
    if os.name != "posix":
        _give_up("the stream workers need Linux or macOS; on Windows use WSL.")
    import fcntl  # noqa: PLC0415 - POSIX only

    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _fresh():
            _make()


def _make() -> None:
    import shutil  # noqa: PLC0415 - only a first run pays for these

    base, version = _base_python()
    _say(f"making .venv with Python {version} from the locks (once; later starts skip this)")
    shutil.rmtree(VENV, ignore_errors=True)
    if _call(base, "-m", "venv", str(VENV)) != 0:
        _give_up(
            f"{base} -m venv failed (above). On Debian or Ubuntu: apt-get install python3-venv. Then run again."
        )
    _install()
    STAMP.write_text(_wanted(version), encoding="utf-8")


def _compile_once() -> None:
    """Compile the hottest modules unless that is done, or can't be done here."""
    from scripts.compiled import build  # noqa: PLC0415 - of this Python, which an old one can't read

    if build.current(ROOT, VENV):
        return
    import fcntl  # noqa: PLC0415 - POSIX only

    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if build.current(ROOT, VENV):
            return
        _say("compiling the hottest modules (once, and again when they change)")
        why = build.build(ROOT, VENV)
        if why:
            _say("they stay interpreted, which is slower and otherwise the same: " + why)
    # What was imported so far is interpreted: start again with what is compiled.
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - our own interpreter, no shell


def _install() -> None:
    """Install both locks: with uv, itself locked, in seconds; with pip if uv can't."""
    pip = (str(_venv_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    locks = [part for lock in LOCKS for part in ("-r", str(lock))]
    only_uv = VENV / "uv.lock.txt"
    only_uv.write_text(_entry("uv"), encoding="utf-8")
    uv = (str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--no-config")
    if (
        _call(*pip, "--require-hashes", "-r", str(only_uv)) == 0
        and _call(*uv, "--python", str(_venv_python()), "--require-hashes", *locks) == 0
    ):
        return
    _say("uv couldn't install the locks; trying pip, which also reads pip's own settings (slower)")
    if _call(*pip, "--require-hashes", *locks) != 0:
        _give_up(
            "the locked packages couldn't be installed (above). Check that this machine reaches a"
            " Python package index, directly or through pip's settings, then run again."
        )


def _entry(package: str) -> str:
    """Cut one package with its hashes out of the development lock."""
    lines = LOCKS[1].read_text(encoding="utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(package + "=="))
    end = start + 1
    while end < len(lines) and lines[end].startswith("    --hash"):
        end += 1
    return "\n".join(lines[start:end]) + "\n"


def _base_python() -> tuple[str, str]:
    """Find a Python to build on: the running one if it is supported, else one on PATH.

    Another build of the same version takes its place when it is clearly quicker: Python without profile-guided
    optimisation, as version managers make it, needs up to half as much again for everything.
    """
    running = getattr(sys, "_base_executable", None) or sys.executable
    names = [f"python{major}.{minor}" for major, minor in SUPPORTED]
    for candidate in [running, *names]:
        version = _version_of(candidate)  # asked, not guessed: a pyenv shim may stand for nothing
        if version and tuple(int(part) for part in version.split(".")[:2]) in SUPPORTED:
            return _quickest_like(candidate, version)
    running_version = ".".join(str(part) for part in sys.version_info[:3])
    _give_up(
        f"needs Python 3.11 or 3.12 (Bytewax has no wheels for others), found {running_version} and neither"
        " python3.12 nor python3.11 on PATH. Install one, then run this again, e.g. with python3.12."
    )
    raise AssertionError


def _quickest_like(chosen: str, version: str) -> tuple[str, str]:
    """The quickest whole build of a minor version on PATH; the chosen one unless another is clearly quicker.

    Build flags don't tell (Debian optimises without saying so in its configuration), so each is timed.
    """
    name = "python" + ".".join(version.split(".")[:2])
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    builds: dict[str, str] = {}  # the file itself → how to call it; the chosen one comes first
    for rival in [chosen, *(str(folder / name) for folder in folders)]:
        builds.setdefault(_answer(rival, _WHOLE), rival)
    builds.pop("", None)
    if chosen not in builds.values() or len(builds) == 1:
        return chosen, version
    took: dict[str, float] = {}
    for _ in range(TIMINGS):  # in turn, since what else the machine does comes and goes
        for rival in builds.values():
            seconds = float(_answer(rival, _TIMED) or "inf")
            took[rival] = min(took.get(rival, seconds), seconds)
    quickest = min(took, key=took.__getitem__)
    if took[quickest] * CLEARLY > took[chosen]:
        return chosen, version
    _say(
        f"{quickest} is a quicker build of Python than {chosen}, x {took[quickest] / took[chosen]:.2f}"
    )
    return quickest, _version_of(quickest)


def _version_of(python: str) -> str:
    return _answer(python, "import sys; print('.'.join(map(str, sys.version_info[:3])))")


def _answer(python: str, code: str) -> str:
    """What a Python prints when it runs some code; empty if it can't."""
    import subprocess  # noqa: PLC0415 - only a first run pays for it

    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _call(*command: str) -> int:
    import subprocess  # noqa: PLC0415 - only a first run pays for it

    try:
        return subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode
    except OSError as error:
        _say(str(error))
        return 127


def _lock() -> None:
    """Compile the `.in` files to locks that hold for every platform and both Pythons, without a host in them."""
    options = ["--quiet", "--no-config", "--upgrade", "--universal", "--generate-hashes"]
    options += [
        "--python-version",
        "3.11",
        "--fork-strategy",
        "fewest",
    ]  # one numpy for both Pythons
    options += ["--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    os.chdir(ROOT)  # so that the locks name the .in files without a path
    for name, constraint in (
        ("requirements", []),
        ("requirements-dev", ["-c", "requirements.lock"]),
    ):
        files = (f"{name}.in", *constraint, "-o", f"{name}.lock")
        if _call(str(VENV / "bin" / "uv"), "pip", "compile", *options, *files) != 0:
            _give_up(f"{name}.in couldn't be compiled (above).")


def _say(text: str) -> None:
    print("bootstrap: " + text, file=sys.stderr, flush=True)


def _give_up(text: str) -> None:
    sys.exit("bootstrap: " + text)


if __name__ == "__main__":
    inside_venv()
    if sys.argv[1:] == ["lock"]:
        _lock()
