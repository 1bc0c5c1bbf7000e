"""What days and weeks of payments come to, by plain loops; for the laws of features and views."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import pstdev

from operators.features.money import Flow

MONTH_DAYS = 365.25 / 12
COMPARED: set[str] = set()
"""The features whose value an oracle asked for."""


class Asked(dict[str, float]):
    """Features by name, that note who was asked for."""

    def __getitem__(self, name: str) -> float:
        """The value of one feature."""
        COMPARED.add(name)
        return super().__getitem__(name)


def asked(values: Mapping[str, float]) -> dict[str, float]:
    """Features to hold against an oracle."""
    return Asked(values)


def ledger(flows: list[Flow], *, today: int) -> tuple[float, dict[int, float]]:
    """The balance after movements in their order, and the lowest of each day from the first on."""
    balance, lows = 0.0, {}
    for day in range(flows[0].day, today + 1):
        seen = [] if day == flows[0].day else [balance]
        for flow in flows:
            if flow.day == day:
                balance += flow.amount_minor / 100
                seen.append(balance)
        lows[day] = min(seen)
    return balance, lows


def close(
    value: float, oracle: float, *, name: str, rel: float = 1e-4, least: float = 0.01
) -> None:
    """Equal up to what packed memories round."""
    assert math.isclose(value, oracle, rel_tol=rel, abs_tol=least), (name, value, oracle)


def within_the_month(
    values: dict[str, float],
    out: dict[int, float],
    income: dict[int, float],
    *,
    today: int,
    apart: float,
) -> None:
    """Thirds of the month, unevenness, and the week after pay, by plain loops; shares ``apart`` at most."""
    last = [today - back for back in range(90)]
    thirds = [0.0, 0.0, 0.0]
    for day in last[:90]:
        thirds[min(2, (datetime.fromtimestamp(day * 86_400, UTC).day - 1) // 10)] += out[day]
    for name, part in zip(("early", "middle", "late"), thirds, strict=True):
        share = part / sum(thirds) if sum(thirds) else 0.0
        close(values[f"rhythm.{name}_month_share"], share, name=name, least=apart)
    recent = [out[day] for day in last[:30]]
    mean = sum(recent) / 30
    if mean > 1:
        close(values["rhythm.swing"], min(10.0, pstdev(recent) / mean), name="swing", least=apart)
    near = {d for d in last[:90] if income[d] >= max((income[x] for x in last[:90]), default=0) / 4}
    near = {d for d in near if income[d] > 0}
    after = sum(out[d] for d in last[:90] if any(0 <= d - pay < 7 for pay in near))
    before = sum(out[d] for d in last[:90] if any(1 <= pay - d <= 7 for pay in near))
    quarter = sum(out[d] for d in last[:90])
    if quarter > 1:
        close(values["rhythm.after_pay_share"], after / quarter, name="after pay", least=apart)
        close(values["rhythm.before_pay_share"], before / quarter, name="before pay", least=apart)
    if sum(recent) > 1:
        dearest = max(recent) / sum(recent)
        close(values["rhythm.busiest_day_share"], dearest, name="busiest", least=apart)


def compared(
    values: dict[str, float],
    flows: list[Flow],
    *,
    today: int,
    known: int,
    weekend: float,
    apart: float,
) -> None:
    """One window over another, as long as there is enough of either to tell halves of a cent from money."""
    close(values["rhythm.weekend_share"], weekend, name="weekend", least=apart)

    def total(sign: int, days: int) -> float:
        return sum(
            sign * f.amount_minor / 100
            for f in flows
            if f.day > today - days and sign * f.amount_minor > 0
        )

    def month(sign: int, days: int) -> float:
        return total(sign, days) * 365.25 / 12 / max(365.25 / 12, min(days, known))

    for name, part, whole in (
        ("out_week_ratio", total(-1, 7), month(-1, 90) * 7 / (365.25 / 12)),
        ("out_month_ratio", month(-1, 30), month(-1, 180)),
        ("income_month_ratio", month(1, 30), month(1, 180)),
    ):
        if whole > 10:
            close(
                values[f"rhythm.{name}"],
                min(10.0, part / whole),
                name=name,
                rel=0.02,
                least=0.01 + apart,
            )
    weekly = [0.0] * 28
    for flow in flows:
        ago = today // 7 - flow.day // 7
        if ago < 28 and flow.amount_minor < 0:
            weekly[ago] = max(weekly[ago], -flow.amount_minor / 100)
    if max(weekly[4:]) > 1:
        peak = min(10.0, max(weekly[:4]) / max(weekly[4:]))
        close(values["rhythm.peak_ratio"], peak, name="peak ratio", rel=2e-3, least=1e-3)


def monthly(amounts: list[tuple[int, float]], *, today: int, first: int) -> float:
    """What (day, amount) come to a month over the 91 days before, whole weeks and a share of the oldest."""
    whole = sum(amount for day, amount in amounts if today // 7 - day // 7 < 13)
    oldest = sum(amount for day, amount in amounts if today // 7 - day // 7 == 13)
    known = min(91.0, max(MONTH_DAYS, float(today - first)))
    return (whole + oldest * (6 - today % 7) / 7) * MONTH_DAYS / known
