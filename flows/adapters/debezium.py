"""Debezium change events: a core-banking table of transactions, row by row, as it changes.

The envelope comes with or without its schema. ``c`` and ``u`` say what a row is now, ``d`` that it is gone,
``r`` (and whatever ``source.snapshot`` marks) that it was there at the first copy, which is folded and never a
moment to speak. All states of a row have one transaction id, so they net to one flow of cash.

Source: Debezium documentation 3.x, «Data change events» of the PostgreSQL, MySQL, SQL Server, Oracle and
MongoDB connectors, and «New record state extraction».
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.adapters.amounts import EXPONENTS, currency_of, day_of, decimal_of
from flows.adapters.debezium_values import instant_of_column, plain_row
from flows.adapters.extended_json import document
from flows.adapters.jsons import mapping, words
from flows.adapters.movements import Movement, State, found, short, token
from flows.adapters.shapes import Foreign, Holder, Noted, Refused, Result, invalid, refuse
from flows.sections import Table
from schemas.errors import InputError

OPERATIONS: Mapping[str, str] = {
    "c": "created", "u": "updated", "d": "deleted", "r": "read", "t": "truncated", "m": "message",
}  # fmt: skip
PLACES = (
    "lsn", "scn", "file", "pos", "row", "change_lsn", "event_serial_no", "ord", "tord", "ts_ms",
)  # fmt: skip
"""What tells where in its database's log a change stands; no connector has all of them."""
_NO_SNAPSHOT = frozenset({"", "false", "none", "null"})
_REMOVED = frozenset(
    {"REMOVED", "CANCELLED", "CANCELED", "DECLINED", "REJECTED", "EXPIRED", "RJCT"}
)
_PENDING = frozenset({"PENDING", "PDNG", "AUTHORISED", "AUTHORIZED", "HELD", "P"})
_BOOKED = frozenset({"BOOKED", "BOOK", "POSTED", "SETTLED", "COMPLETED", "CLEARED", "B"})
_OUT = frozenset({"DEBIT", "DBIT", "D", "OUT", "DR", "-"})
_IN = frozenset({"CREDIT", "CRDT", "C", "IN", "CR", "+"})


@dataclass(slots=True, frozen=True)
class Change:
    """One change of one row; ``row`` is what it is now, or what it was when it is gone; ``before`` what it was."""

    operation: str
    table: str
    snapshot: bool
    row: dict[str, Any]
    before: dict[str, Any]
    place: str
    at_ms: int | None

    def shown(self) -> dict[str, Any]:
        """For people."""
        return {
            "op": self.operation,
            "table": self.table,
            "snapshot": self.snapshot,
            "row": self.row,
            "before": self.before,
            "ts_ms": self.at_ms,
        }


def recognises(content: Any) -> bool:
    """Whether this is a change event, with its schema or without."""
    inner = _payload(mapping(content))
    if "op" in inner:
        return isinstance(inner.get("source"), dict | type(None)) and "ts_ms" in inner
    return "__op" in inner or "__deleted" in inner or _administrative(inner) is not None


def read(content: Any, *, tables: Mapping[str, Table], external: bool) -> list[Result]:
    """What one change event says.

    Args:
        content: Parsed JSON.
        tables: Table → how its columns are to be read. A table that is not named is not guessed at.
        external: Whether the accounts are at another bank.
    """
    try:
        payload = _payload(mapping(content))
        administrative = _administrative(payload)
        if administrative is not None:
            return [Noted(administrative)]
        change = change_of(mapping(content))
        if change.operation in ("t", "m"):
            what = OPERATIONS[change.operation]
            error = invalid(f"a {what} table is no change of one row", hint="handle it by hand")
            return [Foreign(change.shown(), error)]
        table = tables.get(change.table)
        if table is None:
            error = InputError(
                "input.unknown-kind",
                "a change of a table that has no entry in ingest.tables",
                hint="say there which columns hold what, or leave the table out of the connector",
            )
            return [Foreign(change.shown(), error)]
        return [_movement(change, table, external=external)]
    except Refused as refused:
        return [refused.error]


def change_of(content: dict[str, Any]) -> Change:
    """The change in an envelope.

    Raises:
        Refused: It is none: an unknown operation, or no row where there must be one.
    """
    payload, schema = _payload(content), mapping(content.get("schema"))
    if "op" not in payload:
        return _flattened(payload, schema)
    operation = words(payload.get("op"))
    if operation is None or operation not in OPERATIONS:
        raise refuse("op is none of c, u, d, r, t, m")
    source = mapping(payload.get("source"))
    side = "before" if operation == "d" else "after"
    row = document(payload.get(side))
    before = document(payload.get("before"))
    if operation in ("c", "u", "d", "r") and not isinstance(row, dict):
        hint = "let the table log whole rows (REPLICA IDENTITY FULL)" if side == "before" else ""
        raise refuse(f"{side} is no row", hint=hint)
    snapshot = source.get("snapshot")
    marked = str(snapshot).lower() not in _NO_SNAPSHOT if snapshot is not None else False
    at_ms = source.get("ts_ms") or payload.get("ts_ms")
    return Change(
        operation,
        words(source.get("table")) or words(source.get("collection")) or "",
        marked or operation == "r",
        plain_row(mapping(row), schema, side=side),
        plain_row(mapping(before), schema, side="before"),
        ":".join(words(source.get(name)) or "" for name in PLACES),
        at_ms if isinstance(at_ms, int) else None,
    )


def _payload(content: dict[str, Any]) -> dict[str, Any]:
    """A change without the schema that a JSON converter puts beside it."""
    return mapping(content["payload"]) if "payload" in content else content


def _administrative(payload: dict[str, Any]) -> str | None:
    """What a connector says of itself: beginnings and ends of transactions, changes of tables, signs of life."""
    if words(payload.get("status")) in ("BEGIN", "END") and "id" in payload and "op" not in payload:
        return "the beginning or end of a database transaction"
    if "ddl" in payload and ("databaseName" in payload or "tableChanges" in payload):
        return "a change of a table's definition"
    return "a connector's sign of life" if set(payload) == {"ts_ms"} else None


def _flattened(row: dict[str, Any], schema: dict[str, Any]) -> Change:
    """A row without its envelope (ExtractNewRecordState), which says in columns of its own what happened.

    A row that is gone stands there as it was last, marked by ``__deleted``.
    """
    marks = {name.removeprefix("__"): row[name] for name in row if name.startswith("__")}
    gone = words(str(marks.get("deleted", "")).lower()) == "true"
    operation = words(marks.get("op")) or ("d" if gone else "u")
    if gone:
        operation = "d"
    if operation not in OPERATIONS:
        raise refuse("__op is none of c, u, d, r, t, m")
    at_ms = marks.get("source_ts_ms") or marks.get("ts_ms")
    snapshot = str(marks.get("source_snapshot") or marks.get("snapshot") or "").lower()
    columns = {name: value for name, value in row.items() if not name.startswith("__")}
    return Change(
        operation,
        words(marks.get("table")) or words(marks.get("collection")) or "",
        operation == "r" or snapshot not in _NO_SNAPSHOT,
        plain_row(columns, schema, side=None),
        {},
        ":".join(words(marks.get(f"source_{n}")) or words(marks.get(n)) or "" for n in PLACES),
        at_ms if isinstance(at_ms, int) else None,
    )


def _movement(change: Change, table: Table, *, external: bool) -> Result:
    row = _Row(change.row, table.columns)
    account = row.words("account")
    reference = row.words("transaction_id")
    if account is None or reference is None:
        hint = (
            "let the table log whole rows (REPLICA IDENTITY FULL)"
            if change.operation == "d"
            else ""
        )
        raise refuse("the row has no account or no transaction_id", hint=hint)
    state = "removed" if change.operation == "d" else _state(row)
    at = row.value("at")
    if at is None:
        at = change.at_ms
    if state == "removed" and change.snapshot:
        return Noted(
            "a removed row in the first copy: nothing to take back", {"table": change.table}
        )
    customer = row.words("customer")
    movement = Movement(
        holder=Holder("account", account, table.issuer),
        reference=reference,
        state=state,
        at=instant_of_column(at, "at"),
        external=external,
        institution=table.issuer or "unknown",
        snapshot=change.snapshot,
        version=change.place if change.operation in ("u", "d") else "",
    )
    if state != "removed":
        _money(movement, row, table)
    made = found(movement)
    if customer is not None:
        # The row itself says whose it is: no link is needed.
        made.body["customer"] = customer
    return made


def _money(movement: Movement, row: "_Row", table: Table) -> None:
    movement.currency = currency_of(row.words("currency") or table.currency, "currency")
    minor = row.value("amount_minor")
    if minor is not None:
        whole = decimal_of(minor, "amount_minor", signed=True)
        movement.amount = whole.scaleb(-EXPONENTS[movement.currency])
    else:
        movement.amount = decimal_of(row.value("amount"), "amount", signed=True)
    side = (row.words("direction") or "").upper()
    if side in _OUT or side in _IN:
        if movement.amount < 0:
            raise refuse(
                "amount has a sign and a direction as well: which one counts can't be told"
            )
        movement.amount = -movement.amount if side in _OUT else movement.amount
    elif side:
        raise refuse("direction is neither debit nor credit")
    balance = row.value("balance")
    if balance is not None:
        movement.balance = decimal_of(balance, "balance", signed=True)
    value_on = row.words("value_on")
    movement.extra = {
        "method": (row.words("method") or "other").lower().replace("-", "_").replace(" ", "_"),
        "merchant": short(row.words("merchant")),
        "mcc": row.words("mcc"),
        "country": (row.words("country") or "").upper(),
        "counterparty": row.words("counterparty"),
        "reference": short(row.words("reference")),
        "reverses": None if (reverses := row.words("reverses")) is None else token(reverses),
        "value_on": day_of(value_on[:10], "value_on") if value_on else None,
    }


def _state(row: "_Row") -> State:
    said = (row.words("status") or "BOOKED").upper()
    if said in _BOOKED:
        return "booked"
    if said in _PENDING:
        return "pending"
    if said in _REMOVED:
        return "removed"
    raise refuse("status is none that is known", hint="booked, pending, removed or the like")


class _Row:
    """A row through the names that the settings give its columns."""

    def __init__(self, row: dict[str, Any], columns: Mapping[str, str]) -> None:
        self._row = row
        self._columns = columns

    def value(self, name: str) -> Any:
        """What the column of this name holds; None where there is no such column."""
        return self._row.get(self._columns.get(name, name))

    def words(self, name: str) -> str | None:
        """The same as text."""
        return words(self.value(name))
