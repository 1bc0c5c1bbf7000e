"""Bank accounts for tests: movements by day, folded into the memories of the money groups."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from operators.contracts import Moment
from operators.features import FEATURES
from operators.forecasting import FORECASTERS
from operators.sense import Features
from operators.triggers import TRIGGERS
from schemas.base import DAY_MS
from schemas.customer import Memory
from schemas.events import EVENT, EventBase
from schemas.rules import Rules
from schemas.signals import Signal

START = datetime(2025, 1, 1, 9, tzinfo=UTC)
START_DAY = int(START.timestamp()) // 86_400


def moved(day: float, amount_minor: int, *, index: int = 0, **fields: Any) -> EventBase:
    """A booked movement so many days after `START`."""
    body = {
        "kind": "transaction.booked",
        "event_id": f"m-{day}-{amount_minor}-{index}",
        "transaction_id": f"t-{day}-{amount_minor}-{index}",
        "customer": "c-1",
        "at": (START + timedelta(days=day)).isoformat(),
        "account": "a-1",
        "amount_minor": amount_minor,
        "currency": "EUR",
        **fields,
    }
    return EVENT.validate_python(body)


def happened(kind: str, day: float, **fields: Any) -> EventBase:
    """Any other event so many days after `START`."""
    at = (START + timedelta(days=day)).isoformat()
    body = {"kind": kind, "event_id": f"{kind}-{day}", "customer": "c-1", "at": at, **fields}
    return EVENT.validate_python(body)


def monthly(
    amount_minor: int, *, day_of_month: int, months: Iterable[int], **fields: Any
) -> list[EventBase]:
    """One movement a month of 2025 (and on: month 13 is January 2026), on a day of the month."""
    made = []
    for month in months:
        at = datetime(2025 + (month - 1) // 12, (month - 1) % 12 + 1, day_of_month, 9, tzinfo=UTC)
        made.append(moved((at - START).days, amount_minor, index=month, **fields))
    return made


def household(months: int) -> list[EventBase]:
    """A plain life: some savings, pay on the 25th, rent on the 1st, power on the 12th, food every third day."""
    span = range(1, months + 1)
    events = [
        moved(0, 200_000, method="transfer", counterparty="savings-1"),
        *monthly(
            250_000, day_of_month=25, months=span, method="transfer", counterparty="employer-1"
        ),
        *monthly(
            -90_000, day_of_month=1, months=span, method="standing_order", counterparty="landlord-1"
        ),
        *monthly(
            -6_000, day_of_month=12, months=span, method="direct_debit", counterparty="utility-1"
        ),
    ]
    events += [
        moved(
            day,
            -3_000 - 97 * (day % 7),
            method="card",
            merchant="Corner Shop",
            mcc="5411",
            country="GB",
        )
        for day in range(2, months * 30, 3)
    ]
    return sorted(events, key=lambda event: event.at_ms)


def folded(
    events: Iterable[EventBase], memories: Mapping[str, Memory] | None = None
) -> dict[str, Memory]:
    """The memories of every group after some events."""
    made = dict(memories) if memories is not None else {}
    for event in events:
        for group in FEATURES:
            if event.kind in group.kinds:
                name = group.slot.name
                before = made[name] if name in made else group.slot.zero()
                made[name] = group.update(before, event, now_ms=event.at_ms)
    return made


def values(memories: Mapping[str, Memory], *, now_ms: int) -> dict[str, float]:
    """Every feature by name, those of the views too."""
    failed: list[str] = []
    read = dict(Features(memories, now_ms=now_ms, failed=failed))
    assert not failed
    return read


def moment_of(
    event: EventBase, memories: Mapping[str, Memory], rules: Rules | None = None
) -> Moment:
    """The moment of an event that the memories hold already."""
    rules = rules or Rules()
    made = {f.name: f.forecast(memories, now_ms=event.at_ms, rules=rules) for f in FORECASTERS}
    return Moment(
        event=event,
        now_ms=event.at_ms,
        memories=memories,
        features=values(memories, now_ms=event.at_ms),
        forecasts={name: forecast for name, forecast in made.items() if forecast is not None},
        rules=rules,
    )


def sensed(events: Iterable[EventBase]) -> list[tuple[int, Signal]]:
    """Live through events; every signal with the day (since `START`) it fired on."""
    memories: dict[str, Memory] = {}
    own: dict[str, Memory] = {t.slot.name: t.slot.zero() for t in TRIGGERS if t.slot is not None}
    fired = []
    for event in events:
        memories = folded([event], memories)
        moment = moment_of(event, memories)
        for trigger in TRIGGERS:
            if event.kind not in trigger.kinds:
                continue
            slot = trigger.slot
            memory, signals = trigger.sense(None if slot is None else own[slot.name], moment)
            if slot is not None:
                own[slot.name] = memory
            fired += [(event.at_ms // DAY_MS - START_DAY, signal) for signal in signals]
    return fired
