"""How the app is used and where it gets in the way: adoption, freshness, friction; and how messages sound.

Stage: 2 of 8, when read. In: memories of ``app`` and ``text``. Out: feature values.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from operators.features.app import FEATURE_WINDOW_DAYS, WINDOWS_DAYS
from operators.features.faded import fade
from operators.features.text import WINDOWS_DAYS as TEXT_WINDOWS_DAYS
from operators.features.views.lens import WELLBEING, Lens, Reading, ratio, share
from schemas.base import DAY_MS, Source
from schemas.customer import Memory

KNOWN: tuple[str, ...] = (
    "bill_reminders", "budget_planner", "card_freeze", "instant_transfer", "round_the_clock_chat", "round_up",
    "savings_pots", "spending_insights", "spending_limits", "statement_export", "subscriptions_view", "travel_mode",
)  # fmt: skip
"""Features of the app that are worth showing to somebody who does not use them."""
WEEK_DAYS = 7
MONTH_DAYS = 30


class Use(NamedTuple):
    """Use of the app at an instant, as faded counts; ``idle_days`` is None if it was never opened.

    ``features`` are days since each was used last.
    """

    opens: float
    errors: float
    rage: float
    abandoned: float
    searches: float
    travels: float
    idle_days: float | None
    features: dict[str, int]

    @property
    def trouble(self) -> float:
        """Errors, bursts of taps (one and a half each) and flows left half-way."""
        return self.errors + 1.5 * self.rage + self.abandoned

    def used_within(self, days: int) -> int:
        """How many features were used within so many days."""
        return sum(ago < days for ago in self.features.values())


def look(memories: Mapping[str, Memory], now_ms: int) -> Use | None:
    """The app as it is used."""
    memory = memories.get("app")
    if not memory:
        return None
    counts = fade(memory["at_ms"], memory["sums"], now_ms=now_ms, windows_days=WINDOWS_DAYS)
    today = now_ms // DAY_MS
    opened_ms = memory["opened_ms"]
    return Use(
        counts[0],
        counts[1],
        counts[2],
        counts[3],
        counts[4],
        counts[5],
        max(0, now_ms - opened_ms) / DAY_MS if opened_ms else None,
        {
            name: max(0, today - day)
            for name, day in memory["features"].items()
            if today - day < FEATURE_WINDOW_DAYS
        },
    )


class Voice(NamedTuple):
    """Messages at an instant, faded counts."""

    messages: float
    feeling: float
    negative: float
    trouble: float


def hear(memories: Mapping[str, Memory], now_ms: int) -> Voice | None:
    """How messages sound."""
    memory = memories.get("text")
    if not memory:
        return None
    return Voice(
        *fade(memory["at_ms"], memory["sums"], now_ms=now_ms, windows_days=TEXT_WINDOWS_DAYS)
    )


def _uses(name: str) -> Callable[[Use], float]:
    return lambda use: name in use.features


def _adoption() -> Iterator[Reading[Use]]:
    for name in KNOWN:
        called = name.replace("_", " ")
        yield Reading(f"uses_{name}", "0 or 1", f"Whether {called} was used in the last {FEATURE_WINDOW_DAYS} days.",
                      f"whether you use {called}", _uses(name), FEATURE_WINDOW_DAYS)  # fmt: skip


HABITS_VIEW: Lens[Use] = Lens(
    "habits",
    slots=("app",),
    sources=(Source.APP,),
    owner="app",
    look=look,
    readings=(
        *_adoption(),
        Reading("adopted_share", "0..1", "Share of the features worth showing that were used in 90 days.",
                "how much of the app you use", lambda u: sum(name in u.features for name in KNOWN) / len(KNOWN), 90),
        Reading("features_7d", "count", "Different features used in the last 7 days.", "features that you use",
                lambda u: u.used_within(WEEK_DAYS), 7),
        Reading("features_30d", "count", "Different features used in the last 30 days.", "features that you use",
                lambda u: u.used_within(MONTH_DAYS), 30),
        Reading("lapsed_count_90d", "count", "Features used in 90 days and not in the last 30.",
                "features that you gave up", lambda u: len(u.features) - u.used_within(MONTH_DAYS), 90),
        Reading("days_since_feature", "days", "Days since any feature was used, at most 90.",
                "how long ago you used a feature", lambda u: min(u.features.values(), default=FEATURE_WINDOW_DAYS),
                90, unknown=float(FEATURE_WINDOW_DAYS)),
        Reading("feature_age_days", "days", "Mean days since each feature of 90 days was used.",
                "how fresh your use of features is",
                lambda u: sum(u.features.values()) / len(u.features) if u.features else FEATURE_WINDOW_DAYS,
                90, unknown=float(FEATURE_WINDOW_DAYS)),
        Reading("opened_7d", "0 or 1", "Whether the app was opened in the last 7 days.", "whether you use the app",
                lambda u: u.idle_days is not None and u.idle_days < WEEK_DAYS, 7),
        Reading("dormant", "0 or 1", "Whether the app was known and not opened for 30 days.", "whether you left the app",
                lambda u: u.idle_days is not None and u.idle_days >= MONTH_DAYS, 30),
        Reading("friction", "points, faded", "Errors, bursts of taps (1.5 each) and flows left half-way.",
                "what got in your way in the app", lambda u: u.trouble, 30),
        Reading("friction_per_open", "ratio", "The same over openings of about 30 days, one at least.",
                "what got in your way in the app", lambda u: ratio(u.trouble, max(1.0, u.opens)), 30),
        Reading("errors_per_open", "ratio", "Errors of about a week over openings of about 30 days.",
                "errors that the app showed you", lambda u: ratio(u.errors, max(1.0, u.opens)), 30),
        Reading("abandoned_per_open", "ratio", "Flows left half-way over openings of about 30 days.",
                "things that you began and left", lambda u: ratio(u.abandoned, max(1.0, u.opens)), 30),
        Reading("rage_share", "0..1", "Share of trouble that is bursts of taps.", "what got in your way in the app",
                lambda u: share(1.5 * u.rage, u.trouble), 30),
        Reading("searches_per_open", "ratio", "Searches over openings of about 30 days.", "what you search for",
                lambda u: ratio(u.searches, max(1.0, u.opens)), 30),
        Reading("travel_search_share", "0..1", "Share of searches that are about travel.", "your searches about travel",
                lambda u: share(u.travels, u.searches), 30),
    ),
)  # fmt: skip
"""Use of the app."""

VOICE_VIEW: Lens[Voice] = Lens(
    "voice",
    slots=("text",),
    sources=(Source.MESSAGES,),
    owner="conversations",
    look=hear,
    readings=(
        Reading("negative_share", "0..1", "Share of messages of about 30 days that were unhappy.",
                "how often you were unhappy", lambda v: share(v.negative, v.messages), 30),
        Reading("feeling_mean", "-1..1", "Mean sentiment of the messages of about 30 days.",
                "how your messages sounded", lambda v: v.feeling / v.messages if v.messages > 0 else 0.0, 30),
        Reading("worried", "0 or 1", "Whether money trouble was spoken of in about 90 days, more likely than not.",
                "money worries that you spoke of", lambda v: v.trouble >= 0.5, 90, purposes=WELLBEING),  # noqa: PLR2004 - more likely than not
    ),
)  # fmt: skip
"""Messages, beyond their counts."""
