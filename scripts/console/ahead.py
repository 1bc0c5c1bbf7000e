"""A warning as a picture: where the balance is going, between which bounds, and which payments are expected.

One line for a terminal, one SVG for a page; both from the evidence of the insight ``shortfall.ahead``.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from scripts.console.acceptance import spark

DAY_MS = 86_400_000
MINOR = 100
STEP_DAYS = 3
WIDE, HIGH, EDGE = 640, 220, 34
LISTED_MAX = 3


def line(evidence: Mapping[str, Any]) -> str:
    """The median as bars from the lowest to the highest bound, the range at the end, chance, payments.

    Example:
        >>> line({"path_minor": [[0, 5000, 9000], [-4000, 1000, 6000]], "probability": 0.4, "currency": "EUR"})
        '▆▄ -40…60 EUR in 6 days, 40 % short'
    """
    path = path_of(evidence)
    if not path:
        return ""
    bottom, top = min(low for low, _, _ in path), max(high for _, _, high in path)
    bars = spark([middle - bottom for _, middle, _ in path], top=float(top - bottom))
    low, _, high = path[-1]
    words = (
        f"{bars} {low / MINOR:,.0f}…{high / MINOR:,.0f} {evidence.get('currency', '')}"
        f" in {len(path) * STEP_DAYS} days, {100 * float(evidence['probability']):.0f} % short"
    )
    expected = "; ".join(payment(row) for row in list(evidence.get("expected", ()))[:LISTED_MAX])
    return f"{words}; expected: {expected}" if expected else words


def path_of(evidence: Mapping[str, Any]) -> list[tuple[int, int, int]]:
    """The bounds by day, minor units; empty where the evidence is of a release that drew none."""
    return [
        (int(low), int(middle), int(high)) for low, middle, high in evidence.get("path_minor", ())
    ]


def payment(row: Mapping[str, Any]) -> str:
    """One expected payment.

    Example:
        >>> payment({"day": 20_000, "amount_minor": -90_000, "category": "housing"})
        'housing -900 on 4 Oct'
    """
    day = datetime.fromtimestamp(int(row["day"]) * DAY_MS / 1000, UTC)
    return f"{row['category']} {int(row['amount_minor']) / MINOR:+,.0f} on {day.day} {day:%b}"


def remedies(evidence: Mapping[str, Any]) -> list[str]:
    """What would help, in words: an amount to move, a bill to have on another day.

    Example:
        >>> remedies({"move_minor": 13_000, "currency": "EUR", "shift": None})
        ['Moving about 130 EUR into this account would help.']
    """
    said = []
    if evidence.get("move_minor"):
        amount = f"{int(evidence['move_minor']) / MINOR:,.0f} {evidence.get('currency', '')}"
        said.append(f"Moving about {amount} into this account would help.")
    if evidence.get("shift"):
        shift = evidence["shift"]
        day = datetime.fromtimestamp(int(shift["to_day"]) * DAY_MS / 1000, UTC)
        said.append(
            f"A bill could come after your pay: {payment(shift)}, better on {day.day} {day:%b}."
        )
    return said


def svg(evidence: Mapping[str, Any]) -> str:
    """The range as a band, the median as a line, the threshold as a dashed one; empty without a path."""
    path = path_of(evidence)
    if not path:
        return ""
    threshold = int(evidence.get("threshold_minor", 0))
    values = [value for row in path for value in row] + [threshold]
    bottom, top = min(values), max(values)
    reach = max(1, top - bottom)

    def at(index: int, value: int) -> str:
        x = EDGE + (WIDE - 2 * EDGE) * index / max(1, len(path) - 1)
        y = HIGH - EDGE - (HIGH - 2 * EDGE) * (value - bottom) / reach
        return f"{x:.1f},{y:.1f}"

    def along(column: int) -> Sequence[str]:
        return [at(index, row[column]) for index, row in enumerate(path)]

    band = " ".join([*along(0), *reversed(along(2))])
    y = at(0, threshold).partition(",")[2]
    currency = escape(str(evidence.get("currency", "")))
    days = len(path) * STEP_DAYS
    chance = 100 * float(evidence["probability"])
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" width="100%" font-size="12" fill="currentColor">'
        f"<title>Balance over the next {days} days: {chance:.0f} % chance of running low</title>"
        f'<polygon points="{band}" fill="var(--mark)" opacity=".22"/>'
        f'<polyline points="{" ".join(along(1))}" fill="none" stroke="var(--mark)" stroke-width="2"/>'
        f'<line x1="{EDGE}" x2="{WIDE - EDGE}" y1="{y}" y2="{y}" stroke="currentColor" stroke-dasharray="5 4"/>'
        f'<text x="{EDGE}" y="16">{top / MINOR:,.0f} {currency}</text>'
        f'<text x="{EDGE}" y="{HIGH - 8}">{bottom / MINOR:,.0f} {currency}, today</text>'
        f'<text x="{WIDE - EDGE}" y="{HIGH - 8}" text-anchor="end">in {days} days</text></svg>'
    )
