"""The command line of `scripts/demo`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from scripts.broker.launch import Preference

RATE_MAX = 5_000.0
RATES: dict[str, float] = {"apache": 300.0, "embedded": 100.0}
"""Events per second by default: what the broker carries on a small machine, with room to spare."""
RESIDENTS_PER_RATE = 3.5
CUSTOMERS_MIN = 60
PARTITIONS = 8

WORDS = """Start a broker (unless one is given), the flows ingest, decide, learn and measure, and a simulated town
of customers, and watch what is said to whom, why, and whether it helps. Ctrl-C ends everything."""


@dataclass(slots=True, frozen=True)
class Options:
    """What was asked for; ``rate`` and ``customers`` are None for what suits the broker."""

    minutes: float | None
    rate: float | None
    seed: str
    customers: int | None
    broker: str | None
    prefer: Preference
    replay: Path | None
    speed_up: float | None
    plain: bool
    keep: Path | None

    def rate_on(self, broker: str) -> float:
        """Events per second on a broker of that name; a replay at a speed-up is paced by that alone."""
        if self.rate is not None:
            return self.rate
        return RATE_MAX if self.speed_up is not None else RATES.get(broker, RATES["apache"])

    def customers_at(self, rate: float) -> int:
        """As many residents as make a simulated day pass in some twenty seconds.

        So attention stays scarce for the whole of a short run. With fewer, everybody is soon told all that
        they may be told, in whatever order, and no policy can do better than another.
        """
        return self.customers or max(
            CUSTOMERS_MIN, round(RESIDENTS_PER_RATE * min(rate, RATES["apache"]))
        )


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; a wrong one ends with status 2 and a sentence."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=WORDS)
    add = parser.add_argument
    add("--minutes", type=_positive, help="end after so many minutes; default: when told to")
    add("--rate", type=_positive, help="events per second; default: 300, embedded broker 100")
    add("--seed", default="1", help="names the town; the same seed, the same people (default 1)")
    add("--customers", type=_count, help="residents of the town, or accounts of the replay")
    add(
        "--broker",
        metavar="ADDRESS",
        help="use a running broker, host:port, under topics of our own",
    )
    add(
        "--prefer",
        choices=("auto", "apache", "embedded"),
        default="auto",
        help="which broker to start",
    )
    add(
        "--replay",
        nargs=2,
        metavar=("berka", "DIR"),
        help="instead of the town, replay the Berka bank data from a folder that you have",
    )
    add(
        "--speed-up",
        type=_positive,
        help="simulated seconds per real second; default: as --rate allows",
    )
    add("--plain", action="store_true", help="print lines, not a live view")
    add(
        "--keep",
        type=Path,
        metavar="DIR",
        help="write everything on the topics there at the end, to be audited or evaluated",
    )
    given = parser.parse_args(arguments)
    if given.replay is not None and given.replay[0] != "berka":
        parser.error(f"--replay knows berka, not {given.replay[0]}")
    return Options(
        minutes=given.minutes,
        rate=given.rate,
        seed=given.seed,
        customers=given.customers,
        broker=given.broker,
        prefer=cast("Preference", given.prefer),
        replay=None if given.replay is None else Path(given.replay[1]),
        speed_up=given.speed_up,
        plain=given.plain,
        keep=given.keep,
    )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 99_999:  # noqa: PLR2004 - ids of residents have five digits
        raise argparse.ArgumentTypeError(f"{text} is not in 1..99999")
    return value
