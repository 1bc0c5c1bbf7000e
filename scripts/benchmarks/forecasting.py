"""What the forecaster costs: a movement folded, one customer's forecast, with its day, a block's, beside bare loops.

``one`` has no payment that is regular, ``regular`` has pay, rent and three bills that fall due.
Everything runs in this process on made-up households, in processor time; ratios are to copying a book of the
same size.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from operators.features import book
from operators.forecasting import block, dates, describe, pooled, scenarios
from operators.forecasting.describe import NAMES, THRESHOLD
from operators.forecasting.heads import Looked
from operators.forecasting.learner import prior_of
from schemas.models import ForecastSnapshot, LogitHead

DAYS = 30
HISTORY_DAYS = 400
MOVEMENTS = 600
START_DAY = 20_000
ALONE = 16
"""Forecasts of one customer in a round: a clock of the processor is coarse beside one."""


def main(arguments: list[str]) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="scripts/bench forecasting", description=__doc__)
    parser.add_argument("--block", type=int, default=256, help="customers in a block")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args(arguments)
    moves = _moves()
    kept = _lived(moves)
    today = book.head(kept).last
    copied = _best(lambda: [bytes(bytearray(kept)) for _ in moves], options.rounds) / MOVEMENTS
    folded = _best(lambda: _lived(moves), options.rounds) / MOVEMENTS
    one = _best(lambda: _foretold_alone(kept, today), options.rounds) / ALONE
    bound = _lived(sorted([*moves, *_regular()]))
    due = _best(lambda: _foretold_alone(bound, book.head(bound).last), options.rounds) / ALONE
    dated = _best(lambda: _dated_alone(kept, today), options.rounds) / ALONE
    many = _best(lambda: _foretold([kept] * options.block, today), options.rounds) / options.block
    print(f"book {book.SIZE} bytes")
    for name, cost in (
        ("copy", copied),
        ("fold", folded),
        ("one", one),
        ("regular", due),
        ("dated", dated),
        ("block", many),
    ):
        print(f"{name:7} {cost * 1e6:8.1f} µs  ×{cost / copied:8.1f}")
    return 0


def _moves() -> list[tuple[int, int, bytes]]:
    draws = np.random.default_rng(7)
    made = []
    for n in range(MOVEMENTS):
        day = START_DAY + n * HISTORY_DAYS // MOVEMENTS
        payee = int(draws.integers(0, 24))
        amount = 250_000 if payee == 0 else -int(draws.integers(500, 9_000))
        made.append((day, amount, book.key_hash(f"payee-{payee}")))
    return made


def _regular() -> list[tuple[int, int, bytes]]:
    """Pay, rent, two monthly bills and a weekly one, over the same days."""
    amounts = {"pay": 250_000, "rent": -90_000, "power": -8_000, "phone": -2_500}
    months = range(START_DAY, START_DAY + HISTORY_DAYS, 30)
    made = [
        (first + 3 * n, amount, book.key_hash(name))
        for first in months
        for n, (name, amount) in enumerate(amounts.items())
    ]
    weeks = range(START_DAY + 1, START_DAY + HISTORY_DAYS, 7)
    return made + [(day, -1_500, book.key_hash("club")) for day in weeks]


def _lived(moves: list[tuple[int, int, bytes]]) -> bytes:
    kept = b""
    for day, amount, key in moves:
        kept = book.folded(
            kept,
            day=day,
            amount=amount,
            income=max(0, amount),
            currency="EUR",
            key=key,
            known=True,
            category="other",
            method="transfer",
        )
    return kept


_HEAD = LogitHead(
    centre=np.zeros(len(NAMES)),
    scale=np.ones(len(NAMES)),
    weights=prior_of("shortfall:30"),
    cross=THRESHOLD,
    months=12,
    rows=0,
)


_LEARNT = ForecastSnapshot(
    version=1, digest="", heads={f"date:{DAYS}": dates.UNLEARNT}, bands={}, record={}
)


def _foretold(books: list[bytes], today: int) -> None:
    known = block.read(books, today=today, balance=np.full(len(books), 120_000.0))
    regular = scenarios.expected(known, days=DAYS)
    past = scenarios.replayed(known, regular)
    x = describe.shortfall(known, np.zeros((len(books), 1)), past=past)
    pooled.probability(_HEAD, x[:, 0])


def _foretold_alone(kept: bytes, today: int) -> None:
    for _ in range(ALONE):
        _foretold([kept], today)


def _dated_alone(kept: bytes, today: int) -> None:
    """What a customer costs whose shortfall is likely enough that its day is foretold as well."""
    for _ in range(ALONE):
        look = Looked(block.read([kept], today=today, balance=np.array([120_000.0])), days=DAYS)
        pooled.probability(_HEAD, look.rows([0.0]))
        look.first_day(_LEARNT, 0.0)


def _best(work: Callable[[], object], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best
