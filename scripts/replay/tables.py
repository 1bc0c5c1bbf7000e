"""The tables of the Berka data set: semicolons, quoted words, days as YYMMDD. Every flaw is told with its place."""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path

COLUMNS: dict[str, frozenset[str]] = {
    "account.asc": frozenset({"account_id"}),
    "client.asc": frozenset({"client_id", "birth_number"}),
    "disp.asc": frozenset({"disp_id", "client_id", "account_id", "type"}),
    "order.asc": frozenset({"account_id", "account_to", "amount"}),
    "loan.asc": frozenset({"account_id", "date"}),
    "card.asc": frozenset({"disp_id", "type", "issued"}),
    "trans": frozenset(
        {"trans_id", "account_id", "date", "type", "operation", "amount", "balance", "k_symbol",
         "bank", "account"}
    ),
}  # fmt: skip
"""What each table must have; further columns are left alone."""


class ReplayError(ValueError):
    """Files that can't be replayed; the text says which, where and what to do."""


def transactions_path(directory: Path) -> Path:
    """The file with the transactions: ``trans.asc`` first, else the first ``trans*.asc`` by name, gzipped or not."""
    if not directory.is_dir():
        raise ReplayError(f"{directory} is no folder: name the one that holds the Berka tables")
    found = sorted([*directory.glob("trans*.asc"), *directory.glob("trans*.asc.gz")])
    if not found:
        raise ReplayError(f"{directory}: no trans*.asc or trans*.asc.gz in it")
    return next((path for path in found if path.name.startswith("trans.asc")), found[0])


def read(directory: Path, name: str) -> Iterator[dict[str, str]]:
    """The rows of a table, each value as text.

    Raises:
        ReplayError: The file is missing, unreadable, or lacks columns.
    """
    path = directory / name
    wanted = COLUMNS["trans" if name.startswith("trans") else name]
    try:
        plain = path.suffix != ".gz"
        with (
            path.open("rt", encoding="latin-1")
            if plain
            else gzip.open(path, "rt", encoding="latin-1") as lines
        ):
            rows = csv.DictReader(lines, delimiter=";", strict=True)
            missing = sorted(wanted - set(rows.fieldnames or ()))
            if missing:
                raise ReplayError(f"{path}: no column {', '.join(missing)} in its first line")
            for row in rows:
                if None in row or None in row.values():
                    raise ReplayError(
                        f"{path}, line {rows.line_num}: {len(wanted)} or more fields expected;"
                        " the file is cut or damaged, get it again"
                    )
                yield row
    except FileNotFoundError:
        raise ReplayError(
            f"{path} is missing: the replay needs all tables of the data set"
        ) from None
    except (OSError, EOFError, csv.Error) as error:
        raise ReplayError(f"{path} can't be read: {error}") from error


@lru_cache(maxsize=4096)
def day_ms(text: str, name: str) -> int:
    """A day, YYMMDD, as ms since 1970 UTC.

    Example:
        >>> day_ms("930101", "trans.asc")
        725846400000
    """
    try:
        day = datetime.strptime("19" + text, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        raise ReplayError(f"{name}: {text!r} is no day of the form YYMMDD") from None
    return round(day.timestamp() * 1000)


def minor_of(text: str, name: str) -> int:
    """An amount of CZK in minor units.

    Example:
        >>> minor_of("3372.70", "order.asc")
        337270
    """
    try:
        return int((Decimal(text) * 100).to_integral_exact())
    except (InvalidOperation, ValueError, OverflowError):
        raise ReplayError(f"{name}: {text!r} is no amount") from None


def number(text: str, name: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise ReplayError(f"{name}: {text!r} is no number") from None
