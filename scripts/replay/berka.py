"""The Berka data set (PKDD'99, a Czech bank, 1993-1998) as native events.

In: the folder with the ``.asc`` tables; transactions may be gzipped. Out: records in order of time.
Source: Berka & Sochorova 1999, PKDD Discovery Challenge, https://sorry.vse.cz/~berka/challenge/.

Amounts are CZK. The data has days only: within a day the rows of an account are put in the order in which
its balance adds up, and spread over the working hours. Facts that it states in other years (products from
loans and cards) come at their own date. Everybody agrees to everything, which is this replay's assumption.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import merge
from pathlib import Path
from typing import Any

from schemas.base import DATA_SOURCES, HOUR_MS, Purpose, stamp
from scripts.replay.tables import ReplayError, day_ms, minor_of, number, read, transactions_path
from scripts.town.stage import Emitted

__all__ = ["ReplayError", "berka"]

OPENING_HOUR, CLOSING_HOUR = 7, 20
CARD_PRODUCTS: Mapping[str, str] = {
    "classic": "credit_card",
    "junior": "junior_account",
    "gold": "gold_card",
}
METHODS: Mapping[str, str] = {
    "VKLAD": "cash",
    "VYBER": "cash",
    "VYBER KARTOU": "card",
    "PREVOD Z UCTU": "transfer",
    "PREVOD NA UCET": "transfer",
}
MEANINGS: Mapping[str, tuple[str, str]] = {
    "POJISTNE": ("Insurance premium", "insurance"),
    "SLUZBY": ("Statement fee", "bank"),
    "UROK": ("Interest", "bank"),
    "SANKC. UROK": ("Overdraft interest", "bank"),
    "SIPO": ("Household payment", "household"),
    "DUCHOD": ("Pension", "pension"),
    "UVER": ("Loan repayment", "loan"),
    "LEASING": ("Leasing rate", "leasing"),
}
"""Constant symbol → words, and whom the money is with where no account is named."""
DEBITS = frozenset({"VYDAJ", "VYBER"})
CREDITS = frozenset({"PRIJEM"})


@dataclass(slots=True)
class Row:
    """One transaction, signed minor units."""

    transaction_id: str
    day_ms: int
    amount_minor: int
    balance_minor: int
    operation: str
    symbol: str
    partner: str


@dataclass(slots=True)
class Account:
    """One account with its owner, its standing orders and what else the bank sold it."""

    id: str
    birth_year: int = 0
    orders: set[tuple[str, int]] = field(default_factory=set)
    products: list[tuple[int, str]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def berka(
    directory: Path, *, customers: int | None = None, from_day: str | None = None
) -> Iterator[Emitted]:
    """Stream the data set.

    Args:
        directory: Holds account.asc, client.asc, disp.asc, order.asc, loan.asc, card.asc and the transactions
            (trans.asc, or any trans*.asc, plain or gzipped).
        customers: Only the first so many accounts by id; None is all that have transactions.
        from_day: ISO date; what lies before is left out.

    Raises:
        ReplayError: A file is missing or not what it should be; the text names file, line and cure.
    """
    path = transactions_path(directory)
    accounts = _accounts(directory)
    _transactions(path, accounts)
    chosen = sorted((a for a in accounts.values() if a.rows), key=lambda a: int(a.id))[:customers]
    if not chosen:
        raise ReplayError(f"{directory}: no transaction belongs to an account of account.asc")
    first_ms = 0
    if from_day is not None:
        first_ms = round(datetime.fromisoformat(from_day).replace(tzinfo=UTC).timestamp() * 1000)
    streams = [_life(account, first_ms=first_ms) for account in chosen]
    yield from merge(*streams, key=lambda record: (record.at_ms, record.key))


def _accounts(directory: Path) -> dict[str, Account]:
    accounts = {
        row["account_id"]: Account(row["account_id"]) for row in read(directory, "account.asc")
    }
    birth = {row["client_id"]: row["birth_number"] for row in read(directory, "client.asc")}
    of_disposition = {}
    for row in read(directory, "disp.asc"):
        of_disposition[row["disp_id"]] = row["account_id"]
        account = accounts.get(row["account_id"])
        if account is not None and row["type"] == "OWNER":
            account.birth_year = 1900 + number(birth.get(row["client_id"], "")[:2], "client.asc")
    for row in read(directory, "order.asc"):
        account = accounts.get(row["account_id"])
        if account is not None:
            account.orders.add((row["account_to"], minor_of(row["amount"], "order.asc")))
    for row in read(directory, "loan.asc"):
        account = accounts.get(row["account_id"])
        if account is not None:
            account.products.append((day_ms(row["date"], "loan.asc"), "personal_loan"))
    for row in read(directory, "card.asc"):
        account = accounts.get(of_disposition.get(row["disp_id"], ""))
        product = CARD_PRODUCTS.get(row["type"])
        if account is not None and product is not None:
            account.products.append((day_ms(row["issued"][:6], "card.asc"), product))
    return accounts


def _transactions(path: Path, accounts: Mapping[str, Account]) -> None:
    for row in read(path.parent, path.name):
        account = accounts.get(row["account_id"])
        if account is None:
            continue
        amount_minor = minor_of(row["amount"], path.name)
        if row["type"] in DEBITS:
            amount_minor = -amount_minor
        elif row["type"] not in CREDITS:
            raise ReplayError(
                f"{path.name}: transaction {row['trans_id']} has type {row['type']!r}, expected"
                f" {', '.join(sorted(DEBITS | CREDITS))}: is this another version of the data?"
            )
        account.rows.append(
            Row(
                transaction_id=row["trans_id"],
                day_ms=day_ms(row["date"], path.name),
                amount_minor=amount_minor,
                balance_minor=minor_of(row["balance"], path.name),
                operation=row["operation"],
                symbol=row["k_symbol"].strip(),
                partner="" if row["account"] in {"", "0"} else f"{row['bank']}-{row['account']}",
            )
        )


def chained(rows: list[Row]) -> list[Row]:
    """The rows of an account in the order in which the balance adds up.

    Day by day, the next row is the one whose balance the last balance and its amount explain best:
    ``trans_id`` is no order. The very first row begins at zero. Balances in the data are rounded, so the
    sum holds to within a crown.
    """
    by_day: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_day[row.day_ms].append(row)
    ordered: list[Row] = []
    balance = 0
    for day in sorted(by_day):
        left = by_day[day]
        while left:
            following = min(left, key=lambda r: abs(balance + r.amount_minor - r.balance_minor))
            left.remove(following)
            ordered.append(following)
            balance = following.balance_minor
    return ordered


def _life(account: Account, *, first_ms: int) -> Iterator[Emitted]:
    customer = f"berka-{account.id}"
    rows = [row for row in chained(account.rows) if row.day_ms >= first_ms]
    if not rows:
        return
    begins_ms = rows[0].day_ms
    products = sorted(p for p in account.products if p[0] <= rows[-1].day_ms)
    yield from _beginnings(customer, account, begins_ms, products)
    waiting = [p for p in products if p[0] > begins_ms]
    count_of_day: dict[int, int] = defaultdict(int)
    for row in rows:
        count_of_day[row.day_ms] += 1
    place = day = 0
    for row in rows:
        place = place + 1 if row.day_ms == day else 0
        day = row.day_ms
        while waiting and waiting[0][0] <= day:
            opened_ms, product = waiting.pop(0)
            yield _emitted(
                customer, "profiles", max(opened_ms, begins_ms), f"open-{product}-{opened_ms}",
                kind="product.opened", product=product,
            )  # fmt: skip
        open_ms = (CLOSING_HOUR - OPENING_HOUR) * HOUR_MS
        at_ms = day + OPENING_HOUR * HOUR_MS + place * open_ms // count_of_day[day]
        yield _booked(customer, account, row, at_ms)


def _beginnings(
    customer: str, account: Account, begins_ms: int, products: list[tuple[int, str]]
) -> Iterator[Emitted]:
    """Consents, profile and the products held by then, early on the first day."""
    for purpose in Purpose:
        yield _emitted(
            customer, "consents", begins_ms, f"grant-{purpose.value}",
            kind="consent.granted", record_id=f"grant-{purpose.value}", purpose=purpose.value,
            sources=[source.value for source in DATA_SOURCES],
        )  # fmt: skip
    facts: dict[str, Any] = {"country": "CZ"}
    if account.birth_year:
        facts["birth_year"] = account.birth_year
    yield _emitted(customer, "profiles", begins_ms, "profile", kind="profile.updated", **facts)
    held = ["current_account", *(p for opened_ms, p in products if opened_ms <= begins_ms)]
    for product in dict.fromkeys(held):
        yield _emitted(
            customer,
            "profiles",
            begins_ms,
            f"held-{product}",
            kind="product.opened",
            product=product,
        )


def _booked(customer: str, account: Account, row: Row, at_ms: int) -> Emitted:
    words, party = MEANINGS.get(row.symbol, ("", ""))
    if row.symbol in {"UROK", "SANKC. UROK"}:
        method = "interest"
    elif row.symbol == "SLUZBY":
        method = "fee"
    elif any(-row.amount_minor == amount for _, amount in account.orders) and row.partner:
        method = "standing_order"
    else:
        method = METHODS.get(row.operation, "other")
    fields: dict[str, Any] = {}
    if words:
        fields["reference"] = words
    if row.partner or party:
        fields["counterparty"] = f"{party}-{row.partner}".strip("-")
    return _emitted(
        customer, "transactions", at_ms, f"t{row.transaction_id}",
        kind="transaction.booked", account=f"a{account.id}", transaction_id=f"t{row.transaction_id}",
        amount_minor=row.amount_minor, currency="CZK", method=method,
        balance_minor=row.balance_minor, country="CZ", **fields,
    )  # fmt: skip


def _emitted(customer: str, topic: str, at_ms: int, event_id: str, **fields: Any) -> Emitted:
    body = {"event_id": event_id, "customer": customer, "at": stamp(at_ms), **fields}
    return Emitted(at_ms, topic, customer, body)
