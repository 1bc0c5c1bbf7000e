"""The booked balance: account by account, and its lowest of each day.

Balances that the bank states win over sums; late movements shift sums and leave stated balances alone.
"""

from collections.abc import Mapping
from struct import Struct
from typing import Any, Final

from operators.features import rings
from schemas.base import DAY_MS
from schemas.events import TransactionBooked

DRIFT_DAYS: Final = 180
ACCOUNTS_MAX: Final = 8
LOW_DAYS = rings.DAYS
"""Days whose lows are remembered."""
_CELL: Final = Struct("<f")


def total_minor(memory: Mapping[str, Any]) -> int:
    """The booked balance over all accounts, minor units."""
    total = 0
    for account in memory["accounts"].values():
        total += account[1]
    return total


def booked(accounts: Mapping[str, list[Any]], event: TransactionBooked) -> dict[str, list[Any]]:
    """The accounts with one movement: account → [newest ms, balance, whether the bank states it]."""
    made = dict(accounts)
    newest_ms, balance, stated = made.get(event.account, (0, 0, False))
    if event.at_ms >= newest_ms:
        if event.balance_minor is None:
            made[event.account] = [event.at_ms, balance + event.amount_minor, stated]
        else:
            made[event.account] = [event.at_ms, event.balance_minor, True]
    elif not stated:
        # A later balance that the bank stated holds this movement already; a summed one doesn't.
        late = event.amount_minor if event.balance_minor is None else 0
        made[event.account] = [newest_ms, balance + late, stated]
    if len(made) > ACCOUNTS_MAX:
        del made[min(made, key=lambda account: (made[account][0], account))]
    return made


def unexplained(accounts: Mapping[str, list[Any]], event: TransactionBooked) -> int:
    """How much a stated balance is off the one before and the movement, minor units.

    A late movement explains what a later balance held already. Sums of these over time telescope, so movements
    of one day in the wrong order come to nothing.
    """
    newest_ms, balance, stated = accounts.get(event.account, (0, 0, False))
    if not stated or event.reverses is not None:
        return 0
    if event.at_ms < newest_ms:
        return -event.amount_minor
    return 0 if event.balance_minor is None else event.balance_minor - balance - event.amount_minor


def drifted(kept: list[int] | None, day: int, gap: int) -> list[int]:
    """What is unexplained with one more gap: [day it began, minor units]; begun anew after `DRIFT_DAYS`."""
    if kept is None or day - kept[0] > DRIFT_DAYS:
        return [day, gap]
    return [kept[0], kept[1] + gap]


def lowered(made: Mapping[str, Any], event: TransactionBooked, before: int, after: int) -> bytes:
    """The ring of daily lows with one movement: skipped days stood at the balance before."""
    day, newest, first = event.at_ms // DAY_MS, made["day"], made["first"]
    low: bytes = made["low"]
    if not low:
        return rings.add(b"", day, float(after), newest=day, size=LOW_DAYS)
    if day == newest:
        held: int | float = rings.cell(low, day, size=LOW_DAYS)
        return low if held <= after else rings.put(low, day, after, size=LOW_DAYS)
    if day == newest + 1:
        return rings.put(low, day, min(before, after), size=LOW_DAYS)
    cells = bytearray(low)
    if day > newest:
        for skipped in range(max(newest + 1, day - LOW_DAYS + 1), day + 1):
            _CELL.pack_into(cells, skipped % LOW_DAYS * 4, before)
        at = day % LOW_DAYS * 4
        _CELL.pack_into(cells, at, min(_CELL.unpack_from(cells, at)[0], after))
        return bytes(cells)
    # Late: a balance that is summed shifts every day since; a stated one knew of this movement.
    single = len(made["accounts"]) == 1
    then = event.balance_minor if single and event.balance_minor is not None else None
    for touched in range(max(day, newest - LOW_DAYS + 1), newest + 1):
        at = touched % LOW_DAYS * 4
        if touched < first:
            held = event.amount_minor if then is None else then
        else:
            held = _CELL.unpack_from(cells, at)[0] + after - before
            if touched == day and then is not None:
                held = min(held, then)
            if touched == first and day < first and then is None:
                # The first day known began with what came before it after all.
                held = min(held, after - before)
        _CELL.pack_into(cells, at, held)
    return bytes(cells)


def lowest(memory: Mapping[str, Any], today: int, balance: int) -> float:
    """The lowest balance of the last 30 days, given the balance now."""
    first, last = max(today - 29, memory["day"] - LOW_DAYS + 1, memory["first"]), memory["day"]
    if first > last:
        return float(balance)
    lows = Struct(f"<{LOW_DAYS}f").unpack(memory["low"])
    lowest: float = min(lows[day % LOW_DAYS] for day in range(first, last + 1))
    return min(lowest, float(balance)) if today > last else lowest
