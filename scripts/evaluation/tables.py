"""Any classification table as numbers and labels: separators, headers, words and gaps are found out."""

import bz2
import csv
import gzip
import io
import lzma
import math
import re
import zipfile
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.models import Floats, Integers

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "<na>", "-nan"})
NO_LABEL = frozenset({"", "?", "nan"})
"""«None» is a good label; a row without one teaches nothing."""
LEVELS_MAX = 32
"""A column of words keeps its most frequent levels; the rest is one level more."""
CODES_MIN, CODES_MAX = 3, 8
"""Whole numbers of so few levels may be codes: they are also told apart one by one."""
COLUMNS_MAX = 400
ARMS_MAX = 500
NUMERIC_SHARE = 0.9
CONSTANT = 1e-12
QUOTED = re.compile(r'"[^"]*"')
COMMA = re.compile(r"^([-+]?\d*),(\d+)$")
"""A number with a comma before its decimals, as much of Europe writes it."""
FAR = 8.0
"""Standard deviations beyond which a column is called skewed and gets its ranks beside it."""


@dataclass(slots=True, frozen=True)
class Table:
    """``x`` has shape (rows, features), standardised; ``labels`` are numbers of ``names``.

    ``notes`` say what was left out, in words.
    """

    x: Floats
    labels: Integers
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_table(path: Path, *, label: str = "last") -> Table:
    """Read a table whose label is the ``last`` or ``first`` column, or the one of that name.

    Raises:
        ValueError: Not a classification table; the message says why.
    """
    header, rows, others = read_rows(path)
    if not rows:
        message = f"{path.name} holds no rows but its header"
        raise ValueError(message)
    width = len(rows[0])
    if label in {"last", "first"}:
        place = width - 1 if label == "last" else 0
    elif label in header:
        place = header.index(label)
    else:
        message = f"{path.name} has no column «{label}»: it has {', '.join(header) or 'no header'}"
        raise ValueError(message)
    found = len(rows)
    rows = [row for row in rows if row[place].lower() not in NO_LABEL]
    words = _labels([row[place] for row in rows])
    names = tuple(sorted(set(words)))
    if not 1 < len(names) <= ARMS_MAX:
        message = (
            f"{path.name} has {len(names)} different labels in {found} rows; 2 to {ARMS_MAX} make a classification "
            "table: is the label another column (--label NAME)?"
        )
        raise ValueError(message)
    numbers = {name: number for number, name in enumerate(names)}
    columns = [
        part
        for index in range(width)
        if index != place
        for part in _encode([row[index] for row in rows])
    ]
    x = _narrow(np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0)))
    notes = (
        []
        if x.shape[1]
        else ["no column tells rows apart: nothing can be learnt but the labels' shares"]
    )
    if others:
        notes.append(f"{others} rows are not of {width} values as the others, and are left out")
    if found > len(rows):
        notes.append(f"{found - len(rows)} of {found} rows have no label and are left out")
    return Table(x, np.array([numbers[word] for word in words]), names, tuple(notes))


def read_rows(path: Path) -> tuple[list[str], list[list[str]], int]:
    """The header, empty if there is none, the rows, all of one length, and how many were of another."""
    lines = [
        line
        for line in _text(path).splitlines()
        # Lines with @ and % are the header of ARFF and KEEL files.
        if line.strip() and not line.lstrip().startswith(("@", "%", "#"))
    ]
    if not lines:
        message = f"{path.name} holds no rows"
        raise ValueError(message)
    separator = _separator(lines[:50])
    if separator:
        read = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, skipinitialspace=True)
        table = [[cell.strip().strip("\"'") for cell in row] for row in read]
        if separator != ",":
            table = [[COMMA.sub(r"\1.\2", cell) for cell in row] for row in table]
    else:
        table = [line.split() for line in lines]
    width = Counter(map(len, table[1:] or table)).most_common(1)[0][0]
    first, rows = table[0], [row for row in table[1:] if len(row) == width]
    others = len(table) - 1 - len(rows)
    if len(first) == width - 1:
        # A header over all but an unnamed index, as R writes it.
        first = ["", *first]
    if len(first) != width:
        return [], rows, others + 1
    if not _is_header(first, rows):
        return [], [first, *rows], others
    keep = [i for i in range(width) if not (first[i] == "" and _counts([row[i] for row in rows]))]
    return [first[i] for i in keep], [[row[i] for i in keep] for row in rows], others


def _text(path: Path) -> str:
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    elif raw[:3] == b"BZh":
        raw = bz2.decompress(raw)
    elif raw[:6] == b"\xfd7zXZ\x00":
        raw = lzma.decompress(raw)
    elif raw[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            raw = archive.read(max(archive.infolist(), key=lambda entry: entry.file_size))
    if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return raw.decode("utf-16")
    if b"\0" in raw:
        message = f"{path.name} is no text: a table is lines of values between separators"
        raise ValueError(message)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _separator(lines: list[str]) -> str:
    """The one that comes equally often in every line, or else in every line; quoted ones do not count.

    Commas last: where another one comes equally often, they are in numbers.
    """
    bare = [QUOTED.sub("", line) for line in lines[1:] or lines]
    counts = {c: {line.count(c) for line in bare} for c in (";", "\t", "|", ",")}
    equal = [c for c, found in counts.items() if len(found) == 1 and min(found) > 0]
    some = [c for c in (",", ";", "\t", "|") if min(counts[c]) > 0]
    return next(iter([*equal, *some]), "")


def _number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _is_header(first: list[str], rows: list[list[str]]) -> bool:
    """Words over numbers; or, where all is words, words that never come again in their column."""
    if not rows or any(not math.isnan(_number(cell)) for cell in first):
        return False
    columns = list(zip(*rows[:2000], strict=True))
    if any(_numeric(column) for column in columns):
        return True
    return all(cell not in column for cell, column in zip(first, columns, strict=True))


def _numeric(column: tuple[str, ...] | list[str]) -> bool:
    present = [cell for cell in column if cell.lower() not in MISSING]
    right = sum(not math.isnan(_number(cell)) for cell in present)
    return bool(present) and right >= NUMERIC_SHARE * len(present)


def _counts(column: list[str]) -> bool:
    return column in (
        [str(i) for i in range(len(column))],
        [str(i + 1) for i in range(len(column))],
    )


def _labels(cells: list[str]) -> list[str]:
    """Labels as words: 1, 1.0 and «1.» are one label; a final full stop is not part of a word."""
    if not _numeric(cells):
        return [cell.rstrip(".") for cell in cells]
    return [f"{_number(cell):g}" if not math.isnan(_number(cell)) else cell for cell in cells]


def _encode(cells: list[str]) -> list[Floats]:
    """One column as standardised features."""
    parts: list[Floats] = []
    if _numeric(cells):
        values = np.array([_number(cell) for cell in cells])
        gaps = np.isnan(values)
        if gaps.any():
            values[gaps] = np.median(values[~gaps])
            parts.append(_standard(gaps.astype(np.float64)))
        standard = _standard(values)
        parts.append(standard)
        if np.abs(standard).max() > FAR:
            _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
            parts.append(_standard((np.cumsum(counts) - counts / 2.0)[places]))
        levels = np.unique(values)
        if not CODES_MIN <= len(levels) <= CODES_MAX or (levels != np.rint(levels)).any():
            return parts
        return [*parts, *(_standard((values == level).astype(np.float64)) for level in levels)]
    words = ["" if cell.lower() in MISSING else cell for cell in cells]
    common = [word for word, _ in Counter(words).most_common(LEVELS_MAX)]
    places = np.array([common.index(w) if w in common else LEVELS_MAX for w in words])
    return [_standard((places == k).astype(np.float64)) for k in np.unique(places)]


def _standard(values: Floats) -> Floats:
    spread = float(values.std())
    if spread < CONSTANT:
        return np.zeros(len(values))
    standard: Floats = (values - values.mean()) / spread
    return standard


def _narrow(x: Floats) -> Floats:
    """Without constant and repeated columns; a very wide table is folded onto its main directions."""
    x = x[:, x.std(axis=0) > 0.0] if x.size else x
    if x.shape[1] <= COLUMNS_MAX:
        return x
    _, vectors = np.linalg.eigh(x.T @ x / len(x))
    folded = x @ vectors[:, -COLUMNS_MAX:]
    narrow: Floats = folded / np.maximum(folded.std(axis=0), 1e-9)
    return narrow
