"""The picture of a warning: from the stream's own evidence to a terminal line, a page, and what followed it."""

from html.parser import HTMLParser
from typing import Any

from operators.forecasting.cashflow import outlook
from schemas.base import DAY_MS
from scripts.auditing import page
from scripts.console import ahead
from scripts.console.tally import Header, Tally
from scripts.console.words import foreseen
from tests.accounts import START_DAY, folded, moved, sensed

DRAIN = [
    moved(day, -3_000, method="card", merchant="Shop", balance_minor=400_000 - 3_000 * day)
    for day in range(130)
]


def warning() -> dict[str, Any]:
    """The insight that a drained account is warned with."""
    signal = next(s for _, s in sensed(DRAIN) if s.name == "shortfall.ahead")
    return {
        "type": signal.name,
        "customer": "c-1",
        "words": signal.words,
        "evidence": signal.evidence,
    }


def test_the_path_is_that_of_the_scenarios() -> None:
    """A steady drain has no spread: every bound falls by three days' spending at a step."""
    memories = folded(DRAIN[:100])
    now_ms = (START_DAY + 99) * DAY_MS + 1
    made = outlook(
        memories["cash"], memories["recurring"], now_ms=now_ms, days=30, threshold_minor=0
    )
    assert made is not None
    path = made.path()
    assert len(path) == 10
    balance = memories["cash"]["accounts"]["a-1"][1]
    assert all(low <= middle <= high for low, middle, high in path)
    assert [middle for _, middle, _ in path][:3] == [balance - 3_000 * n for n in (1, 4, 7)]


def test_the_line_shows_bars_bounds_and_payments() -> None:
    """Falling bars, both bounds with their currency, the chance and what is expected."""
    evidence = {
        "path_minor": [[9_000, 10_000, 11_000], [0, 4_000, 6_000], [-3_000, 0, 2_000]],
        "probability": 0.47,
        "currency": "EUR",
        "expected": [{"day": START_DAY, "amount_minor": -90_000, "category": "housing"}],
    }
    text = ahead.line(evidence)
    assert text.endswith("-30…20 EUR in 9 days, 47 % short; expected: housing -900 on 1 Jan")
    bars = text.split(" ")[0]
    assert list(bars) == sorted(bars, reverse=True)
    assert ahead.line({"probability": 0.5}) == ahead.svg({"probability": 0.5}) == ""


def test_the_console_tells_what_followed() -> None:
    """The customer's line has the forecast, and the intervention once it was issued."""
    tally = Tally(Header("b", "town", "s", 1), began_ms=0, began_wall_ms=0)
    assert foreseen(tally) == "no shortfall yet"
    tally.take("insights", warning())
    assert foreseen(tally).startswith("c-1  ")
    tally.take(
        "offers",
        {"type": "intervention.issued", "customer": "c-1", "decision_id": "d", "title": "Move it"},
    )
    assert foreseen(tally).endswith("then «Move it»")


def test_the_page_shows_the_picture() -> None:
    """A well-formed drawing with the words of the warning and what would help, nothing loaded from elsewhere."""
    told = warning()
    shift = {"category": "housing", "amount_minor": -90_000, "day": 20_000, "to_day": 20_004}
    told["evidence"] = {**told["evidence"], "move_minor": 25_000, "shift": shift}
    file = {"receipts": [], "decisions": [], "forgotten": [], "foretold": [told]}
    text = page.render(file)
    opened: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            del attrs
            opened.append(tag)

    Tags().feed(text)
    assert {"svg", "polygon", "polyline"} <= set(opened)
    assert "What we saw coming" in text
    assert "Moving about 250 EUR" in text
    assert "housing -900 on 4 Oct, better on 8 Oct" in text
    assert told["words"] in text
    assert "http" not in text
