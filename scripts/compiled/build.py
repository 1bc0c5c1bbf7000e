"""Compiles what `pyproject.toml` lists under ``tool.market-of-one.compiled`` into the environment's own folder.

Without a C compiler, or when compiling fails, the sources serve as they are: that is said once and not tried again
until a source changes. `scripts/bootstrap.py` calls this; standard library only until it compiles.

Source: mypyc, https://mypyc.readthedocs.io.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.compiled import finder

FOLDER = "compiled"
SHAPES = "schemas"
LOADER = "market_of_one_compiled"
TIMEOUT_S = 900


def current(root: Path, prefix: Path) -> bool:
    """Whether an environment holds what the sources compile to, or the reason why it doesn't."""
    if os.environ.get(finder.INTERPRETED):
        return True
    try:
        manifest = json.loads((prefix / FOLDER / finder.MANIFEST).read_text(encoding="utf-8"))
        return bool(manifest["digest"] == digest(root))
    except (OSError, ValueError, LookupError, TypeError):
        return False


def digest(root: Path) -> str:
    """Of everything that what is compiled depends on, the environment's locked packages apart."""
    made = sha256(sys.version.encode())
    for part in sorted(Path(__file__).parent.glob("*.py")):
        made.update(part.read_bytes())
    for module in watched(root):
        made.update(module.encode() + (root / finder.source_of(module)).read_bytes())
    return made.hexdigest()


def modules(root: Path) -> list[str]:
    """What is to be compiled, together."""
    with (root / "pyproject.toml").open("rb") as file:
        listed: list[str] = tomllib.load(file)["tool"]["market-of-one"]["compiled"]
    return listed


def watched(root: Path) -> list[str]:
    """What is compiled, and the shapes: compiled code relies on the types that they say."""
    shapes = sorted((root / SHAPES).rglob("*.py"))
    return modules(root) + [
        ".".join(file.relative_to(root).with_suffix("").parts) for file in shapes
    ]


def build(root: Path, prefix: Path) -> str:
    """Compile for the running Python, whose environment ``prefix`` is.

    Returns:
        Why nothing is compiled; empty if it is.
    """
    folder, known = prefix / FOLDER, digest(root)
    why = "" if (folder / known).is_dir() else _made(root, folder / known)
    libraries = {} if why else _libraries(folder, known)
    sources = {
        module: sha256((root / finder.source_of(module)).read_bytes()).hexdigest()
        for module in watched(root)
    }
    manifest = {"digest": known, "why": why, "libraries": libraries, "sources": sources}
    folder.mkdir(parents=True, exist_ok=True)
    _load_at_start(folder, prefix)
    _replace(folder / finder.MANIFEST, json.dumps(manifest, indent=1))
    return why


def _made(root: Path, place: Path) -> str:
    """Compile into a new folder, which appears when it is whole; says why if that can't be done."""
    why = _missing()
    if why:
        return why
    with TemporaryDirectory(prefix="compiled-") as scratch:
        built = Path(scratch, "built")
        why = _compile(root, scratch=Path(scratch, "made"), built=built)
        if not why:
            partial = place.with_name(f"{place.name}.{os.getpid()}")
            shutil.copytree(built, partial)
            partial.rename(place)
    return why


def _missing() -> str:
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(os.environ.get("CC", compiler)) is None:
        return "no C compiler"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "no headers of Python (on Debian or Ubuntu: python3-dev)"
    return ""


def _compile(root: Path, *, scratch: Path, built: Path) -> str:
    sources = [str(finder.source_of(module)) for module in modules(root)]
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "scripts.compiled.extensions",
                str(scratch),
                str(built),
                *sources,
            ],
            cwd=root,
            # Never a fused multiply-add, which rounds once where the interpreter rounds twice.
            env={**os.environ, finder.INTERPRETED: "1", "CFLAGS": "-ffp-contract=off"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return "" if built.is_dir() else "nothing was compiled"
    return "\n".join((done.stdout + done.stderr).strip().splitlines()[-10:])


def _libraries(folder: Path, known: str) -> dict[str, str]:
    """Module → file, from the folder that holds the manifest."""
    found = {}
    for file in sorted((folder / known).rglob("*")):
        if file.suffix in {".so", ".pyd"}:
            inside = file.relative_to(folder / known)
            found[".".join((*inside.parent.parts, inside.name.split(".")[0]))] = str(
                file.relative_to(folder)
            )
    return found


def _load_at_start(folder: Path, prefix: Path) -> None:
    """Have the environment's Python install the finder whenever it starts."""
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(prefix)}))
    packages.mkdir(parents=True, exist_ok=True)
    source = Path(finder.__file__).read_text(encoding="utf-8")
    _replace(packages / f"{LOADER}.py", f"{source}\n\ninstall(Path({str(folder)!r}))\n")
    _replace(packages / f"{LOADER}.pth", f"import {LOADER}\n")


def _replace(file: Path, text: str) -> None:
    """Write it so that nobody ever reads half of it."""
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)
