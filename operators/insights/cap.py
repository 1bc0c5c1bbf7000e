"""How many insights a customer gets: what costs money is always told, news is rationed, a month is told once.

Stage: 3 of 8. In: signals of one moment. Out: those to publish.
"""

from collections.abc import Sequence

from operators.contracts import Slot
from schemas.base import DAY_MS, Source
from schemas.customer import Customer
from schemas.signals import Signal

ALERTS: frozenset[str] = frozenset(
    {
        "shortfall.ahead",
        "salary.missing",
        "fee.charged",
        "charge.duplicate",
        "fees.high",
        "subscription.duplicate",
    }
)
"""Told at once, whatever was told before: money may be lost by waiting. Each has a rest of its own."""
SUMMARIES: frozenset[str] = frozenset({"month.summary", "wellness.score"})
"""Told once a month by themselves."""
COVERED: dict[str, str] = {"fees.high": "fee.charged"}
"""What is said already when another is told at the same moment."""
NEWS_PER_WEEK = 2
NEWS_PER_MONTH = 5
RESTS_DAYS: dict[str, int] = {"salary.arrived": 25}
"""What comes by itself is told this seldom, and takes no other news' place."""
SLOT = Slot("insights_told", Source.CONTROL, list)
"""[name, instant (ms)] of the news of a month, oldest first: like contacts, it is no data of any source."""


def publishable(me: Customer, signals: Sequence[Signal], *, now_ms: int) -> list[Signal]:
    """The insights among signals that are told now; remembers the news on the customer copy.

    The strongest news goes first when not all may be told.
    """
    covered = {COVERED.get(signal.name) for signal in signals}
    insights = [s for s in signals if s.insight and s.name not in covered]
    news = [signal for signal in insights if kind_of(signal.name) == "news"]
    if not news:
        return insights
    told = [row for row in me.slots.get(SLOT.name, ()) if row[1] > now_ms - 30 * DAY_MS]
    counted = [at_ms for name, at_ms in told if name not in RESTS_DAYS]
    week = sum(1 for at_ms in counted if at_ms > now_ms - 7 * DAY_MS)
    room = max(0, min(NEWS_PER_WEEK - week, NEWS_PER_MONTH - len(counted)))
    kept = [s for s in news if s.name in RESTS_DAYS and not _resting(s.name, told, now_ms=now_ms)]
    rationed = (s for s in news if s.name not in RESTS_DAYS)
    kept += sorted(rationed, key=lambda s: -s.strength)[:room]
    if kept:
        me.slots[SLOT.name] = [*told, *([signal.name, now_ms] for signal in kept)]
    return [s for s in insights if kind_of(s.name) != "news" or s in kept]


def _resting(name: str, told: Sequence[Sequence[object]], *, now_ms: int) -> bool:
    since_ms = now_ms - RESTS_DAYS[name] * DAY_MS
    return any(other == name and int(str(at_ms)) > since_ms for other, at_ms in told)


def kind_of(name: str) -> str:
    """What sort of insight a name stands for: ``alert``, ``summary`` or ``news``.

    Example:
        >>> kind_of("fee.charged"), kind_of("month.summary"), kind_of("recurring.new")
        ('alert', 'summary', 'news')
    """
    return "alert" if name in ALERTS else "summary" if name in SUMMARIES else "news"
