"""Run one flow of the product: `python -m flows ingest | decide | learn | measure | topics | open | rollout | lever`.

Exit status: 0 clean, 2 wrong configuration, 3 brokers out of reach, 4 state that can't be trusted, 1 a bug.
Errors of ours are one line on stderr, without a traceback: what is wrong, and what to do.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from flows import assembly, lever, logs, opened, rollout, settings
from flows.settings import Settings
from flows.worker import Stop
from schemas.errors import ConfigError, MarketOfOneError, StateError, TransportError

LOG = logging.getLogger(__name__)
CLEAN = 0
BUG = 1
STATUSES: Mapping[type[MarketOfOneError], int] = {
    ConfigError: 2,
    TransportError: 3,
    StateError: 4,
}


class Flow(Protocol):
    """Something that runs until it is asked to stop."""

    def run(self) -> None:
        """Run."""
        ...


FLOWS: Mapping[str, Callable[[Settings, Stop], Flow]] = {
    "ingest": assembly.ingest_flow,
    "decide": assembly.decide_flow,
    "learn": assembly.learning_flow,
    "measure": assembly.measuring_flow,
}


VERBS: Mapping[str, Callable[[Settings, argparse.Namespace], list[str]]] = {
    "rollout": rollout.roll_out,
    "lever": lever.set_lever,
}
"""What is done at once, and says what holds then."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line names; the exit status."""
    options = _parser().parse_args(arguments)
    logs.configure(options.log_level)
    stop = Stop()
    try:
        settled = settings.load(options.config)
        if options.flow == "topics":
            for name in assembly.make_topics(settled):
                LOG.info("topic made", extra={"topic": name})
            return CLEAN
        if options.flow in VERBS:
            sys.stdout.write("\n".join(VERBS[options.flow](settled, options)) + "\n")
            return CLEAN
        stop.listen()
        if options.flow == "open":
            for line in opened.opened(settled, options, stop):
                sys.stdout.write(f"{line}\n")
            return CLEAN
        FLOWS[options.flow](settled, stop).run()
    except MarketOfOneError as error:
        sys.stderr.write(f"{error}\n")
        return STATUSES.get(type(error), BUG)
    except Exception:
        LOG.exception("stopped by a bug")
        return BUG
    finally:
        stop.done()
    return CLEAN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows", description="Run one flow.")
    flows = parser.add_subparsers(dest="flow", metavar="FLOW", required=True)
    for name in (*FLOWS, "topics"):
        _common(flows.add_parser(name, help="make the topics" if name == "topics" else "a flow"))
    trial = flows.add_parser("rollout", help="which committee serves: pin, try, promote, go back")
    _common(trial)
    rollout.arguments(trial)
    clear = flows.add_parser("open", help="a topic in clear, as JSON lines")
    _common(clear)
    opened.arguments(clear)
    setting = flows.add_parser("lever", help="set a governed lever of the learner")
    _common(setting)
    lever.arguments(setting)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=None,
        metavar="FILE",
        help="TOML file over flows/default.toml; by default the one MARKET_OF_ONE_CONFIG names",
    )
    parser.add_argument(
        "--log-level", default="info", choices=["debug", "info", "warning", "error"]
    )
