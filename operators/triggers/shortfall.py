"""A shortfall ahead: said once when it comes into sight, again only after a while or a recovery.

Stage: 3 of 8. In: movements, visits, ticks. Out: shortfall.ahead.
"""

from collections.abc import Sequence

from operators.contracts import Moment, Slot
from operators.forecasting import due
from operators.triggers.remedies import to_move, to_shift
from operators.triggers.words import about, on_day
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked
from schemas.signals import Forecast, Signal

REST_DAYS = 14
CLOSE_DAYS = 3
EXPECTED_MAX = 6
"""Regular payments that are listed with a warning, the next due first."""
RECOVERED = 0.6
"""The share of the warning level that the chance must fall under before a new warning is due."""


class ShortfallAhead:
    """The balance will probably run short within the horizon.

    Memory: ``said``, the instant of the last warning, None after a recovery.
    """

    name: str = "shortfall"
    kinds: frozenset[str] = frozenset({"transaction.booked", "app.opened", "clock.ticked"})
    needs: tuple[str, ...] = ("slot:cash", "forecast:cashflow")
    emits: tuple[str, ...] = ("shortfall.ahead",)
    slot: Slot | None = Slot("shortfall", Source.TRANSACTIONS, dict)

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Warn when the chance crosses ``rules.shortfall_warn``."""
        cash = moment.memories.get("cash")
        if not cash:
            return memory, ()
        said_ms = memory.get("said")
        resting = said_ms is not None and moment.now_ms - said_ms < REST_DAYS * DAY_MS
        event = moment.event
        came_in = isinstance(event, TransactionBooked) and event.amount_minor > 0
        # Money in can end a shortfall and not begin one: half of the forecasts needn't be made.
        if came_in is not resting:
            return memory, ()
        chance, forecast = 0.0, None
        if due(moment.memories, now_ms=moment.now_ms, rules=moment.rules):
            forecast = moment.forecasts.get("cashflow")
            if forecast is None or forecast.shortfall is None:
                return memory, ()
            chance = forecast.shortfall
        warn = moment.rules.shortfall_warn
        if chance < warn or forecast is None:
            recovered = said_ms is not None and chance < RECOVERED * warn
            return ({} if recovered else memory), ()
        if resting:
            return memory, ()
        return {"said": moment.now_ms}, (_signal(forecast, cash["currency"], chance),)


def _signal(forecast: Forecast, currency: str, chance: float) -> Signal:
    dates = forecast.date_range
    low = forecast.low_minor
    if dates is None:
        words = "Your balance may run low in the coming weeks."
    elif chance >= 1.0:
        words = "Your balance is lower than it should be, and we would like to help."
    elif dates[1] - dates[0] <= CLOSE_DAYS:
        words = f"Your balance may run low around {on_day(dates[0])}."
    else:
        words = f"Your balance may run low between {on_day(dates[0])} and {on_day(dates[1])}."
    if low is not None and low < forecast.threshold_minor and chance < 1.0:
        short = about(forecast.threshold_minor - low, currency)
        words = f"{words[:-1]}, by about {short}."
    if forecast.record is not None and chance < 1.0:
        made, true = forecast.record
        words = f"{words} Of {made} forecasts like this one that came due, {true} came true."
    return Signal(
        name="shortfall.ahead",
        strength=chance,
        sources=(Source.TRANSACTIONS,),
        words=words,
        evidence={
            "probability": chance,
            "horizon_days": forecast.horizon_days,
            "threshold_minor": forecast.threshold_minor,
            "low_minor": low,
            "days": list(dates) if dates is not None else None,
            "currency": currency,
            "move_minor": to_move(forecast),
            "shift": to_shift(forecast),
            "learnt": forecast.learnt,
            "corrected": forecast.corrected,
            "path_minor": [list(at) for at in forecast.path],
            "expected": [
                {"day": r.next_day, "amount_minor": r.amount_minor, "category": r.category}
                for r in forecast.recurring[:EXPECTED_MAX]
            ],
            "record": list(forecast.record) if forecast.record is not None else None,
            "range_minor": list(forecast.range_minor) if forecast.range_minor is not None else None,
        },
        hold_ms=7 * DAY_MS,
        insight=True,
    )
