"""The commands of the auditor."""

import sys
from importlib import import_module

COMMANDS: dict[str, str] = {
    "consent": "prove that nothing was used without consent: simulated, from a broker or from a dump",
    "erasure": "find what is left of a customer who was erased: in state, backups and topics",
    "receipt": "check a consent receipt: the standard's mandatory fields, and its signature",
    "export": "write the whole file of what a customer was told, as JSON",
    "page": "the same as a page to read",
}


def main() -> int:
    """Run the command that the first argument names, with the arguments behind it."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        listing = "\n".join(f"  {key:<9}{words}" for key, words in COMMANDS.items())
        sys.stderr.write(f"usage: scripts/audit NAME [--help]\n{listing}\n")
        return 2
    if name in ("export", "page"):
        told: int = import_module("scripts.auditing.dossier").main(sys.argv[1:])
        return told
    outcome: int = import_module(f"scripts.auditing.{name}").main(sys.argv[2:])
    return outcome
