"""One customer's flows as the forecaster remembers them: a fixed binary layout, microseconds a movement.

Layout, little-endian, `SIZE` bytes whatever the customer does::

    head      version, movements in another currency since the last in its own, first day, last day, movements, late ones, those in another currency, currency
    days      3 rows of 192 half-floats: net, net without mature streams, income; at day mod 192
    weeks     28 half-floats: the largest debit of a week; at week mod 28
    keys      32 unsigned words: CRC-32 of a stream's key, 0 where there is none
    streams   32 records (`STREAM`)

Half-floats hold minor units over 2^16: a relative error of at most 0.05 %, up to 4·10^9 minor units a day.
Version 1 had the three of a day side by side; rows are what a compressor makes little of.
The booked balance is not in here: the bank states it. Payees are not either, only what their names hash to.
"""

from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from operators.features.spending import CATEGORIES
from operators.features.streams import Numbers, Stream, begin, paid

DAYS: Final = 192
WEEKS: Final = 28
STREAMS: Final = 32
SCALE: Final = 65536.0
VERSION: Final = 2
METHODS = (
    "other",
    "card",
    "transfer",
    "direct_debit",
    "standing_order",
    "cash",
    "fee",
    "interest",
)

HEAD = Struct("<BBHHIHH3sx")
CELL = Struct("<e")
STREAM = Struct("<HHHHBBBbBBBBBffff")
"""first, last, matured, gap·64, hits, miss, nominal, shift, run, run before, alive·250, category, method,
amount, deviation, latest, previous."""
_DAY: Final = Struct("<H")
_NEWEST: Final = Struct("<HI")
"""Of the head, what nearly every movement changes: the last day and the count of movements."""
_RUN_AT, _FIRST_AT, _NEWEST_AT, _LATE_AT, _FOREIGN_AT, _CURRENCY_AT = 1, 2, 4, 10, 12, 14
DAYS_AT = HEAD.size
ROW_SIZE = DAYS * CELL.size
ROWS_AT = (DAYS_AT, DAYS_AT + ROW_SIZE, DAYS_AT + 2 * ROW_SIZE)
"""Where net, residual and income begin."""
WEEKS_AT = DAYS_AT + 3 * ROW_SIZE
KEYS_AT = WEEKS_AT + WEEKS * CELL.size
STREAMS_AT = KEYS_AT + 4 * STREAMS
STREAM_SIZE = STREAM.size
SIZE = STREAMS_AT + STREAMS * STREAM_SIZE
_EMPTY: Final = bytes(SIZE)
_FREE: Final = b"\0\0\0\0"
_NONE: Final = b"\0\0"
_CELL_MAX: Final = 65504.0
_AMOUNT_MAX: Final = 3.0e38
_CATEGORY: Final = {name: index for index, name in enumerate(CATEGORIES)}
_METHOD: Final = {name: index for index, name in enumerate(METHODS)}
_CELL_SIZE: Final = CELL.size
_read_cell: Final = CELL.unpack_from
_write_cell: Final = CELL.pack_into
_HITS_KNOWN: Final = 3


class Head(NamedTuple):
    """The head of a book; days since 1970, counts that stop at their field's maximum."""

    version: int
    foreign_run: int
    first: int
    last: int
    movements: int
    late: int
    foreign: int
    currency: bytes


def head(book: bytes) -> Head:
    """The head; of a book that isn't empty."""
    return _made(Head, HEAD.unpack_from(book, 0))


def current(book: bytes) -> bytes:
    """The book in the newest layout."""
    if not book or book[0] == VERSION:
        return book
    days = memoryview(book)[DAYS_AT:WEEKS_AT].cast("H")
    rows = b"".join(days[row::3].tobytes() for row in range(3))
    return bytes([VERSION]) + book[1:DAYS_AT] + rows + book[WEEKS_AT:]


def key_hash(key: str) -> bytes:
    """Four bytes that stand for a stream's key; never those of a free place."""
    return (crc32(key.encode()) or 1).to_bytes(4, "little")


def folded(
    book: bytes,
    *,
    day: int,
    amount: int,
    income: int,
    currency: str,
    key: bytes,
    known: bool,
    category: str,
    method: str,
) -> bytes:
    """The book with one movement.

    Args:
        book: The book so far; empty before the first movement.
        day: Day of the movement since 1970; one more than `DAYS` before the newest leaves all but counts.
        amount: Signed minor units.
        income: The part of it that is income.
        currency: ISO 4217; the first one stays the book's, others are only counted.
        key: `key_hash` of its stream; empty for what belongs to none, as a refund.
        known: Whether the payee is known by name.
        category: Of `CATEGORIES`.
        method: Of `METHODS`.
    """
    # Comparisons where `min` and `max` would read better: a call costs more than all that it compares.
    made = bytearray((book if book[0] == VERSION else current(book)) if book else _EMPTY)
    if book:
        if not made.startswith(currency.encode(), _CURRENCY_AT):
            made[_RUN_AT] = min(made[_RUN_AT] + 1, 255)
            _raised(made, _FOREIGN_AT)
            return bytes(made)
        newest, count = _NEWEST.unpack_from(made, _NEWEST_AT)
        opens = day > newest
        if opens:
            _passed(made, newest, day)
            newest = day
        elif day < newest:
            _raised(made, _LATE_AT)
            _DAY.pack_into(made, _FIRST_AT, min(day, _DAY.unpack_from(made, _FIRST_AT)[0]))
        made[_RUN_AT] = 0
        _NEWEST.pack_into(made, _NEWEST_AT, newest, count + 1)
    else:
        newest, opens = day, True
        HEAD.pack_into(made, 0, VERSION, 0, day, day, 1, 0, 0, currency.encode())
    regular = bool(key) and _streamed(made, (day, amount, known, category, method), key, newest)
    if day > newest - DAYS:
        at = DAYS_AT + day % DAYS * _CELL_SIZE
        if opens:
            net = amount / SCALE
            _opened(made, at, net, 0.0 if regular else net, income / SCALE)
        else:
            _flowed(made, at, amount, income, regular=regular)
        if amount < 0 and day > newest - 7 * (WEEKS - 1):
            _peaked(made, WEEKS_AT + day // 7 % WEEKS * 2, -amount / SCALE)
    return bytes(made)


def _raised(made: bytearray, at: int) -> None:
    """Count one more, as far as the field reaches."""
    _DAY.pack_into(made, at, min(_DAY.unpack_from(made, at)[0] + 1, 65535))


def _passed(made: bytearray, last: int, day: int) -> None:
    """Zero what stood where the days and weeks since the newest movement are kept; not the new day itself."""
    if day - last > 1:
        low = (last + 1) % DAYS * _CELL_SIZE
        high = low + min(day - last - 1, DAYS) * _CELL_SIZE
        for row in ROWS_AT:
            made[row + low : row + min(high, ROW_SIZE)] = _EMPTY[: min(high, ROW_SIZE) - low]
            if high > ROW_SIZE:
                made[row : row + high - ROW_SIZE] = _EMPTY[: high - ROW_SIZE]
    week, until = last // 7, day // 7
    if week < until:
        for at in range(max(week + 1, until - WEEKS + 1), until + 1):
            made[WEEKS_AT + at % WEEKS * 2 : WEEKS_AT + at % WEEKS * 2 + 2] = _NONE


def _opened(made: bytearray, at: int, net: float, residual: float, income: float) -> None:
    """Write what the first movement of a day leaves in its cells, whatever stood there."""
    try:
        _write_cell(made, at, net)
        _write_cell(made, at + ROW_SIZE, residual)
        _write_cell(made, at + 2 * ROW_SIZE, income)
    except OverflowError:
        for row, value in enumerate((net, residual, income)):
            _write_cell(made, at + row * ROW_SIZE, max(-_CELL_MAX, min(_CELL_MAX, value)))


def _flowed(made: bytearray, at: int, amount: int, income: int, *, regular: bool) -> None:
    """Add what moved, and the income of it, to the cells of a day that has been opened."""
    net = amount / SCALE
    _added(made, at, net)
    if not regular:
        _added(made, at + ROW_SIZE, net)
    if income:
        _added(made, at + 2 * ROW_SIZE, income / SCALE)


def _peaked(made: bytearray, at: int, debit: float) -> None:
    """Keep the largest debit of a week."""
    if debit > _read_cell(made, at)[0]:
        _write_cell(made, at, min(_CELL_MAX, debit))


def _added(made: bytearray, at: int, value: float) -> None:
    """Add to one cell; what is beyond a half-float stays at its end."""
    total = _read_cell(made, at)[0] + value
    try:
        _write_cell(made, at, total)
    except OverflowError:
        _write_cell(made, at, max(-_CELL_MAX, min(_CELL_MAX, total)))


def _streamed(
    made: bytearray, movement: tuple[int, int, bool, str, str], key: bytes, newest: int
) -> bool:
    """Fold the movement into its stream; whether it is one of a mature stream."""
    day, amount, known, category, method = movement
    index = _find(made, key)
    if index < 0:
        index = _place(made, newest)
        made[KEYS_AT + 4 * index : KEYS_AT + 4 * index + 4] = key
        _put(made, index, begin(day, amount, category=category, method=method))
        return False
    at = STREAMS_AT + index * STREAM_SIZE
    (
        first, last, matured, gap, hits, miss, nominal, shift, run, run_before, alive, of, by,
        usual, deviation, latest, previous,
    ) = STREAM.unpack_from(made, at)  # fmt: skip
    numbers: Numbers = (
        first, last, hits, gap / 64, miss, nominal, shift, usual, deviation, latest, previous,
        run, run_before, matured, alive / 250,
    )  # fmt: skip
    if day >= last:
        numbers = paid(numbers, day, amount, known_payee=known, card=by == _CARD)
    elif hits > 1:
        numbers = (min(first, day), *numbers[1:])
    else:
        # Two payments in the wrong order: as if the later one had come second.
        begun = begin(day, amount, category="", method="")[:-2]
        numbers = paid(begun, last, latest, known_payee=known, card=by == _CARD)
    ripe = _written(made, at, numbers, of, by)
    if not ripe:
        return False
    if matured:
        return numbers[1] == day
    if last > newest - DAYS:
        # It matured with this one: the payment before leaves the residual as well.
        _added(made, ROWS_AT[1] + last % DAYS * _CELL_SIZE, -latest / SCALE)
    return True


def _written(made: bytearray, at: int, numbers: Numbers, category: int, method: int) -> bool:
    """Write a stream's record; whether it is mature."""
    (
        first, last, hits, gap, miss, nominal, shift, amount, deviation, latest, previous,
        run, run_before, matured, alive,
    ) = numbers  # fmt: skip
    STREAM.pack_into(
        made, at,
        first, last, matured, int(gap * 64 + 0.5), hits, miss, nominal, shift, run, run_before,
        int(alive * 250 + 0.5), category, method, amount, deviation, latest, previous,
    )  # fmt: skip
    return matured > 0


def _find(book: bytes | bytearray, key: bytes) -> int:
    at = book.find(key, KEYS_AT, STREAMS_AT)
    while at >= 0 and (at - KEYS_AT) % 4:
        at = book.find(key, at + 1, STREAMS_AT)
    return -1 if at < 0 else (at - KEYS_AT) // 4


def _place(made: bytearray, today: int) -> int:
    """A free place, or that of the longest silent stream; one without a rhythm goes thrice as soon.

    What is mature stays until it is overdue, or a busy month of shopping would push out the pay.
    """
    free = _find(made, _FREE)
    if free >= 0:
        return free
    worst, goes = -1, 0
    for index in range(STREAMS):
        _, last, matured, gap, hits = _BRIEF.unpack_from(made, STREAMS_AT + index * STREAM_SIZE)
        silent = today - last
        if matured and silent <= gap / 64 * 1.25 + 3:
            continue
        standing = silent * (1 if hits >= _HITS_KNOWN else 3)
        if standing > worst:
            worst, goes = standing, index
    return goes


_BRIEF: Final = Struct("<HHHHB")
_made: Final = tuple.__new__
"""A `Stream` from its fields at a third of the price of calling it."""


def _stream(book: bytes | bytearray, index: int) -> Stream:
    (
        first, last, matured, gap, hits, miss, nominal, shift, run, run_before, alive, category, method,
        amount, deviation, latest, previous,
    ) = STREAM.unpack_from(book, STREAMS_AT + index * STREAM_SIZE)  # fmt: skip
    return _made(
        Stream,
        (
            first, last, hits, gap / 64, miss, nominal, shift, amount, deviation, int(latest), int(previous),
            run, run_before, matured, alive / 250, CATEGORIES[category], METHODS[method],
        ),
    )  # fmt: skip


def _put(made: bytearray, index: int, stream: Stream) -> None:
    at = STREAMS_AT + index * STREAM_SIZE
    category, method = _CATEGORY.get(stream.category, _OTHER), _METHOD.get(stream.method, 0)
    _written(made, at, stream[:-2], category, method)


_OTHER: Final = _CATEGORY["other"]
_CARD: Final = _METHOD["card"]


def stream_of(book: bytes, key: bytes) -> Stream | None:
    """The stream with a key; None when it isn't remembered."""
    index = _find(book, key) if book else -1
    return None if index < 0 else _stream(book, index)


def name_of(key: str) -> str:
    """What a stream is called outside the book: the hash of its key, in hexadecimal."""
    return key_hash(key)[::-1].hex()


def streams_of(book: bytes, *, mature: bool = False) -> dict[str, Stream]:
    """The streams that are remembered, or only the mature ones, by name and sorted by it."""
    if not book:
        return {}
    made = {}
    for index in range(STREAMS):
        key = book[KEYS_AT + 4 * index : KEYS_AT + 4 * index + 4]
        if key == _FREE or (
            mature and not _BRIEF.unpack_from(book, STREAMS_AT + index * STREAM_SIZE)[2]
        ):
            continue
        made[key[::-1].hex()] = _stream(book, index)
    return dict(sorted(made.items()))
