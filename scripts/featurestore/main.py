"""The commands of the feature store."""

import sys
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

from confluent_kafka import KafkaException

from schemas.base import Purpose
from schemas.errors import MarketOfOneError

DEFAULT_PURPOSE = Purpose.SERVICE_PERSONALISATION


def main() -> int:
    """Run one command; 2 when something can't be read, and then it says what."""
    arguments = _parser().parse_args()
    command = import_module(f"scripts.featurestore.{arguments.module}")
    try:
        status: int = getattr(command, arguments.function)(arguments)
    except (OSError, ValueError, MarketOfOneError, KafkaException) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return status


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="scripts/features", description=__doc__)
    commands = parser.add_subparsers(required=True)
    reading = commands.add_parser("get", help="a customer's features now, read beside the worker")
    reading.add_argument("customer")
    reading.add_argument("--state", type=Path, help="the worker's decide.state_directory")
    reading.add_argument("--config", type=Path, help="settings that name it")
    _shown(reading)
    reading.set_defaults(module="reading", function="get")
    past = commands.add_parser("as-of", help="a customer's features as they were at an instant")
    past.add_argument("customer")
    past.add_argument("--at", required=True, metavar="TIME", help="RFC 3339 with an offset")
    past.add_argument(
        "--clock",
        choices=("log", "event"),
        default="log",
        help="what had reached the log by then (default), or what had happened by then",
    )
    _where(past)
    _shown(past)
    past.set_defaults(module="reading", function="as_of")
    telling = commands.add_parser("describe", help="what a feature means; all in a line each")
    telling.add_argument("name", nargs="?")
    telling.set_defaults(module="describe", function="describe")
    page = commands.add_parser("catalogue", help="a page of all features")
    page.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    page.set_defaults(module="describe", function="catalogue")
    training = commands.add_parser(
        "export", help="training rows to Parquet, as it was at each decision"
    )
    training.add_argument("--out", type=Path, required=True, metavar="FILE.parquet")
    training.add_argument("--names", nargs="+", metavar="FEATURE", help="only these")
    _where(training)
    training.set_defaults(module="training", function="export")
    checking = commands.add_parser(
        "reconcile", help="work logged features out again from raw events, and report what differs"
    )
    _where(checking, simulate=True)
    checking.add_argument("--events", type=int, default=50_000, metavar="N")
    checking.add_argument("--customers", type=int, default=500, metavar="C")
    checking.add_argument("--seed", default="features")
    checking.add_argument("--plant", default="", help="a fault to be found, with --simulate")
    checking.add_argument("--keep", type=Path, metavar="DIR", help="write the log as a dump")
    checking.add_argument("--json", action="store_true", help="one JSON object as the last line")
    checking.set_defaults(module="job", function="reconcile")
    return parser


def _where(parser: ArgumentParser, *, simulate: bool = False) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--broker", default="", help="read the topics there, host:port")
    where.add_argument("--log", type=Path, metavar="DIR", help="read a dump, JSON lines by topic")
    if simulate:
        where.add_argument("--simulate", action="store_true", help="let a town live")
    parser.add_argument("--prefix", default="", help="what the topics' names begin with")
    parser.add_argument("--config", type=Path, help="the deployment's settings")


def _shown(parser: ArgumentParser) -> None:
    parser.add_argument("--names", nargs="+", metavar="FEATURE", help="only these")
    parser.add_argument(
        "--purpose",
        choices=[purpose.value for purpose in Purpose],
        default=DEFAULT_PURPOSE.value,
        help=f"what the values are for (default {DEFAULT_PURPOSE})",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


if __name__ == "__main__":
    sys.exit(main())
