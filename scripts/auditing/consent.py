"""``scripts/audit consent``: zero uses without consent, proven from the whole log, or the uses by name."""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import KafkaException

from flows.records import Record
from schemas.errors import MarketOfOneError
from scripts.auditing import standard
from scripts.auditing.checker import Checker
from scripts.auditing.logs import add_config, connected, dump, fetch, in_order, load
from scripts.auditing.plants import PLANTS
from scripts.auditing.receipt import flaws
from scripts.auditing.simulate import Finding, Plan, simulate
from scripts.auditing.steps import Steps


def main(arguments: Sequence[str]) -> int:
    """Check; exit status 0 only if nothing was found, 1 if something was, 2 if nothing could be looked at."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    try:
        finding = _find(options)
    except (OSError, ValueError, MarketOfOneError, KafkaException) as error:
        sys.stderr.write(f"the log can't be read: {error}\n")
        return 2
    _tell(finding, options, wall_s=time.monotonic() - began)
    if not finding.looked_at["decisions"]:
        sys.stderr.write("nothing to look at: no decision is on this log\n")
        return 2
    return 1 if finding.found else 0


def _find(options: Namespace) -> Finding:
    if options.broker:
        records = fetch(connected(options))
        if options.keep:
            dump(records, options.keep)
        return check(records, key=options.key)
    if options.log:
        return check(load(options.log), key=options.key)
    plan = Plan(
        customers=options.customers,
        days=options.days,
        seed=options.seed,
        density=options.density,
        plant=options.plant,
    )
    return simulate(plan, processes=options.processes)


def check(records: Iterable[Record], *, key: str = "") -> Finding:
    """Check a whole log, its records in any order; ``key`` is the did:key of its receipts, if they have one."""

    def verify(receipt: dict[str, Any]) -> list[str]:
        document = receipt.get("receipt")
        if document is None:
            return []
        return flaws(document, did=key) if key else standard.flaws(document)

    checker, steps = Checker(verify=verify), Steps()
    for step in steps.take(in_order(records)):
        checker.take(step)
    for step in steps.end():
        checker.take(step)
    return Finding(checker.tally, checker.found, checker.violations)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="scripts/audit consent", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--simulate", action="store_true", help="let a town live through the product"
    )
    where.add_argument("--broker", default="", help="read the topics there, host:port")
    where.add_argument("--log", type=Path, help="read a dump, a folder of JSON lines by topic")
    parser.add_argument("--prefix", default="", help="what the topics' names begin with")
    add_config(parser)
    parser.add_argument("--key", default="", help="did:key that receipts must be signed with")
    parser.add_argument("--keep", type=Path, help="write what was read from the broker as a dump")
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", default="audit")
    parser.add_argument("--density", type=float, default=1.0, help="share of everyday events")
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="default: one a core"
    )
    parser.add_argument("--plant", choices=sorted(PLANTS), default="", help="a fault to be found")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser


def _tell(finding: Finding, options: Namespace, *, wall_s: float) -> None:
    for name, count in sorted(finding.looked_at.items()):
        print(f"{count:>12,}  {name}")
    for violation in finding.violations[:50]:
        print(f"{violation.kind}: {violation.customer} at {violation.position}: {violation.words}")
    count = sum(finding.found.values())
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(finding.found.items()))
    print(f"{count} violations{': ' + kinds if kinds else ''} ({wall_s:.0f} s)")
    if options.json:
        body = {
            "customers": options.customers,
            "days": options.days,
            "violations": count,
            "by_kind": dict(finding.found),
            "looked_at": dict(finding.looked_at),
            "wall_s": round(wall_s, 1),
        }
        print(orjson.dumps(body).decode())
