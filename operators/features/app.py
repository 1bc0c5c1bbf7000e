"""How the customer uses the app, and where it gets in their way.

Stage: 2 of 8. In: app.opened, app.feature_used, app.searched, app.error_shown, app.rage_tapped,
app.flow_abandoned. Out: memory, feature values.

Memory: ``{"at_ms", "sums": [6 faded counts], "opened_ms", "features": {feature: last day}}``; at most
`FEATURES_MAX` features are held. ``opened_ms`` is 0 if the app was never opened.
"""

from operators.contracts import FeatureSpec, Slot
from operators.features.faded import add, fade
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import AppSearched, EventBase, FeatureUsed

COUNTED: tuple[tuple[str, int], ...] = (
    ("app.opened", 30),
    ("app.error_shown", 7),
    ("app.rage_tapped", 7),
    ("app.flow_abandoned", 30),
    ("app.searched", 30),
    ("app.searched travel", 30),
)
"""What is counted, and the window in days that its count fades with."""
WINDOWS_DAYS: tuple[int, ...] = tuple(window for _, window in COUNTED)
ONE: dict[str, tuple[float, ...]] = {
    kind: tuple(1.0 if kind == other else 0.0 for other, _ in COUNTED) for kind, _ in COUNTED
}
SEARCHED_TRAVEL: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 1.0, 1.0)
TRAVEL_WORDS: tuple[str, ...] = (
    "abroad",
    "airport",
    "atm_abroad",
    "currency",
    "exchange",
    "flight",
    "foreign",
    "holiday",
    "hotel",
    "roaming",
    "travel",
    "trip",
    "vacation",
)
"""A search topic with one of these in it is about travel."""
FEATURE_WINDOW_DAYS = 90
FEATURES_MAX = 24
LONG_AGO_DAYS = 90.0


def _zero() -> Memory:
    return {"at_ms": 0, "sums": [0.0] * len(COUNTED), "opened_ms": 0, "features": {}}


def _count(
    name: str, *, days: int, what: str, words: str, centre: float, scale: float
) -> FeatureSpec:
    return FeatureSpec(
        name=name,
        source=Source.APP,
        unit=f"count, faded over {days} days",
        description=f"{what} in about the last {days} days (each counts exp(-age/{days} d)).",
        words=words,
        centre=centre,
        scale=scale,
        window_days=days,
        owner="app",
    )


def in_use(memory: Memory, *, now_ms: int) -> frozenset[str]:
    """The features of the app that were used within `FEATURE_WINDOW_DAYS`."""
    since = now_ms // DAY_MS - FEATURE_WINDOW_DAYS
    return frozenset(name for name, day in memory["features"].items() if day > since)


class AppUse:
    """Opens, searches, features and friction.

    Counts fade (`operators.features.faded`): three taps a minute apart read as 2.99…, so compare them
    with 2.5 and not with 3.

    Source: Cohen and Strauss 2003, Maintaining time-decaying stream aggregates.
    """

    slot: Slot = Slot("app", Source.APP, _zero)
    kinds: frozenset[str] = frozenset(
        {*(kind for kind, _ in COUNTED if " " not in kind), "app.feature_used"}
    )
    specs: tuple[FeatureSpec, ...] = (
        FeatureSpec(
            name="app.opens_30d",
            source=Source.APP,
            unit="count, faded over 30 days",
            description="Times the app was opened in about the last 30 days (exp(-age/30 d) each).",
            words="how often you use the app",
            centre=12.0,
            scale=12.0,
            context=True,
            window_days=30,
            owner="app",
        ),
        FeatureSpec(
            name="app.days_since_open",
            source=Source.APP,
            unit="days",
            description=f"Days since the app was last opened, at most {LONG_AGO_DAYS:.0f}.",
            words="how long ago you opened the app",
            centre=7.0,
            scale=14.0,
            window_days=90,
            owner="app",
        ),
        FeatureSpec(
            name="app.features_used_count",
            source=Source.APP,
            unit="count",
            description=f"Different features used in the last {FEATURE_WINDOW_DAYS} days.",
            words="how many features of the app you use",
            centre=3.0,
            scale=3.0,
            context=True,
            window_days=90,
            owner="app",
        ),
        _count(
            "app.errors_7d",
            days=7,
            what="Errors shown",
            words="errors that the app showed you",
            centre=0.2,
            scale=1.0,
        ),
        _count(
            "app.rage_taps_7d",
            days=7,
            what="Bursts of taps on one spot",
            words="signs that the app did not do what you wanted",
            centre=0.1,
            scale=1.0,
        ),
        _count(
            "app.abandoned_30d",
            days=30,
            what="Flows left half-way",
            words="things that you began in the app and left",
            centre=0.5,
            scale=1.0,
        ),
        _count(
            "app.searches_30d",
            days=30,
            what="Searches",
            words="what you searched for in the app",
            centre=2.0,
            scale=3.0,
        ),
        _count(
            "app.travel_searches_30d",
            days=30,
            what="Searches about travel",
            words="your searches about travel",
            centre=0.3,
            scale=1.0,
        ),
    )

    def update(self, memory: Memory, event: EventBase, *, now_ms: int) -> Memory:
        """Count one event where its time belongs.

        Args:
            memory: The memory so far.
            event: Any event of `kinds`.
            now_ms: The customer's newest instant, which bounds which features are still worth keeping.
        """
        if isinstance(event, FeatureUsed):
            features = _used(memory["features"], event, now_ms=now_ms)
            return {**memory, "features": features}
        amounts = ONE.get(event.kind)
        if amounts is None:
            return memory
        if isinstance(event, AppSearched) and travel(event.topic):
            amounts = SEARCHED_TRAVEL
        anchor_ms, sums = add(
            memory["at_ms"],
            memory["sums"],
            at_ms=event.at_ms,
            amounts=amounts,
            windows_days=WINDOWS_DAYS,
        )
        opened_ms: int = memory["opened_ms"]
        if event.kind == "app.opened":
            opened_ms = max(opened_ms, event.at_ms)
        return {
            "at_ms": anchor_ms,
            "sums": sums,
            "opened_ms": opened_ms,
            "features": memory["features"],
        }

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant.

        Example:
            >>> AppUse().read(AppUse.slot.zero(), now_ms=0)
            (0.0, 90.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        """
        opens, errors, rage, abandoned, searches, travels = fade(
            memory["at_ms"], memory["sums"], now_ms=now_ms, windows_days=WINDOWS_DAYS
        )
        since = LONG_AGO_DAYS
        if memory["opened_ms"]:
            since = min(max(now_ms - memory["opened_ms"], 0) / DAY_MS, LONG_AGO_DAYS)
        today = now_ms // DAY_MS
        used = sum(1 for day in memory["features"].values() if today - day < FEATURE_WINDOW_DAYS)
        return (opens, since, float(used), errors, rage, abandoned, searches, travels)


def travel(topic: str) -> bool:
    """Whether a search topic is about travel.

    Example:
        >>> travel("travel_insurance"), travel("card-fees-abroad"), travel("mortgage")
        (True, True, False)
    """
    word = topic.lower()
    return any(part in word for part in TRAVEL_WORDS)


def _used(features: dict[str, int], event: FeatureUsed, *, now_ms: int) -> dict[str, int]:
    """The last day of each feature, with this use; beyond the bound the one unused longest goes."""
    day, today = event.at_ms // DAY_MS, now_ms // DAY_MS
    if day <= features.get(event.feature, -1) or today - day >= FEATURE_WINDOW_DAYS:
        return features
    made = {f: d for f, d in features.items() if today - d < FEATURE_WINDOW_DAYS}
    made[event.feature] = day
    if len(made) > FEATURES_MAX:
        del made[min(made, key=lambda feature: (made[feature], feature))]
    return made
