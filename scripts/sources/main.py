"""The command `scripts/adapters`."""

import argparse
import sys
from pathlib import Path

from flows.adapters.recognise import FORMATS
from scripts.sources import audit, check, rebuild, reconcile


def main() -> int:
    """Run the subcommand; 0 when everything could be read (or added up), 1 when not, 2 for a wrong call."""
    parser = argparse.ArgumentParser(prog="scripts/adapters", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser(
        "check",
        help="print each event of files as JSON lines, or the cause why there is none",
        description="Formats are told by content: native JSON (also lines), CloudEvents, camt.052/053/054,"
        " Debezium, UK Open Banking, Berlin Group; gzipped or not; records as kcat -J prints them.",
    )
    checking.add_argument("files", nargs="+", type=Path, metavar="FILE")
    checking.add_argument("--format", default="auto", choices=FORMATS, help="instead of by content")
    side = checking.add_mutually_exclusive_group()
    side.add_argument(
        "--external", action="store_true", default=None, help="accounts of other banks"
    )
    side.add_argument("--own", action="store_false", dest="external", help="accounts of this bank")
    checking.add_argument(
        "--tables",
        type=Path,
        metavar="TOML",
        help="settings whose ingest.tables say what columns hold",
    )
    checking.add_argument("--registry", default="", metavar="URL", help="a schema registry")
    adding = commands.add_parser(
        "reconcile", help="bring a data set through the stream and compare counts and balances"
    )
    which = adding.add_mutually_exclusive_group(required=True)
    which.add_argument("--sparkov", type=Path, metavar="FILE", help="transactions, | separated")
    which.add_argument("--berka", type=Path, metavar="DIR", help="the folder of the *.asc tables")
    adding.add_argument("--customers", type=int, metavar="N", help="only the first N accounts")
    listing = commands.add_parser(
        "audit", help="print every link, merge and split of a worker of ingest, and every refusal"
    )
    listing.add_argument("file", type=Path, metavar="links-N.sqlite")
    again = commands.add_parser(
        "rebuild", help="after a merge or split, work a customer's memories out from their events"
    )
    again.add_argument("customer")
    where = again.add_mutually_exclusive_group(required=True)
    where.add_argument("--broker", default="", help="read the log there, and put the record right")
    where.add_argument("--log", type=Path, metavar="DIR", help="only say what a dump would make")
    again.add_argument("--prefix", default="", help="what the topics' names begin with")
    again.add_argument("--config", type=Path, help="the deployment's settings")
    again.add_argument("--by", default="operator", help="who does it")
    again.add_argument("--reason", default="records joined or parted", help="and why")
    again.add_argument("--part", action="store_true", help="even if the log's beginning is gone")
    arguments = parser.parse_args()
    if arguments.command == "rebuild":
        return rebuild.run(arguments)
    if arguments.command == "audit":
        return audit.run(arguments.file)
    if arguments.command == "check":
        return check.run(
            arguments.files,
            form=arguments.format,
            external=arguments.external,
            tables=arguments.tables,
            registry=arguments.registry,
        )
    return reconcile.run(
        sparkov=arguments.sparkov, berka=arguments.berka, customers=arguments.customers
    )


if __name__ == "__main__":
    sys.exit(main())
