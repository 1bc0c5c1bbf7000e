"""``scripts/audit erasure``: not one readable byte of a customer who was erased, or every place that holds one.

Words are looked for in every file (write-ahead logs, tables and manifests of the shards included), in every row of
each shard, and on topics: as text, as UTF-16, in hexadecimal and inside base64. Give whatever would tell the
customer: the id, and with --word pseudonyms of accounts, names that were given in messages, an amount as it was written.
What an erasure itself says (the certificate, recalls, lessons to forget) may name the customer, and is counted apart.
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from confluent_kafka import KafkaException

from flows import settings as settings_module
from flows.kafka.client import Connection
from flows.settings import Settings
from schemas import topics
from schemas.errors import MarketOfOneError
from scripts.auditing.lived import PLANTS, live_and_erase
from scripts.auditing.logs import fetch, load
from scripts.auditing.remains import Survivor, guises, in_files, in_shards, on_topics


def main(arguments: Sequence[str]) -> int:
    """Look; exit status 0 only if nothing was found, 1 if something was, 2 if it could not be looked for."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    try:
        survivors = _simulated(options) if options.simulate else _look(options)
    except (OSError, ValueError, MarketOfOneError, KafkaException) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for one in survivors[:50]:
        print(f"{one.place}: {one.word} as {one.guise}")
    if len(survivors) > 50:  # noqa: PLR2004 - as above
        print(f"and {len(survivors) - 50} more")
    print(f"{len(survivors)} survivors ({time.monotonic() - began:.1f} s)")
    return 1 if survivors else 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="scripts/audit erasure", description=__doc__)
    parser.add_argument("customer", nargs="?", default="", help="the id of who was erased")
    parser.add_argument(
        "--word", action="append", default=[], help="something else that tells them"
    )
    parser.add_argument("--words", type=Path, help="a file of such words, one a line")
    parser.add_argument("--config", type=Path, help="settings that name the folders of a worker")
    parser.add_argument(
        "--path", type=Path, action="append", default=[], help="a folder, such as one of backups"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--broker", default="", help="look at the topics there too, host:port")
    where.add_argument("--log", type=Path, help="or at a dump, a folder of JSON lines by topic")
    where.add_argument(
        "--simulate", action="store_true", help="let customers live, erase one, and look for them"
    )
    parser.add_argument("--prefix", default="", help="what the topics' names begin with")
    parser.add_argument("--plain", action="store_true", help="with --simulate: without encryption")
    parser.add_argument("--events", type=int, default=20_000, help="with --simulate")
    parser.add_argument(
        "--plant",
        choices=sorted(PLANTS),
        default="",
        help="with --simulate: a survivor to be found",
    )
    return parser


def _look(options: Namespace) -> list[Survivor]:
    words = [options.customer, *options.word]
    if options.words:
        words += filter(None, options.words.read_text(encoding="utf-8").splitlines())
    sought = guises(filter(None, words))
    if not sought:
        raise ValueError("name the customer who was erased, or give a --word")
    settings = settings_module.load(options.config)
    folders = [*(folders_of(settings) if options.config else ()), *options.path]
    if not (folders or options.broker or options.log):
        raise ValueError("say where to look: --config, --path, --broker or --log")
    survivors: list[Survivor] = []
    for folder in folders:
        if not folder.exists():
            raise ValueError(f"{folder} is not there")
        survivors += scan(folder, words)
    roles = topics.ALL
    if options.broker or options.log:
        records = (
            fetch(Connection(options.broker, prefix=options.prefix), roles=roles)
            if options.broker
            else load(options.log, roles=roles)
        )
        found, last_words = on_topics(records, sought)
        print(f"{len(records):,} records on topics, {last_words} of them an erasure's own words")
        survivors += found
    return survivors


def folders_of(settings: Settings) -> list[Path]:
    """Where a worker keeps something: its state, whose account is whose, the key rings."""
    folders = [settings.decide.state_directory, settings.ingest.identity_directory]
    if settings.state.encryption:
        folders.append(settings.state.key_directory)
    return [folder for folder in map(Path, folders) if folder.exists()]


def scan(folder: Path, words: Sequence[str]) -> list[Survivor]:
    """Every survivor under a folder; says how much was looked at."""
    sought = guises(filter(None, words))
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"{folder}: {len(files):,} files, {size:,} bytes")
    return [*in_files(folder, sought), *in_shards(folder, sought)]


def _simulated(options: Namespace) -> list[Survivor]:
    with TemporaryDirectory(prefix="erasure-") as folder:
        words = live_and_erase(
            Path(folder), events=options.events, sealed=not options.plain, plant=options.plant
        )
        print(f"looking for {', '.join(words[:3])} and {len(words) - 3} more words")
        return scan(Path(folder), words)
