"""Everything a customer was told, as one file: receipts, decisions, what models forgot, what is held."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import KafkaException

from flows.records import Record
from schemas import topics
from schemas.errors import MarketOfOneError
from scripts.auditing import page
from scripts.auditing.logs import add_config, connected, fetch, load

FORMAT = "market-of-one.dossier/1"


def main(arguments: Sequence[str]) -> int:
    """Write one customer's file, as JSON or as a page to read; exit status 2 if there is nothing."""
    parser = ArgumentParser(prog="scripts/audit export|page", description=__doc__)
    parser.add_argument("form", choices=("export", "page"))
    parser.add_argument("customer")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--broker", default="", help="read the topics there, host:port")
    where.add_argument("--log", type=Path, help="read a dump, a folder of JSON lines by topic")
    parser.add_argument("--prefix", default="", help="what the topics' names begin with")
    add_config(parser)
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    options = parser.parse_args(arguments)
    try:
        file = dossier(_records(options), options.customer)
    except (OSError, ValueError, MarketOfOneError, KafkaException) as error:
        sys.stderr.write(f"the log can't be read: {error}\n")
        return 2
    if not file["receipts"] and not file["decisions"]:
        sys.stderr.write(f"nothing was ever told to {options.customer}\n")
        return 2
    if options.form == "page":
        options.out.write_text(page.render(file), encoding="utf-8")
    else:
        options.out.write_bytes(orjson.dumps(file, option=orjson.OPT_INDENT_2))
    print(f"{options.out}: {len(file['decisions'])} decisions, {len(file['receipts'])} receipts")
    return 0


def _records(options: Namespace) -> list[Record]:
    if options.broker:
        return fetch(connected(options))
    return load(options.log)


def dossier(records: Iterable[Record], customer: str) -> dict[str, Any]:
    """What was told to one customer, by what it is; ``held`` is the last export, if any."""
    records = list(records)
    told = [
        orjson.loads(record.value)
        for record in records
        if record.topic == topics.TRANSPARENCY
        and record.key == customer.encode()
        and record.value is not None
    ]
    warned = [
        orjson.loads(record.value)
        for record in records
        if record.topic == topics.INSIGHTS
        and record.key == customer.encode()
        and record.value is not None
    ]
    by_type: dict[str, list[dict[str, Any]]] = {}
    for body in told:
        by_type.setdefault(str(body.get("type")), []).append(body)
    return {
        "format": FORMAT,
        "customer": customer,
        "receipts": by_type.get("consent.receipt", []),
        "decisions": by_type.get("decision.entry", []),
        "forgotten": by_type.get("learning.forgotten", []),
        "foretold": [body for body in warned if body.get("type") == "shortfall.ahead"],
        "held": next(iter(by_type.get("customer.export", [])[-1:]), None),
    }
