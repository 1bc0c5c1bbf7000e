"""What a Python process makes of the same lives: run as `python -m tests.twin`, compiled or interpreted."""

import random
import sys
import tempfile
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import orjson

from operators.features import book
from scripts.benchmarks.event import KINDS, Lived
from scripts.bootstrap import ROOT
from scripts.compiled import build
from state.codec import encode
from tests.lives import Life

CUSTOMERS = 24
HISTORIES = 30
MOVEMENTS = 300
TOWN_EVENTS = 1_000


def books() -> str:
    """A digest of many random histories of movements, folded."""
    digest = sha256()
    for seed in range(HISTORIES):
        draws, kept, day = random.Random(seed), b"", 20_000
        for number in range(MOVEMENTS):
            day += draws.choice((0, 0, 1, 1, 2, 5, 30, 230) if number % 40 == 0 else (0, 0, 1, 2))
            payee = draws.randrange(40)
            amount = draws.choice((250_000, -999, 0, -(10**15), -draws.randrange(1, 90_000)))
            kept = book.folded(
                kept,
                day=day - draws.choice((0, 0, 0, 0, 1, 3, 9, 250)),
                amount=amount,
                income=max(0, amount),
                currency="EUR" if draws.random() < 0.97 else "USD",
                key=book.key_hash(f"payee-{payee}") if payee else b"",
                known=payee % 3 > 0,
                category=draws.choice(("other", "housing", "unheard of")),
                method=draws.choice(("card", "transfer", "unheard of")),
            )
            digest.update(kept)
    return digest.hexdigest()


def lives() -> str:
    """A digest of all that a shard says and stores about a few customers."""
    with tempfile.TemporaryDirectory() as folder:
        lived = Lived(Path(folder), customers=CUSTOMERS, seed=1)
        for kind in KINDS:
            lived.round(kind, CUSTOMERS // 2)
        digest = lived.digest()
        lived.close()
    return digest


def town() -> str:
    """A digest of all that a town's workers said, and of every customer's record in the end."""
    life = Life("compiled", TOWN_EVENTS)
    digest = sha256()
    for record in life.outputs():
        digest.update(b"%s %s %s " % (record.topic.encode(), record.key, record.value))
    for customer in sorted(
        {record.key or b"" for record in life.driver.records("customer-events")}
    ):
        record = life.driver.customer(customer.decode())
        digest.update(b"" if record is None else encode(record))
    return digest.hexdigest()


def main() -> None:
    """Print one JSON object: the digests, and which of the modules were compiled."""
    compiled = [
        module
        for module in build.modules(ROOT)
        if not str(import_module(module).__file__).endswith(".py")
    ]
    said = {"books": books(), "lives": lives(), "town": town(), "compiled": compiled}
    sys.stdout.write(orjson.dumps(said).decode() + "\n")


if __name__ == "__main__":
    main()
