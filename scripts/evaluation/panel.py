"""The Berka transactions as a panel: what was known at each cut, and what came after it.

The protocol is frozen: cuts on the 28th of each month, windows of 30, 60 and 90 days after them, accounts of at
least 90 days with a movement in the last 60. What is known is the customer's book, folded movement by movement
by the feature group of the stream; what came is read off the recorded balances.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.features import book
from operators.features.recurring import RecurringPayments
from operators.forecasting import block
from operators.forecasting.block import Block
from schemas.base import DAY_MS, HOUR_MS
from schemas.events import TransactionBooked
from scripts.replay.berka import METHODS, Row, chained
from scripts.replay.tables import day_ms, minor_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HORIZONS = (30, 60, 90)
CREDITS = frozenset({"PRIJEM", "credit", "Credit"})
INTEREST = frozenset({"UROK", "interest credited"})
ENGLISH = {
    "credit in cash": "VKLAD",
    "collection from another bank": "PREVOD Z UCTU",
    "remittance to another bank": "PREVOD NA UCET",
    "withdrawal in cash": "VYBER",
    "credit card withdrawal": "VYBER KARTOU",
}
NOBODY = frozenset({"", "0", "0.0", "nan"})
FIRST_TRAINING = {"prefix": "1993-04-28", "loan": "1995-10-28"}
FIRST_TEST = {"prefix": "1993-10-28", "loan": "1997-01-28"}
_EPOCH = date(1970, 1, 1).toordinal()


def day_of(text: str) -> int:
    """An ISO date as days since 1970."""
    return date.fromisoformat(text).toordinal() - _EPOCH


@dataclass(slots=True, frozen=True)
class Panel:
    """N accounts by day; money in CZK, shape (N, D); ``first`` and ``last`` are columns."""

    start: int
    low: Floats
    eod: Floats
    debit: Floats
    income: Floats
    largest: Floats
    count: Floats
    first: Ints
    last: Ints
    cuts: tuple[int, ...]
    books: dict[tuple[int, int], bytes]
    mode: str

    @property
    def end(self) -> int:
        """The day after the last."""
        return self.start + int(self.eod.shape[1])

    def weeks(self) -> range:
        """The days of the weekly scoring, each followed by thirty days."""
        return weeks_of(self.mode, self.end)

    def eligible(self, cut: int, horizon: int) -> Ints:
        """The accounts that are asked about at a cut."""
        at = cut - self.start
        asked = (self.first <= at - 90) & (self.count[:, max(0, at - 59) : at + 1].sum(axis=1) > 0)
        if self.mode == "loan":
            asked &= self.last >= at + horizon
        return np.nonzero(asked)[0]

    def known(self, cut: int, accounts: Ints) -> Block:
        """What the stream knew of these accounts at the end of that day."""
        return block.read(
            [self.books[int(i), cut] for i in accounts],
            today=cut,
            balance=self.eod[accounts, cut - self.start] * 100,
        )


def weeks_of(mode: str, end: int) -> range:
    """The days on which every account is scored, for warnings in time."""
    return range(day_of(FIRST_TEST[mode]), end - HORIZONS[0], 7)


def rows_of(path: Path) -> dict[int, list[Row]]:
    """The transactions by account, in the order in which each balance adds up."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in _table(path):
        amount = minor_of(row["amount"], path.name)
        partner = row["account"].strip()
        found[int(row["account_id"])].append(
            Row(
                transaction_id=row["trans_id"],
                day_ms=day_ms(row["date"], path.name),
                amount_minor=amount if row["type"] in CREDITS else -amount,
                balance_minor=minor_of(row["balance"], path.name),
                operation=row["operation"].strip(),
                symbol=row["k_symbol"].strip(),
                partner="" if partner in NOBODY else partner,
            )
        )
    return {
        account: chained(sorted(rows, key=lambda r: (r.day_ms, int(r.transaction_id))))
        for account, rows in sorted(found.items())
    }


def _table(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a file of any name, plain or gzipped; those cut short or without a balance are left out."""
    plain = path.suffix != ".gz"
    with (
        path.open("rt", encoding="latin-1")
        if plain
        else gzip.open(path, "rt", encoding="latin-1") as lines
    ):
        for row in csv.DictReader(lines, delimiter=";"):
            if None not in row and None not in row.values() and row["balance"]:
                yield row


def event_of(row: Row, account: int) -> TransactionBooked:
    """A row as the stream would carry it."""
    method = METHODS.get(ENGLISH.get(row.operation, row.operation), "other")
    fields: dict[str, Any] = {"method": "interest" if row.symbol in INTEREST else method}
    return TransactionBooked(
        event_id=f"t{row.transaction_id}",
        customer=f"berka-{account}",
        at=datetime.fromtimestamp((row.day_ms + 9 * HOUR_MS) / 1000, tz=UTC),
        transaction_id=f"t{row.transaction_id}",
        account=f"a{account}",
        amount_minor=row.amount_minor,
        balance_minor=row.balance_minor,
        currency="CZK",
        counterparty=row.partner or None,
        reference=row.symbol or None,
        **fields,
    )


def panel_of(path: Path, mode: str) -> Panel:
    """Read a file and live through it."""
    found = rows_of(path)
    days = [row.day_ms // DAY_MS for rows in found.values() for row in rows]
    start, end = min(days), max(days) - (mode == "prefix")
    cuts = tuple(
        day
        for day in range(start, end + 1)
        if date.fromordinal(_EPOCH + day).day == 28  # noqa: PLR2004 - the protocol's day
        and day >= max(day_of(FIRST_TRAINING[mode]), start + 90)
    )
    looked_at = sorted({*cuts, *weeks_of(mode, end + 1)})
    shape = (len(found), end - start + 1)
    low, eod = np.full(shape, np.inf), np.full(shape, np.nan)
    debit, income, largest, count = (np.zeros(shape) for _ in range(4))
    first, last = np.full(shape[0], shape[1]), np.zeros(shape[0], np.int64)
    books: dict[tuple[int, int], bytes] = {}
    for i, (account, rows) in enumerate(found.items()):
        kept = [row for row in rows if row.day_ms // DAY_MS <= end]
        for row in kept:
            at, amount = row.day_ms // DAY_MS - start, row.amount_minor / 100
            low[i, at] = min(low[i, at], row.balance_minor / 100)
            eod[i, at] = row.balance_minor / 100
            debit[i, at] += max(-amount, 0.0)
            largest[i, at] = max(largest[i, at], -amount)
            income[i, at] += max(amount, 0.0) * (row.symbol not in INTEREST)
            count[i, at] += 1
            first[i], last[i] = min(first[i], at), max(last[i], at)
        books |= {(i, cut): kept_book for cut, kept_book in _lived(kept, account, looked_at)}
    _filled(eod)
    low = np.minimum(low, eod)
    return Panel(start, low, eod, debit, income, largest, count, first, last, cuts, books, mode)


def _lived(rows: Sequence[Row], account: int, cuts: Sequence[int]) -> list[tuple[int, bytes]]:
    """The book at the end of each cut's day, folded by the stream's feature group."""
    group, memory, made, ahead = RecurringPayments(), b"", [], list(cuts)
    for row in rows:
        while ahead and ahead[0] < row.day_ms // DAY_MS:
            made.append((ahead.pop(0), memory))
        event = event_of(row, account)
        memory = group.update(memory, event, now_ms=event.at_ms)
    made += [(cut, memory) for cut in ahead]
    return [(cut, kept) for cut, kept in made if kept and book.head(kept).last <= cut]


def _filled(balances: Floats) -> None:
    """Carry each balance on to the days without a movement; zero before the first."""
    balances[:, 0] = np.nan_to_num(balances[:, 0])
    for day in range(1, balances.shape[1]):
        missing = np.isnan(balances[:, day])
        balances[missing, day] = balances[missing, day - 1]
