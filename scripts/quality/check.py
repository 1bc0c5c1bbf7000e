"""`scripts/check`: format, lint, types and import contracts, in under a minute. All run; one failure fails all."""

import argparse
import subprocess
import sys
from pathlib import Path

from scripts.bootstrap import ROOT


def main() -> int:
    """Run the checks; 0 if all pass."""
    parser = argparse.ArgumentParser(prog="scripts/check", description=__doc__)
    parser.add_argument("--fix", action="store_true", help="let ruff repair what it can first")
    fix: bool = parser.parse_args().fix
    checks = {
        "format": ("ruff", "format", *(() if fix else ("--check",))),
        "lint": ("ruff", "check", *(("--fix",) if fix else ())),
        "types": ("mypy",),
        "import contracts": ("lint-imports",),
    }
    failed = [name for name, command in checks.items() if not _passes(name, command)]
    print(f"check: {', '.join(failed)} failed" if failed else "check: all passed", flush=True)
    return 1 if failed else 0


def _passes(name: str, command: tuple[str, ...]) -> bool:
    """Run one tool of this environment at the repository's root."""
    tool = Path(sys.executable).with_name(command[0])
    print(f"check: {name}", flush=True)
    return subprocess.run([tool, *command[1:]], cwd=ROOT, check=False).returncode == 0
