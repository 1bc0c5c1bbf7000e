"""What would keep a balance from running low: an amount to move, capped, and a bill whose day could change.

Both are worked out from the forecast alone and told as evidence of the warning; nothing is moved by itself.
"""

from typing import Any

from schemas.signals import Forecast, Recurring

MOVE_STEP_MINOR = 1_000
"""Amounts are told in whole tens."""
MOVE_INCOME_SHARE = 0.5
"""Never more than half a month of regular income: who would need more needs other help than moving money."""
MONTH_DAYS = 30.44
SHIFT_DAYS_MAX = 12
"""A company moves a bill by days, not by weeks."""
ALIVE_MIN = 0.5


def to_move(forecast: Forecast) -> int | None:
    """How much to move to stay above the threshold in the middle scenario, minor units, rounded up and capped.

    None when the middle scenario stays above it, or without a regular income to measure the cap by.
    """
    if forecast.low_minor is None or forecast.low_minor >= forecast.threshold_minor:
        return None
    monthly = sum(
        r.amount_minor * MONTH_DAYS / max(1.0, r.gap_days) * r.alive
        for r in forecast.recurring
        if r.amount_minor > 0
    )
    cap = int(MOVE_INCOME_SHARE * monthly) // MOVE_STEP_MINOR * MOVE_STEP_MINOR
    short = forecast.threshold_minor - forecast.low_minor
    return min(-(-short // MOVE_STEP_MINOR) * MOVE_STEP_MINOR, cap) or None


def to_shift(forecast: Forecast) -> dict[str, Any] | None:
    """The largest regular bill that comes a few days before the next regular income, and the day after it.

    Only bills by the day on which the balance may run low: moving a later one helps nothing.
    """
    if forecast.date_range is None:
        return None
    paydays = sorted(r.next_day for r in forecast.recurring if _likely(r) and r.amount_minor > 0)
    best: dict[str, Any] | None = None
    for bill in forecast.recurring:
        if bill.amount_minor >= 0 or not _likely(bill) or bill.next_day > forecast.date_range[1]:
            continue
        after = next((day for day in paydays if day >= bill.next_day), None)
        if after is None or not 0 < after + 1 - bill.next_day <= SHIFT_DAYS_MAX:
            continue
        if best is None or bill.amount_minor < best["amount_minor"]:
            best = {
                "category": bill.category,
                "amount_minor": bill.amount_minor,
                "day": bill.next_day,
                "to_day": after + 1,
            }
    return best


def _likely(stream: Recurring) -> bool:
    return stream.alive >= ALIVE_MIN
