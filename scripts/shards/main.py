"""The commands of `scripts/state`.

    scripts/state backup --config bank.toml            back shards up whose worker does not run
    scripts/state backups --config bank.toml           the backups there are, and what they miss
    scripts/state restore --config bank.toml           put the newest whole backup of each shard back
    scripts/state verify --config bank.toml            check every byte of the state and of its backups
    scripts/state inspect --config bank.toml           how far each shard is, and what lies in it
    scripts/state inspect anna --config bank.toml      one customer's record, readable
    scripts/state export anna --config bank.toml       everything that is held on a customer, as JSON

Exit status: 0 well, 1 something is damaged (verify) or not there, 2 settings or usage, 4 state or backup.
"""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from importlib import import_module
from pathlib import Path

from schemas.errors import ConfigError, MarketOfOneError


def main() -> int:
    """Run one command; what goes wrong is said in one line, with what to do."""
    options = _parser().parse_args()
    command = import_module(f"scripts.shards.{options.module}")
    try:
        status: int = getattr(command, options.function)(options)
    except MarketOfOneError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, ConfigError) else 4
    except OSError as error:
        sys.stderr.write(f"{error.strerror}: {error.filename}\n")
        return 4
    return status


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="scripts/state", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    backup = commands.add_parser("backup", help="back shards up")
    _runs(backup, "safekeeping", "back_up", backups=True)
    backup.add_argument("--keep", type=int, metavar="N", help="how many of each shard stay")
    listed = commands.add_parser("backups", help="the backups there are")
    _runs(listed, "safekeeping", "listed", backups=True)
    listed.add_argument("--json", action="store_true", help="one JSON object a line")
    restore = commands.add_parser("restore", help="put backups back")
    _runs(restore, "safekeeping", "restore", backups=True)
    restore.add_argument("--name", metavar="BACKUP", help="this one, of one shard (default newest)")
    verify = commands.add_parser("verify", help="check every byte")
    _runs(verify, "checking", "verify", backups=True)
    verify.add_argument("--only", choices=("state", "backups"), help="one of the two alone")
    inspect = commands.add_parser("inspect", help="what lies in the shards, or one record")
    _runs(inspect, "reading", "inspect")
    inspect.add_argument("customer", nargs="?", help="one customer's record")
    inspect.add_argument("--sizes", action="store_true", help="where the record's bytes go")
    inspect.add_argument("--json", action="store_true", help="as JSON")
    export = commands.add_parser("export", help="all that is held on a customer")
    _runs(export, "reading", "export")
    export.add_argument("customer")
    export.add_argument("--out", type=Path, metavar="FILE", help="write it there")
    return parser


def _runs(parser: ArgumentParser, module: str, function: str, *, backups: bool = False) -> None:
    """What a command runs, and the options that say where."""
    parser.set_defaults(module=module, function=function)
    parser.add_argument("--config", type=Path, metavar="FILE", help="the deployment's settings")
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="default decide.state_directory of the settings"
    )
    parser.add_argument("--shards", type=int, nargs="+", metavar="N", help="only these")
    if backups:
        parser.add_argument(
            "--backups", metavar="ADDRESS", help="a folder or URL, default backup.address"
        )
